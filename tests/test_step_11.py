"""What step 11 must do: `MLP`, two linear layers with a GELU between them."""

from functools import partial

import numpy as np
import pytest

from solutions.solution_01 import GPT2Config
from tests.known import mistakes_in
from tests.known.gpt2 import Part, inside, linear
from tests.known.gpt2 import mlp as formula
from tests.reference.randoms import LARGE
from tutor.grading import build, close, has_shape, kept, load, on_max


@pytest.fixture(scope="module")
def random(random_model):
    """A random model, B = 2, T = 5, C = 24."""
    return random_model("small")


@pytest.fixture(scope="module")
def mlp(answer, random):
    """The learner's MLP with the weights of that model."""
    return build(answer.MLP, random.config, weights=inside(random.weights, "h.0.mlp"))


@pytest.fixture(scope="module")
def found(mlp, random):
    """What it gives."""
    return on_max(mlp, random["h.0.ln_2"], sizes=random.sizes)


def test_parameters(mlp):
    """the layers are c_fc, C -> 4C, and c_proj, 4C -> C"""


def test_shape(found, random):
    """each token gets one vector: [B, T, C] -> [B, T, C]"""
    has_shape(found, random["h.0.mlp"].shape, "B T C", sizes=random.sizes)


def test_gelu(answer, pieces):
    """its activation is GELU in the tanh form, from -6 to 6 and beyond"""
    C = 24
    # 6 comes first, since what differs there is no matter of tiny numbers.
    x, right = (pieces[f"gelu/{name}"][:-241:-1].reshape(5, 2, C) for name in ("x", "output"))
    x[4, 1, -2:], right[4, 1, -2:] = LARGE, [LARGE[0], 0]
    # So that what is done before c_proj and after it differ.
    scale, bias = np.linspace(0.5, 1.5, C), np.linspace(-1, 1, C)
    through = {"c_fc.weight": np.eye(C, 4 * C), "c_fc.bias": np.zeros(4 * C)}
    through |= {"c_proj.weight": np.eye(4 * C, C) * scale, "c_proj.bias": bias}
    through = {name: array.astype(np.float32) for name, array in through.items()}
    right = right * scale + bias
    config = GPT2Config(n_embd=C, n_head=1)
    layers = {name: Part(linear, **inside(through, name)) for name in ("c_fc", "c_proj")}
    lost = "GELU of 1,000 and -1,000 is lost: e to such a power is infinite, or 0, and so is what comes of it. F.tanh takes any number."
    mine = partial(on_max, build(answer.MLP, config, weights=through))
    found, mistakes = mine(x), mistakes_in(Part(formula, **layers), lambda mlp: mlp(x), mine)
    if np.shape(found) == x.shape and np.allclose(found.ravel()[:-2], right.ravel()[:-2], 1e-4, 1e-5):
        mistakes = [(found, lost)]
    close(found, right, "B T C", suspects=mistakes, what="The result")


def test_numbers(mlp, found, random):
    """a random MLP gives the numbers of Hugging Face's GPT-2"""
    mistakes = mistakes_in(random.numpy.h[0].mlp, lambda mlp: mlp(random["h.0.ln_2"]), partial(on_max, mlp))
    close(found, random["h.0.mlp"], "B T C", suspects=mistakes)


def test_tiny_gpt2(answer, tiny, expected):
    """each MLP of the tiny GPT-2 gives the numbers of Hugging Face's"""
    mlp = build(answer.MLP, tiny.config)
    for layer in range(tiny.config.n_layer):
        weights, x = inside(tiny.weights, f"h.{layer}.mlp"), expected[f"batch/h.{layer}.ln_2"]
        load(mlp, weights)
        suspects = [kept(lambda: build(answer.MLP, tiny.config, weights=weights), x)]
        layers = {name: Part(linear, **inside(weights, name)) for name in ("c_fc", "c_proj")}
        suspects += [mistakes_in(Part(formula, **layers), lambda formula: formula(x), partial(on_max, mlp))]
        close(on_max(mlp, x), expected[f"batch/h.{layer}.mlp"], "B T C", suspects=suspects, what=f"Layer {layer}")
