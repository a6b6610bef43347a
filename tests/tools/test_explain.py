"""What a learner is told about errors of MAX and about layers that do not fit Hugging Face's weights.

The errors are real ones, so that a new MAX that words them otherwise is noticed.
"""

# ruff: noqa: F821, F841 (names that are not there are among the errors)

import functools
import math
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from max.experimental import functional as F
from max.experimental import nn
from max.experimental.tensor import Tensor

from tutor.explain import failure
from tutor.explain.max_rules import OF_MAX
from tutor.explain.python_rules import OF_PYTHON
from tutor.grading import Wrong, build, load, load_answer, on_max, tensor

pytestmark = pytest.mark.usefixtures("kernels_ready")
SIZES = {"B": 2, "T": 7, "C": 24, "H": 3, "D": 8, "3C": 72}


def zeros(*shape, dtype=np.float32):
    """A tensor of zeros."""
    return tensor(np.zeros(shape, dtype))


def linear(*sizes):
    """MAX's linear layer."""
    return build(nn.Linear, *sizes)


def call_a_list(x):
    """The mistake of calling a plain list of layers."""
    layers = [linear(24, 24)]
    return layers(x)


def name_three_sizes(x):
    """Code that wants a tensor of three axes."""
    B, T, C = x.shape
    return x


def from_dlpack_of_a_view(x):
    """A transposed array, which MAX does not take."""
    return Tensor.from_dlpack(np.zeros((2, 3), np.float32).T)


def numbers_inside_lazy(x):
    """Numbers that are not computed yet."""
    with F.lazy():
        return (x + 1).to_numpy()


def set_one_by_one(x):
    """PyTorch's way to fill a tensor."""
    x[0, 0, 0] = 1.0
    return x


def loaded_in_another_type(x):
    """A parameter of another type than the weights that are loaded into it."""
    norm = Norm()
    norm.load_state_dict({"weight": zeros(3)})


class Norm(nn.Module):
    """A layer of whole numbers, whose methods are no methods."""

    def __init__(self):
        self.weight = zeros(3, dtype=np.int64)

    def forward(x):
        return x


class Buffered(nn.Module):
    """A layer with PyTorch's way to keep a mask."""

    def __init__(self):
        self.register_buffer("mask", zeros(3, 3))


class Embedding(nn.Module):
    """A layer that is called like the one of MAX which it needs, and forgets `nn.`"""

    def __init__(self, rows):
        self.wte = Embedding(rows, dim=24)


Twice = Embedding
MINUS = "-inf"


def causal(length):
    """A function that is not called."""


def root_of_a_size(x):
    """NumPy's root of a size."""
    T, D = x.shape[-2:]
    return x / np.sqrt(D)


def names_of_a_dict(x):
    for name, size in {"batch": 2}:
        x = x.reshape([size, name])


def three_parts(x):
    """PyTorch's chunk, with split."""
    q, k, v = F.split(x, 3, axis=-1)
    return q


TABLE = zeros(6, 3)


def turned_by_name(ids):
    """A table that is turned before the lookup."""
    table = TABLE.transpose(0, 1)
    return F.gather(table, ids, axis=0)


x = np.zeros((2, 7, 24), np.float32)
heads = np.zeros((2, 3, 7, 8), np.float32)


