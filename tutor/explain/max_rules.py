"""What MAX's own errors mean for a beginner, and what to write instead of what MAX does not take."""

from __future__ import annotations

import ast
import inspect
import linecache
import re
import sys
import traceback

import numpy as np

from tutor.explain.spot import Spot, tree, words

A_SIZE = "A size that comes from x.shape is a Dim, not a Python number: write int(x.shape[-1])."
INSTEAD = {
    # what to write with a tensor in place of what NumPy or PyTorch has; a function of the same name in F needs no line here
    **dict.fromkeys(("matmul", "dot", "einsum", "inner", "vdot"), "the sign @ for a matrix product: a @ b"),
    **dict.fromkeys(("mean", "sum", "max", "min"), "x.{0}(axis=-1)"),
    **dict.fromkeys(("swapaxes", "transpose", "moveaxis"), "x.transpose(1, 2), which swaps two axes, or x.permute"),
    **dict.fromkeys(("split", "array_split", "hsplit"), "F.split(x, sizes, axis=-1), with the size of each part"),
    **dict.fromkeys(("var", "std"), "((x - mean) ** 2).mean(axis=-1) for the variance; F.sqrt gives its root"),
    **dict.fromkeys(("array", "asarray", "ascontiguousarray"), "x.to_numpy() for the numbers of a tensor"),
    **dict.fromkeys(("cat", "concatenate", "hstack", "vstack"), "F.concat([a, b], axis=-1)"),
    **dict.fromkeys(("tril", "triu"), "F.band_part, which keeps a band around the diagonal"),
    **dict.fromkeys(("reshape", "view"), "x.reshape([B, T, C])"),
    **dict.fromkeys(("masked_fill", "masked_fill_"), "F.where(condition, a, b), which chooses for each number"),
    **dict.fromkeys(("contiguous", "detach", "clone"), "x as it is: in MAX there is no need for that"),
    **dict.fromkeys(("dropout", "Dropout"), "nothing in its place: dropout belongs to training"),
    "register_buffer": "a plain variable of forward: MAX takes a tensor that the module keeps for a parameter",
    "Parameter": "the tensor itself: self.weight = Tensor.ones([C])",
    "size": "x.shape",
    "take": "F.gather(x, ids, axis=0)",
    "power": "the sign **",
    "float32": "F.cast(x, DType.float32)",
}


def foreign(error: BaseException, spot: Spot) -> str:
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
    if "of type Tensor which has no callable" in str(error):  # NumPy knows it, also where a name's value is gone
        kinds.add("tensor")
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
    if hasattr(sys.modules.get("max.experimental.functional"), name):
        return f"{lacks} It is a function: F.{name}(x)."
    return f"{lacks} It may be a function in F, under this or another name: the chapter shows those it needs."


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


def _no_row(match: re.Match, spot: Spot) -> str:
    """What to say of an ID that has no row: the lookup may go along the columns of a table that the line names."""
    row, size = int(match[1]), int(match[2])
    asked = f"Row {row} was asked for, and the table has {size} rows"
    inside = list(ast.walk(spot.node or ast.Module([], [])))
    names = {ast.unparse(node) for node in inside if isinstance(node, ast.Name | ast.Attribute)}
    for node in ast.walk(tree(spot.answer)):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in names:
            inside += ast.walk(node.value)
    for table in map(spot.value, inside):
        if type(table).__name__ == "Tensor" and len(table.shape) == 2 and not table.dtype.is_integral():
            rows, columns = map(int, table.shape)
            if columns == size and row < rows:
                return f"{asked}, not {rows}: it lies on its side here, by a transpose or by the axis of the lookup."
    return f"{asked}, which are counted from 0."


def _signature(match: re.Match, spot: Spot) -> str:
    """What to say of a call of one of MAX's functions with other arguments than it takes."""
    wrong = f"The argument `{match[1]}` is missing." if match[1] else "That is an argument too many."
    return f"{wrong}{_takes(spot)}"


def _takes(spot: Spot) -> str:
    """Which arguments the function takes that is called at a spot."""
    called = spot.node.func if isinstance(spot.node, ast.Call) else None
    function = spot.value(called)
    if not called or not callable(function):
        return ""
    names = ", ".join(inspect.signature(function).parameters)
    return f" `{ast.unparse(called)}` takes {names}, in this order; PyTorch's takes others."


def _beyond(match: re.Match, spot: Spot) -> str:
    """What to say of an index that is too large, or of a loop over a tensor, which ends with one."""
    index = int(match[2]) - (match[1] == "stop")
    return (
        f"There is no index {index} on an axis of size {match[3]}. A loop over a tensor of MAX, `for row in x`, ends so "
        "too: a layer takes the whole tensor at once."
    )


def text_for_number(error: BaseException, spot: Spot) -> str:
    """What to say of a text in a number's place, in which MAX looks for items without end."""
    inputs = spot.node.args if isinstance(spot.node, ast.Call) and isinstance(error, RecursionError) else []
    texts = [node.value for node in inputs if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    if not texts:
        return ""
    text = texts[0]
    number = f' Write float("{text}").' if re.fullmatch(r"[+-]?(inf|nan|[\d.]+(e[+-]?\d+)?)", text) else ""
    return f'"{text}", in quotes, is a text where a number belongs.{number}'


def many_as_one(error: BaseException, spot: Spot) -> str:
    """What to say of a tensor of many numbers that Python takes for one: MAX raises a TypeError without words."""
    frames = traceback.extract_tb(error.__traceback__)
    calls = [frame.name for frame in frames]
    if not isinstance(error, TypeError) or words(error) or calls[-1] != "item":
        return ""
    if "__bool__" in calls and frames[-3].filename != str(spot.answer) and (takes := _takes(spot)):
        return f"A tensor of many numbers stands where one belongs.{takes}"
    if "__bool__" in calls:
        return (
            "An `if`, `while`, `and`, `or` or `not` asks for one True or False, and got a tensor of many numbers. "
            "F.where(condition, a, b) chooses for each number on its own."
        )
    return "One number is asked for, and the tensor holds more: pick one first, as in x[0, 0]."


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
        _no_row,
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
        r"module 'max\.experimental\.(functional|nn)' has no attribute '(\w+)'",
        "max.experimental.{0} has no `{1}`: MAX's names are not always PyTorch's. The chapter shows those that this step needs.",
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
        r"(?:Tensor\.\w+|_reduce\w+\.<locals>\.fn|argmax)\(\) got an unexpected keyword argument '(keepdims?)'",
        "There is no argument called `{0}`: in MAX a mean, a sum or a maximum keeps its axis, with size 1.",
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
        r"missing a required argument: '(\w+)'|^too many positional arguments()$",
        _signature,
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
