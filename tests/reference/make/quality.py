"""Measurements of the trained model: is its text grammatical, and which head looks at the noun."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer
from transformers import GPT2LMHeadModel

from .capture import capture
from .grammar import finished, is_paragraph, is_sentence

# The noun is the second token of each.
NOUN_SENTENCES = [
    "The king rules the land.",
    "The queen rules the land.",
    "The man works in the field.",
    "The woman works in the field.",
    "The prince plays all day.",
    "The princess plays all day.",
    "The boy plays all day.",
    "The girl plays all day.",
]


@dataclass(frozen=True)
class Share:
    """How many sentences and paragraphs there are, and how many of them follow the grammar."""

    right_sentences: int
    sentences: int
    right_paragraphs: int
    paragraphs: int

    @property
    def of_sentences(self) -> float:
        """The share of right sentences, 0 to 1."""
        return self.right_sentences / self.sentences

    @property
    def of_paragraphs(self) -> float:
        """The share of right paragraphs, 0 to 1: sentences that belong together and agree."""
        return self.right_paragraphs / self.paragraphs


def share(texts: Iterable[str]) -> Share:
    """Count what follows the grammar in generated texts; what their end cuts off is left out."""
    counts = np.zeros(4, dtype=int)
    for text in texts:
        paragraphs, sentences = finished(text)
        right_paragraphs = sum(map(is_paragraph, paragraphs))
        right_sentences = sum(map(is_sentence, sentences))
        counts += [right_sentences, len(sentences), right_paragraphs, len(paragraphs)]
    return Share(*counts.tolist())


def openings(tokenizer: Tokenizer, text: str, length: int) -> list[str]:
    """The different first `length` tokens of the paragraphs of `text`, as prompts."""
    lines = text.replace("<|endoftext|>", "").splitlines()
    starts = [tuple(tokenizer.encode(line).ids[:length]) for line in lines]
    return [tokenizer.decode(list(start)) for start in dict.fromkeys(starts)]


def noun_weights(model: GPT2LMHeadModel, tokenizer: Tokenizer) -> np.ndarray:
    """How much each head looks back at the noun where "He" or "She" is to follow.

    The attention weight of the noun at the full stop of sentences such as "The queen rules the
    land.", the mean over `NOUN_SENTENCES`, [n_layer, n_head].
    """
    found = []
    for sentence in NOUN_SENTENCES:
        arrays = capture(model, np.array([tokenizer.encode(sentence).ids]))
        layers = [arrays[f"h.{i}.attn.weights"][0, :, -1, 1] for i in range(model.config.n_layer)]
        found.append(layers)
    return np.mean(found, axis=0)
