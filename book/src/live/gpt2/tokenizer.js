/** Step 02 in JavaScript: text to token IDs and back, exactly as GPT-2 does it. */

export const END_OF_TEXT = "<|endoftext|>";
// JavaScript's own \s is a little different: it lacks U+0085.
const S = "\\p{White_Space}";
const PIECES = new RegExp(
  `'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^${S}\\p{L}\\p{N}]+|${S}+(?!\\P{White_Space})|${S}+`,
  "gu",
);

const inside = (byte, first, end) => first <= byte && byte < end;
const visible = (byte) => inside(byte, 33, 127) || inside(byte, 161, 173) || inside(byte, 174, 256);
let hidden = 0;
/** The visible character that stands for each byte, and back. */
export const CHARACTER = Array.from({ length: 256 }, (_, byte) =>
  String.fromCodePoint(visible(byte) ? byte : 256 + hidden++),
);
const BYTE = new Map(CHARACTER.map((character, byte) => [character, byte]));

/** Read vocab.json and merges.txt: the ID of each token, and the rank of each pair of tokens that merges. */
export function read_tokenizer(vocab, merges) {
  const ids = new Map(Object.entries(JSON.parse(vocab)));
  const pairs = merges.split("\n").filter((line) => line && !line.startsWith("#version"));
  const tokens = new Map([...ids].map(([token, id]) => [id, token]));
  return { ids, tokens, ranks: new Map(pairs.map((pair, rank) => [pair, rank])) };
}

/** Cut a text into pieces; no token spans two of them. `<|endoftext|>` is one, wherever it stands. */
export function pieces_of(text) {
  const parts = text.split(END_OF_TEXT).map((part) => part.match(PIECES) ?? []);
  return parts.flatMap((pieces, i) => (i ? [END_OF_TEXT, ...pieces] : pieces));
}

/** The bytes of a text, each as its visible character. */
export const characters_of = (text) => [...new TextEncoder().encode(text)].map((byte) => CHARACTER[byte]);

/**
 * Merge the characters of one piece, always the pair of lowest rank, until no two neighbours have a rank.
 * Gives every stage on the way: the tokens, and the pair and rank that made them; the last one has the tokens of the piece.
 */
export function merge_stages(piece, { ranks }) {
  let tokens = piece === END_OF_TEXT ? [piece] : characters_of(piece);
  const stages = [{ tokens }];
  for (;;) {
    let best, rank = Infinity;
    for (let i = 0; i + 1 < tokens.length; i++) {
      const pair = `${tokens[i]} ${tokens[i + 1]}`;
      if ((ranks.get(pair) ?? Infinity) < rank) [best, rank] = [pair, ranks.get(pair)];
    }
    if (best === undefined) return stages;
    const merged = [];
    for (let i = 0; i < tokens.length; i++) {
      const together = `${tokens[i]} ${tokens[i + 1]}` === best;
      merged.push(together ? tokens[i] + tokens[++i] : tokens[i]);
    }
    tokens = merged;
    stages.push({ tokens, pair: best.split(" "), rank });
  }
}

/** The token IDs of any text. */
export function encode(text, tokenizer) {
  const tokens = pieces_of(text).flatMap((piece) => merge_stages(piece, tokenizer).at(-1).tokens);
  return tokens.map((token) => tokenizer.ids.get(token));
}

/** The text of token IDs. Bytes that do not form a whole character become U+FFFD. */
export function decode(ids, { tokens }) {
  const bytes = ids.flatMap((id) => [...tokens.get(id)].map((character) => BYTE.get(character)));
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(new Uint8Array(bytes));
}
