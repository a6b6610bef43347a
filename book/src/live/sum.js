/** Step 06: what a token is plus where it stands, as strips of numbers, on a text of the reader's. */

import { cosine_similarity } from "./gpt2/embeddings.js";
import { encode } from "./gpt2/tokenizer.js";
import { enliven, field, h, s, shown, status, word_of } from "./page.js";

const LONGEST = 12;
const STRIP = { w: 3, h: 20 };

/** A row of C numbers as a strip: the farther a number is from 0, the stronger its colour; two colours for its sign. */
const strip = (numbers, name) => s("svg", { viewBox: `0 0 ${numbers.length * STRIP.w} ${STRIP.h}`, width: numbers.length * STRIP.w, role: "img", "aria-label": name },
  [...numbers].map((number, c) => s("rect", {
    x: c * STRIP.w, width: STRIP.w, height: STRIP.h,
    class: number < 0 ? "below" : "above", "fill-opacity": shown(Math.min(Math.abs(number) / 0.5, 1), 2),
  })));

enliven("sum", ({ tokenizer, model: { transformer } }, { text: example }) => {
  const text = h("input", { value: example, size: 34, maxlength: 200, autocomplete: "off", oninput: () => show() });
  const place = h("div", { class: "scroll" }), said = status();

  function show() {
    const ids = encode(text.value, tokenizer).slice(0, LONGEST);
    place.replaceChildren();
    said.textContent = "A text needs at least one token.";
    if (!ids.length) return;
    const words = ids.map((id) => word_of(id, tokenizer)), sums = transformer.embed(ids); // [T, C]
    place.append(h("table", { class: "strips" },
      h("tr", {}, ["token", "ID", "wte[ID]", "position", "wpe[position]", "their sum"].map((name) => h("th", { scope: "col" }, name))),
      ids.map((id, t) => h("tr", {},
        h("th", { scope: "row" }, words[t]), h("td", {}, String(id)),
        h("td", {}, strip(transformer.wte[id], `the row of ${words[t]}`)), h("td", {}, String(t)),
        h("td", {}, strip(transformer.wpe[t], `the row of position ${t}`)),
        h("td", {}, strip(sums[t], `${words[t]} at position ${t}`))))));
    const first = ids.findIndex((id, t) => ids.indexOf(id, t + 1) > t), second = first < 0 ? -1 : ids.indexOf(ids[first], first + 1);
    said.textContent = first < 0
      ? "Write a word twice: its two vectors will differ by their positions alone."
      : `${words[first]} stands at ${first} and at ${second}: the cosine of its two vectors is ` +
        `${shown(cosine_similarity(sums[first], sums[second]))}, not 1, because their positions differ.`;
  }

  show();
  return [h("div", { class: "fields" }, field("Text", text)), place, said];
});
