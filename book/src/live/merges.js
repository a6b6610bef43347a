/** Step 02: a text of the reader's is cut into pieces, and each piece is merged, the pair of lowest rank first. */

import { END_OF_TEXT, encode, merge_stages, pieces_of } from "./gpt2/tokenizer.js";
import { enliven, field, h, status } from "./page.js";

enliven("merges", ({ tokenizer }) => {
  const text = h("input", { value: "The queen has 3 kittens!", size: 34, maxlength: 200, autocomplete: "off", oninput: () => cut(0) });
  const pieces = h("div", { class: "pieces", role: "group", "aria-label": "The pieces of the text" });
  const stages = h("div", { class: "scroll" });
  const said = status();

  function cut(chosen) {
    const cuts = pieces_of(text.value);
    pieces.replaceChildren(...cuts.map((piece, i) =>
      h("button", { class: "piece", "aria-pressed": String(i === chosen), onclick: () => choose(i) }, piece)));
    const ids = encode(text.value, tokenizer);
    const bytes = new TextEncoder().encode(text.value).length;
    said.textContent = ids.length
      ? `${bytes} bytes, ${cuts.length} pieces, ${ids.length} tokens: ${ids.join(" ")}`
      : "A text without characters has no tokens.";
    show(cuts[chosen]);
  }

  function choose(chosen) {
    [...pieces.children].forEach((button, i) => button.setAttribute("aria-pressed", String(i === chosen)));
    show(pieces_of(text.value)[chosen]);
  }

  function show(piece) {
    stages.replaceChildren();
    if (!piece) return;
    const rows = merge_stages(piece, tokenizer);
    const row = (name, cells) => h("tr", {}, h("th", { scope: "row" }, name), cells);
    const cell = (token, marked, words = token) =>
      h("td", { colspan: [...token].length, class: marked ? "picked" : null }, String(words));
    const bytes = [...new TextEncoder().encode(piece)];
    const last = rows.at(-1).tokens;
    stages.append(h("table", { class: "stages" },
      h("caption", {}, `How “${piece}” is merged`),
      row("bytes", bytes.map((byte) => h("td", { colspan: 1 }, String(byte)))),
      rows.map(({ tokens, pair, rank }, i) => row(
        i ? `rank ${rank}: ${pair.join(" ")}` : piece === END_OF_TEXT ? "never cut" : "visible characters",
        tokens.map((token) => cell(token, i && token === pair.join(""))))),
      row("token IDs", last.map((token) => cell(token, false, tokenizer.ids.get(token))))));
  }

  cut(1);
  return [h("div", { class: "fields" }, field("Text", text)), pieces, stages, said];
});
