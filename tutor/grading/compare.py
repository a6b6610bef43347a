"""Compare what a learner's code gives with what it should give, and say what is wrong."""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tutor.grading.answer import Wrong, article
from tutor.grading.shapes import describe, explain_shape

RTOL, ATOL = 1e-4, 1e-5
"""float32 against float32, another order of additions: what every step allows unless it says why not."""


def numpy(value: Any) -> Any:
    """Tensors, also inside tuples and lists, as NumPy arrays; anything else as it is."""
    if isinstance(value, tuple | list):
        return type(value)(numpy(item) for item in value)
    return np.asarray(value.to_numpy()) if hasattr(value, "to_numpy") else value


Finder = Callable[[Callable[[Any], bool]], str]
Suspects = Iterable[tuple[Any, str] | Finder] | Finder
"""What wrong answers give, each with the sentence that names it; or what finds the sentence, or "", by a comparison."""


def named(suspects: Suspects, fits: Callable[[Any], bool]) -> str:
    """The sentence of the first suspect that fits what the learner's code gave, or ""."""
    for one in [suspects] if callable(suspects) else suspects:
        if sentence := one(fits) if callable(one) else one[1] * bool(fits(one[0])):
            return sentence
    return ""


def has_shape(
    found: Any,
    expected: Sequence[int],
    axes: str = "",
    *,
    sizes: Mapping[str, int] | None = None,
    shapes: Mapping[str, str] | None = None,
    what: str = "The result",
) -> np.ndarray:
    """Compare a shape with the right one, and return the learner's numbers as an array. See `close`.

    Raises:
        Wrong: with a diagnosis.
    """
    found = numpy(found)
    if found is None:
        raise Wrong(f"{what} is None: is a `return` missing at the end?")
    if isinstance(found, tuple):
        raise Wrong(
            f"{what} is a tuple of {len(found)}, where one array belongs. A comma after `return` makes a tuple."
        )
    if callable(found):
        kind = "class" if isinstance(found, type) else type(found).__name__
        raise Wrong(f"{what} is {article(kind)} itself, not what it gives. Call it, with brackets.")
    if not isinstance(found, np.ndarray | np.generic | list | int | float):
        raise Wrong(f"{what} should be an array of numbers.", found=article(type(found).__name__))
    found, expected, names = np.asarray(found), tuple(expected), axes.split()
    if found.shape != expected:
        diagnosis = explain_shape(found.shape, expected, names, sizes or {}, shapes or {})
        raise Wrong(
            f"{what} has the wrong shape. {diagnosis}".strip(),
            expected=describe(expected, names),
            found=describe(found.shape),
        )
    return found


def close(
    found: Any,
    expected: np.ndarray,
    axes: str = "",
    *,
    suspects: Suspects = (),
    sizes: Mapping[str, int] | None = None,
    shapes: Mapping[str, str] | None = None,
    what: str = "The result",
    rtol: float = RTOL,
    atol: float = ATOL,
) -> None:
    """Compare a learner's numbers with the right ones.

    Args:
        found: what the learner's code gave: a tensor, an array, or anything that it should not be.
        expected: the reference, of the same shape.
        axes: the names of the axes of `expected`, such as "B T C".
        suspects: what known mistakes would give; asked only when the numbers are wrong.
        sizes: sizes of other axes that a wrong shape might show, such as {"H": 4, "D": 16}.
        shapes: for wrong shapes in axis names, such as "B T 3C", what most likely led to them.
        what: what is compared, as the start of a sentence.
        rtol, atol: the tolerances of `numpy.isclose`.

    Raises:
        Wrong: with a diagnosis.
    """
    expected, names = np.asarray(expected), axes.split()
    found = has_shape(found, expected.shape, axes, sizes=sizes, shapes=shapes, what=what)
    if found.dtype.kind not in "biuf":
        raise Wrong(f"{what} should hold numbers.", found=f"an array of {found.dtype}")
    wrong = ~np.isclose(found, expected, rtol=rtol, atol=atol)
    if not wrong.any():
        return
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    facts = {"expected": _number(expected[index]), "found": _number(found[index])}
    if index:
        facts = {"where": f"{list(index)} of {describe(expected.shape, names)} is the first to differ"} | facts

    def fits(suspect: Any) -> bool:
        suspect = np.asarray(suspect)
        return (
            suspect.shape == found.shape
            and np.isclose(found, suspect, rtol=rtol, atol=atol, equal_nan=True).all()
            and not np.isclose(suspect, expected, rtol=rtol, atol=atol).all()
        )

    if sentence := named(suspects, fits):
        raise Wrong(sentence, **facts)
    raise Wrong(_pattern(found, expected, wrong, names, what, rtol, atol), **facts)


