"""What the tests of the steps are written with: run a learner's code, compare, and say what is wrong.

A check that fails raises `Wrong`, which carries what the verdict shows: a diagnosis in a sentence or two, what was
expected and found, and where to look. Nothing here reads the learner's source: a diagnosis comes from comparing
their numbers and shapes with what known mistakes give.
"""

import difflib
import dis
import functools
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from tutor.engine import setup  # noqa: F401
from tutor.grading.shapes import describe, explain_shape

RTOL, ATOL = 1e-4, 1e-5
"""float32 against float32, another order of additions: what every step allows unless it says why not."""


class Wrong(AssertionError):
    """A failed check: `diagnosis` is the sentence a learner reads; the facts (where, expected, found) stand below it."""

    def __init__(self, diagnosis: str, **facts: str):
        self.diagnosis = diagnosis
        self.facts = {name: fact for name, fact in facts.items() if fact}
        self.look = Answer.last_used
        super().__init__("\n".join([diagnosis, *(f"{name}: {fact}" for name, fact in self.facts.items())]))


class Answer:
    """The learner's file, or a solution, as the tests see it: `answer.Embedding` is the class that it defines.

    It remembers what was used last, since that is where to look when a check fails.
    """

    last_used: dict | None = None
    sizes: Mapping[str, int] = {}

    def __init__(self, module: ModuleType):
        self._module = module

    def __getattr__(self, name: str) -> Any:
        Answer.last_used = {"file": self._module.__file__}
        try:
            thing = getattr(self._module, name)
        except AttributeError:
            near = difflib.get_close_matches(name, vars(self._module), 1, 0.75)
            meant = f" Is it `{near[0]}`?" if near else ""
            raise Wrong(f"Your file defines no `{name}`: it may be misspelled, or have been deleted.{meant}") from None
        Answer.look_at(thing)
        return thing

    @staticmethod
    def look_at(thing: Any) -> None:
        """Remember the place of a function, method, property or class, or of an object's `forward`, if an answer's file
        holds it."""
        if Answer.last_used is None:
            return
        if isinstance(thing, property):
            thing = thing.fget
        elif isinstance(thing, classmethod | staticmethod):
            thing = thing.__func__
        name = getattr(thing, "__qualname__", "")
        if not (inspect.isroutine(thing) or inspect.isclass(thing)):
            thing = getattr(type(thing), "forward", type(thing))
            name = thing.__qualname__
        thing = inspect.unwrap(thing) if inspect.isroutine(thing) else thing
        code = getattr(thing, "__code__", None)
        file = (
            code.co_filename if code else getattr(sys.modules.get(getattr(thing, "__module__", None)), "__file__", None)
        )
        if file != Answer.last_used["file"]:
            return
        line = code.co_firstlineno if code else getattr(thing, "__firstlineno__", None) or _class_line(thing)
        if line:
            Answer.last_used = {"file": file, "line": line, "name": name}


@functools.cache
def _class_line(cls: type) -> int | None:
    """The line where a class begins, for Pythons before 3.13, which do not keep it."""
    try:
        return inspect.getsourcelines(cls)[1]
    except (OSError, TypeError, SyntaxError):  # the file may have been saved meanwhile, and be broken
        return None


def load_answer(path: Path) -> Answer:
    """Import the file at `path` under its own name and return it as an `Answer`. Whatever it raises comes out."""
    name = path.stem
    if name not in sys.modules or sys.modules[name].__file__ != str(path):
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return Answer(sys.modules[name])


# ---------------------------------------------------------------- running a learner's code on MAX


def tensor(array: np.ndarray) -> Any:
    """A MAX tensor that shares the memory of a NumPy array."""
    from max.experimental.tensor import Tensor

    array = np.ascontiguousarray(array)
    return Tensor.from_dlpack(array if array.flags.writeable else array.copy())


