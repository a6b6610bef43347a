"""What a learner is told about errors of MAX and about layers that do not fit Hugging Face's weights.

The errors are real ones, so that a new MAX that words them otherwise is noticed.
"""

import functools
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from max.experimental import functional as F
from max.experimental import nn
from max.experimental.tensor import Tensor
from tutor.checks import Answer, Wrong, build, load, on_max, tensor
from tutor.explain import OF_MAX, OF_PYTHON, failure

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
    (lambda x: F.triu(x), x, "F.band_part"),
    (lambda x: nn.GELU(), x, "max.experimental.nn has no `GELU`"),
    (lambda x: x.view(2, 7, 24), x, "no `view`"),
    (lambda x: x.reshape(2, 7, 24), x, "one list"),
    (lambda x: x.permute(0, 2, 1), x, "one list"),
    (lambda x: F.softmax(x, dim=-1), x, "no argument called `dim`"),
    (lambda x: F.layer_norm(x), x, "The argument `gamma` is missing"),
    (lambda x: x.mean(dim=-1), x, "MAX says axis"),
    (lambda x: x.mean(axis=-1, keepdims=True), x, "in MAX a mean or a sum keeps its axis"),
    (lambda x: nn.Embedding(9, 24), x, "nn.Embedding(rows, dim=columns)"),
    (lambda x: F.gelu(x, approximate="tanhh"), x, "no form called tanhh"),
    (lambda x: nn.ModuleList([linear(24, 24)])(x), x, "nn.ModuleList only keeps layers"),
    (name_three_sizes, heads, "There are 3 names on the left of the ="),
    (call_a_list, x, "A list of layers cannot be called"),
    (lambda x: Tensor.full(7, 0.0), x, "A shape is a list"),
    (lambda x: Tensor.full([7, 7], "-inf"), x, "MAX got something here that it cannot read"),
    (set_one_by_one, x, "not set one by one"),
    (loaded_in_another_type, x, "The parameter `weight` holds int64. GPT-2's hold float32"),
    (lambda x: from_dlpack_of_a_view(x), x, "np.ascontiguousarray(array)"),
    (lambda x: F.gather(x, x, axis=0), x, "The lookup needs whole numbers"),
    (lambda x: F.gather(x, tensor(np.array([9])), axis=0), x, "Row 9 was asked for, and the table has 2 rows"),
    (numbers_inside_lazy, x, "read them outside"),
    (lambda x: Norm()(x), x, "`Norm.forward` takes 1 and is called with 2"),
    (lambda x: Norm().weigth, x, "`Norm` has no attribute `weigth`. Is `weight` meant?"),
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
    Answer.sizes = SIZES
    assert ON_MAX[case][2] in failure(error, Path("answer.py"))["diagnosis"]


def unpack(array):
    """Code that wants two axes."""
    rows, columns = array.shape


class Table:
    """A class of a learner, with a method that forgot `self`."""

    rows = 3

    def look_up(ids):
        return ids


table = np.zeros((2, 3))


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
    (lambda: Table().look_up([1]), "`Table.look_up` takes 1 and is called with 2"),
    (lambda: unpack(), "`unpack` is called with too few arguments: 'array' is missing"),
    (lambda: [].sort()[0], "A function without a `return` gives None"),
    (lambda: [].sort().reverse(), "A function without a `return` gives None"),
    (lambda: Table()[0], "What is of type Table takes no brackets"),
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
    diagnosis = failure(error, Path(__file__))["diagnosis"]
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
    assert told["diagnosis"].startswith(
        "solutions/solution_11.py cannot work with what your code gives it. It raises an"
    )
    assert "self.c_fc = " in told["facts"]["inside"]


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


def test_what_holds_no_parameters_is_told():
    with pytest.raises(Wrong, match="`a` is a class. Call it to make a layer: Linear"):
        build(Odd, weights=WEIGHTS)
    with pytest.raises(Wrong, match="`b` is of type float, where MAX finds no parameters"):
        build(Odd, weights={"b": RANDOM.random(3)})


def test_call_in_place_of_forward_is_told():
    with pytest.raises(Wrong, match="Called has a method `__call__`. Name it `forward`"):
        build(Called)


def test_an_array_in_place_of_a_tensor_is_told():
    with pytest.raises(Wrong, match="an array of NumPy"):
        on_max(lambda x: x.to_numpy(), x)
