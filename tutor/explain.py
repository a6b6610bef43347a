"""What an exception from a learner's file means, in plain words."""

import difflib
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType, TracebackType

from tutor.axes import describe_all
from tutor.checks import Answer, Wrong
from tutor.course import ROOT, shown

OF_MAX = (
    # what is said where MAX is at work (a regular expression), and what it means for a beginner
    (
        r"Can't realize tensor before realization context is completed",
        "The numbers of a tensor are asked for inside `with F.lazy():`. They are there when it has ended: read them outside.",
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
        "There are {0} names on the left of the =, and another number of things on the right. A shape has as many sizes as "
        "the tensor has axes, and x.shape[-1] counts from the end. F.split(x, n) makes parts of n numbers, not n parts.",
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
        "A size that comes from x.shape is a Dim, not a number of Python: write int(x.shape[-1]).",
    ),
    (
        r"Unsupported dimension type (\S+) \(<class 'float'>\)",
        "A size must be a whole number, not {0}. If it comes from a division, divide with //.",
    ),
    (
        r"Unary ops do not support non-max objects|op operand #0 must be floating point tensor",
        "This function of MAX takes a tensor of floats. For a number of Python write Python: `** 0.5` is its root.",
    ),
    (
        r"cannot convert float infinity to integer|promote external array with value \S+ out of range for DType DType.bool",
        "F.where takes the type of its numbers from the condition, where both are plain. Make one a tensor: "
        'Tensor(float("-inf")).',
    ),
    (
        r"argument must be (?:a TensorValueLike|an mlir.Value).* not '(\w+)'",
        "Something of type {0} stands where a tensor belongs. A layer is called, self.layer(x), or gives its weight, "
        "self.layer.weight.",
    ),
    # names
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
        "A tensor of MAX has no `{0}`. Many functions are in F, such as F.sqrt; PyTorch's view is reshape, its size() is shape.",
    ),
    (
        r"Tensor\.(reshape|permute)\(\) takes 2 positional arguments",
        "{0} takes one list: x.reshape([B, T, C]), x.permute([0, 2, 1]).",
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
        "Something is None where a value belongs. A function without a `return` gives None.",
    ),
    (
        r"^'(\w+)' object is not subscriptable",
        "What is of type {0} takes no brackets: its parts are attributes, after a dot.",
    ),
    (
        r"(\S+)\(\) missing \d+ required positional arguments?: (.*)",
        "`{0}` is called with too few arguments: {1} is missing. Only a function inside a class has self as its first.",
    ),
    (
        r"(\S+)\(\) takes (\d+) positional arguments? but (\d+) were given",
        "`{0}` takes {1} and is called with {2}. Of a method the first argument is self, the object itself.",
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
    look = _place(error.__traceback__, answer)
    if isinstance(error, Wrong):
        return {"kind": "wrong", "diagnosis": error.diagnosis, "facts": error.facts, "look": error.look or look}
    kind, diagnosis, said = _explain(error, answer, look)
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


def _place(trace: TracebackType | None, answer: Path) -> dict | None:
    """The innermost line of the learner's file in a traceback."""
    for frame in reversed(traceback.extract_tb(trace)):
        if Path(frame.filename) == answer:
            return {"file": frame.filename, "line": frame.lineno, "name": frame.name, "code": frame.line}
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
            return "unwritten", f"Not written yet, in `{look['name']}`: {said or 'see its docstring'}.", ""
        if "ModuleList" not in said:
            missing = re.sub(r"(\w+) must implement forward\(\).*", r"`\1` has no method `forward`", said)
            return (
                "wrong",
                f"{missing or 'A method is missing'}: is it defined in your class, under that very name?",
                "",
            )
    if isinstance(error, SyntaxError):
        look_at = f"line {error.lineno}: {(error.text or '').strip()}" if error.lineno else ""
        return "wrong", f"Python cannot read the file: {error.msg or 'it gives no reason'}.", look_at
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
    if missing := _no_attribute(error, answer):
        return "wrong", missing, f"{name}: {_first_line(error)}"
    # In the steps that do without MAX nobody imports it, and the same words may mean something else.
    for pattern, sentence in (*(OF_MAX if "max.experimental" in sys.modules else ()), *OF_PYTHON):
        if match := re.search(pattern, said):
            sentence = describe_all(sentence.format(*match.groups()), Answer.sizes)
            return "wrong", sentence, f"{name}: {_first_line(error)}"
    if isinstance(error, RecursionError):
        calls = sum(Path(frame.filename) == answer for frame in traceback.extract_tb(error.__traceback__))
        # MAX asks a list, or a text, for its items, and those for theirs.
        endless = "A function calls itself without end." if calls > 9 else "MAX got something here that it cannot read."
        return "wrong", endless, ""
    if isinstance(error, MemoryError):
        return "wrong", "Your code asks for more memory than there is.", ""
    where = f" in `{look['name']}`" if look and look["name"] != "<module>" else ""
    return "wrong", f"Your code raised {_article(name)}{where}: {_first_line(error)}", ""


def _no_attribute(error: BaseException, answer: Path) -> str:
    """What to say of a name that an object of the learner's own class lacks, or that is nearly one which is there."""
    thing = getattr(error, "obj", None)
    if not isinstance(error, AttributeError) or thing is None:
        return ""
    owner = f"`{type(thing).__name__}`" if not isinstance(thing, ModuleType) else f"`{thing.__name__}`"
    near = difflib.get_close_matches(str(error.name), dir(thing), 1, 0.75)
    meant = f" Is `{near[0]}` meant?" if near else ""
    file = getattr(sys.modules.get(type(thing).__module__), "__file__", None)
    if file == str(answer):
        return f"{owner} has no attribute `{error.name}`: is it set in __init__, under this very name?{meant}"
    return f"{owner} has no attribute `{error.name}`.{meant}" if meant else ""


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in _words(error).splitlines() if line.strip()]
    return lines[0] if lines else "without a message"


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"
