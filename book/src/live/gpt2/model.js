/**
 * GPT-2 in JavaScript, as steps 05 to 17 build it, under the same names.
 *
 * A matrix is an array of its rows, each a Float32Array: [T, C] has T rows of C numbers. There is one text
 * at a time, so the shapes lack the B of the chapters.
 */

/** Step 15: the tensors of a safetensors file by name, as {shape, numbers}. The file is an ArrayBuffer. */
export function read_safetensors(file) {
  const length = Number(new DataView(file).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(file, 8, length)));
  delete header.__metadata__;
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: [begin, end] }] of Object.entries(header)) {
    if (dtype !== "F32") throw new Error(`${name} has the dtype ${dtype}, and the pages read F32 only`);
    const data = file.slice(8 + length + begin, 8 + length + end);
    tensors[name] = { shape, numbers: new Float32Array(data) };
  }
  return tensors;
}

/** The rows of a tensor, or the tensor itself where it has one axis. */
function rows_of({ shape, numbers }) {
  if (shape.length === 1) return numbers;
  return Array.from({ length: shape[0] }, (_, row) => numbers.subarray(row * shape[1], (row + 1) * shape[1]));
}

/** The number-by-number sum of two matrices of one shape. */
const plus = (a, b) => a.map((row, t) => row.map((number, c) => number + b[t][c]));

export function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** A linear layer; the checkpoint keeps its matrix as [in, out]. */
class Linear {
  constructor(weights, name) {
    this.weight = weights[`${name}.weight`]; // [in, out]
    this.bias = weights[`${name}.bias`]; // [out]
  }
  forward(x) { // [T, in] -> [T, out]
    return x.map((row) => {
      const out = Float64Array.from(this.bias);
      for (let i = 0; i < row.length; i++) {
        const number = row[i], weight = this.weight[i];
        for (let j = 0; j < out.length; j++) out[j] += number * weight[j];
      }
      return Float32Array.from(out);
    });
  }
}

/** Step 07: 0 where j <= i, -inf where j > i. */
export const causal_mask = (T) => // [T, T]
  Array.from({ length: T }, (_, i) => Float32Array.from({ length: T }, (_, j) => (j <= i ? 0 : -Infinity)));

export function softmax(scores) { // [V] -> [V]
  const highest = scores.reduce((a, b) => Math.max(a, b));
  const powers = new Float64Array(scores).map((score) => Math.exp(score - highest));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

/** Step 08: where each token looks. softmax(q kᵀ / √D + mask); each row sums to 1. */
export function attention_weights(q, k) { // [T, D], [T, D] -> [T, T]
  const [T, D] = [q.length, q[0].length];
  const mask = causal_mask(T);
  return q.map((query, i) => softmax(mask[i].map((hidden, j) => dot(query, k[j]) / Math.sqrt(D) + hidden)));
}

/** Step 09. Its last `weights`, [H, T, T], are kept, for the pages to show. */
class MultiHeadAttention {
  constructor(weights, name, { n_head }) {
    this.n_head = n_head;
    this.c_attn = new Linear(weights, `${name}.c_attn`);
    this.c_proj = new Linear(weights, `${name}.c_proj`);
  }
  forward(x) { // [T, C] -> [T, C]
    const C = x[0].length, D = C / this.n_head;
    const qkv = this.c_attn.forward(x); // [T, C] -> [T, 3C]
    const merged = x.map(() => new Float32Array(C)); // [T, C]
    this.weights = Array.from({ length: this.n_head }, (_, head) => {
      const [q, k, v] = [0, C, 2 * C].map((part) => // [T, 3C] -> [T, D]
        qkv.map((row) => row.subarray(part + head * D, part + (head + 1) * D)));
      const weights = attention_weights(q, k); // [T, T]
      weights.forEach((row, i) => { // [T, T] @ [T, D] -> [T, D], each head at its own place of the C numbers
        const out = merged[i].subarray(head * D, (head + 1) * D);
        for (let j = 0; j <= i; j++) {
          const weight = row[j], value = v[j];
          for (let d = 0; d < D; d++) out[d] += weight * value[d];
        }
      });
      return weights;
    });
    return this.c_proj.forward(merged); // [T, C] -> [T, C]
  }
}

/** Step 10. */
class LayerNorm {
  constructor(weights, name, { layer_norm_epsilon }) {
    this.weight = weights[`${name}.weight`]; // [C]
    this.bias = weights[`${name}.bias`]; // [C]
    this.epsilon = layer_norm_epsilon;
  }
  forward(x) { // [T, C] -> [T, C]
    return x.map((row) => {
      const mean = row.reduce((a, b) => a + b) / row.length;
      const variance = row.reduce((sum, number) => sum + (number - mean) * (number - mean), 0) / row.length;
      const scale = 1 / Math.sqrt(variance + this.epsilon);
      return row.map((number, c) => (number - mean) * scale * this.weight[c] + this.bias[c]);
    });
  }
}

/** Step 11: the tanh form of GELU. */
export const gelu = (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));

