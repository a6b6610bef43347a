/** Step 16: words in the plane in which their embeddings vary most; pointing at one tells its nearest. */

import { nearest, principal, word_id } from "./gpt2/embeddings.js";
import { enliven, field, h, shown, status } from "./page.js";
import { plot } from "./plot.js";

enliven("map", ({ tokenizer, model }, { words: example }) => {
  const { wte } = model.transformer;
  const asked = h("textarea", { rows: 3, spellcheck: "false", oninput: () => show() }, example.replace(/\s+/g, " "));
  const place = h("div", { class: "scroll" }), said = status();

  function show() {
    const named = [...new Set(asked.value.split(/[\s,]+/).filter(Boolean))];
    const words = [], unknown = [];
    for (const word of named) {
      try {
        word_id(word, tokenizer);
        words.push(word);
      } catch {
        unknown.push(word);
      }
    }
    place.replaceChildren();
    const lacking = unknown.length ? ` Not one token of this vocabulary: ${unknown.join(", ")}.` : "";
    if (words.length < 3) {
      said.textContent = `A map needs at least three words.${lacking}`;
      return;
    }
    const rows = words.map((word) => wte[word_id(word, tokenizer)]);
    const tell = (i) => {
      const found = nearest(rows[i], rows, 4, [i]);
      said.textContent = `${words[i]}: ${found.map(([j, cosine]) => `${words[j]} ${shown(cosine)}`).join(", ")}.${lacking}`;
      return found.map(([j]) => j);
    };
    place.append(plot(words, [principal(rows)], tell).svg);
  }

  show();
  return [h("div", { class: "fields wide" }, field("Words", asked)), place, said];
});
