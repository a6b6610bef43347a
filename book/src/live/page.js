/** What the pages that compute share: the model, fetched once, and the few elements that they are made of. */

import { load_checkpoint } from "./gpt2/model.js";
import { decode, read_tokenizer } from "./gpt2/tokenizer.js";

let loading;
/** The tiny GPT-2: its tokenizer, and the model. */
function course() {
  loading ??= Promise.all([
    file("tiny-gpt2/vocab.json").then((answer) => answer.text()),
    file("tiny-gpt2/merges.txt").then((answer) => answer.text()),
    file("tiny-gpt2/config.json").then((answer) => answer.json()),
    file("tiny-gpt2/model.safetensors").then((answer) => answer.arrayBuffer()),
  ]).then(([vocab, merges, config, weights]) =>
    ({ tokenizer: read_tokenizer(vocab, merges), model: load_checkpoint(config, weights) }));
  return loading;
}

/** A file of the book, by its path from the book's own folder. */
async function file(path) {
  const answer = await fetch(new URL(`../${path}`, import.meta.url));
  if (!answer.ok) throw new Error(`${path} is not there (${answer.status})`);
  return answer;
}

/**
 * Put what `build` makes in the place of each still figure in `<div class="live" data-live="kind">`.
 *
 * `build` gets what `load` fetches (the course, if nothing else is said), the element's data-… and the element, and
 * gives the elements to show. Should anything fail, the still figure stays.
 */
export function enliven(kind, build, load = course) {
  for (const place of document.querySelectorAll(`[data-live="${kind}"]`)) {
    Promise.resolve(load(place.dataset)).then((loaded) => {
      const widget = h("div", { class: `widget ${kind}` }, ...build(loaded, place.dataset, place));
      place.replaceChildren(h("div", { class: "still", hidden: true }, ...place.childNodes), widget);
    });
  }
}

/** An element with attributes and children; on… are listeners, and what is null or false is left out. */
export const h = (tag, attributes, ...children) => make(document.createElement(tag), attributes, children);

/** The same for a part of an SVG. */
export const s = (tag, attributes, ...children) =>
  make(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

function make(element, attributes = {}, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(9).filter((child) => child !== null && child !== undefined));
  return element;
}

/** A control with its label in front. */
export const field = (label, control) => h("label", {}, `${label} `, control);

/** A place whose changes a screen reader tells. */
export const status = () => h("p", { role: "status" });

/** A slider from 0 to `max` with its label in front and its value behind: its element, and its value to read and to set. */
export function slider(label, value, max, step, oninput) {
  const output = h("span", { "aria-hidden": "true" }, String(value)); // a screen reader has it from the slider itself
  const input = h("input", { type: "range", min: 0, max, step, value, oninput: () => { output.textContent = input.value; oninput(); } });
  return {
    element: h("label", { class: "slider" }, label, input, output),
    get value() { return Number(input.value); },
    set value(number) { output.textContent = input.value = number; },
  };
}

/** A number as the book prints it. */
export const shown = (number, digits = 2) => number.toFixed(digits).replace("-", "−");

/** A token without the space that belongs to it; a token of spaces, or half a character, in visible characters. */
export const word_of = (id, tokenizer) => {
  const word = decode([id], tokenizer).trim();
  return word && !word.includes("\ufffd") ? word : tokenizer.tokens.get(id);
};

/** A field for one word; `datalist` offers those that are a token. */
export function word_field(label, word, { tokenizer }, oninput) {
  if (!document.getElementById("live-words")) {
    const words = [...tokenizer.ids.keys()].filter((token) => /^Ġ\p{L}{2,}$/u.test(token)).sort();
    document.body.append(h("datalist", { id: "live-words" }, words.map((token) => h("option", { value: token.slice(1) }))));
  }
  return field(label, h("input", { value: word, size: 9, list: "live-words", autocomplete: "off", spellcheck: "false", oninput }));
}

/**
 * Let one of several elements be chosen by pointing at it, or by the arrow keys once one of them has the focus.
 *
 * Only the chosen one is a stop of the Tab key. `choose` gets its number.
 */
export function roving(items, choose, first = 0) {
  const turn = (i) => {
    items.forEach((item, j) => item.setAttribute("tabindex", i === j ? 0 : -1));
    choose(i);
  };
  const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, Home: -Infinity, End: Infinity };
  items.forEach((item, i) => {
    item.addEventListener("pointerenter", () => turn(i));
    item.addEventListener("focus", () => turn(i));
    item.addEventListener("keydown", (event) => {
      if (!(event.key in steps)) return;
      event.preventDefault(); // or the page would scroll
      items[Math.min(Math.max(i + steps[event.key], 0), items.length - 1)].focus();
    });
  });
  if (items.length) turn(first);
}