def _number(value: Any) -> str:
    return str(value.item()) if value.dtype.kind in "biu" else f"{value:.5g}"


def _pattern(
    found: np.ndarray,
    expected: np.ndarray,
    wrong: np.ndarray,
    names: Sequence[str],
    what: str,
    rtol: float,
    atol: float,
) -> str:
    """What can be said of wrong numbers that no known mistake explains."""

    def same(other: np.ndarray) -> bool:
        return np.isclose(found, other, rtol=rtol, atol=atol).all()

    if np.isnan(found).any():
        return (
            f"{what} has {int(np.isnan(found).sum())} nan (not a number) in it: 0 / 0, the root of a negative "
            "number, or a softmax over a row that holds nothing but -inf, gives one."
        )
    if np.isinf(found).any() and not np.isinf(expected).any():
        return f"{what} has {int(np.isinf(found).sum())} infinite numbers in it: a division by 0, or exp of a large number."
    finite = np.isfinite(expected) & np.isfinite(found)
    a, b = found[finite].astype(np.float64), expected[finite].astype(np.float64)
    if a.size > 1 and b.any():
        near = functools.partial(np.allclose, rtol=10 * rtol, atol=10 * atol)
        factor, offset = float(a @ b / (b @ b)), float((a - b).mean())
        if abs(factor) > 1e-6 and abs(factor - 1) > 10 * rtol and near(a, factor * b):
            return f"{what} is the right one times {factor:.5g}{_root(factor)}: a scale too many or too few."
        if abs(offset) > 10 * atol and near(a - b, offset):
            return f"{what} is the right one plus {offset:.5g} everywhere: a term too many or too few."
        if a.size > 3 and b.std() > 0:
            factor, offset = (float(number) for number in np.polyfit(b, a, 1))
            if abs(factor) > 1e-6 and abs(offset) > 10 * atol and near(a, factor * b + offset):
                return f"{what} is the right one times {factor:.5g}{_root(factor)}, plus {offset:.5g}."
    if not found.any():
        return f"{what} is 0 everywhere."
    for is_cut, why in ((np.round, "whole numbers"), (lambda x: x.astype(np.float16), "the digits of float16")):
        if (found == is_cut(found)).all() and not (expected == is_cut(expected)).all():
            return f"{what} has only {why}: somewhere its type is too small, or a number is cut."
    names = names or [f"axis {axis}" for axis in range(found.ndim)]
    for axis, name in enumerate(names):
        if found.shape[axis] > 1 and same(np.flip(expected, axis)):
            return f"{what} holds the right numbers in reverse order along {name}."
    for i in range(found.ndim):
        for j in range(i + 1, found.ndim):
            if found.shape[i] == found.shape[j] and same(expected.swapaxes(i, j)):
                return f"{what} holds the right numbers with {names[i]} and {names[j]} swapped: a transpose too many or too few."
    if wrong.size == 1:
        return f"{what} is not what it should be."
    share = f"{int(wrong.sum())} of its {wrong.size} numbers differ"
    if a.size and (most := float(np.abs(a - b).max())) < 0.01 * b.std():
        return (
            f"{what} has the right shape, but {share}, if only by {most:.2g} at most: a constant such as an epsilon, or the "
            "form of a function, may not be the right one."
        )
    for axis, name in enumerate(names):
        others = tuple(i for i in range(wrong.ndim) if i != axis)
        indices = np.flatnonzero(wrong.any(axis=others))
        if 0 < len(indices) < wrong.shape[axis]:
            return f"{what} has the right shape, but {share}, all of them at {_indices(indices, name)}."
    return f"{what} has the right shape, but {share}."


def _root(factor: float) -> str:
    """Which root a factor is, or one over which: ", which is √12"; nothing where it is none, or a simple number."""
    for over, square in (("", factor**2), ("1/", factor**-2)):
        is_whole = 1 < square < 10_000 and abs(square - round(square)) < 1e-3 * square**0.5
        if is_whole and round(round(square) ** 0.5) ** 2 != round(square):
            return f", which is {'-' * (factor < 0)}{over}√{round(square)}"
    return ""


def _indices(indices: np.ndarray, name: str) -> str:
    """Positions on one axis in words, such as "index 1 to 6 of T"."""
    first, last = int(indices[0]), int(indices[-1])
    if first == last:
        return f"index {first} of {name}"
    if len(indices) == last - first + 1:
        return f"index {first} to {last} of {name}"
    return f"index {', '.join(map(str, indices[:5]))}{', …' if len(indices) > 5 else ''} of {name}"