def on_max(function: Callable, *args: Any, sizes: Mapping[str, int] | None = None) -> Any:
    """Call `function` with NumPy arrays turned into tensors; give back NumPy arrays.

    The operations are collected into one graph first and run together, which is four times as fast as one by one.
    If that fails, they run again one by one, so that the traceback names the learner's line. `sizes` are those of the
    axes, by name, for the shapes that an error of MAX speaks of.

    Raises:
        Wrong: the function gives an array of NumPy itself.
    """
    from max.experimental import functional as F

    args = [tensor(arg) if isinstance(arg, np.ndarray) else arg for arg in args]
    Answer.look_at(function)
    Answer.sizes = sizes or {}
    try:
        with F.lazy():
            result = function(*args)
        found = numpy(result)
    except Exception:
        result = function(*args)
        found = numpy(result)
    if isinstance(result, np.ndarray):
        raise Wrong(
            "The result is an array of NumPy. It should be a tensor of MAX, which the next step works with: leave out "
            ".to_numpy(), or wrap the array, Tensor(array)."
        )
    return found


def numpy(value: Any) -> Any:
    """Tensors, also inside tuples and lists, as NumPy arrays; anything else as it is."""
    if isinstance(value, tuple | list):
        return type(value)(numpy(item) for item in value)
    return np.asarray(value.to_numpy()) if hasattr(value, "to_numpy") else value


def build(cls: Callable, *args: Any, weights: Mapping[str, np.ndarray] | None = None) -> Any:
    """Make a module without computing its random initial weights, and load `weights` into it.

    Raises:
        Wrong: the class does not leave calling to MAX, or the weights do not fit.
    """
    from max.experimental import functional as F
    from max.experimental import nn

    if isinstance(cls, type) and not issubclass(cls, nn.Module):
        Answer.look_at(cls)
        raise Wrong(f"{cls.__name__} is no module of MAX. Derive it from nn.Module: class {cls.__name__}(nn.Module).")
    if isinstance(cls, type) and cls.__call__ is not nn.Module.__call__:
        Answer.look_at(cls)
        raise Wrong(f"{cls.__name__} has a method `__call__`. Name it `forward`: MAX calls that.")
    with F.lazy():
        module = cls(*args)
    if weights is not None:
        load(module, weights)
    return module


def load(module: Any, weights: Mapping[str, np.ndarray]) -> None:
    """Load Hugging Face's weights into a module by name.

    A matrix stored the other way round is transposed: `nn.Linear` keeps [out, in], Hugging Face's Conv1D [in, out].

    Raises:
        Wrong: a parameter is missing, is one too many, or has another shape.
    """
    shapes = {name: tuple(map(int, parameter.shape)) for name, parameter in module.parameters}
    Answer.look_at(getattr(type(module), "__init__", type(module)))
    _same_names(module, list(shapes), list(weights))
    _all_different(module, list(weights))
    # A square matrix does not show which way round it is kept; the others do.
    turned = any(shapes[name] == array.T.shape != array.shape for name, array in weights.items())
    fitted = {name: _fitted(module, name, array, shapes[name], turned) for name, array in weights.items()}
    module.load_state_dict({name: tensor(array) for name, array in fitted.items()})


def shapes_of(module: Any) -> dict[str, list[int]]:
    """The shape of each parameter of a module, by its name."""
    return {name: [int(size) for size in parameter.shape] for name, parameter in module.parameters}


def refuse_gpt2_sizes(module: Any, sizes: set[int], advice: str, right: Mapping[str, np.ndarray] | None = None) -> None:
    """Say so where a parameter (of those in `right`, if that is given) has one of GPT-2's sizes in place of a small one.

    Raises:
        Wrong: a parameter does; `advice` says where its sizes come from.
    """
    Answer.look_at(type(module).__init__)
    for name, found in shapes_of(module).items():
        if right is None or name in right:
            sentence = (
                f"`{name}` keeps a size of GPT-2 whatever the config says, and this check uses a small config. {advice}"
            )
            expected = list(right[name].shape) if right else None
            expect(not sizes & set(found), sentence, expected=expected, found=found)


def _same_names(module: Any, found: list[str], expected: list[str]) -> None:
    """Compare the names of a module's parameters with the right ones."""
    kind = type(module).__name__
    absent = [name for name in expected if name not in found]
    extra = [name for name in found if name not in expected]
    facts = {"expected": _listed(absent or expected), "found": _listed(extra or found) or "no parameters at all"}
    if absent and absent[0].endswith(".bias") and absent[0].replace(".bias", ".weight") in found:
        raise Wrong(f"{kind} has no parameter called `{absent[0]}`: in GPT-2 this layer has a bias.", **facts)
    if absent:
        named = f"{kind} has no parameter called `{absent[0]}`. "
        if other := _no_layer(module, absent[0]):
            raise Wrong(f"{named}{other}", **facts)
        if extra and extra[0].rpartition(".")[2] == absent[0].rpartition(".")[2]:
            named += f"Is `{extra[0]}` meant? "
        raise Wrong(f"{named}The names are attributes: GPT-2's checkpoint will be loaded by them.", **facts)
    if extra:
        raise Wrong(f"{kind} has a parameter too many, `{extra[0]}`: GPT-2's checkpoint holds nothing for it.", **facts)