ON_MAX = [
    (
        lambda q: q @ q,
        heads,
        "[B=2, H=3, T=7, D=8] @ [B=2, H=3, T=7, D=8] does not fit: the left one ends with 8",
    ),
    (lambda x: linear(8, 5)(x), x, "the right one must have 24, not 8"),
    (lambda x: x + zeros(7, 8), x, "[B=2, T=7, C=24] and [T=7, D=8] do not go together"),
    (
        lambda x: x.reshape([2, 7, 3, 9]),
        x,
        "[B=2, T=7, C=24] does not hold as many as [B=2, T=7, H=3, 9]",
    ),
    (lambda x: F.split(x, [8, 8, 8]), x, "an axis of 2 numbers into parts of [D=8, D=8, D=8]"),
    (lambda x: x.transpose(1, 3), x, "There is no axis 3: this tensor's axes go from -3 to 2"),
    (lambda x: x.mean(axis=3), x, "There is no axis 3: this tensor has 3"),
    (lambda x: x.permute([0, 2]), x, "This tensor has 3, and you name 2"),
    (
        lambda x: F.layer_norm(x, zeros(5), zeros(5), 1e-5),
        x,
        "has 5 numbers, and the vectors that come in have 24",
    ),
    (lambda x: x / x.shape[-1], x, "Whole numbers and floats meet"),
    (lambda x: x / x.shape[-1] ** 0.5, x, "is a Dim"),
    (lambda x: list(range(x.shape[1])), x, "is a Dim"),
    (lambda x: x.reshape([2, 7, 3, 24 / 3]), x, "must be a whole number, not 8.0"),
    (lambda x: F.sqrt(16), x, "`** 0.5` is its root"),
    (lambda x: F.sqrt(x.shape[-1]), x, "`** 0.5` is its root"),
    (lambda x: F.where(x > 0, float("-inf"), 0.0), x, "Make one a tensor"),
    (lambda x: F.where(x > 0, -1e9, 0.0), x, "Make one a tensor"),
    (lambda x: x @ linear(24, 5), x, "Something of type Linear"),
    (lambda x: x + None, x, "MAX got a Python NoneType"),
    (lambda x: F.softmax(np.zeros((2, 3))), x, "wrap the array"),
    (lambda x: nn.GELU(), x, "max.experimental.nn has no `GELU`"),
    (lambda x: x.view(2, 7, 24), x, "MAX has no `view`. Take x.reshape([B, T, C])."),
    (lambda x: x.reshape(2, 7, 24), x, "one list"),
    (lambda x: x.permute(0, 2, 1), x, "one list"),
    (lambda x: F.softmax(x, dim=-1), x, "no argument called `dim`"),
    (lambda x: F.layer_norm(x), x, "The argument `gamma` is missing. `F.layer_norm` takes input, gamma, beta, epsilon"),
    (
        lambda x: F.layer_norm(x, (24,), zeros(24), zeros(24), 1e-5),
        x,
        "an argument too many. `F.layer_norm` takes input,",
    ),
    (
        lambda x: F.layer_norm(x, (24,), zeros(24), zeros(24)),
        x,
        "of many numbers stands where one belongs. `F.layer_norm`",
    ),
    (
        lambda x: F.layer_norm(x, (24,), weight=zeros(24), bias=zeros(24), eps=1e-5),
        x,
        "The argument `beta` is missing. `F.layer_norm` takes input, gamma, beta, epsilon, in this order",
    ),
    (lambda x: x.mean(dim=-1), x, "MAX says axis"),
    (lambda x: x.mean(axis=-1, keepdims=True), x, "in MAX a mean, a sum or a maximum keeps its axis"),
    (lambda x: F.mean(x, axis=-1, keepdims=True), x, "`keepdims`: in MAX a mean, a sum or a maximum keeps"),
    (lambda x: F.sum(x, axis=-1, keepdim=True), x, "`keepdim`: in MAX a mean, a sum or a maximum keeps its axis"),
    (lambda x: F.max(x, axis=-1, keepdim=True), x, "keeps its axis, with size 1."),
    (lambda x: F.argmax(x, axis=-1, keepdims=True), x, "a sum or a maximum keeps its axis, with size 1."),
    (lambda x: nn.Embedding(9, 24), x, "nn.Embedding(rows, dim=columns)"),
    (lambda x: F.gelu(x, approximate="tanhh"), x, "no form called tanhh"),
    (lambda x: nn.ModuleList([linear(24, 24)])(x), x, "nn.ModuleList only keeps layers"),
    (name_three_sizes, heads, "There are 3 names on the left of the ="),
    (call_a_list, x, "A list of layers cannot be called"),
    (lambda x: Tensor.full(7, 0.0), x, "A shape is a list"),
    (
        lambda x: Tensor.full([7, 7], "-inf"),
        x,
        '"-inf", in quotes, is a text where a number belongs. Write float("-inf").',
    ),
    (lambda x: Tensor.full([7, 7], MINUS), x, "MAX got something here that it cannot read"),
    (set_one_by_one, x, "not set one by one"),
    (loaded_in_another_type, x, "The parameter `weight` holds int64. GPT-2's hold float32"),
    (lambda x: from_dlpack_of_a_view(x), x, "np.ascontiguousarray(array)"),
    (lambda x: F.gather(x, x, axis=0), x, "The lookup needs whole numbers"),
    (lambda x: F.gather(x, tensor(np.array([9])), axis=0), x, "Row 9 was asked for, and the table has 2 rows, which"),
    (
        turned_by_name,
        np.array([4]),
        "Row 4 was asked for, and the table has 3 rows, not 6: it lies on its side here, by",
    ),
    (lambda ids: F.gather(TABLE.T, ids, axis=0), np.array([4]), "the table has 3 rows, not 6: it lies on its side"),
    (lambda ids: F.gather(TABLE, ids, axis=1), np.array([4]), "the table has 3 rows, not 6: it lies on its side here"),
    (
        lambda ids: F.gather(TABLE, ids, axis=0),
        np.array([[0, 0, 9]]),
        "the table has 6 rows, which are counted from 0.",
    ),
    (lambda ids: F.gather(TABLE.T, ids, axis=1), np.array([8]), "the table has 6 rows, which are counted from 0."),
    (numbers_inside_lazy, x, "read them outside"),
    (lambda x: Norm()(x), x, "`Norm.forward` has no `self`"),
    (lambda x: Norm().weigth, x, "`weigth`: is it set in __init__, under this very name? Is `weight` meant?"),
    (lambda x: Norm(3), x, "`Norm.__init__` takes no argument and is called with 1."),
    # what of NumPy and math takes no tensor
    (
        lambda x: np.sqrt(x),
        x,
        "`np.sqrt` got a tensor of MAX, which the functions of NumPy do not take. Take F.sqrt(x).",
    ),
    (
        lambda x: math.sqrt(x + 1),
        x,
        "`math.sqrt` got a tensor of MAX, which the functions of Python's math do not take",
    ),
    (lambda x: np.mean(x, axis=-1), x, "Take x.mean(axis=-1)."),
    (lambda x: np.var(x, axis=-1), x, "Take ((x - mean) ** 2).mean(axis=-1) for the variance"),
    (lambda x: np.split(x, 3, axis=-1), x, "Take F.split(x, sizes, axis=-1)"),
    (lambda x: np.swapaxes(x, -1, -2), x, "Take x.transpose(1, 2)"),
    (lambda x: np.matmul(x, x.transpose(-1, -2)), x, "Take the sign @"),
    (lambda x: [np.linalg.norm(row) for row in [x, x]], x, "`np.linalg.norm` got a tensor of MAX"),
    (root_of_a_size, x, "is a Dim, not a Python number: write int(D)"),
    (lambda x: np.zeros((x.shape[0], 3)), x, "is a Dim, not a Python number: write int(x.shape[-1])"),
    (lambda x: np.array([int(x.shape[0]), [1]]), x, "lists of different lengths"),
    # a tensor where a number belongs, and the other way round
    (lambda x: math.gcd(2, *[x]), x, "`math.gcd` got a tensor"),
    (lambda x: "a" * x.__index__() if hasattr(x, "__index__") else list(range(x)), x, "where a Python number belongs"),
    (lambda x: x + causal, x, "`causal` is a function itself, not what it gives. Call it, with brackets: causal(…)."),
    (lambda x: x + Norm, x, "`Norm` is a class itself"),
    (lambda x: F.softmax(range(7)), x, "`range` gives no tensor. Tensor.arange does"),
    (lambda x: F.sqrt(range(x.shape[1])), x, "`range` takes no size of x.shape and gives no tensor"),
    (lambda x: Tensor.arange(7, dtype=int), x, "A dtype of MAX is none of Python's or NumPy's"),
    (lambda x: Tensor.arange(7, dtype="int64"), x, "A dtype of MAX is none of Python's or NumPy's"),
    (lambda x: Tensor.arange(7, dtype=np.int64), x, "A dtype of MAX is none of Python's or NumPy's"),
    (lambda x: x if x > 3 else 3 - x, x, "An `if`, `while`, `and`, `or` or `not` asks for one True or False"),
    (lambda x: x > 0 and x, x, "F.where(condition, a, b) chooses for each number on its own"),
    (lambda x: x.mean(axis=-1).item(), x, "One number is asked for, and the tensor holds more"),
    # brackets and signs
    (lambda x: x[tensor(np.array([1, 2]))], x, "takes no other tensor in square brackets"),
    (lambda x: [row for row in x], x, "There is no index 2 on an axis of size 2. A loop over a tensor"),  # noqa: C416
    (lambda x: x[:, 9], x, "There is no index 9 on an axis of size 7"),
    (lambda x: x ^ 2, x, "A power is written **"),
    (lambda x: causal[x, 1], x, "`causal` is not a list or an array: call it, with round brackets, causal((x, 1))"),
    (lambda x: x.transpose(0, 2, 1), x, "transpose takes the two axes that it swaps"),
    (lambda x: x.transpose(), x, "transpose takes the two axes that it swaps"),
    (
        lambda x: Tensor.full(7, 7, 0.0),
        x,
        "A shape is one list, also where it has several axes: Tensor.full([T, T], …)",
    ),
    (lambda x: x.mean(-1, 2), x, "`Tensor.mean` takes 1 argument and is called with 2."),
    (names_of_a_dict, x, "There are 2 names after `for`"),
    (three_parts, x, "number of things on the right. F.split(x, n) makes parts of n numbers, not n parts."),
    # names that are not there
    (lambda x: x.var(axis=-1), x, "MAX has no `var`. Take ((x - mean) ** 2).mean(axis=-1) for the variance"),
    (lambda x: F.std(x), x, "MAX has no `std`"),
    (lambda x: x.swapaxes(1, 2), x, "MAX has no `swapaxes`. Take x.transpose(1, 2), which swaps two axes"),
    (lambda x: F.tril(x), x, "MAX has no `tril`. Take F.band_part, which keeps a band around the diagonal"),
    (lambda x: F.cat([x, x], dim=-1), x, "MAX has no `cat`. Take F.concat([a, b], axis=-1)."),
    (lambda x: x.masked_fill(x == 0, 1.0), x, "MAX has no `masked_fill`. Take F.where(condition, a, b)"),
    (lambda x: x.transpose(0, 1).contiguous(), x, "MAX has no `contiguous`. Take x as it is"),
    (lambda x: nn.Dropout(0.1)(x), x, "MAX has no `Dropout`. Take nothing in its place: dropout"),
    (lambda x: build(Buffered), x, "MAX has no `register_buffer`. Take a plain variable of forward"),
    (lambda x: nn.Parameter(x), x, "MAX has no `Parameter`. Take the tensor itself: self.weight = Tensor.ones([C])."),
    (lambda x: x @ linear(24, 24).T, x, "A layer has no `T`. Its weight has: linear(24, 24).weight.T."),
    (lambda x: x.softmax(), x, "A tensor of MAX has no `softmax`. It is a function: F.softmax(x)."),
    (lambda x: x.cumprod(0), x, "It may be a function in F, under this or another name"),
    (lambda x: softmax(x), x, "There is no `softmax` here. Is `F.softmax` meant?"),
    (
        lambda x: build(Twice, 3),
        x,
        "`Embedding` is your own class here, which makes itself. MAX's layer is `nn.Embedding`.",
    ),
]


