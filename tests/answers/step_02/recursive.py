"""The merging by recursion; the end of a text found by splitting."""

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
    with open(Path(directory, "vocab.json"), encoding="utf-8") as file:
        ids = json.load(file)
    with open(Path(directory, "merges.txt"), encoding="utf-8") as file:
        next(file)
        return Tokenizer(ids, {tuple(line.split()): rank for rank, line in enumerate(file) if line.strip()})


def merge(piece: str, ranks: dict[tuple[str, str], int]) -> list[str]:
    return _merge(list(piece), ranks)


def _merge(tokens: list[str], ranks: dict[tuple[str, str], int]) -> list[str]:
    ranked = [(ranks[pair], i) for i, pair in enumerate(zip(tokens, tokens[1:])) if pair in ranks]
    if not ranked:
        return tokens
    _, i = min(ranked)
    return _merge(tokens[:i] + [tokens[i] + tokens[i + 1]] + tokens[i + 2 :], ranks)


def encode(text: str, tokenizer: Tokenizer) -> list[int]:
    ids = []
    for i, part in enumerate(text.split(END_OF_TEXT)):
        if i > 0:
            ids.append(tokenizer.ids[END_OF_TEXT])
        for match in PIECES.finditer(part):
            written = "".join(map(CHARACTER.get, match[0].encode()))
            ids.extend(map(tokenizer.ids.get, merge(written, tokenizer.ranks)))
    return ids


def decode(ids: list[int], tokenizer: Tokenizer) -> str:
    tokens = {number: token for token, number in tokenizer.ids.items()}
    unknown = [number for number in ids if number not in tokens]
    if unknown:
        raise ValueError(f"there is no token with the ID {unknown[0]}: they go from 0 to {len(tokens) - 1}")
    characters = "".join(tokens[number] for number in ids)
    return bytes(BYTE[character] for character in characters).decode("utf-8", errors="replace")