def _no_layer(module: Any, name: str) -> str:
    """What to say where the name of a parameter leads to a thing that MAX does not search for parameters, if it does."""
    from max.experimental import nn
    from max.experimental.tensor import Tensor

    path = []
    for key in name.split("."):
        thing = getattr(module, key, None)
        path.append(key)
        if isinstance(thing, type):
            return f"`{'.'.join(path)}` is a class. Call it to make a layer: {thing.__name__}(…)."
        if not isinstance(thing, nn.Module | Tensor):
            break
        module = thing
    if thing is None or isinstance(thing, Tensor | list | dict):
        return ""
    advice = "a tensor, such as Tensor.ones([…])" if path == name.split(".") else "a layer, or nn.Sequential of some"
    return f"`{'.'.join(path)}` is of type {type(thing).__name__}, where MAX finds no parameters. Make it {advice}."


def _all_different(module: Any, names: list[str]) -> None:
    """Make sure that no layer stands at two places, where its weights would be loaded twice."""
    paths = {}
    for path in dict.fromkeys(name.rpartition(".")[0] for name in names):
        first, second = paths.setdefault(id(_inside(module, path)), path).split("."), path.split(".")
        if first != second:
            while first[1:] and second[1:] and first[-1] == second[-1]:
                first, second = first[:-1], second[:-1]
            both = f"`{'.'.join(first)}` and `{'.'.join(second)}`"
            raise Wrong(f"{both} are one and the same layer, so they share their weights. Make one for each.")


def _listed(names: list[str]) -> str:
    """The first of some names, and how many more there are."""
    more = len(names) - 8
    return ", ".join(names[:8]) + (f" and {more} more" if more > 0 else "")


def _fitted(module: Any, name: str, array: np.ndarray, shape: tuple[int, ...], turned: bool) -> np.ndarray:
    """Hugging Face's `array` as the parameter `name` of the module, which is of `shape`, keeps it, in float32.

    `turned` says whether layers of the learner's own keep square matrices the other way round.

    Raises:
        Wrong: the parameter has another shape.
    """
    from max.experimental import nn

    owner = name.rpartition(".")[0]
    layer = _inside(module, owner)
    if array.ndim == 2 and isinstance(layer, nn.Linear):
        size_in, size_out = array.shape
        array = array.T
        advice = f"{owner} takes {size_in} numbers and gives {size_out}: nn.Linear({size_in}, {size_out})."
    elif array.ndim == 2 and isinstance(layer, nn.Embedding):
        rows, columns = array.shape
        advice = f"{owner} has {rows} rows of {columns} numbers: nn.Embedding({rows}, dim={columns})."
    else:
        advice = ""
        if array.T.shape == shape and (array.shape != shape or turned):
            array = array.T
    if array.shape != shape:
        raise Wrong(
            f"The parameter `{name}` of {type(module).__name__} has the wrong shape. {advice}".strip(),
            expected=str(list(array.shape)),
            found=str(list(shape)),
        )
    return array.astype(np.float32, copy=False)


def _inside(module: Any, path: str) -> Any:
    """The part of a module that a dotted name such as "h.0.attn" leads to, through attributes, lists and dicts."""
    for key in path.split(".") if path else []:
        if isinstance(module, list | tuple):
            module = module[int(key)]
        else:
            module = module[key] if isinstance(module, dict) else getattr(module, key)
    return module


# ---------------------------------------------------------------- comparing


Suspect = tuple[np.ndarray, str]
"""What a known mistake computes, and the sentence that names it."""


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
    suspects: Callable[[], Iterable[Suspect]] | Iterable[Suspect] = (),
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
        suspects: what known mistakes would give; called only when the numbers are wrong.
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
    for suspect, sentence in suspects() if callable(suspects) else suspects:
        suspect = np.asarray(suspect)
        if (
            suspect.shape == found.shape
            and np.isclose(found, suspect, rtol=rtol, atol=atol, equal_nan=True).all()
            and not np.isclose(suspect, expected, rtol=rtol, atol=atol).all()
        ):
            raise Wrong(sentence, **facts)
    raise Wrong(_pattern(found, expected, wrong, names, what, rtol, atol), **facts)