@functools.cache
def error_on_max(case: int) -> Exception:
    """What MAX really says in a case of ON_MAX."""
    call, arg, _ = ON_MAX[case]
    with pytest.raises(Exception) as caught:
        on_max(call, arg, sizes=SIZES)
    return caught.value


@pytest.mark.parametrize("case", range(len(ON_MAX)), ids=lambda case: ON_MAX[case][2])
def test_error_is_explained(case):
    error = error_on_max(case)
    assert ON_MAX[case][2] in failure(error, Path(__file__)).diagnosis


def unpack(array):
    """Code that wants two axes."""
    rows, columns = array.shape


class Table:
    """A class of a learner, with a method that forgot `self`."""

    rows = 3

    def look_up(ids):
        return ids

    def from_json(cls, path):
        return cls(path)

    @classmethod
    def from_text(text):
        return text

    def fill(self, value):
        return value


class Sized:
    """A class whose __init__ is misspelled, and which keeps nothing."""

    def __init__(self, rows, columns):
        self.rows = rows

    def columns_of_it(self):
        return columns

    def rows_of_it(self):
        return rows

    @property
    def bad(self):
        return bad


class Underscored:
    """One underscore on each side."""

    def _init_(self, rows):
        self.rows = rows


def outside(self, ids):
    """A function of no class."""
    return ids


