/** Step 18: the distribution of the next token, refilled by temperature, top-k and top-p, and compared with a guess. */

import { probabilities } from "./gpt2/sampling.js";
import { encode } from "./gpt2/tokenizer.js";
import { enliven, field, h, shown, slider, status, word_of } from "./page.js";

const SHOWN = 10;
const best = (chances) => chances.reduce((a, b) => Math.max(a, b));
const count = (chances) => chances.filter((chance) => chance > 0).length;
const number = (value) => (Number.isInteger(value) ? String(value) : shown(value, 3));

/** What the reader may guess: a question, the settings that it is about, and what answers it. */
const QUESTIONS = [
  ["How probable is the best token at temperature 0.5?", [0.5, 0, 1], best],
  ["How probable is the best token at temperature 2?", [2, 0, 1], best],
  ["How many tokens stay with top-p 0.9?", [1, 0, 0.9], count],
  ["How many tokens stay with temperature 2 and top-p 0.9?", [2, 0, 0.9], count],
];

enliven("odds", ({ tokenizer, model }, { text: example }) => {
  let logits;
  const text = h("input", { value: example, size: 28, maxlength: 400, autocomplete: "off", oninput: () => read() });
  const sliders = [
    slider("temperature", 1, 3, 0.05, () => refill()),
    slider("top-k (0: all)", 0, 50, 1, () => refill()),
    slider("top-p", 1, 1, 0.01, () => refill()),
  ];
  const question = h("select", {}, QUESTIONS.map(([words]) => h("option", {}, words)));
  const guess = h("input", { size: 6, inputmode: "decimal", autocomplete: "off" });
  const guesses = h("ol", { class: "guesses", "aria-live": "polite" });
  const place = h("div"), said = status();

  function read() {
    const ids = encode(text.value, tokenizer);
    logits = ids.length ? model.next(ids) : null; // [V]
    refill();
  }

  function refill() {
    place.replaceChildren();
    said.textContent = "A text needs at least one token to go on from.";
    if (!logits) return;
    const chances = probabilities(logits, ...sliders.map((slider) => slider.value)); // [V]
    const order = [...logits.keys()].sort((a, b) => logits[b] - logits[a]).slice(0, SHOWN);
    const rest = 1 - order.reduce((sum, token) => sum + chances[token], 0);
    const row = (name, chance, stays) => h("tr", { class: stays ? null : "gone" }, h("th", { scope: "row" }, name),
      h("td", {}, stays ? shown(Math.max(chance, 0), 3) : "out"),
      h("td", { class: "track", "aria-hidden": "true" }, h("div", { class: "bar", style: `width: ${100 * Math.max(chance, 0)}%` })));
    const stay = count(chances);
    place.append(h("table", { class: "bars" },
      h("tr", {}, h("th", { scope: "col" }, "next token"), h("th", { scope: "col", colspan: 2 }, "probability")),
      order.map((token) => row(word_of(token, tokenizer), chances[token], chances[token] > 0)),
      row(`${chances.length - SHOWN} others`, rest, stay > order.filter((token) => chances[token] > 0).length)));
    said.textContent = `${stay} of ${chances.length} tokens stay; ` +
      `the best, ${word_of(order[0], tokenizer)}, has ${shown(chances[order[0]], 3)}.`;
  }

  function onsubmit(event) {
    event.preventDefault();
    if (!logits) return;
    const [words, settings, answer] = QUESTIONS[question.selectedIndex];
    const guessed = guess.value.trim();
    sliders.forEach((slider, i) => { slider.value = settings[i]; });
    refill();
    const right = number(answer(probabilities(logits, ...settings)));
    guesses.append(h("li", {}, `${words} ${right}${guessed ? `; you guessed ${guessed}` : ", without a guess"}.`));
    guess.value = "";
    question.selectedIndex = (question.selectedIndex + 1) % QUESTIONS.length;
  }

  read();
  return [
    h("form", { class: "fields", onsubmit }, field("Guess first:", question), field("Your guess", guess), h("button", {}, "Show")),
    guesses,
    h("div", { class: "fields" }, field("Text", text), sliders.map(({ element }) => element)),
    place, said,
  ];
});
