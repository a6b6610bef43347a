"""Shapes in words: which axis was lost, added or swapped, by its name (B, T, C, H, D, …)."""

from collections.abc import Mapping, Sequence


def describe(shape: Sequence[int], names: Sequence[str] = ()) -> str:
    """A shape with the names of its axes, where they are known: "[B=2, T=7, C=64]"."""
    if len(names) != len(shape):
        return f"[{', '.join(map(str, shape))}]"
    return f"[{', '.join(f'{name}={size}' for name, size in zip(names, shape))}]"


def name_axes(shape: Sequence[int], sizes: Mapping[str, int]) -> list[str]:
    """The most likely name of each axis of a shape: the first unused name of that size, else the size itself."""
    unused = dict(sizes)
    names = []
    for size in shape:
        name = next((name for name, known in unused.items() if known == size), None)
        names.append(name if name else str(size))
        unused.pop(name, None)
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
    got = name_axes(found, {**right, **{name: size for name, size in sizes.items() if name not in right}})
    read = f"Its axes read [{', '.join(got)}] where [{', '.join(names)}] belongs"
    if sentence := known.get(" ".join(got)):
        return f"{read}: {sentence}"
    if sorted(got) == sorted(names):
        moved = [name for name, other in zip(names, got) if name != other]
        if len(moved) == 2:
            return f"{read}: {moved[0]} and {moved[1]} are swapped, by a transpose too many or too few."
        return f"{read}: they are in another order, by a transpose too many or too few."
    lost = [name for name in names if name not in got]
    added = [name for name in got if name not in names]
    if not added and lost and [name for name in names if name in got] == got:
        return f"{read}: {_list(lost)} is gone. An index, a sum or a mean over that axis, or a reshape, takes one away."
    if added and set(added) == {"1"} and not lost:
        position = got.index("1")
        return f"{read}: there is an axis of size 1 too many, number {position}. A reshape, an unsqueeze or a slice adds one."
    if len(got) == len(names) and len(lost) == 1 and len(added) == 1:
        there = added[0] if added[0] in sizes else f"an axis of size {added[0]}"
        return f"{read}: {there} stands where {lost[0]} belongs."
    return f"{read}."


def _list(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