def too_early():
    """A name that gets its value too late."""
    first = later
    later = 1
    return first


def in_place():
    """A row of a table that must stay as it is."""
    row = frozen[0]
    row -= 1


frozen = np.zeros((2, 3))
frozen.setflags(write=False)


table = np.zeros((2, 3))


@dataclass
class Made:
    """A config."""

    rows: int = 3


ON_NUMPY = [
    (lambda: np.array([[1, 2], [3]]), "lists of different lengths"),
    (lambda: np.array([np.ones(2), np.ones(3)]), "lists of different lengths"),
    (lambda: table + np.zeros(2), "The shapes (2,3) and (2,) do not go together"),
    (lambda: table @ table, "the left array ends with 3, so the right one must have 3, not 2"),
    (lambda: np.dot(table, table), "The product of (2,3) and (2,3) does not fit: 3 numbers meet 2"),
    (lambda: "same" if table == 0 else "other", "got a whole array of answers"),
    (lambda: table.sum(dim=1), "NumPy says axis and keepdims"),
    (lambda: np.mean([1], weights=1), "no argument called `weights`"),
    (lambda: unpack(np.zeros(3)), "There are 2 names on the left of the ="),
    (lambda: Table().look_up([1]), "`Table.look_up` has no `self`"),
    (lambda: unpack(), "`unpack` is called with too few arguments: 'array' is missing."),
    (lambda: Table().fill(), "`Table.fill` is called with too few arguments: 'value' is missing."),
    (lambda: Table().fill(1, 2), "`Table.fill` takes 1 argument and is called with 2."),
    (lambda: unpack(1, 2), "`unpack` takes 1 argument and is called with 2."),
    (lambda: Sized(1), "`Sized.__init__` is called with too few arguments: 'columns' is missing."),
    (lambda: Sized(), "'rows' and 'columns' are missing."),
    (lambda: outside([1]), "`outside` stands outside a class, where there is no self"),
    (lambda: Table.from_json("a"), "The line `@classmethod` is missing above `Table.from_json`"),
    (lambda: Table.from_text("a"), "`Table.from_text` has no `cls`"),
    (lambda: Underscored(1), "Is it inside the class, with two underscores on each side?"),
    (lambda: in_place(), "v -= … changes v itself"),
    (lambda: unpack[1], "`unpack` is not a list or an array: call it, with round brackets, unpack(1)."),
    # names
    (lambda: -inf, 'write float("-inf")'),
    (lambda: json.loads("1"), "`json` is not imported: `import json`, at the top of the file."),
    (lambda: self.rows, "The first argument of a method is self, the object: is it missing in the line with def?"),
    (lambda: Sized(1, 2).rows_of_it(), "What the object keeps is called `self.rows`."),
    (lambda: Sized(1, 2).columns_of_it(), "It is an argument of __init__: what forward needs of it, keep there"),
    ((lambda config: lambda: rows + config.rows)(Made()), "Is `config.rows` meant?"),
    (lambda: Sized(1, 2).bad, "What the object keeps is called `self.bad`."),
    (lambda: argsort([1]), "Is `np.argsort` meant?"),
    (lambda: unpak([1]), "There is no `unpak` here. Is `unpack` meant?"),
    (lambda: zzzzzz, "a NameError in `<lambda>`: name 'zzzzzz' is not defined"),
    (lambda: too_early(), "`later` is used before it has a value in this function."),
    (lambda: [].sort()[0], "A function without a `return` gives None"),
    (lambda: [].sort().reverse(), "A function without a `return` gives None"),
    (lambda: Table()[0], "What is of type Table takes no square brackets"),
    (lambda: Path("a").readtext(), "`PosixPath` has no attribute `readtext`. Is `read_text` meant?"),
    (lambda: Table().row, "`Table` has no attribute `row`: is it set in __init__, under this very name? Is `rows`"),
    (lambda: np.softmx, "an AttributeError in `<lambda>`: module 'numpy' has no attribute 'softmx'"),
    (lambda: int([1]), "a TypeError in `<lambda>`: int() argument must be a string"),
    (lambda: table.tolist()(1), "'list' object is not callable"),
    (lambda: list(5), "'int' object is not iterable"),
]