def _number(value: Any) -> str:
    return str(value.item()) if value.dtype.kind in "biu" else f"{value:.5g}"


def _pattern(found, expected, wrong, names, what, rtol, atol) -> str:
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
        factor = float(a @ b / (b @ b))
        if (
            abs(factor) > 1e-6
            and abs(factor - 1) > 10 * rtol
            and np.allclose(a, factor * b, rtol=10 * rtol, atol=10 * atol)
        ):
            return f"{what} is the right one times {factor:.5g}: a scale too many or too few."
        offset = float((a - b).mean())
        if abs(offset) > 10 * atol and np.allclose(a - b, offset, rtol=10 * rtol, atol=10 * atol):
            return f"{what} is the right one plus {offset:.5g} everywhere: a term too many or too few."
    if not found.any():
        return f"{what} is 0 everywhere."
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


def _indices(indices: np.ndarray, name: str) -> str:
    """Positions on one axis in words, such as "index 1 to 6 of T"."""
    first, last = int(indices[0]), int(indices[-1])
    if first == last:
        return f"index {first} of {name}"
    if len(indices) == last - first + 1:
        return f"index {first} to {last} of {name}"
    return f"index {', '.join(map(str, indices[:5]))}{', …' if len(indices) > 5 else ''} of {name}"


def equal(found: Any, expected: Any, *, suspects: Iterable[tuple[Any, str]] = (), what: str = "The result") -> None:
    """Compare things that must be the same: numbers, text, lists of token IDs. See `close` for `suspects`."""
    found = found.tolist() if isinstance(found, np.ndarray) and not isinstance(expected, np.ndarray) else found
    if type(found) is type(expected) and found == expected:
        return
    if found is None:
        raise Wrong(f"{what} is None: is a `return` missing at the end?", expected=_brief(expected))
    for suspect, sentence in suspects:
        if suspect != expected and found == suspect:
            raise Wrong(sentence, expected=_brief(expected), found=_brief(found))
    if isinstance(expected, list | str) and type(found) is type(expected):
        start = next((i for i, (a, b) in enumerate(zip(found, expected)) if a != b), min(len(found), len(expected)))
        raise Wrong(
            f"{what} differs from index {start} on.", expected=_brief(expected, start), found=_brief(found, start)
        )
    raise Wrong(f"{what} is not what it should be.", expected=_brief(expected), found=_brief(found))


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


def article(name: str) -> str:
    """A name with "a" or "an" before it."""
    return f"{'an' if name[:1] in tuple('AEIOUaeiou') else 'a'} {name}"


def on_purpose(error: BaseException) -> str:
    """The file whose own `raise` statement raised an error; nothing where Python, NumPy or a library did.

    A ValueError that a learner raises refuses what came in. One that `int("x")` or `for a, b in words` raises is a
    mistake somewhere else, and its line says more than any guess.
    """
    trace = error.__traceback__
    while trace.tb_next:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    stands_at = next((one.opname for one in dis.get_instructions(code) if one.offset == trace.tb_lasti), "")
    return code.co_filename if stands_at == "RAISE_VARARGS" else ""


def refused(error: Exception, diagnosis: str) -> None:
    """Raise `Wrong(diagnosis)` if a `raise` of the learner's own file refused good input with this error.

    An error that Python or NumPy raised, at a line that does not work, is left to the caller.
    """
    if Answer.last_used and on_purpose(error) == Answer.last_used["file"]:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        Answer.last_used = {"file": frame.filename, "line": frame.lineno, "name": frame.name, "code": frame.line}
        raise Wrong(diagnosis, found=f"{type(error).__name__}: {error}") from error


def refuses(
    function: Callable,
    *args: Any,
    of: tuple[type[Exception], ...] = (Exception,),
    otherwise: str,
    on: Callable | None = None,
) -> None:
    """Check that a call with bad input raises one of the errors `of`: `otherwise` is the diagnosis when it raises none.

    `on` runs it, for instance `on_max`. Not being written yet is no refusal.
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
    raise Wrong(otherwise, found=f"no error, but {_result(result, 'tensor' if on is on_max else 'array')}")


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
