/** Step 18 in JavaScript: the next token by chance, with the odds under control. */

import { greedy, softmax } from "./model.js";

/** The chance of each token to come next: temperature first, then top-k, then top-p, then softmax. [V] -> [V] */
export function probabilities(logits, temperature = 1, top_k = 0, top_p = 1) {
  if (temperature === 0) return Float64Array.from(logits).fill(0).fill(1, greedy(logits), greedy(logits) + 1);
  const order = [...logits.keys()].sort((a, b) => logits[b] - logits[a]); // the best token first
  const scores = Float64Array.from(logits, (logit) => logit / temperature);
  if (0 < top_k && top_k < scores.length) {
    const last = scores[order[top_k - 1]];
    scores.forEach((score, token) => { if (score < last) scores[token] = -Infinity; });
  }
  if (top_p < 1) {
    const chances = softmax(scores);
    let before = 0; // what the better tokens have together
    order.forEach((token, place) => {
      if (place && before >= top_p) scores[token] = -Infinity; // the best one always stays
      before += chances[token];
    });
  }
  return softmax(scores);
}

/** Draw a token. `random` gives a number from 0 up to 1, as Math.random does. */
export function sample(logits, temperature, top_k, top_p, random = Math.random) {
  const chances = probabilities(logits, temperature, top_k, top_p);
  let rest = random();
  const drawn = chances.findIndex((chance) => (rest -= chance) < 0);
  return drawn >= 0 ? drawn : greedy(chances); // what rounding may leave over
}
