"""A learner's modules of MAX: make one, load Hugging Face's weights into it, and run it on NumPy arrays."""

import difflib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tutor.grading.answer import Wrong, look_at
from tutor.grading.compare import expect, numpy


def tensor(array: np.ndarray) -> Any:
    """A MAX tensor that shares the memory of a NumPy array."""
    from max.experimental.tensor import Tensor

    array = np.ascontiguousarray(array)
    return Tensor.from_dlpack(array if array.flags.writeable else array.copy())


def on_max(function: Callable, *args: Any, sizes: Mapping[str, int] | None = None) -> Any:
    """Call `function` with NumPy arrays turned into tensors; give back NumPy arrays.

    The operations are collected into one graph first and run together, which is four times as fast as one by one.
    If that fails, they run again one by one, so that the traceback names the learner's line. `sizes` are those of the
    axes, by name: an error takes them along, as its attribute `sizes`, for the shapes that it speaks of.

    Raises:
        Wrong: the function gives an array of NumPy itself.
    """
    from max.experimental import functional as F

    tensors = [tensor(arg) if isinstance(arg, np.ndarray) else arg for arg in args]
    look_at(function)
    try:
        with F.lazy():
            result = function(*tensors)
        found = numpy(result)
    except Exception:
        try:
            result = function(*tensors)
            found = numpy(result)
        except Exception as error:
            vars(error)["sizes"] = sizes or {}
            raise
    if isinstance(result, np.ndarray):
        raise Wrong(
            "The result is an array of NumPy. It should be a tensor of MAX, which the next step works with: leave out "
            ".to_numpy(), or wrap the array, Tensor(array)."
        )
    return found


def build(cls: Callable, *args: Any, weights: Mapping[str, np.ndarray] | None = None) -> Any:
    """Make a module without computing its random initial weights, and load `weights` into it.

    Raises:
        Wrong: the class does not leave calling to MAX, or the weights do not fit.
    """
    from max.experimental import functional as F
    from max.experimental import nn

    if isinstance(cls, type) and not issubclass(cls, nn.Module):
        look_at(cls)
        raise Wrong(f"{cls.__name__} is no module of MAX. Derive it from nn.Module: class {cls.__name__}(nn.Module).")
    if isinstance(cls, type) and cls.__call__ is not nn.Module.__call__:
        look_at(cls)
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
    look_at(getattr(type(module), "__init__", type(module)))
    _same_names(module, shapes, weights)
    _all_different(module, list(weights))
    # A square matrix does not show which way round it is kept; the others do.
    turned = any(shapes[name] == array.T.shape != array.shape for name, array in weights.items())
    fitted = {name: _fitted(module, name, array, shapes[name], turned) for name, array in weights.items()}
    module.load_state_dict({name: tensor(array) for name, array in fitted.items()})


def reload(module: Any, weights: Mapping[str, np.ndarray], work: Callable[[], object]) -> None:
    """Load `weights` into a module that has done some `work` with others before: what it kept of those is wrong now."""
    load(module, {name: np.flip(array) for name, array in weights.items()})
    work()
    load(module, weights)


def kept(make: Callable[[], Any], *args: Any) -> Callable[[Callable[[Any], bool]], str]:
    """What `close` takes to name a module that goes on with the weights it had before: made anew, it gives other numbers."""

    def explain(fits: Callable[[Any], bool]) -> str:
        module = make()
        return "" if fits(on_max(module, *args)) else KEPT.format(type(module).__name__)

    return explain


KEPT = (
    "{} goes on with weights that it had before these were loaded: it keeps something that it made of them, such as a "
    "turned table. Make that anew in each call, from the parameter as it is then."
)


def shapes_of(module: Any) -> dict[str, list[int]]:
    """The shape of each parameter of a module, by its name."""
    return {name: [int(size) for size in parameter.shape] for name, parameter in module.parameters}


def refuse_gpt2_sizes(module: Any, sizes: set[int], advice: str, right: Mapping[str, np.ndarray] | None = None) -> None:
    """Say so where a parameter (of those in `right`, if that is given) has one of GPT-2's sizes in place of a small one.

    Raises:
        Wrong: a parameter does; `advice` says where its sizes come from.
    """
    look_at(type(module).__init__)
    for name, found in shapes_of(module).items():
        if right is None or name in right:
            sentence = (
                f"`{name}` keeps a size of GPT-2 whatever the config says, and this check uses a small config. {advice}"
            )
            expected = list(right[name].shape) if right else None
            expect(not sizes & set(found), sentence, expected=expected, found=found)


def _same_names(module: Any, shapes: Mapping[str, tuple[int, ...]], weights: Mapping[str, np.ndarray]) -> None:
    """Compare the names of a module's parameters with the right ones."""
    found, expected = list(shapes), list(weights)
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
        right = sorted(weights[absent[0]].shape), absent[0].rpartition(".")[2]
        alike = [name for name in extra if (sorted(shapes[name]), name.rpartition(".")[2]) == right]
        if alike:
            nearest = max(alike, key=lambda name: difflib.SequenceMatcher(None, name, absent[0]).ratio())
            named += f"Is `{nearest}` meant? "
        raise Wrong(f"{named}The names are attributes: GPT-2's checkpoint will be loaded by them.", **facts)
    if extra:
        raise Wrong(
            f"{kind} has a parameter too many, `{extra[0]}`: a tensor that is kept as an attribute is one, and GPT-2's checkpoint holds nothing for it.",
            **facts,
        )


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
    paths: dict[int, str] = {}
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
