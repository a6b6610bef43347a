"""What step 09 must do: `MultiHeadAttention`, several heads of attention side by side."""

import re
from functools import partial

import numpy as np
import pytest

from tests.known import mistakes_in
from tests.known.gpt2 import inside
from tutor.grading import build, close, has_shape, kept, load, on_max, refuse_gpt2_sizes, shapes_of


def make(answer, config, weights):
    """MultiHeadAttention with Hugging Face's weights."""
    attn = build(answer.MultiHeadAttention, config)
    refuse_gpt2_sizes(attn, {768, 2304}, "Take the sizes from config.n_embd.")
    load(attn, named_as_in(attn, weights))
    return attn


def named_as_in(attn, weights):
    """Hugging Face's weights under the learner's names: as they are, or `c_attn` as three layers."""
    if three := three_layers(attn):
        weights = dict(weights)
        for kind in ("weight", "bias"):
            parts = np.split(weights.pop(f"c_attn.{kind}"), 3, axis=-1)
            weights |= {f"{name}.{kind}": part for name, part in zip(three, parts, strict=True)}
    return weights


def three_layers(attn):
    """The names of three layers for q, k and v, such as q_proj, query, W_q, or None."""
    names = {name.partition(".")[0] for name, _ in attn.parameters}
    found = [[name for name in sorted(names) if re.search(f"(^w?|_){letter}", name.lower())] for letter in "qkv"]
    if "c_attn" not in names and all(len(candidates) == 1 for candidates in found):
        return [name for (name,) in found]


@pytest.fixture(scope="module")
def random(random_model):
    """A random model, B = 2, T = 5, H = 3, D = 8."""
    return random_model("small")


@pytest.fixture(scope="module")
def attn(answer, random):
    """The learner's layer with the weights of that model."""
    return make(answer, random.config, inside(random.weights, "h.0.attn"))


@pytest.fixture(scope="module")
def found(attn, random):
    """What it gives."""
    return on_max(attn, random["h.0.ln_1"], sizes=random.sizes)


def test_parameters(attn, record_property):
    """the layers are c_attn, C -> 3C, and c_proj, C -> C"""
    if three := three_layers(attn):
        note = f"you have {', '.join(three)} instead of c_attn; step 15 loads c_attn by name"
        record_property("note", note)
    if shapes_of(attn).get("c_attn.weight") == [24, 72]:
        note = "your c_attn.weight is [in, out]; MAX's nn.Linear keeps [out, in], and step 15 loads that"
        record_property("note", note)


def test_shape(found, random):
    """each token gets one vector: [B, T, C] -> [B, T, C]"""
    has_shape(found, random["h.0.attn"].shape, "B T C", sizes=random.sizes, what="The result")


def test_numbers(attn, found, random):
    """a random layer gives the numbers of Hugging Face's GPT-2"""
    mistakes = mistakes_in(random.numpy.h[0].attn, lambda attn: attn(random["h.0.ln_1"]), partial(on_max, attn))
    close(found, random["h.0.attn"], "B T C", suspects=mistakes)


def test_one_head(answer, random_model):
    """one head works too, on three texts"""
    model = random_model("one-head")
    x, right = model["h.0.ln_1"], model["h.0.attn"]
    found = on_max(make(answer, model.config, inside(model.weights, "h.0.attn")), x, sizes=model.sizes)
    close(found, right, "B T C", sizes=model.sizes, what="The result of one head")


def test_first_token(attn, found, random):
    """the first token gives the same without the rest of the text"""
    whole = has_shape(found, random["h.0.attn"].shape, "B T C", sizes=random.sizes, what="The result")
    alone = on_max(attn, random["h.0.ln_1"][:, :1], sizes=random.sizes)
    close(alone, whole[:, :1], "B T C", sizes=random.sizes, what="The result for the first token alone")


def test_tiny_gpt2(answer, tiny, expected):
    """each layer of the tiny GPT-2 gives the numbers of Hugging Face's"""
    weights = [inside(tiny.weights, f"h.{layer}.attn") for layer in range(tiny.config.n_layer)]
    attn = make(answer, tiny.config, weights[-1])
    for layer, its_own in enumerate(weights):
        x, right = expected[f"batch/h.{layer}.ln_1"], expected[f"batch/h.{layer}.attn"]
        load(attn, named_as_in(attn, its_own))
        stale = kept(lambda: make(answer, tiny.config, its_own), x)
        close(on_max(attn, x), right, "B T C", suspects=stale, what=f"Layer {layer}")
