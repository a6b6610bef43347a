"""What the token embeddings of the tiny model know, as claims that anyone can check.

Words are looked up in the form that they have inside a sentence, with the leading space (" queen"),
and compared by the cosine of their rows of `wte`.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from tokenizers import Tokenizer

_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
_CAPITALS = "Paris Rome Madrid Berlin Athens Tokyo"
# The word, and the words one of which is nearest to it among the whole vocabulary.
NEIGHBOURS = [
    ("king", "queen"),
    ("queen", "king"),
    ("man", "woman"),
    ("woman", "man"),
    ("boy", "girl"),
    ("girl", "boy"),
    ("prince", "princess"),
    ("father", "mother"),
    ("he", "she"),
    ("cat", "dog kitten"),
    ("kitten", "cat puppy"),
    ("calf", "cow foal chick lamb puppy"),
    ("seven", "six eight"),
    ("3", "2 4"),
    ("Monday", _DAYS),
    ("Sunday", _DAYS),
    ("Paris", _CAPITALS),
    ("sea", "lake river water"),
    ("pen", "pencil"),
]
# a - b + c = d: d is first in the whole vocabulary, a, b and c left out.
ANALOGIES = [
    ("king", "man", "woman", "queen"),
    ("queen", "woman", "man", "king"),
    ("prince", "boy", "girl", "princess"),
    ("father", "man", "woman", "mother"),
    ("uncle", "brother", "sister", "aunt"),
    ("he", "man", "woman", "she"),
    ("kitten", "cat", "dog", "puppy"),
    ("puppy", "dog", "cow", "calf"),
    ("lamb", "sheep", "horse", "foal"),
    ("cats", "cat", "dog", "dogs"),
    ("meow", "cat", "dog", "woof"),
    ("Paris", "France", "Italy", "Rome"),
]
# a is nearer to b than to c.
NEARER = [
    ("cat", "kitten", "paper"),
    ("cat", "kitten", "water"),
    ("dog", "puppy", "paper"),
    ("paper", "page", "water"),
    ("water", "sea", "paper"),
    ("sea", "river", "paper"),
    ("paper", "book", "water"),
]
# The cosine of the two is below FAR.
FAR = 0.25
APART = [("cat", "paper"), ("cat", "water"), ("paper", "water")]

# Every pair of a family stands in one relation; each two pairs of a family give four analogies.
FAMILIES = {
    "man to woman": "king queen, man woman, boy girl, prince princess, father mother, "
    "brother sister, son daughter, uncle aunt, grandfather grandmother, he she",
    "grown to young": "cat kitten, dog puppy, cow calf, sheep lamb, horse foal, duck duckling, hen chick",
    "common to royal": "man king, woman queen, boy prince, girl princess",
    "child to adult": "boy man, girl woman, prince king, princess queen",
    "one animal to many": "cat cats, dog dogs, cow cows, horse horses, duck ducks, hen hens",
    "one thing to many": "book books, pen pens, pencil pencils, cup cups, letter letters",
    "animal to sound": "cat meow, dog woof, cow moo, sheep baa, horse neigh, duck quack, hen cluck",
    "country to capital": "France Paris, Italy Rome, Spain Madrid, Germany Berlin, Greece Athens, Japan Tokyo",
    "country to language": "France French, Italy Italian, Spain Spanish, Germany German, Greece Greek, Japan Japanese",
    "today to yesterday": "walks walked, plays played, works worked, cooks cooked, paints painted",
    "word to digit": "one 1, two 2, three 3, four 4, five 5, six 6, seven 7, eight 8, nine 9, ten 10",
    "tall to taller": "tall taller, old older, young younger, strong stronger, fast faster, small smaller",
    "taller to tallest": "taller tallest, older oldest, younger youngest, stronger strongest, "
    "faster fastest, smaller smallest",
}


@dataclass
class Embeddings:
    """The rows of `wte`, float32 [V, C], by word."""

    wte: np.ndarray
    tokenizer: Tokenizer

    @cached_property
    def unit(self) -> np.ndarray:
        """The rows at length one."""
        return self.wte / np.linalg.norm(self.wte, axis=1, keepdims=True)

    def token(self, word: str) -> int:
        """The ID of the word with its leading space; ValueError where it is not one token."""
        ids = self.tokenizer.encode(" " + word).ids
        if len(ids) != 1:
            raise ValueError(f"{word!r} is {len(ids)} tokens of this vocabulary, not one.")
        return ids[0]

    def word(self, token: int) -> str:
        """The text of a token, less its leading space; one that has none is marked so."""
        text = self.tokenizer.decode([token])
        return text[1:] if text.startswith(" ") else f"{text!r} without a space"

    def cosine(self, a: str, b: str) -> float:
        """The cosine similarity of two words, -1 to 1."""
        return float(self.unit[self.token(a)] @ self.unit[self.token(b)])

    def nearest(self, word: str) -> str:
        """The word with the highest cosine similarity to `word`, itself left out."""
        return self._first(self.unit[self.token(word)], [word])

    def analogy(self, a: str, b: str, c: str) -> str:
        """The word nearest to a - b + c, those three left out."""
        rows = [self.wte[self.token(word)] for word in (a, b, c)]
        return self._first(rows[0] - rows[1] + rows[2], [a, b, c])

    def _first(self, vector: np.ndarray, without: list[str]) -> str:
        scores = self.unit @ vector
        scores[[self.token(word) for word in without]] = -np.inf
        return self.word(int(scores.argmax()))

    def family(self, name: str) -> tuple[int, int]:
        """How many analogies of a family come first, and how many there are.

        Both ways round for every two pairs: d - c + a = b and c - d + b = a for (a, b), (c, d).
        """
        pairs = [tuple(pair.split()) for pair in FAMILIES[name].split(", ")]
        answers = [
            answer
            for a, b in pairs
            for c, d in pairs
            if a != c
            for answer in (self.analogy(d, c, a) == b, self.analogy(c, d, b) == a)
        ]
        return sum(answers), len(answers)


def failures(embeddings: Embeddings) -> list[str]:
    """One sentence for each claim that is not true of these embeddings.

    To add and subtract rows at length one instead of rows as they are, give `wte` that way.
    """
    e, said = embeddings, []
    for word, others in NEIGHBOURS:
        if (found := e.nearest(word)) not in others.split():
            said.append(f"The nearest word to {word} is {found}, not one of {others}.")
    for a, b, c, d in ANALOGIES:
        if (found := e.analogy(a, b, c)) != d:
            said.append(f"{a} - {b} + {c} is {found}, not {d}.")
    for a, b, c in NEARER:
        if e.cosine(a, b) <= e.cosine(a, c):
            said.append(f"{a} is not nearer to {b} than to {c}.")
    for a, b in APART:
        if (cosine := e.cosine(a, b)) >= FAR:
            said.append(f"{a} and {b} are not far apart: their cosine is {cosine:.2f}.")
    return said


def table(embeddings: Embeddings) -> str:
    """The claims with their numbers, in Markdown."""
    e = embeddings
    lines = ["| word | nearest | cosine |", "|---|---|---|"]
    lines += [f"| {a} | {e.nearest(a)} | {e.cosine(a, e.nearest(a)):.2f} |" for a, _ in NEIGHBOURS]
    lines += ["", "| analogy | first in the vocabulary |", "|---|---|"]
    lines += [f"| {a} - {b} + {c} | {e.analogy(a, b, c)} |" for a, b, c, _ in ANALOGIES]
    lines += ["", "| relation | analogies that come first |", "|---|---|"]
    lines += [f"| {name} | {'{} of {}'.format(*e.family(name))} |" for name in FAMILIES]
    lines += ["", "| words | cosine |", "|---|---|"]
    pairs = [pair for a, b, c in NEARER for pair in ((a, b), (a, c))] + APART
    once = {frozenset(pair): pair for pair in pairs}.values()
    lines += [f"| {a}, {b} | {e.cosine(a, b):.2f} |" for a, b in once]
    return "\n".join(lines)
