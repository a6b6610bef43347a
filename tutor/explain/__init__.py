"""What an exception from a learner's file means, in plain words."""

from __future__ import annotations

import ast
import builtins
import difflib
import inspect
import linecache
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

import numpy as np

from tutor.grading.shapes import describe_all
from tutor.grading import Answer, Wrong, article
from tutor.course import ROOT, shown
from tutor.explain.spot import Spot, tree

# ---------------------------------------------------------------- sentences that depend on the learner's line


VARIANCE = "((x - mean) ** 2).mean(axis=-1)"
A_SIZE = "A size that comes from x.shape is a Dim, not a Python number: write int(x.shape[-1])."
INSTEAD = {
    # what to write with a tensor in place of a function of NumPy; a function of the same name in F needs no line here
    **dict.fromkeys(("matmul", "dot", "einsum", "inner", "vdot"), "the sign @ for a matrix product: a @ b"),
    **dict.fromkeys(("mean", "sum", "max", "min"), "x.{0}(axis=-1)"),
    **dict.fromkeys(("swapaxes", "transpose", "moveaxis"), "x.transpose(1, 2), which swaps two axes, or x.permute"),
    **dict.fromkeys(("split", "array_split", "hsplit"), "F.split(x, sizes, axis=-1), with the size of each part"),
    **dict.fromkeys(("var", "std"), f"{VARIANCE} for the variance; F.sqrt gives its root"),
    **dict.fromkeys(("array", "asarray", "ascontiguousarray"), "x.to_numpy() for the numbers of a tensor"),
    **dict.fromkeys(("concatenate", "hstack", "vstack"), "F.concat([a, b], axis=-1)"),
    **dict.fromkeys(("tril", "triu"), "F.band_part, which keeps a band around the diagonal"),
    "reshape": "x.reshape([B, T, C])",
    "take": "F.gather(x, ids, axis=0)",
    "power": "the sign **",
    "float32": "F.cast(x, DType.float32)",
}
IMPORTS = {
    # names that a step may need, and the line that brings them
    "np": "import numpy as np",
    "numpy": "import numpy",
    "math": "import math",
    "json": "import json",
    "re": "import re",
    "struct": "import struct",
    "Path": "from pathlib import Path",
    "F": "from max.experimental import functional as F",
    "nn": "from max.experimental import nn",
    "Tensor": "from max.experimental.tensor import Tensor",
    "DType": "from max.dtype import DType",
}


def _foreign(error: BaseException, spot: Spot) -> str:
    """What to say of a function of NumPy or math that got something of MAX."""
    call = spot.node
    if not isinstance(call, ast.Call) or "max.experimental.tensor" not in sys.modules:
        return ""
    function = spot.value(call.func)
    module = str(getattr(function, "__module__", None) or type(function).__module__).partition(".")[0]
    if module not in ("numpy", "math"):
        return ""
    inputs = [*call.args, *(word.value for word in call.keywords)]
    kinds = {kind for node in inputs for kind in _of_max(node, spot)}
    name = ast.unparse(call.func)
    if "tensor" in kinds:
        from max.experimental import functional as F

        last = name.rpartition(".")[2]
        other = INSTEAD.get(last, "F.{0}(x)" if hasattr(F, last) else "a function of F").format(last)
        owner = {"numpy": "NumPy", "math": "Python's math"}[module]
        return f"`{name}` got a tensor of MAX, which the functions of {owner} do not take. Take {other}."
    if "size" in kinds:
        if len(inputs) == 1 and not isinstance(inputs[0], ast.Tuple | ast.List):
            return A_SIZE.replace("x.shape[-1])", f"{ast.unparse(inputs[0])})")
        return A_SIZE
    return ""


def _of_max(node: ast.AST, spot: Spot) -> list[str]:
    """What of MAX is in an expression: "tensor", or "size" for a Dim."""
    from max.experimental.tensor import Tensor
    from max.graph import Dim

    if isinstance(node, ast.Call):
        function = spot.value(node.func)
        module = str(getattr(function, "__module__", None) or type(function).__module__)
        plain = isinstance(function, type | np.ufunc) or inspect.isroutine(function)
        if (plain and not module.startswith("max.")) or ast.unparse(node.func).endswith((".to_numpy", ".item")):
            return []  # int(…), or something else that may give no tensor
    if isinstance(node, ast.Attribute) and node.attr == "shape":
        return ["size"] if isinstance(spot.value(node.value), Tensor) else []
    if isinstance(node, ast.Name | ast.Attribute):
        value = spot.value(node)
        if isinstance(value, Tensor | Dim):
            return ["tensor" if isinstance(value, Tensor) else "size"]
        if value is not None and not callable(value):
            return []
    return [kind for child in ast.iter_child_nodes(node) for kind in _of_max(child, spot)]