@functools.cache
def error_on_numpy(case: int) -> Exception:
    """What Python or NumPy really says in a case of ON_NUMPY."""
    with pytest.raises(Exception) as caught:
        ON_NUMPY[case][0]()
    return caught.value


@pytest.mark.parametrize("case", range(len(ON_NUMPY)), ids=lambda case: ON_NUMPY[case][1])
def test_without_max_nothing_is_said_of_it(case, monkeypatch):
    """The steps in plain Python and NumPy."""
    error = error_on_numpy(case)
    monkeypatch.delitem(sys.modules, "max.experimental")
    diagnosis = failure(error, Path(__file__)).diagnosis
    assert ON_NUMPY[case][1] in diagnosis
    assert "MAX" not in diagnosis


@pytest.mark.parametrize(
    ("rules", "error_of", "cases"), [(OF_MAX, error_on_max, ON_MAX), (OF_PYTHON, error_on_numpy, ON_NUMPY)]
)
def test_every_rule_is_met(rules, error_of, cases):
    """Each regular expression is the first to fit some real error: a rule that MAX has outgrown is noticed."""
    patterns = [pattern for pattern, _ in rules]
    texts = [" ".join(str(error_of(case)).split()) for case in range(len(cases))]
    first = [next((pattern for pattern in patterns if re.search(pattern, text)), None) for text in texts]
    assert set(patterns) <= set(first)


