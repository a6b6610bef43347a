"""What step 13 must do: `GPT2Model`, the whole body of GPT-2."""

from functools import partial

import pytest

from tests.known import mistakes_in
from tutor.grading import build, close, expect, has_shape, kept, load, on_max, reload


def make(answer, model):
    """The learner's model with the weights of Hugging Face's `model`."""
    made = build(answer.GPT2Model, model.config)
    names = [name for name, _ in made.parameters]
    numbers = {name.split(".")[1] for name in names if name.startswith("h.")}
    n_layer, layers = model.config.n_layer, len(numbers)
    expect("0" in numbers or not numbers, "`h` is a block. It holds several, as nn.Sequential does.", found=names)
    nested = any(name.startswith("h.0.0.") for name in names)
    expect(not nested, "`h` holds a list of blocks. nn.Sequential takes them one by one, *blocks.")
    expect(layers in (n_layer, 0), "`h` does not hold n_layer blocks.", expected=n_layer, found=layers)
    load(made, model.weights)
    return made


@pytest.fixture(scope="module")
def random(random_model):
    """A random model, B = 4, T = 5, two layers, with an epsilon of 0.01."""
    return random_model("epsilon")


@pytest.fixture(scope="module")
def model(answer, random):
    """The learner's model with the weights of that one."""
    return make(answer, random)


@pytest.fixture(scope="module")
def found(model, random):
    """What it gives."""
    return on_max(model, random["input_ids"], sizes=random.sizes)


def test_parameters(model):
    """the parts are wte, wpe, n_layer blocks in h, and ln_f"""


def test_shape(found, random):
    """each token gets one vector: [B, T] -> [B, T, C]"""
    shapes = {"B T V": "those are logits, which come in step 14."}
    has_shape(found, random["ln_f"].shape, "B T C", sizes=random.sizes, shapes=shapes)


def test_numbers(model, found, random):
    """a random model gives the numbers of Hugging Face's GPT-2"""
    mistakes = mistakes_in(random.numpy, lambda model: model(random["input_ids"]), partial(on_max, model))
    close(found, random["ln_f"], "B T C", suspects=mistakes)


def test_first_token(model, found, random):
    """the first token gives the same without the rest of the text"""
    whole = has_shape(found, random["ln_f"].shape, "B T C", sizes=random.sizes)
    alone = on_max(model, random["input_ids"][:, :1], sizes=random.sizes)
    close(alone, whole[:, :1], "B T C", sizes=random.sizes, what="The result for the first token alone")


def test_tiny_gpt2(answer, tiny, expected):
    """the tiny GPT-2 gives Hugging Face's numbers on 128 tokens, all that it can take"""
    made, ids = make(answer, tiny), expected["full/input_ids"]
    reload(made, tiny.weights, lambda: on_max(made, ids[:, :2]))
    close(on_max(made, ids), expected["full/ln_f"], "B T C", suspects=kept(lambda: make(answer, tiny), ids))
