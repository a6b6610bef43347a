/**
 * Steps 05 and 22: how training moved some words, frame by frame.
 *
 * The still figure holds the frames as JSON, in data-training: {"words": [N words], "frames": [F times N points [x, y]],
 * "passes": [F numbers: after how many passes a frame was taken], "losses": [F numbers, or null before the first
 * step], "cosines": {"king queen": [F numbers], …}}.
 */

import { enliven, h, shown, slider, status } from "./page.js";
import { plot } from "./plot.js";

enliven("training", (_, __, place) => {
  const { words, frames, passes, losses, cosines } = JSON.parse(place.querySelector("[data-training]").dataset.training);
  const last = frames.length - 1, said = status();
  const time = slider("frame", last, last, 1, () => move(time.value));
  const { svg, move } = plot(words, frames, (i) => {
    tell(i, time.value);
    return [];
  }, "Words on their way through the training");

  function tell(word, frame) {
    const loss = losses[frame] === null ? "" : `, loss ${shown(losses[frame])}`;
    const pairs = Object.entries(cosines).map(([pair, values]) => `${pair.replace(" ", " and ")} ${shown(values[frame])}`);
    said.textContent = `${words[word]} after ${passes[frame]} passes${loss}. Cosines: ${pairs.join(", ")}.`;
  }

  return [h("div", { class: "fields" }, time.element), h("div", { class: "scroll" }, svg), said];
}, () => null);
