/** A picture of words as dots: one of them is chosen by pointing at it or by the arrow keys. */

import { roving, s } from "./page.js";

const WIDTH = 640, HEIGHT = 480, MARGIN = { x: 70, y: 24 };

/**
 * An SVG of the words, and `move`, which takes them to another frame.
 *
 * `frames` has the words' points at one time or at several, [F, N, 2]; the last are shown first. `choose` gets the
 * number of the chosen word and gives the numbers of those to join it with.
 */
export function plot(words, frames, choose, title = "Words; those that are used alike lie close together") {
  const places = scale(frames);
  let place = places.at(-1), chosen = 0, near = [];
  const joints = s("g");
  const dots = words.map((word) => s("g", { role: "option", "aria-label": word },
    s("circle", { r: 12, class: "reach" }), // easier to hit than the dot
    s("circle", { r: 4, class: "picked" }),
    s("text", { class: "number" }, word)));
  const svg = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, role: "listbox", "aria-label": title }, joints, dots);

  function join() {
    const way = places.length > 1 ? [s("polyline", { points: places.map((place) => place[chosen]).join(" "), class: "line way" })] : [];
    const [x1, y1] = place[chosen];
    joints.replaceChildren(...way, ...near.map((j) => s("line", { x1, y1, x2: place[j][0], y2: place[j][1], class: "line" })));
  }

  function move(frame) {
    place = places[frame];
    dots.forEach((dot, i) => dot.setAttribute("transform", `translate(${place[i].join(" ")})`));
    label(dots, place, words);
    near = choose(chosen);
    join();
  }

  move(frames.length - 1);
  roving(dots, (i) => {
    chosen = i;
    near = choose(i);
    dots.forEach((dot, j) => {
      dot.setAttribute("aria-selected", String(i === j));
      dot.classList.toggle("near", near.includes(j));
    });
    join();
  });
  return { svg, move };
}

/** The points of all frames on the picture's own scale, the same for both axes. */
function scale(frames) {
  const [xs, ys] = [0, 1].map((axis) => frames.flatMap((points) => points.map((point) => point[axis])));
  const low = [Math.min(...xs), Math.min(...ys)], high = [Math.max(...xs), Math.max(...ys)];
  const unit = Math.min((WIDTH - 2 * MARGIN.x) / (high[0] - low[0] || 1), (HEIGHT - 2 * MARGIN.y) / (high[1] - low[1] || 1));
  return frames.map((points) => points.map(([x, y]) => [
    Math.round(10 * (WIDTH / 2 + (x - (low[0] + high[0]) / 2) * unit)) / 10,
    Math.round(10 * (HEIGHT / 2 - (y - (low[1] + high[1]) / 2) * unit)) / 10,
  ]));
}

/** Put each word beside its dot, on the first of four sides that is free. */
function label(dots, place, words) {
  const taken = place.map(([x, y]) => [x - 5, y - 5, x + 5, y + 5]);
  dots.forEach((dot, i) => {
    const [x, y] = place[i], wide = 8 * words[i].length;
    const sides = [["start", 9, 4, 0], ["end", -9, 4, wide], ["middle", 0, -9, wide / 2], ["middle", 0, 18, wide / 2]];
    const boxes = sides.map(([, dx, dy, left]) => [x + dx - left, y + dy - 11, x + dx - left + wide, y + dy + 3]);
    const free = (box) => !taken.some((b) => box[0] < b[2] && b[0] < box[2] && box[1] < b[3] && b[1] < box[3]);
    const side = Math.max(boxes.findIndex(free), 0);
    const [anchor, dx, dy] = sides[side];
    taken.push(boxes[side]);
    for (const [name, value] of Object.entries({ x: dx, y: dy, "text-anchor": anchor })) dot.lastChild.setAttribute(name, value);
  });
}