def equal(found: Any, expected: Any, *, suspects: Suspects = (), what: str = "The result") -> None:
    """Compare things that must be the same: numbers, text, lists of token IDs. See `close` for `suspects`."""
    found = found.tolist() if isinstance(found, np.ndarray) and not isinstance(expected, np.ndarray) else found
    if type(found) is type(expected) and found == expected:
        return
    if found is None:
        raise Wrong(f"{what} is None: is a `return` missing at the end?", expected=_brief(expected))
    if sentence := named(suspects, lambda suspect: suspect != expected and found == suspect):
        raise Wrong(sentence, expected=_brief(expected), found=_brief(found))
    if isinstance(expected, list | str) and type(found) is type(expected):
        start = next((i for i, (a, b) in enumerate(zip(found, expected)) if a != b), min(len(found), len(expected)))
        if sentence := _arrangement(found, expected, start):
            raise Wrong(f"{what} {sentence}", expected=_brief(expected), found=_brief(found))
        raise Wrong(
            f"{what} differs from index {start} on.", expected=_brief(expected, start), found=_brief(found, start)
        )
    raise Wrong(f"{what} is not what it should be.", expected=_brief(expected), found=_brief(found))


def _arrangement(found: Any, expected: Any, start: int) -> str:
    """What is done to a list or a text whose items are the right ones, as the rest of a sentence, or "".

    Args:
        start: the index from which on they differ.
    """
    more = len(found) - len(expected)
    if found == expected[::-1]:
        return "is the right one in reverse order."
    if list(found) == list(dict.fromkeys(expected)):
        return "holds only once what should be there several times."
    if more == 0 and sorted(found) == sorted(expected):
        order = "is sorted" if list(found) == sorted(expected) else "holds the right things in another order"
        return f"{order}. It should be as it comes."
    if more < 0 and found and found[start:] == expected[start - more :]:
        return f"lacks {_brief(expected[start : start - more])} at index {start}, and is right but for that."
    if more > 0 and expected and found[start + more :] == expected[start:]:
        return f"has {_brief(found[start : start + more])} too many at index {start}, and is right but for that."
    return ""


def _brief(value: Any, around: int = 0, width: int = 60) -> str:
    """A value in a line: long lists and texts are cut to what lies around an index."""
    if isinstance(value, list | str) and len(repr(value)) > width:
        start = max(0, around - 5)
        part = value[start : start + (12 if isinstance(value, list) else 40)]
        left, right = "… " if start else "", " …" if start + len(part) < len(value) else ""
        return f"{left}{part!r}{right}"
    return repr(value) if isinstance(value, list | str | int | float | bool | bytes) else f"{value!r:.{width}}"


def expect(condition: Any, diagnosis: str, *, expected: Any = None, found: Any = None) -> None:
    """Raise `Wrong(diagnosis)` unless the condition holds. What is expected or found may be told in words, a str."""
    if not condition:
        facts = {"expected": expected, "found": found}
        raise Wrong(diagnosis, **{name: _told(value) for name, value in facts.items() if value is not None})


def _told(value: Any) -> str:
    """Words as they are, or their beginning; any other value in a line."""
    if not isinstance(value, str):
        return _brief(value)
    words = " ".join(value.split())
    return words if len(words) <= 200 else f"{words[:200]} …"


def refuses(
    function: Callable,
    *args: Any,
    of: tuple[type[Exception], ...] = (Exception,),
    otherwise: str,
    on: Callable | None = None,
) -> None:
    """Check that a call with bad input raises one of the errors `of`: `otherwise` is the diagnosis when it raises none.

    `on` runs it and gives a tensor's numbers: `on_max`. Not being written yet is no refusal.
    """
    try:
        result = on(function, *args) if on else function(*args)
    except (NotImplementedError, Wrong):
        raise
    except of:
        return
    except Exception as error:
        wanted, got = article(" or ".join(kind.__name__ for kind in of)), article(type(error).__name__)
        words = f": {error}" if str(error) else ", without a message."
        raise Wrong(f"Bad input should raise {wanted}; here it raises {got}{words}") from error
    raise Wrong(otherwise, found=f"no error, but {_result(result, 'tensor' if on else 'array')}")


def _result(value: Any, kind: str) -> str:
    """What a call gave, in a line: of an array or a tensor that is not small, its shape."""
    if isinstance(value, np.ndarray) and (value.ndim > 1 or value.size > 8):
        return f"{article(kind)} of shape {describe(value.shape)}"
    return _brief(value)


def whole_number(found: Any, what: str) -> int:
    """Check that something is one whole number, of Python's or NumPy's kind, and return it. See `close` for `what`."""
    expect(found is not None, f"{what} is None: is a `return` missing at the end?")
    is_whole = isinstance(found, int | np.integer) and not isinstance(found, bool)
    expect(is_whole, f"{what} should be a single whole number.", found=found)
    return int(found)
