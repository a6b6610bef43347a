// Blocks that show a terminal: commands stand out from what they print, and mdBook's button copies the commands alone.
for (const code of document.querySelectorAll("code.language-console")) {
  const lines = code.textContent.trimEnd().split("\n");
  const commands = lines.filter((line) => line.startsWith("$ "));
  code.replaceChildren(
    ...lines.map((line) => {
      const span = document.createElement("span");
      span.className = line.startsWith("$ ") ? "command" : "output";
      span.textContent = `${line}\n`;
      return span;
    }),
  );
  // The button asks for the block's innerText.
  Object.defineProperty(code, "innerText", { value: commands.map((line) => `${line.slice(2)}\n`).join("") });
}
