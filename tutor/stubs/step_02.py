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
    raise NotImplementedError("read the IDs and the ranks")


def merge(piece: str, ranks: dict[tuple[str, str], int]) -> list[str]:
    """Merge the characters of one piece into tokens, always the pair of lowest rank.

    It ends when no two neighbours have a rank.
    """
    raise NotImplementedError("merge pairs, the lowest rank first")


def encode(text: str, tokenizer: Tokenizer) -> list[int]:
    """The token IDs of any Unicode text. `<|endoftext|>` is one token wherever it stands."""
    raise NotImplementedError("cut the text into pieces and merge each")


def decode(ids: list[int], tokenizer: Tokenizer) -> str:
    """The text of token IDs. Bytes that do not form a whole character become U+FFFD.

    Raises:
        ValueError: there is no token with one of the IDs.
    """
    raise NotImplementedError("turn IDs into tokens, bytes, text")
