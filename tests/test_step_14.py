"""What step 14 must do: `GPT2LMHeadModel`, the body and the head that is tied to `wte`."""

from functools import partial

import pytest

from tests.known import mistakes_in
from tests.known.gpt2 import Part, logits, with_prefix
from tutor.grading import build, close, expect, has_shape, kept, load, on_max, reload


def make(answer, model):
    """The learner's model with the weights of Hugging Face's `model`."""
    made = build(answer.GPT2LMHeadModel, model.config)
    names = [name for name, _ in made.parameters]
    outside = [name for name in names if not name.startswith("transformer.")]
    expect(
        len(outside) < len(names) or not names,
        "GPT2LMHeadModel has no `transformer`: keep the GPT2Model under this name.",
        found=names,
    )
    expect(
        not outside,
        f"`{''.join(outside[:1])}` is a parameter outside `transformer`. GPT-2's head has none of "
        "its own: multiply with self.transformer.wte.weight in forward.",
        found=outside,
    )
    load(made, with_prefix(model.weights))
    return made


@pytest.fixture(scope="module")
def random(random_model):
    """A random model, B = 4, T = 5, C = 18, V = 61."""
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
    """the parameters are those of `transformer`: the head has none of its own"""


def test_config(model, random):
    """the model keeps its config"""
    kept = getattr(model, "config", None)
    later = "The model has no `config`. Keep what it is made by as self.config: step 17 asks it for n_positions."
    expect(kept is not None, later)
    expect(
        kept == random.config, "`config` is another one than the model was made by.", expected=random.config, found=kept
    )


def test_shape(found, random):
    """each position gets a score for every token: [B, T] -> [B, T, V]"""
    shapes = {
        "B T C": "the vectors were not multiplied with wte, which is [V, C].",
        "B T n_positions": "the vectors were multiplied with wpe. It is wte.",
        "B V": "only one position has logits. All of them get some.",
        "B 1 V": "only one position has logits. All of them get some.",
        "B T": "those are tokens, not logits. There is no argmax here.",
        "B T 1": "those are tokens, not logits. There is no argmax here.",
    }
    right = random["logits"].shape
    has_shape(found, right, "B T V", sizes=random.sizes, shapes=shapes, what="The result")


def test_numbers(model, found, random):
    """a random model gives the logits of Hugging Face's GPT-2"""
    head = Part(logits, transformer=random.numpy, wte=random.numpy.wte)
    mistakes = mistakes_in(head, lambda logits: logits(random["input_ids"]), partial(on_max, model))
    close(found, random["logits"], "B T V", suspects=mistakes, what="The result")


def test_first_token(model, found, random):
    """the first token gives the same without the rest of the text"""
    whole = has_shape(found, random["logits"].shape, "B T V", sizes=random.sizes)
    alone = on_max(model, random["input_ids"][:, :1], sizes=random.sizes)
    close(alone, whole[:, :1], "B T V", sizes=random.sizes, what="The result for the first token alone")


def test_tiny_gpt2(answer, tiny, expected):
    """the tiny GPT-2 gives Hugging Face's logits on 128 tokens, all that it can take"""
    made, ids = make(answer, tiny), expected["full/input_ids"]
    reload(made, with_prefix(tiny.weights), lambda: on_max(made, ids[:, :2]))
    close(on_max(made, ids), expected["full/logits"], "B T V", suspects=kept(lambda: make(answer, tiny), ids))
