/** Step 05: the rows that four IDs of the reader's pick out of the toy table. */

import { enliven, h, s, shown, status } from "./page.js";

const CELL = { w: 58, h: 26 };

enliven("lookup", (_, { ids: example }, place) => {
  const table = JSON.parse(place.querySelector("[data-table]").dataset.table); // [V, C]
  const selects = example.split(" ").map((id, i) => h("select", { "aria-label": `ID number ${i + 1}`, onchange: () => show() },
    table.map((_, row) => h("option", { selected: row === Number(id) }, String(row)))));
  const figure = h("div", { class: "scroll" }), said = status();

  function show() {
    const ids = selects.map((select) => Number(select.value));
    figure.replaceChildren(draw(table, ids));
    said.textContent = `The IDs ${ids.join(", ")} give ${ids.length} rows of ${table[0].length} numbers: ` +
      `[${ids.length}] becomes [${ids.length}, ${table[0].length}].`;
  }

  show();
  return [h("div", { class: "fields", role: "group", "aria-label": "Token IDs" }, "IDs", selects), figure, said];
}, () => null);

/** The IDs at the left, the table in the middle and the rows picked at the right, each joined to the next. */
function draw(table, ids) {
  const x = 150, y = 40, out = x + 3 * CELL.w + 130, shift = (table.length - ids.length) / 2;
  const text = (x, y, words, kind, anchor = "middle") => s("text", { x, y, class: kind, "text-anchor": anchor }, words);
  const cell = (x, y, words, picked, w = CELL.w) => [
    s("rect", { x, y, width: w, height: CELL.h, class: picked ? "picked" : "cell" }),
    text(x + w / 2, y + 18, words, "number"),
  ];
  const row = (x, y, numbers, picked) => numbers.map((number, j) => cell(x + j * CELL.w, y, shown(number, 4), picked));
  const arrow = (x1, y1, x2, y2) => {
    const length = Math.hypot(x2 - x1, y2 - y1), ux = (x2 - x1) / length, uy = (y2 - y1) / length;
    const tip = [x2, y2, x2 - 8 * ux - 4 * uy, y2 - 8 * uy + 4 * ux, x2 - 8 * ux + 4 * uy, y2 - 8 * uy - 4 * ux];
    return [s("line", { x1, y1, x2: x2 - 7 * ux, y2: y2 - 7 * uy, class: "line" }), s("polygon", { points: tip.join(" "), class: "tip" })];
  };
  const middle = (i) => y + (i + 0.5) * CELL.h;
  const width = out + 3 * CELL.w + 20, height = y + table.length * CELL.h + 16;
  return s("svg", { viewBox: `0 0 ${width} ${height}`, width, role: "img", "aria-label": `The IDs ${ids.join(", ")} pick the rows with those numbers, in that order` },
    text(30, y - 14, "ID", "name"),
    text(x + 1.5 * CELL.w, y - 14, `wte.weight  [${table.length}, ${table[0].length}]`, "name"),
    text(out + 1.5 * CELL.w, y - 14, `embeddings  [${ids.length}, ${table[0].length}]`, "name"),
    table.map((numbers, i) => [
      text(x - 16, middle(i) + 5, String(i), "note"),
      row(x, y + i * CELL.h, numbers, ids.includes(i)),
    ]),
    ids.map((id, k) => [
      cell(10, y + (k + shift) * CELL.h, String(id), false, 40),
      arrow(54, middle(k + shift), x - 28, middle(id)),
      row(out, y + (k + shift) * CELL.h, table[id], true),
      arrow(x + 3 * CELL.w + 6, middle(id), out - 6, middle(k + shift)),
    ]));
}