def _calls_itself(error: BaseException, spot: Spot) -> str:
    """What to say of a class that makes one of its own in place of MAX's layer of the same name."""
    own = spot.value(spot.node.func) if isinstance(spot.node, ast.Call) else None
    if (
        not isinstance(error, TypeError | RecursionError)
        or not isinstance(own, type)
        or _defined(own.__qualname__, spot) is not own
    ):
        return ""
    nn = sys.modules.get("max.experimental.nn")
    if not hasattr(nn, own.__name__) or not spot.frame.f_code.co_qualname.startswith(f"{own.__qualname__}."):
        return ""
    return f"`{own.__name__}` is your own class here, which makes itself. MAX's layer is `nn.{own.__name__}`."


def _no_name(error: BaseException, spot: Spot) -> str:
    """What to say of a name that Python does not know."""
    if not isinstance(error, NameError) or not spot.frame or not _last_frame_in(error, spot.answer):
        return ""
    found = re.search(r"'(\w+)'", _words(error))
    if not found:
        return ""
    name = found[1]
    if isinstance(error, UnboundLocalError) or "free variable" in _words(error):
        return f"`{name}` is used before it has a value in this function."
    me, spaces = spot.names.get("self"), (spot.names, spot.frame.f_globals)
    kept = getattr(me, "__dict__", {})  # a property of the learner's own may raise anything
    if name in ("self", "cls"):
        whose = "method is self, the object" if name == "self" else "classmethod is cls, the class"
        return f"There is no `{name}` here. The first argument of a {whose}: is it missing in the line with def?"
    if name in ("inf", "nan"):
        sign = "-" if f"-{name}" in spot.code() else ""
        return f'Python has no number called `{name}`: write float("{sign}{name}").'
    if name in IMPORTS:
        return f"`{name}` is not imported: `{IMPORTS[name]}`, at the top of the file."
    unknown = f"There is no `{name}` here."
    if name in kept or (me is not None and hasattr(type(me), name)):
        return f"{unknown} What the object keeps is called `self.{name}`."
    holders = {"config": spot.names.get("config"), "self.config": kept.get("config")}
    if holder := next(
        (key for key, thing in holders.items() if name in getattr(thing, "__dataclass_fields__", ())), ""
    ):
        return f"{unknown} Is `{holder}.{name}` meant?"
    if me is not None and name in _arguments(type(me).__init__):
        return (
            f"{unknown} It is an argument of __init__: what forward needs of it, keep there, as self.{name} = {name}."
        )
    for short, module in spaces[1].items():
        if isinstance(module, ModuleType) and short != "builtins" and hasattr(module, name):
            return f"{unknown} Is `{short}.{name}` meant?"
    functions = sys.modules.get("max.experimental.functional")
    if hasattr(functions, name):
        return f"{unknown} Is `F.{name}` meant? ({IMPORTS['F']})"
    known = [known for space in (*spaces, vars(builtins)) for known in space if not known.startswith("_")]
    near = difflib.get_close_matches(name, known, 1, 0.75)
    return f"{unknown} Is `{near[0]}` meant?" if near else ""


def _last_frame_in(error: BaseException, answer: Path) -> bool:
    """Whether the line that raised an error is one of the learner's file."""
    return Path(traceback.extract_tb(error.__traceback__)[-1].filename) == answer


def _arguments(function: Any) -> list[str]:
    """The names of a function's arguments."""
    code = getattr(function, "__code__", None)
    return list(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]) if code else []


def _defined(name: str, spot: Spot) -> Any:
    """The class, function, classmethod or staticmethod that the learner's file defines under a dotted name, or None."""
    modules = [module for module in list(sys.modules.values()) if getattr(module, "__file__", None) == str(spot.answer)]
    for thing in modules:
        for key in name.split("."):
            thing = getattr(thing, "__dict__", {}).get(key)
        if thing is not None:
            return thing
    return None


def _is_method(name: str) -> bool:
    """Whether a dotted name is that of a function in a class."""
    return "." in name and not name.rpartition(".")[0].endswith("<locals>")


FROM_STUB = " The check calls it with the arguments that the stub has."


