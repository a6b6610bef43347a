"""What step 12 must do: `Block`, attention and MLP with their norms and residuals."""

from functools import partial

import pytest

from tests.known import mistakes_in
from tests.known.gpt2 import inside
from tutor.grading import build, close, has_shape, kept, load, on_max


@pytest.fixture(scope="module")
def random(random_model):
    """A random model, B = 4, T = 5, H = 6, D = 3, with an epsilon of 0.01."""
    return random_model("epsilon")


@pytest.fixture(scope="module")
def block(answer, random):
    """The learner's block with the weights of that model."""
    return build(answer.Block, random.config, weights=inside(random.weights, "h.0"))


@pytest.fixture(scope="module")
def found(block, random):
    """What it gives."""
    return on_max(block, random["embeddings"], sizes=random.sizes)


def test_parameters(block):
    """the parts are ln_1, attn, ln_2 and mlp"""


def test_shape(found, random):
    """each token gets one vector: [B, T, C] -> [B, T, C]"""
    has_shape(found, random["h.0"].shape, "B T C", sizes=random.sizes)


def test_numbers(block, found, random):
    """a random block gives the numbers of Hugging Face's GPT-2"""
    mistakes = mistakes_in(random.numpy.h[0], lambda block: block(random["embeddings"]), partial(on_max, block))
    close(found, random["h.0"], "B T C", suspects=mistakes)


def test_first_token(block, found, random):
    """the first token gives the same without the rest of the text"""
    whole = has_shape(found, random["h.0"].shape, "B T C", sizes=random.sizes)
    alone = on_max(block, random["embeddings"][:, :1], sizes=random.sizes)
    close(alone, whole[:, :1], "B T C", sizes=random.sizes, what="The result for the first token alone")


def test_tiny_gpt2(answer, tiny, expected):
    """each block of the tiny GPT-2 gives the numbers of Hugging Face's"""
    block = build(answer.Block, tiny.config)
    for layer, before in enumerate(["embeddings", "h.0", "h.1"]):
        weights, x = inside(tiny.weights, f"h.{layer}"), expected[f"batch/{before}"]
        load(block, weights)
        stale = kept(lambda: build(answer.Block, tiny.config, weights=weights), x)
        close(on_max(block, x), expected[f"batch/h.{layer}"], "B T C", suspects=stale, what=f"Layer {layer}")
