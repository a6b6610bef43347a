"""What known mistakes give, in the form that `tutor.grading.close` takes."""

import itertools
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

Compute = Callable[[frozenset[str]], np.ndarray]
"""Gives a result with the mistakes of a set made in it; numpy_gpt2.py has the functions for it."""


def says(*groups: str) -> dict[str, str]:
    """The mistakes of some groups of mistakes.toml: for each name the learner's sentence."""
    table = tomllib.loads(Path(__file__).with_name("mistakes.toml").read_text())
    return {name: sentence for group in groups for name, sentence in table[group].items()}


def suspects(compute: Compute, *groups: str) -> Callable[[], Iterator[tuple[np.ndarray, str]]]:
    """Results with each mistake of `groups` made alone, then with every two of them made together.

    Nothing is computed before the results are asked for, which is when the learner's are wrong.
    """

    def generate() -> Iterator[tuple[np.ndarray, str]]:
        known = says(*groups)
        for count in (1, 2):
            for names in itertools.combinations(known, count):
                with np.errstate(all="ignore"):  # some mistakes divide by zero
                    result = compute(frozenset(names))
                yield result, in_words([known[name] for name in names])

    return generate


def in_words(sentences: list[str]) -> str:
    """One diagnosis for one or two mistakes."""
    return sentences[0] if len(sentences) == 1 else f"Two things are wrong. {' And: '.join(sentences)}"