def test_an_error_inside_a_solution_names_it():
    """Of what a learner's code gives to a solution that it calls."""
    source = "from solutions.solution_11 import MLP\n\n\ndef make():\n    return MLP(768)\n"
    space = {}
    exec(compile(source, "learner.py", "exec"), space)
    with pytest.raises(AttributeError) as caught:
        space["make"]()
    told = failure(caught.value, Path("learner.py"))
    assert told.diagnosis.startswith(
        "solutions/solution_11.py cannot work with what your code gives it: config = 768. It raises"
    )
    assert "self.c_fc = " in told.facts["inside"]


@pytest.mark.parametrize(
    ("imported", "body", "words"),
    [
        (
            "8 import attention",
            "attention(x.reshape([2, 7, 3, 8]), x, x)",
            "q of shape [B=2, T=7, H=3, D=8], k of shape",
        ),
        ("7 import causal_mask", "causal_mask(x)", "gives it: length of shape [B=2, T=7, C=24]. A tensor stands"),
        ("7 import causal_mask", "causal_mask([1.5])", "gives it: length = [1.5]. "),
    ],
)
def test_an_error_inside_a_solution_names_the_value_that_it_got(tmp_path, imported, body, words):
    source = f"from solutions.solution_0{imported}\n\n\ndef f(x):\n    return {body}\n"
    told = told_of(tmp_path, source, lambda answer: on_max(answer.f, x, sizes=SIZES))
    assert words in told.diagnosis


