"""Merges from a heap, as fast tokenizers do; bytes joined before they are decoded."""

import heapq
import json
from dataclasses import dataclass
from pathlib import Path

import regex

END_OF_TEXT = "<|endoftext|>"
# Where GPT-2 cuts a text before it merges: endings like 's; words, numbers and signs, each with the
# space before it; spaces.
PIECES = regex.compile(r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")
# GPT-2's files write each byte as one visible character: most as themselves, the others as the
# characters from U+0100 on.
VISIBLE = [*range(33, 127), *range(161, 173), *range(174, 256)]
HIDDEN = [byte for byte in range(256) if byte not in VISIBLE]
CHARACTER = {byte: chr(byte) for byte in VISIBLE} | {byte: chr(256 + i) for i, byte in enumerate(HIDDEN)}
BYTE = {character: byte for byte, character in CHARACTER.items()}


@dataclass(frozen=True)
class Tokenizer:
    ids: dict[str, int]
    ranks: dict[tuple[str, str], int]


def read_tokenizer(directory: str | Path) -> Tokenizer:
    directory = Path(directory)
    ids = json.loads((directory / "vocab.json").read_text(encoding="utf-8"))
    lines = (directory / "merges.txt").read_text(encoding="utf-8").split("\n")
    pairs = [tuple(line.split()) for line in lines if line and not line.startswith("#version")]
    return Tokenizer(ids, {pair: rank for rank, pair in enumerate(pairs)})


def merge(piece: str, ranks: dict[tuple[str, str], int]) -> list[str]:
    tokens = list(piece)
    after = list(range(1, len(tokens) + 1))
    heap = []

    def offer(i):
        if i < len(tokens) and after[i] < len(tokens):
            pair = tokens[i], tokens[after[i]]
            if pair in ranks:
                heapq.heappush(heap, (ranks[pair], i, pair))

    before = list(range(-1, len(tokens) - 1))
    for place in range(len(tokens)):
        offer(place)
    while heap:
        _, i, pair = heapq.heappop(heap)
        j = after[i] if i < len(tokens) else len(tokens)
        if j >= len(tokens) or (tokens[i], tokens[j]) != pair:  # one of the two has merged meanwhile
            continue
        tokens[i], tokens[j] = tokens[i] + tokens[j], ""
        after[i] = after[j]
        if after[i] < len(tokens):
            before[after[i]] = i
        if before[i] >= 0:
            offer(before[i])
        offer(i)
    return [token for token in tokens if token]


def encode(text: str, tokenizer: Tokenizer) -> list[int]:
    tokens, seen = [], {}
    for part in regex.split(f"({regex.escape(END_OF_TEXT)})", text):
        if part == END_OF_TEXT:
            tokens.append(part)
            continue
        for piece in PIECES.findall(part):
            if piece not in seen:  # a long text holds most of its words many times
                seen[piece] = merge("".join(CHARACTER[byte] for byte in piece.encode("utf-8")), tokenizer.ranks)
            tokens += seen[piece]
    return [tokenizer.ids[token] for token in tokens]


def decode(ids: list[int], tokenizer: Tokenizer) -> str:
    characters = dict(zip(tokenizer.ids.values(), tokenizer.ids))
    data = bytearray()
    for number in ids:
        if number not in characters:
            raise ValueError(f"token {number} does not exist")
        data.extend(BYTE[character] for character in characters[number])
    return data.decode(errors="replace")
