/** Steps 08 and 09: where each head of each layer looks, on a text of the reader's, row by row. */

import { encode } from "./gpt2/tokenizer.js";
import { enliven, field, h, roving, shown, status, word_of } from "./page.js";

const LONGEST = 32; // rows and columns that a screen has room for
const WITH_NUMBERS = 10;

const choice = (label, count, chosen, onchange) => field(label, h("select", { onchange },
  Array.from({ length: count }, (_, i) => h("option", { selected: i === chosen }, String(i)))));

/** The best of a row's weights in words. */
const said_of = (row, words) => [...row.entries()].sort((a, b) => b[1] - a[1]).slice(0, 4)
  .filter(([, weight]) => weight >= 0.005).map(([j, weight]) => `${words[j]}\u00a0${shown(weight)}`).join(", ");

enliven("attention", ({ tokenizer, model }, { text: example, layer, head, heads }) => {
  const { n_layer, n_head } = model.config;
  const all = heads === "all";
  const text = h("input", { value: example, size: 34, maxlength: 300, autocomplete: "off", oninput: () => show() });
  const layers = choice("Layer", n_layer, Number(layer), () => show());
  const head_field = all ? null : choice("Head", n_head, Number(head), () => show());
  const place = h("div", { class: "maps" }), said = status();

  function show() {
    const every = encode(text.value, tokenizer), ids = every.slice(0, LONGEST);
    place.replaceChildren();
    said.textContent = "A text needs at least one token.";
    if (!ids.length) return;
    model.transformer.forward(ids); // leaves the weights of its heads where the layers are
    const { weights } = model.transformer.h[layers.control.value].attn; // [H, T, T]
    const words = ids.map((id) => word_of(id, tokenizer));
    const shown_heads = all ? [...weights.keys()] : [Number(head_field.control.value)];
    const maps = shown_heads.map((head) => map(weights[head], words, head));
    place.append(...maps.map(({ element }) => element));

    function choose(i) {
      for (const { rows } of maps) rows.forEach((row, j) => row.classList.toggle("chosen", i === j));
      const lines = shown_heads.map((head) => [all ? `head ${head}: ` : "", said_of(weights[head][i], words)]);
      said.replaceChildren(`“${words[i]}” looks at `, ...(all ? lines.map((line) => h("span", {}, ...line)) : lines[0]),
        every.length > LONGEST ? h("span", {}, `Only the first ${LONGEST} of ${every.length} tokens are shown.`) : "");
    }
    for (const { buttons } of maps) roving(buttons, choose, ids.length - 1);
    for (const { rows } of maps) rows.forEach((row, i) => row.addEventListener("pointerenter", () => choose(i)));
  }

  /** The weights of one head as a table: its rows, and the buttons that name them. */
  function map(weights, words, head) {
    const numbers = !all && words.length <= WITH_NUMBERS;
    const cell = (weight, j, i) => {
      const heat = j > i ? null : `--heat: ${Math.round(60 * weight)}%`;
      const number = j > i ? "" : h("span", { class: numbers ? null : "unseen" }, shown(weight));
      return h("td", { style: heat, class: j > i ? "future" : null }, number);
    };
    const buttons = words.map((word) => h("button", { class: "word" }, word));
    const rows = words.map((_, i) => h("tr", {}, h("th", { scope: "row" }, buttons[i]), [...weights[i]].map((w, j) => cell(w, j, i))));
    const element = h("div", { class: "scroll" }, h("table", { class: `map ${numbers ? "wide" : "narrow"}` },
      h("caption", {}, all ? `head ${head}` : "rows ask, columns are looked at"),
      h("tr", {}, h("td", { class: "corner" }), words.map((word) => h("th", { scope: "col" }, h("span", {}, word)))),
      rows));
    return { element, rows, buttons };
  }

  show();
  return [h("div", { class: "fields" }, field("Text", text), layers, head_field), place, said];
});
