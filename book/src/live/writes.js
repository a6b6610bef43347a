/** The introduction: the tiny GPT-2 goes on with a text of the reader's, token by token. */

import { generate, greedy } from "./gpt2/model.js";
import { sample } from "./gpt2/sampling.js";
import { END_OF_TEXT, decode, encode } from "./gpt2/tokenizer.js";
import { enliven, field, h, status } from "./page.js";

const MAX_NEW_TOKENS = 60;
const TEMPERATURE = 0.8;
const PAUSE = 40; // milliseconds, or nobody would see the tokens come

enliven("writes", ({ tokenizer, model }) => {
  const prompt = h("input", { value: "The queen", size: 28, maxlength: 400, autocomplete: "off" });
  const likeliest = h("input", { type: "checkbox" });
  const button = h("button", {}, "Write");
  const text = h("p", { class: "written", "aria-live": "polite" });
  const said = status();
  let writing = false;

  async function write() {
    const ids = encode(prompt.value, tokenizer);
    text.replaceChildren(prompt.value);
    if (!ids.length) {
      said.textContent = "A text needs at least one token to go on from.";
      return;
    }
    writing = true;
    button.textContent = "Stop";
    said.textContent = "";
    text.setAttribute("aria-busy", "true"); // a screen reader waits for the whole text
    const choose = likeliest.checked ? greedy : (logits) => sample(logits, TEMPERATURE, 0, 1);
    const written = [];
    let spent = 0, begun = performance.now();
    for (const token of generate(model, ids, MAX_NEW_TOKENS, choose)) {
      spent += performance.now() - begun;
      if (!writing || decode([token], tokenizer) === END_OF_TEXT) break;
      written.push(token);
      text.append(h("span", { class: "token", title: `token ${token}` }, decode([token], tokenizer)));
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      begun = performance.now();
    }
    writing = false;
    button.textContent = "Write";
    text.removeAttribute("aria-busy");
    const mean = spent / Math.max(written.length, 1);
    said.textContent = `${written.length} tokens, ${mean < 1 ? "less than 1" : Math.round(mean)} ms each.`;
  }

  const onsubmit = (event) => {
    event.preventDefault();
    if (writing) writing = false;
    else write();
  };
  const form = h("form", { class: "fields", onsubmit }, field("Begin with", prompt), button,
    h("label", {}, likeliest, " always the likeliest token"));
  return [form, text, said];
});