class MLP {
  constructor(weights, name) {
    this.c_fc = new Linear(weights, `${name}.c_fc`);
    this.c_proj = new Linear(weights, `${name}.c_proj`);
  }
  forward(x) {
    const wide = this.c_fc.forward(x).map((row) => row.map(gelu)); // [T, C] -> [T, 4C]
    return this.c_proj.forward(wide); // [T, 4C] -> [T, C]
  }
}

/** Step 12. */
class Block {
  constructor(weights, name, config) {
    this.ln_1 = new LayerNorm(weights, `${name}.ln_1`, config);
    this.attn = new MultiHeadAttention(weights, `${name}.attn`, config);
    this.ln_2 = new LayerNorm(weights, `${name}.ln_2`, config);
    this.mlp = new MLP(weights, `${name}.mlp`);
  }
  forward(x) { // [T, C] -> [T, C]
    x = plus(x, this.attn.forward(this.ln_1.forward(x)));
    return plus(x, this.mlp.forward(this.ln_2.forward(x)));
  }
}

/** Steps 06 and 13. */
class GPT2Model {
  constructor(weights, config) {
    this.wte = weights["transformer.wte.weight"]; // [V, C]
    this.wpe = weights["transformer.wpe.weight"]; // [n_positions, C]
    this.h = Array.from({ length: config.n_layer }, (_, i) => new Block(weights, `transformer.h.${i}`, config));
    this.ln_f = new LayerNorm(weights, "transformer.ln_f", config);
  }
  embed(tokens) { // [T] -> [T, C]
    return plus(tokens.map((token) => this.wte[token]), this.wpe);
  }
  forward(tokens) { // [T] -> [T, C]
    const x = this.h.reduce((x, block) => block.forward(x), this.embed(tokens));
    return this.ln_f.forward(x);
  }
}

/** Step 14: the head is wte once more. */
export class GPT2LMHeadModel {
  constructor(weights, config) {
    this.config = config;
    this.transformer = new GPT2Model(weights, config);
  }
  forward(tokens) { // [T] -> [T, V]
    return this.transformer.forward(tokens).map((row) => this.score(row));
  }
  /** The logits of the next token alone, which is all that writing needs. */
  next(tokens) { // [T] -> [V]
    return this.score(this.transformer.forward(tokens).at(-1));
  }
  score(row) { // [C] -> [V]
    return Float32Array.from(this.transformer.wte, (token) => dot(row, token));
  }
}

/** Step 15: the model that a config.json and a model.safetensors are of. */
export function load_checkpoint(config, file) {
  const tensors = Object.entries(read_safetensors(file)).map(([name, tensor]) => [name, rows_of(tensor)]);
  return new GPT2LMHeadModel(Object.fromEntries(tensors), config);
}

/** Step 17: the token with the highest logit, the first of them if several are highest. */
export const greedy = (logits) => logits.indexOf(logits.reduce((a, b) => Math.max(a, b)));

/** Step 17: go on with a text: score the next token, choose one, append it, and again. */
export function* generate(model, tokens, max_new_tokens, choose = greedy) {
  tokens = [...tokens];
  for (let i = 0; i < max_new_tokens; i++) {
    const token = choose(model.next(tokens.slice(-model.config.n_positions)));
    tokens.push(token);
    yield token;
  }
}
