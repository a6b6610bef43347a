/** Step 16 in JavaScript: what trained embeddings know, measured by the angle between two of them. */

import { dot } from "./model.js";
import { encode } from "./tokenizer.js";

/** The token of a word as it stands inside a text. Throws a RangeError where the word is several tokens. */
export function word_id(word, tokenizer) {
  const ids = encode(` ${word}`, tokenizer);
  if (ids.length !== 1) throw new RangeError(`“${word}” is ${ids.length} tokens of this vocabulary, not one.`);
  return ids[0];
}

/** The cosine of the angle between two vectors; 0 where one of them is all zeros. */
export function cosine_similarity(a, b) { // [C], [C] -> a number
  const lengths = Math.sqrt(dot(a, a) * dot(b, b));
  return lengths && dot(a, b) / lengths;
}

/** The rows of a table that point most nearly in the direction of a vector: [number of the row, cosine], the best first. */
export function nearest(vector, table, count, exclude = []) { // [C], [V, C]
  const ranked = table.map((row, i) => [i, cosine_similarity(vector, row)]).filter(([i]) => !exclude.includes(i));
  return ranked.sort((a, b) => b[1] - a[1]).slice(0, count);
}

/** The rows nearest to a - b + c, without the three themselves. */
export function analogy(a, b, c, table, count) {
  const vector = table[a].map((number, i) => number - table[b][i] + table[c][i]); // [C]
  return nearest(vector, table, count, [a, b, c]);
}

/**
 * Rows seen from where they differ most: their first two principal components, [N, C] -> [N, 2].
 *
 * They are the eigenvectors of the rows' products with each other, [N, N], found by multiplying again and again.
 * A sign is free: the first row is put to the left and to the top.
 */
export function principal(rows) {
  const mean = rows[0].map((_, c) => rows.reduce((sum, row) => sum + row[c], 0) / rows.length);
  const centred = rows.map((row) => row.map((number, c) => number - mean[c]));
  const gram = centred.map((a) => centred.map((b) => dot(a, b))); // [N, N]
  const axes = [];
  for (const side of [-1, 1]) {
    let axis = rows.map((_, i) => Math.cos(1 + i * (2 + axes.length)));
    for (let turn = 0; turn < 500; turn++) {
      for (const other of axes) {
        const share = dot(axis, other) / dot(other, other);
        axis = axis.map((number, i) => number - share * other[i]);
      }
      axis = gram.map((row) => dot(row, axis));
      const length = Math.sqrt(dot(axis, axis)) || 1;
      axis = axis.map((number) => number / length);
    }
    const spread = Math.sqrt(Math.max(dot(gram.map((row) => dot(row, axis)), axis), 0));
    axes.push(axis.map((number) => number * spread * (axis[0] * side < 0 ? -1 : 1)));
  }
  return rows.map((_, i) => axes.map((axis) => axis[i]));
}