class Two(nn.Module):
    """Two layers of one size."""

    def __init__(self):
        self.a = nn.Linear(3, 3)
        self.b = nn.Linear(3, 3)


class Shared(nn.Module):
    """One layer at two places."""

    def __init__(self):
        self.a = self.b = nn.Linear(3, 3)


class Called(nn.Module):
    """A layer that takes calling into its own hands."""

    def __call__(self, x):
        return x


class Odd(nn.Module):
    """Two attributes that hold no parameters."""

    def __init__(self):
        self.a = nn.Linear
        self.b = 1.0


class Listed(nn.Module):
    """Layers in a list."""

    def __init__(self):
        self.layers = [nn.Linear(3, 3), nn.Linear(3, 3)]


RANDOM = np.random.default_rng(0)
WEIGHTS = {"a.weight": RANDOM.random((3, 3)), "a.bias": RANDOM.random(3)}
WEIGHTS |= {"b.weight": RANDOM.random((3, 3)), "b.bias": RANDOM.random(3)}


def test_a_square_matrix_is_turned_for_a_linear_layer_wherever_it_stands():
    """Hugging Face's are [in, out], also where the shape does not tell."""
    two, listed = build(Two, weights=WEIGHTS), build(Listed)
    places = {"a": "layers.0", "b": "layers.1"}
    load(listed, {f"{places[name[0]]}{name[1:]}": WEIGHTS[name] for name in WEIGHTS})
    for layer in (two.b, listed.layers[1]):
        assert np.array_equal(layer.weight.to_numpy(), WEIGHTS["b.weight"].T.astype(np.float32))


def test_layers_at_two_places_are_told():
    with pytest.raises(Wrong, match="`a` and `b` are one and the same layer"):
        build(Shared, weights=WEIGHTS)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        (
            {f"c{name[1:]}": WEIGHTS[name] for name in WEIGHTS},
            "no parameter called `c.weight`. Is `a.weight` meant",
        ),
        (
            {name: WEIGHTS[name] for name in ("a.weight", "a.bias")},
            "a parameter too many, `b.weight`",
        ),
        (
            WEIGHTS | {"a.weight": np.zeros((3, 4))},
            r"a takes 3 numbers and gives 4: nn.Linear\(3, 4\)",
        ),
    ],
)
def test_wrong_names_and_shapes_are_told(weights, words):
    with pytest.raises(Wrong, match=words):
        build(Two, weights=weights)


class Renamed(nn.Module):
    """Other names than GPT-2's, and a layer of another shape before the one that is meant."""

    def __init__(self):
        self.att, self.norm1, self.norm2 = linear(3, 9), nn.LayerNorm(3), nn.LayerNorm(3)


def test_a_name_is_meant_only_where_the_shape_fits():
    norms = {"ln_1.weight": RANDOM.random(3), "ln_2.weight": RANDOM.random(3)}
    with pytest.raises(Wrong, match=r"no parameter called `ln_1.weight`. Is `norm1.weight` meant\?"):
        build(Renamed, weights=norms)
    with pytest.raises(Wrong, match=r"no parameter called `c_fc.weight`. The names are attributes"):
        build(Renamed, weights={"c_fc.weight": RANDOM.random((3, 12))})