def _too_few(match: re.Match, spot: Spot) -> str:
    """What to say of a call with too few arguments."""
    name, missing = match[1], match[2]
    own = _defined(name, spot)
    first = (_arguments(own) or [""])[0]
    if first == "self" and not _is_method(name):
        return f"`{name}` stands outside a class, where there is no self: take self out of its arguments."
    if first == "cls" and _is_method(name):
        return (
            f"The line `@classmethod` is missing above `{name}`: with it, Python gives the class as the first argument."
        )
    are = "are" if " and " in missing else "is"
    return f"`{name}` is called with too few arguments: {missing} {are} missing." + (
        FROM_STUB if own and not spot.frame else ""
    )


def _too_many(match: re.Match, spot: Spot) -> str:
    """What to say of a call with too many arguments, of which self is none."""
    name, takes, given = match[1], int(match[2]), int(match[3])
    own = _defined(name, spot)
    first = (_arguments(getattr(own, "__func__", own)) or [""])[0]
    if _is_method(name) and given == takes + 1:
        if isinstance(own, classmethod) and first != "cls":
            return f"`{name}` has no `cls`. The first argument of a classmethod is cls, the class."
        if inspect.isfunction(own) and first != "self":
            return f"`{name}` has no `self`. The first argument of a method is self, the object."
    called = spot.value(spot.node.func) if isinstance(spot.node, ast.Call) else None
    hidden = _is_method(name) and not isinstance(own, staticmethod) and not inspect.isfunction(called)
    takes, given = takes - hidden, given - hidden
    count = f"{takes} argument{'s' if takes != 1 else ''}" if takes else "no argument"
    return f"`{name}` takes {count} and is called with {given}." + (FROM_STUB if own and not spot.frame else "")


def _no_brackets(match: re.Match, spot: Spot) -> str:
    """What to say of square brackets after something that takes none."""
    if isinstance(spot.node, ast.Subscript) and callable(spot.value(spot.node.value)):
        name, inside = ast.unparse(spot.node.value), ast.unparse(spot.node.slice)
        call = f"{name}({'…' if ':' in inside else inside})"
        return f"`{name}` is not a list or an array: call it, with round brackets, {call}."
    return f"What is of type {match[1]} takes no square brackets: its parts are attributes, after a dot."


def _no_tensor(match: re.Match, spot: Spot) -> str:
    """What to say of something that stands in a tensor's place."""
    if match[1] == "range":
        return "`range` gives no tensor. Tensor.arange does: one of whole numbers, from 0 on."
    inside = list(ast.walk(spot.node or spot.statement or ast.Module([], [])))
    called = [node.func for node in inside if isinstance(node, ast.Call)]
    for node in inside:
        thing = spot.value(node) if node not in called else None
        if type(thing).__name__ == match[1] and (inspect.isroutine(thing) or isinstance(thing, type)):
            name, kind = ast.unparse(node), "class" if isinstance(thing, type) else "function"
            return f"`{name}` is a {kind} itself, not what it gives. Call it, with brackets: {name}(…)."
    return (
        f"Something of type {match[1]} stands where a tensor belongs. A layer is called, self.layer(x), or gives its "
        "weight, self.layer.weight."
    )


def _no_number(match: re.Match, spot: Spot) -> str:
    """What to say where a tensor has no numbers yet, or is no number."""
    if match[0].startswith("Can't") and "lazy" in "".join(linecache.getlines(str(spot.answer))):
        return (
            "The numbers of a tensor are asked for inside `with F.lazy():`. They are there when it has ended: "
            "read them outside."
        )
    if match[0].startswith("Can't") and spot.frame and spot.frame.f_code.co_name == "__init__":
        return "The numbers of a tensor are asked for in __init__, where they are not computed yet. Do that in forward."
    where = f", in `{ast.unparse(spot.node)}`" if spot.node else ""
    return (
        f"A tensor stands where a Python number belongs{where}. A length is a size of its shape, such as x.shape[-2]."
    )


def _a_dim(match: re.Match, spot: Spot) -> str:
    """What to say of a Dim in a number's place."""
    if re.search(r"\.\w+\(range\(", spot.code()):
        return "`range` takes no size of x.shape and gives no tensor. Tensor.arange does both."
    return A_SIZE


def _not_in_tensor(match: re.Match, spot: Spot) -> str:
    """What to say of an attribute that a tensor of MAX lacks."""
    name, lacks = match[1], f"A tensor of MAX has no `{match[1]}`."
    if name in ("view", "size"):
        return f"{lacks} PyTorch's view is reshape, its size() is shape."
    if hasattr(sys.modules.get("max.experimental.functional"), name):
        return f"{lacks} It is a function: F.{name}(x)."
    return f"{lacks} It may be a function in F, under this or another name: the chapter shows those of this step."


