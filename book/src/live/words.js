/** Steps 05 and 16: a word's neighbours, and a − b + c with any three words. */

import { analogy, cosine_similarity, nearest, word_id } from "./gpt2/embeddings.js";
import { enliven, h, shown, status, word_field, word_of } from "./page.js";

/** The words found, each with its cosine as a number and as a bar. */
const listed = (found, tokenizer) => h("table", { class: "bars" },
  h("tr", {}, h("th", { scope: "col" }, "word"), h("th", { scope: "col", colspan: 2 }, "cosine similarity")),
  found.map(([id, cosine]) => h("tr", {},
    h("th", { scope: "row" }, word_of(id, tokenizer)),
    h("td", {}, shown(cosine)),
    h("td", { class: "track", "aria-hidden": "true" }, h("div", { class: "bar", style: `width: ${100 * Math.max(cosine, 0)}%` })))));

/** Try to answer, and say what a RangeError says. */
function attempt(said, place, answer) {
  try {
    answer();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    place.replaceChildren();
    said.textContent = error.message;
  }
}

enliven("neighbours", (course, { word = "cat" }) => {
  const { tokenizer, model: { transformer: { wte } } } = course;
  const place = h("div"), said = status();
  const ask = word_field("The nearest to", word, course, () => show());
  const show = () => attempt(said, place, () => {
    const asked = ask.control.value.trim(), id = word_id(asked, tokenizer);
    const found = nearest(wte[id], wte, 6, [id]);
    place.replaceChildren(listed(found, tokenizer));
    said.textContent = `Nearest to ${asked}, token ${id}: ${word_of(found[0][0], tokenizer)}.`;
  });
  show();
  return [h("div", { class: "fields" }, ask), place, said];
});

enliven("analogy", (course, { words = "king man woman" }) => {
  const { tokenizer, model: { transformer: { wte } } } = course;
  const place = h("div"), said = status();
  const asks = words.split(" ").map((word, i) => word_field(["", "−", "+"][i], word, course, () => show()));
  asks.forEach((ask, i) => ask.control.setAttribute("aria-label", ["from", "minus", "plus"][i]));
  const show = () => attempt(said, place, () => {
    const [a, b, c] = asks.map((ask) => word_id(ask.control.value.trim(), tokenizer));
    const found = analogy(a, b, c, wte, 5);
    const way = (from, to) => wte[to].map((number, i) => number - wte[from][i]);
    const [answer] = found[0], after = wte[a].map((number, i) => number + way(b, c)[i]);
    const [name, start, from, to] = [answer, a, b, c].map((id) => word_of(id, tokenizer));
    place.replaceChildren(listed(found, tokenizer));
    said.textContent = `${start} − ${from} + ${to} is nearest to ${name}. ` +
      `The way from ${from} to ${to} and that from ${start} to ${name} have a cosine of ${shown(cosine_similarity(way(b, c), way(a, answer)))}. ` +
      `${start} and ${name}: ${shown(cosine_similarity(wte[a], wte[answer]))} before that way, ` +
      `${shown(cosine_similarity(after, wte[answer]))} after it.`;
  });
  show();
  return [h("div", { class: "fields" }, asks), place, said];
});