def test_what_holds_no_parameters_is_told():
    with pytest.raises(Wrong, match="`a` is a class. Call it to make a layer: Linear"):
        build(Odd, weights=WEIGHTS)
    with pytest.raises(Wrong, match="`b` is of type float, where MAX finds no parameters"):
        build(Odd, weights={"b": RANDOM.random(3)})


class Bare:
    """A layer that is no module."""

    def __init__(self):
        self.a = 1


def test_a_class_without_a_base_is_told():
    with pytest.raises(Wrong, match=r"Bare is no module of MAX. Derive it from nn.Module: class Bare\(nn.Module\)"):
        build(Bare)


def test_call_in_place_of_forward_is_told():
    with pytest.raises(Wrong, match="Called has a method `__call__`. Name it `forward`"):
        build(Called)


def test_an_array_in_place_of_a_tensor_is_told():
    with pytest.raises(Wrong, match="an array of NumPy"):
        on_max(lambda x: x.to_numpy(), x)


def told_of(tmp_path, source, call=None):
    """The failure of a file whose import, or a call in it, fails."""
    path = tmp_path / "learner.py"
    path.write_text(source)
    with pytest.raises(Exception) as caught:
        answer = load_answer(path)
        call(answer)
    told = failure(caught.value, path)
    sys.modules.pop("learner", None)
    return told


def test_a_syntax_error_has_its_line_and_one_mark(tmp_path):
    told = told_of(tmp_path, "a = 1\nb = [1 2]\n")
    assert told.diagnosis == "Python cannot read the file: invalid syntax. Perhaps you forgot a comma?"
    assert told.look.line == 2 and told.look.code == "b = [1 2]"


def test_a_forgotten_self_has_its_line(tmp_path):
    source = "class A:\n    x = 1\n\n    def forward(tokens):\n        return tokens\n"
    told = told_of(tmp_path, source, lambda answer: answer.A().forward([1]))
    assert told.look.line == 4 and told.look.code == "def forward(tokens):"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise NotImplementedError('do it')", "Not written yet, in `f`: do it."),
        ("'Doc.'\n    raise NotImplementedError('do it')", "Not written yet, in `f`: do it."),
        (
            "'Doc.'\n    x = 1\n    raise NotImplementedError('do it')",
            "delete the `raise NotImplementedError` line, which is still there.",
        ),
        (
            "'Doc.'\n    raise NotImplementedError('do it')\n    return 1",
            "delete the `raise NotImplementedError` line, which is still there.",
        ),
    ],
)
def test_a_raise_that_was_left_is_told(tmp_path, body, words):
    told = told_of(tmp_path, f"def f():\n    {body}\n", lambda answer: answer.f())
    assert told.kind == "unwritten" and words in told.diagnosis


def test_the_numbers_of_a_tensor_without_lazy(tmp_path):
    """Where the file has no F.lazy, nothing is said of it."""
    source = "from solutions.solution_07 import causal_mask\n\n\ndef f(x):\n    return causal_mask(x)\n"
    told = told_of(tmp_path, source, lambda answer: on_max(answer.f, x))
    assert "A tensor stands where a Python number belongs, in `causal_mask(x)`" in told.diagnosis


def test_numbers_that_are_read_in_init(tmp_path):
    """A check makes a module without computing its weights."""
    source = (
        "from max.experimental import nn\nfrom max.experimental.tensor import Tensor\n\n\nclass A(nn.Module):\n"
        "    def __init__(self):\n        self.scale = float(Tensor.ones([1]).item())\n"
    )
    told = told_of(tmp_path, source, lambda answer: build(answer.A))
    assert "asked for in __init__, where they are not computed yet" in told.diagnosis


def test_a_misspelled_name_is_found(tmp_path):
    told = told_of(tmp_path, "def cosine_similarty():\n    pass\n", lambda answer: answer.cosine_similarity)
    assert told.diagnosis.endswith("Is it `cosine_similarty`?")