def _unpacked(match: re.Match, spot: Spot) -> str:
    """What to say of several names for another number of things."""
    if isinstance(spot.statement, ast.For):
        return (
            f"There are {match[1]} names after `for`, and each item has another number of things. Is .items() missing?"
        )
    code = spot.code()
    more = ""
    if "split(" in code:
        more = " F.split(x, n) makes parts of n numbers, not n parts."
    elif ".shape" in code or not code:
        more = " A shape has as many sizes as the tensor has axes, and x.shape[-1] counts from the end."
    return f"There are {match[1]} names on the left of the =, and another number of things on the right.{more}"


def _beyond(match: re.Match, spot: Spot) -> str:
    """What to say of an index that is too large, or of a loop over a tensor, which ends with one."""
    index = int(match[2]) - (match[1] == "stop")
    return (
        f"There is no index {index} on an axis of size {match[3]}. A loop over a tensor of MAX, `for row in x`, ends so "
        "too: a layer takes the whole tensor at once."
    )


def _text_for_number(error: BaseException, spot: Spot) -> str:
    """What to say of a text in a number's place, in which MAX looks for items without end."""
    inputs = spot.node.args if isinstance(spot.node, ast.Call) and isinstance(error, RecursionError) else []
    texts = [node.value for node in inputs if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    if not texts:
        return ""
    text = texts[0]
    number = f' Write float("{text}").' if re.fullmatch(r"[+-]?(inf|nan|[\d.]+(e[+-]?\d+)?)", text) else ""
    return f'"{text}", in quotes, is a text where a number belongs.{number}'


def _many_as_one(error: BaseException, spot: Spot) -> str:
    """What to say of a tensor of many numbers that Python takes for one: MAX raises a TypeError without words."""
    calls = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    if not isinstance(error, TypeError) or _words(error) or calls[-1] != "item":
        return ""
    if "__bool__" in calls:
        return (
            "An `if`, `while`, `and`, `or` or `not` asks for one True or False, and got a tensor of many numbers. "
            "F.where(condition, a, b) chooses for each number on its own."
        )
    return "One number is asked for, and the tensor holds more: pick one first, as in x[0, 0]."


# ---------------------------------------------------------------- sentences that depend on what the error says


OF_MAX = (
    # what is said where MAX is at work (a regular expression), and what it means for a beginner: a sentence, or a
    # function that looks at the learner's line and gives one
    (
        r"Can't realize tensor before realization context is completed"
        r"|^'Tensor' object cannot be interpreted as an integer|must be .*real number, not '?Tensor",
        _no_number,
    ),
    (
        r"from_dlpack only accepts contiguous arrays",
        "MAX got a transposed or sliced view, whose numbers do not lie one after the other: `np.ascontiguousarray(array)` copies it.",
    ),
    (
        r"can not be created directly from a 'ndarray'",
        "MAX got a NumPy array where it needs a tensor: wrap the array, `Tensor(array)`.",
    ),
    (
        r"argument must be (?:a TensorValueLike|an mlir.Value).* not '(list|int|float|NoneType|tuple)'",
        "MAX got a Python {0} where it needs a tensor.",
    ),
    (
        r"Failed to create op '(?:Mo)?Gather",
        "The lookup needs whole numbers as IDs (int64), and a table of numbers to look in: one of the two is of another type.",
    ),
    (
        r"gather index (-?\d+) is out of bounds for axis \d+ with size (\d+)",
        "Row {0} was asked for, and the table has {1} rows, which are counted from 0.",
    ),
    (
        r"Slice index value must be a scalar, had shape",
        "A tensor of MAX takes no other tensor in square brackets. To pick rows by ID, call the layer, self.wte(tokens), "
        "or take F.gather.",
    ),
    (
        r"Failed to create op 'SliceOp'.* (start|stop) index (\d+) out of range for dimension size (\d+)",
        _beyond,
    ),
    (
        r"Failed to create op '(?:Xor|And|Or)Op'",
        "The signs ^, & and | are for True and False. A power is written **: x ** 2.",
    ),
    # shapes
    (
        r"Matrix multiplication input lhs \(shape (\[.*?\])\) dimension at axis -1 \(value (\d+)\) must match "
        r"input rhs \(shape (\[.*?\])\) dimension at axis -\d \(value (\d+)\)",
        "The matrix product {0} @ {2} does not fit: the left one ends with {1}, so the right one must have {1}, not {3}, "
        "in its last place but one. Is a transpose missing, or one too many?",
    ),
    (
        r"Input lhs \(shape (\[.*?\])\) dimension at axis \d+ \(value (\d+)\) and input rhs \(shape (\[.*?\])\) dimension "
        r"at axis \d+ \(value (\d+)\) are neither equivalent nor broadcastable",
        "The shapes {0} and {2} do not go together: where one has {1}, the other has {3}. Counted from the last axis, two "
        "sizes must be equal, or one of them 1.",
    ),
    (
        r"\[reshape\] input and output number of elements must match: \S*ape(\[.*?\])\S* .*?ape(\[.*?\])",
        "A reshape keeps every number, and {0} does not hold as many as {1}.",
    ),
    (
        r"Split sizes must sum to dimension value; .*Dim\((\d+)\) != sum\(sizes=(\[.*?\])\)",
        "A split cuts an axis of {0} numbers into parts of {1}, which is not {0} together. Is it the right axis? Unless told, "
        "F.split cuts axis 0.",
    ),
    (
        r"Axis \w+ out of range \(expected to be in range of \[(-?\d+), (-?\d+)\], but got (-?\d+)\)",
        "There is no axis {2}: this tensor's axes go from {0} to {1}.",
    ),
    (
        r"Invalid axis=(-?\d+) for input \S+\.rank=(\d+)",
        "There is no axis {0}: this tensor has {1}, which are counted from 0, or from -1 for the last.",
    ),
    (
        r"The rank of the input \((\d+)\) does not match the number of dims used for ordering \((\d+)\)",
        "permute names every axis once. This tensor has {0}, and you name {1}.",
    ),
    (
        r"Gamma size (\d+) does not match dimension of reduction (\d+)",
        "LayerNorm's weight has {0} numbers, and the vectors that come in have {1}.",
    ),
    (
        r"(?:too many|not enough) values to unpack \(expected (?:at least )?(\d+)",
        _unpacked,
    ),
    # types
    (
        r"^'(\S+)': Loaded tensor .*dtype=DType\.(\w+)\) not assignable to parameter .*dtype=DType\.(\w+)\)",
        "The parameter `{0}` holds {2}. GPT-2's hold {1}, which MAX takes where no dtype is given.",
    ),
    (
        r"Failed to resolve valid dtype: Unsafe cast from",
        "Whole numbers and floats meet here, which MAX does not mix. Write int(x.shape[-1]) for a size, and "
        "F.cast(tensor, DType.float32) for a tensor.",
    ),
    (
        r"explicitly convert to int with int\(dim\)|unsupported operand type\(s\).*'(?:Static|Symbolic|Algebraic)?Dim'",
        _a_dim,
    ),
    (
        r"Unsupported dimension type (\S+) \(<class 'float'>\)",
        "A size must be a whole number, not {0}. If it comes from a division, divide with //.",
    ),
    (
        r"Unary ops do not support non-max objects|op operand #0 must be floating point tensor",
        "This function of MAX takes a tensor of floats. For a Python number write Python: `** 0.5` is its root.",
    ),
    (
        r"cannot convert float infinity to integer|promote external array with value \S+ out of range for DType DType.bool",
        "F.where takes the type of its numbers from the condition, where both are plain. Make one a tensor: "
        'Tensor(float("-inf")).',
    ),
    (
        r"argument must be (?:a TensorValueLike|an mlir.Value).* not '(\w+)'",
        _no_tensor,
    ),
    (
        r"^<class '(?:numpy\.)?(?:int|float|bool)\d*'>$|^'(?:u?int|float)\d*'$",
        "A dtype of MAX is none of Python's or NumPy's. Take that of another tensor, dtype=tokens.dtype, or DType.int64 "
        "(from max.dtype import DType).",
    ),
    # names
    (
        r"has no attribute '(var|std)'",
        f"MAX has no `{{0}}`. The variance is the mean of (x - mean)², {VARIANCE}, and F.sqrt gives its root.",
    ),
    (
        r"'Tensor' object has no attribute '(swapaxes|swapdims|moveaxis)'",
        "A tensor of MAX has no `{0}`: x.transpose(1, 2) swaps two axes, and x.permute puts all of them in order.",
    ),
    (
        r"has no attribute '(triu|tril)'",
        "MAX has no `{0}`. F.band_part keeps a band around the diagonal, and with exclude=True it keeps the rest.",
    ),
    (
        r"module 'max\.experimental\.(functional|nn)' has no attribute '(\w+)'",
        "max.experimental.{0} has no `{1}`: MAX's names are not always PyTorch's. The chapter shows those of this step.",
    ),
    (
        r"'Tensor' object has no attribute '(\w+)'",
        _not_in_tensor,
    ),
    (
        r"Tensor\.(reshape|permute)\(\) takes 2 positional arguments",
        "{0} takes one list: x.reshape([B, T, C]), x.permute([0, 2, 1]).",
    ),
    (
        r"Tensor\.transpose\(\) (?:takes|missing) \d",
        "transpose takes the two axes that it swaps: x.transpose(1, 2). permute takes all axes, as one list.",
    ),
    (
        r"Tensor\.(full|ones|zeros)\(\) takes (?:from \d+ to )?\d+ positional",
        "A shape is one list, also where it has several axes: Tensor.{0}([T, T], …).",
    ),
    (
        r"Tensor.\w+\(\) got an unexpected keyword argument '(keepdims?)'",
        "There is no argument called `{0}`: in MAX a mean or a sum keeps its axis, with size 1.",
    ),
    (
        r"Embedding\.__init__\(\) takes 2 positional arguments",
        "The size of a row is given by name: nn.Embedding(rows, dim=columns).",
    ),
    (
        r"got an unexpected keyword argument '(dim|eps|weight|bias)'",
        "There is no argument called `{0}`. MAX says axis, epsilon, gamma and beta where PyTorch says dim, eps, weight and bias.",
    ),
    (
        r"missing a required argument: '(\w+)'",
        "The argument `{0}` is missing. MAX says axis, epsilon, gamma and beta where PyTorch says dim, eps, weight and bias.",
    ),
    (
        r"'(list|tuple)' object is not callable",
        "A {0} of layers cannot be called: call them one after the other in a loop, or take nn.Sequential.",
    ),
    (
        r"'int' object is not iterable",
        "A whole number stands where a list belongs. A shape is a list, also with one axis: [C].",
    ),
    (
        r"Invalid approximation method: (\S+)",
        'GELU has no form called {0}: approximate is "tanh", "quick" or "none".',
    ),
    (
        r"__setitem__ requires a Tensor value",
        "A tensor's numbers are not set one by one. Set them in an array of NumPy and wrap that, Tensor(array), or take a "
        "function such as F.where.",
    ),
    (
        r"ModuleList must implement forward",
        "nn.ModuleList only keeps layers. Call them one after the other in a loop, or take nn.Sequential.",
    ),
)

OF_PYTHON = (
    # the same for what Python and NumPy say
    (
        r"^'NoneType' object (?:has no attribute|is not)",
        "Something is None where a value belongs. A function without a `return` gives None, and so does list.sort().",
    ),
    (
        r"^'(\w+)' object is not subscriptable",
        _no_brackets,
    ),
    (
        r"(\S+)\(\) missing \d+ required positional arguments?: (.*)",
        _too_few,
    ),
    (
        r"(\S+)\(\) takes (?:from \d+ to )?(\d+) positional arguments? but (\d+) ",
        _too_many,
    ),
    (
        r"^(\w+)\(\) takes no arguments$",
        "`{0}` has no __init__ that takes arguments. Is it inside the class, with two underscores on each side?",
    ),
    (
        r"(?:output array|assignment destination) is read-only",
        "This array must not change. v -= … changes v itself, and with it the table that v is a row of. Write v = v - …, "
        "or take a copy first.",
    ),
    (
        r"got an unexpected keyword argument '(dim|keepdim)'",
        "There is no argument called `{0}`. NumPy says axis and keepdims where PyTorch says dim and keepdim.",
    ),
    (
        r"got an unexpected keyword argument '(\w+)'",
        "There is no argument called `{0}`: it has another name, or is misspelled.",
    ),
    (
        r"(?:too many|not enough) values to unpack \(expected (?:at least )?(\d+)",
        "There are {0} names on the left of the =, or in a `for`, and another number of things to give them.",
    ),
    (
        r"requested array has an inhomogeneous shape",
        "NumPy got lists of different lengths. The rows of an array are equally long.",
    ),
    (
        r"operands could not be broadcast together with shapes (\(.*?\)) (\(.*?\))",
        "The shapes {0} and {1} do not go together. Counted from the last axis, two sizes must be equal, or one of them 1.",
    ),
    (
        r"matmul: .*core dimension 0.*\(size (\d+) is different from (\d+)\)",
        "The matrix product does not fit: the left array ends with {1}, so the right one must have {1}, not {0}, in its "
        "last place but one. Is a transpose missing, or one too many?",
    ),
    (
        r"shapes (\(.*?\)) and (\(.*?\)) not aligned: (\d+) \(dim \d+\) != (\d+)",
        "The product of {0} and {1} does not fit: {2} numbers meet {3}. Is a transpose missing, or one too many?",
    ),
    (
        r"truth value of an array with more than one element is ambiguous",
        "An `if`, `and`, `or` or `not` got a whole array of answers. Take one number of it, or .any() or .all().",
    ),
)


def failure(error: BaseException, answer: Path) -> dict:
    """What the verdict shows for an exception that a learner's code, or a check of it, raised.

    With `--mine` it may come out of another of the learner's files than the one that is checked.
    """
    answer = culprit(error) or answer
    look = _place(error, answer)
    if isinstance(error, Wrong):
        return {"kind": "wrong", "diagnosis": error.diagnosis, "facts": error.facts, "look": error.look or look}
    try:
        kind, diagnosis, said = _explain(error, answer, look)
    except Exception:  # what the learner's objects do when they are looked at is beyond us; a verdict there must be
        kind, diagnosis, said = "wrong", _general(error, look), ""
    facts = {"it says": said} if said else {}
    if kind == "wrong" and (inside := _solution(error.__traceback__, answer)):
        facts["inside"] = inside
        diagnosis = diagnosis.replace("Your code raised", "It raises")
        diagnosis = f"{inside.partition(':')[0]} cannot work with what your code gives it. {diagnosis}"
    return {"kind": kind, "diagnosis": diagnosis, "facts": facts, "look": look or {"file": str(answer)}}


def culprit(error: BaseException) -> Path | None:
    """The learner's file that an error came out of: the innermost of those in steps/."""
    # Last in this list is where a SyntaxError lies, which is no frame; first, the file that an import wanted something from.
    frames = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    files = [Path(str(file)) for file in (getattr(error, "path", None), *frames, getattr(error, "filename", None))]
    return next((file for file in reversed(files) if file.parent == ROOT / "steps"), None)


def _place(error: BaseException, answer: Path) -> dict | None:
    """The innermost line of the learner's file in a traceback, or else the line that an error speaks of."""
    if isinstance(error, SyntaxError) and error.lineno and error.filename == str(answer):
        return {"file": str(answer), "line": error.lineno, "name": "<module>", "code": (error.text or "").strip()}
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename) == answer:
            return {"file": frame.filename, "line": frame.lineno, "name": frame.name, "code": frame.line}
    called = re.match(r"([\w.]+)\(\) (?:takes|missing) ", _words(error))
    own = _defined(called[1], Spot(answer)) if called else None
    if code := getattr(getattr(own, "__func__", own), "__code__", None):
        line = linecache.getline(str(answer), code.co_firstlineno).strip()
        return {"file": str(answer), "line": code.co_firstlineno, "name": called[1], "code": line}
    return None


