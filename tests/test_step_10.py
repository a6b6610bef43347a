"""What step 10 must do: `LayerNorm`, which normalises each token's vector."""

from functools import partial

import numpy as np

from tests.known import mistakes_in
from tests.known.gpt2 import Part, inside, layer_norm
from tutor.grading import Wrong, build, close, expect, kept, load, look_at, numpy, on_max, shapes_of

SIZES = {"B": 2, "T": 5, "C": 24}


def make(answer, n_embd, epsilon, weights=None):
    """The learner's LayerNorm, with these weights."""
    try:
        norm = build(answer.LayerNorm, n_embd, epsilon)
    except NotImplementedError:
        raise
    except Exception:
        try:
            build(answer.LayerNorm, epsilon, n_embd)
        except Exception:
            swapped = False
        else:
            swapped = True
        expect(not swapped, "LayerNorm gets n_embd first, then epsilon. Your __init__ takes them the other way round.")
        raise
    look_at(type(norm).__init__)
    shapes = shapes_of(norm)
    extra = [name for name in shapes if name not in ("weight", "bias")]
    if "weight" in shapes and "bias" in shapes and extra:
        raise Wrong(
            "LayerNorm should have the parameters weight and bias alone. It also has "
            f"{' and '.join(f'`{name}`' for name in extra)}: each tensor that is kept as an attribute becomes a parameter. "
            "Keep epsilon as a number of Python."
        )
    for name in ("weight", "bias"):
        expect(
            shapes.get(name) != [768] or n_embd == 768,
            f"`{name}` has 768 numbers whatever LayerNorm gets, and this check uses small vectors. Take the size from n_embd.",
            expected=[n_embd],
            found=shapes.get(name),
        )
    if weights is not None:
        load(norm, weights)
    return norm


def layer_norm_weights(pieces):
    """A weight that is not one, and a bias that is not zero."""
    return {name: pieces[f"layer_norm/{name}"] for name in ("weight", "bias")}


def test_parameters(answer):
    """weight is [C], ones at first; bias is [C], zeros at first"""
    norm = make(answer, 24, 1e-5)
    found = {name: numpy(parameter) for name, parameter in norm.parameters}
    load(norm, {"weight": np.ones(24), "bias": np.zeros(24)})  # these two and no others, of this shape
    for name, start, other in (("weight", 1, 0), ("bias", 0, 1)):
        mistakes = [(np.full(24, other), f"{name} starts at {other}. It should start at {start}.")]
        close(found[name], np.full(24, start), "C", suspects=mistakes, what=f"{name} at first")


def test_numbers(answer, pieces):
    """vectors with means and variances large and tiny give the numbers of PyTorch"""
    weights = layer_norm_weights(pieces)
    x, right = pieces["layer_norm/x"], pieces["layer_norm/output"]
    mine = partial(on_max, make(answer, 24, 1e-5, weights))
    mistakes = mistakes_in(Part(layer_norm, **weights, epsilon=1e-5), lambda norm: norm(x), mine)
    close(mine(x), right, "B T C", sizes=SIZES, suspects=mistakes)


def test_epsilon(answer, random_model):
    """epsilon is the one that LayerNorm gets, here 0.01"""
    model = random_model("epsilon")
    weights, x = inside(model.weights, "h.0.ln_1"), model["embeddings"]
    mine = partial(on_max, make(answer, model.config.n_embd, 0.01, weights))
    mistakes = mistakes_in(model.numpy.h[0].ln_1, lambda norm: norm(x), mine)
    close(mine(x), model["h.0.ln_1"], "B T C", suspects=mistakes)


def test_equal_numbers(answer, pieces):
    """a vector of equal numbers, with variance 0, gives the bias"""
    weights = layer_norm_weights(pieces)
    found = on_max(make(answer, 24, 1e-5, weights), np.full((5, 24), np.float32(3)))  # [T, C]
    close(found, np.broadcast_to(weights["bias"], (5, 24)), "T C")


def test_far_from_zero(answer, pieces):
    """vectors around 1,000 come out as others do, with a fourth axis too"""
    weights = layer_norm_weights(pieces)
    x = pieces["layer_norm/x"][:, np.newaxis, :3] + 1000  # [2, 1, 3, C]
    right = layer_norm(x.astype(np.float64), **weights, epsilon=1e-5)
    found = on_max(make(answer, 24, 1e-5, weights), x)
    lost = "Vectors around 1,000 come out wrong, others right: between two numbers as large as the mean of x² and the square "
    lost += "of the mean the variance is lost. Take the mean of (x - mean)²."
    close(found, right, suspects=[(found, lost)], atol=0.005)


def test_tiny_gpt2(answer, tiny, expected):
    """the tiny GPT-2's norms give the numbers of Hugging Face's"""
    sizes = tiny.config.n_embd, tiny.config.layer_norm_epsilon
    norm = make(answer, *sizes)
    for layer, key in enumerate(["embeddings", "h.0", "h.1"]):
        weights, x = inside(tiny.weights, f"h.{layer}.ln_1"), expected[f"batch/{key}"]
        load(norm, weights)
        stale = kept(lambda: make(answer, *sizes, weights), x)
        close(on_max(norm, x), expected[f"batch/h.{layer}.ln_1"], "B T C", suspects=stale)
