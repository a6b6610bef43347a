"""Step 02: text to token IDs and back, exactly as GPT-2 does it."""

import json
from dataclasses import dataclass
from functools import cached_property
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
    """What GPT-2's two tokenizer files hold.

    Attributes:
        ids: the ID of each token, from vocab.json.
        ranks: the rank of each pair of tokens that merges, from merges.txt; rank 0 merges first.
    """

    ids: dict[str, int]
    ranks: dict[tuple[str, str], int]

    @cached_property
    def tokens(self) -> dict[int, str]:
        """The token of each ID: `ids` the other way round, made once."""
        return {number: token for token, number in self.ids.items()}


def read_tokenizer(directory: str | Path) -> Tokenizer:
    """Read vocab.json and merges.txt, whose first line is a version and no merge."""
    directory = Path(directory)
    ids = json.loads((directory / "vocab.json").read_text(encoding="utf-8"))
    lines = (directory / "merges.txt").read_text(encoding="utf-8").split("\n")
    pairs = [tuple(line.split()) for line in lines if line and not line.startswith("#version")]
    return Tokenizer(ids, {pair: rank for rank, pair in enumerate(pairs)})


def merge(piece: str, ranks: dict[tuple[str, str], int]) -> list[str]:
    """Merge the characters of one piece into tokens, always the pair of lowest rank.

    It ends when no two neighbours have a rank.
    """
    tokens = list(piece)
    while len(tokens) > 1:
        best = min(zip(tokens, tokens[1:]), key=lambda pair: ranks.get(pair, len(ranks)))
        if best not in ranks:
            break
        merged, i = [], 0
        while i < len(tokens):
            together = tuple(tokens[i : i + 2]) == best
            merged.append("".join(tokens[i : i + 2]) if together else tokens[i])
            i += 2 if together else 1
        tokens = merged
    return tokens


def encode(text: str, tokenizer: Tokenizer) -> list[int]:
    """The token IDs of any Unicode text. `<|endoftext|>` is one token wherever it stands."""
    tokens, seen = [], {}
    for part in regex.split(f"({regex.escape(END_OF_TEXT)})", text):
        if part == END_OF_TEXT:
            tokens.append(part)
            continue
        for piece in PIECES.findall(part):
            if piece not in seen:  # a long text holds most of its words many times
                characters = "".join(CHARACTER[byte] for byte in piece.encode("utf-8"))
                seen[piece] = merge(characters, tokenizer.ranks)
            tokens += seen[piece]
    return [tokenizer.ids[token] for token in tokens]


def decode(ids: list[int], tokenizer: Tokenizer) -> str:
    """The text of token IDs. Bytes that do not form a whole character become U+FFFD.

    Raises:
        ValueError: there is no token with one of the IDs.
    """
    tokens = tokenizer.tokens
    unknown = [number for number in ids if number not in tokens]
    if unknown:
        raise ValueError(f"there is no token with the ID {unknown[0]}: they go from 0 to {len(tokens) - 1}")
    characters = "".join(tokens[number] for number in ids)
    return bytes(BYTE[character] for character in characters).decode("utf-8", errors="replace")