def _solution(trace: TracebackType | None, answer: Path) -> str:
    """The innermost line of a solution that the answer called, where that is where it failed."""
    for frame in reversed(traceback.extract_tb(trace)):
        if Path(frame.filename) == answer:
            break
        if Path(frame.filename).parent == ROOT / "solutions":
            return f"{shown(frame.filename)}:{frame.lineno}, {frame.line}"
    return ""


def _words(error: BaseException) -> str:
    """What an error says."""
    try:
        return str(error)
    except Exception:  # a class of the learner's own whose __str__ fails in turn
        return ""


def _explain(error: BaseException, answer: Path, look: dict | None) -> tuple[str, str, str]:
    """The kind of failure, the diagnosis, and Python's or MAX's own words where they add something."""
    name = type(error).__name__
    said = " ".join(_words(error).split())
    if isinstance(error, NotImplementedError):
        if look and look["code"] and look["code"].startswith("raise"):
            left = (
                " If the rest of it is your answer, delete the `raise NotImplementedError` line, which is still there."
            )
            begun = left if _begun(answer, look["line"]) else ""
            return "unwritten", f"Not written yet, in `{look['name']}`: {said or 'see its docstring'}.{begun}", ""
        if "ModuleList" not in said:
            missing = re.sub(r"(\w+) must implement forward\(\).*", r"`\1` has no method `forward`", said)
            return (
                "wrong",
                f"{missing or 'A method is missing'}: is it defined in your class, under that very name?",
                "",
            )
    if isinstance(error, SyntaxError):
        return "wrong", f"Python cannot read the file: {stopped(error.msg or 'it gives no reason')}", ""
    if isinstance(error, ValueError) and "null bytes" in said:  # how older releases of Python 3.11 put it
        return "wrong", f"Python cannot read the file: {said}.", ""
    if isinstance(error, SystemExit):
        return "wrong", "Your file ends the program (`sys.exit`, `exit` or `quit`), so nothing can be checked.", ""
    if isinstance(error, ModuleNotFoundError) and "module_v3" in said:
        advice = "`max.nn.module_v3` is the name of an older MAX. Today it is `from max.experimental import nn`."
        return "wrong", advice, said
    if isinstance(error, ImportError):
        return "wrong", f"An import does not work: {said[:1].lower()}{said[1:] or 'it gives no reason'}.", ""
    if isinstance(error, EOFError):
        return "wrong", "Your file asks for input, and a check has nobody to answer: take the `input` out.", ""
    spot = Spot.of(error.__traceback__, answer)
    for reader in (_no_attribute, _no_name, _calls_itself, _foreign, _text_for_number, _many_as_one):
        if sentence := reader(error, spot):
            speaks = said and not isinstance(error, RecursionError)
            return "wrong", sentence, f"{name}: {_first_line(error)}" if speaks else ""
    # In the steps that do without MAX nobody imports it, and the same words may mean something else.
    for pattern, sentence in (*(OF_MAX if "max.experimental" in sys.modules else ()), *OF_PYTHON):
        if match := re.search(pattern, said):
            if callable(sentence):
                sentence = sentence(match, spot)
            else:  # the names of axes go into the shapes that MAX speaks of, not into the advice
                sentence = sentence.format(*(describe_all(group or "", Answer.sizes) for group in match.groups()))
            return "wrong", sentence, f"{name}: {_first_line(error)}"
    if isinstance(error, RecursionError):
        calls = sum(Path(frame.filename) == answer for frame in traceback.extract_tb(error.__traceback__))
        # MAX asks a list, or a text, for its items, and those for theirs.
        endless = "A function calls itself without end." if calls > 9 else "MAX got something here that it cannot read."
        return "wrong", endless, ""
    if isinstance(error, MemoryError):
        return "wrong", "Your code asks for more memory than there is.", ""
    return "wrong", _general(error, look), ""


