"""Shapes in words: which axis was lost, added or swapped, by its name (B, T, C, H, D, …)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from solutions.solution_01 import GPT2Config

KNOWN = {
    "B T 3C": "q, k and v still lie side by side, as c_attn gives them. Split them.",
    "B H T D": "the heads are not merged. Swap H and T, then reshape to [B, T, C].",
    "B T H D": "the heads are not merged. Reshape to [B, T, C].",
    "B D H T": "the heads are not merged. Bring them to [B, T, H, D], then reshape to [B, T, C].",
    "B T T": "those are the weights of attention. Multiply v by them: weights @ v.",
    "B H T T": "those are the weights of attention. Multiply v by them: weights @ v.",
    "B T 4C": "the vectors are still wide, as c_fc gives them. c_proj brings 4C back to C.",
    "B·T C": "B and T are still one axis. Reshape to [B, T, …] at the end.",
    "B·T V": "B and T are still one axis. Reshape to [B, T, …] at the end.",
}
"""Wrong shapes of a GPT-2's pieces in axis names, and what most likely led to them, in any step."""


def sizes_of(config: GPT2Config, B: int, T: int) -> dict[str, int]:
    """The size of every axis that may turn up in a GPT-2 given tokens [B, T], by the axis's name."""
    C, H = config.n_embd, config.n_head
    sizes = {"B": B, "T": T, "C": C, "H": H, "D": C // H, "V": config.vocab_size}
    return sizes | {"3C": 3 * C, "4C": 4 * C, "n_positions": config.n_positions, "B·T": B * T}


def describe(shape: Sequence[int], names: Sequence[str] = ()) -> str:
    """A shape with the names of its axes, where they are known: "[B=2, T=7, C=64]"."""
    if len(names) != len(shape):
        return f"[{', '.join(map(str, shape))}]"
    return f"[{', '.join(f'{name}={size}' for name, size in zip(names, shape))}]"


def describe_all(text: str, sizes: Mapping[str, int]) -> str:
    """A text with the names of axes put into the shapes in it: "[2, 7, 64]" becomes "[B=2, T=7, C=64]"."""

    def named(match: re.Match) -> str:
        shape = [int(size) for size in match[1].split(",")]
        names = name_axes(shape, sizes)
        parts = [str(size) if name == str(size) else f"{name}={size}" for name, size in zip(names, shape)]
        return f"[{', '.join(parts)}]"

    return re.sub(r"\[(\d+(?:, \d+)*)\]", named, text)


def name_axes(shape: Sequence[int], sizes: Mapping[str, int], expected: Sequence[str] = ()) -> list[str]:
    """The most likely name of each axis, among those of its size: the one expected at that place counted from the last
    axis, else one that is not used yet, else a used one other than the batch. Where no name is left, the size itself."""
    names = []
    for place, size in enumerate(shape, len(expected) - len(shape)):
        known = [name for name in sizes if sizes[name] == size]
        here = [name for name in known if place >= 0 and name == expected[place]]
        unused = [name for name in known if name not in names]
        again = [name for name in known if name != "B"]
        names.append((here or unused or again or [str(size)])[0])
    return names


def explain_shape(
    found: Sequence[int],
    expected: Sequence[int],
    names: Sequence[str],
    sizes: Mapping[str, int],
    known: Mapping[str, str],
) -> str:
    """What most likely happened to the axes, in a sentence.

    Args:
        found, expected: the two shapes.
        names: the names of the expected axes, empty when they have none.
        sizes: the sizes of other axes that may turn up, by name.
        known: for shapes in axis names, such as "B T 3C", what most likely led to them.
    """
    if len(names) != len(expected):
        return ""
    right = dict(zip(names, expected))
    got = name_axes(found, {**right, **{name: size for name, size in sizes.items() if name not in right}}, names)
    read = f"Its axes read [{', '.join(got)}] where [{', '.join(names)}] belongs"
    if sentence := (KNOWN | dict(known)).get(" ".join(got)):
        return f"{read}: {sentence}"
    if sorted(got) == sorted(names):
        moved = [name for name, other in zip(names, got) if name != other]
        if len(moved) == 2:
            return f"{read}: {moved[0]} and {moved[1]} are swapped, by a transpose too many or too few."
        return f"{read}: they are in another order, by a transpose too many or too few."
    lost = [name for name in names if name not in got]
    added = [name for name in got if name not in names]
    if not added and lost and [name for name in names if name in got] == got:
        gone = f"{_list(lost)} {'is' if len(lost) == 1 else 'are'} gone"
        return f"{read}: {gone}. An index, a sum or a mean over that axis, or a reshape, takes one away."
    if added and set(added) == {"1"} and not lost:
        places = [number for number, name in enumerate(got) if name == "1"]
        one = "an axis of size 1" if len(places) == 1 else "axes of size 1"
        there = f"there {'is' if len(places) == 1 else 'are'} {one} too many, number {_list([*map(str, places)])}"
        return f"{read}: {there}. A reshape, an unsqueeze or a slice adds one."
    differing = [(name, other) for name, other in zip(names, got) if name != other]
    if len(got) == len(names) and len(differing) == 1:
        name, other = differing[0]
        return f"{read}: {f'an axis of size {other}' if other.isdecimal() else other} stands where {name} belongs."
    return f"{read}."


def _list(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