def _general(error: BaseException, look: dict | None) -> str:
    """What can be said of any error."""
    where = f" in `{look['name']}`" if look and look["name"] != "<module>" else ""
    return f"Your code raised {article(type(error).__name__)}{where}: {_first_line(error)}"


def _begun(answer: Path, line: int) -> bool:
    """Whether a function whose `raise NotImplementedError` stands at a line holds more than that and its docstring."""
    for node in ast.walk(tree(answer)):
        if isinstance(node, ast.FunctionDef) and any(part.lineno == line for part in node.body):
            return len(node.body) - (ast.get_docstring(node) is not None) > 1
    return False


def stopped(sentence: str) -> str:
    """A sentence with a mark at its end, and no more than one."""
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."


def _no_attribute(error: BaseException, spot: Spot) -> str:
    """What to say of a name that an object of the learner's own class lacks, or that is nearly one which is there."""
    thing = getattr(error, "obj", None)
    if not isinstance(error, AttributeError) or thing is None:
        return ""
    owner = f"`{type(thing).__name__}`" if not isinstance(thing, ModuleType) else f"`{thing.__name__}`"
    if type(thing).__name__ == "Tensor" and hasattr(sys.modules.get("max.experimental.functional"), str(error.name)):
        return ""
    near = difflib.get_close_matches(str(error.name), dir(thing), 1, 0.75)
    meant = f" Is `{near[0]}` meant?" if near else ""
    file = getattr(sys.modules.get(type(thing).__module__), "__file__", None)
    if file == str(spot.answer):
        return f"{owner} has no attribute `{error.name}`: is it set in __init__, under this very name?{meant}"
    return f"{owner} has no attribute `{error.name}`.{meant}" if meant else ""


def _first_line(error: BaseException) -> str:
    """The first line that an error says; where it only leads to a list, with the first reason in that."""
    lines = [line.strip() for line in _words(error).splitlines() if line.strip()] or ["without a message"]
    first = lines[0].removesuffix(":")
    if first == lines[0] or len(lines) == 1:
        return first
    reason = lines.index("Diagnostics:") + 1 if "Diagnostics:" in lines[:-1] else 1
    return f"{first}: {lines[reason]}"
