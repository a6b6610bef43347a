"""The NumPy GPT-2 equals Hugging Face's, and the checks name each of the mistakes that it can make.

Each known mistake goes through the checks of its step, in an answer that computes with NumPy. So no
mistake passes, and no two of them look the same to the checks.
"""

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from solutions.solution_09 import MultiHeadAttention
from solutions.solution_10 import LayerNorm
from solutions.solution_11 import MLP
from solutions.solution_12 import Block
from solutions.solution_13 import GPT2Model
from solutions.solution_14 import GPT2LMHeadModel
from tests import known
from tests.known import numpy_gpt2
from tutor.course import STEPS
from tutor.grading import Wrong, close, tensor

MISTAKES = [
    pytest.param(step, name, sentence, id=f"{step:02} {name}")
    for step, groups in {
        7: ["mask"],
        8: ["attention"],
        9: ["heads"],
        10: ["layer_norm", "epsilon"],
        11: ["gelu", "mlp"],
        12: ["block"],
        13: ["model"],
        14: ["head"],
    }.items()
    for name, sentence in known.says(*groups).items()
]


def weights_of(module) -> dict[str, np.ndarray]:
    """The weights of a solution's module in Hugging Face's layout."""
    arrays = {name: parameter.to_numpy() for name, parameter in module.parameters}
    tables = ("wte.weight", "wpe.weight")
    return {name: array if name.endswith(tables) else array.T for name, array in arrays.items()}


def answer(wrong: frozenset[str]) -> ModuleType:
    """An answer to the steps 07 to 14 that computes with NumPy and makes the mistakes `wrong`."""
    module = ModuleType("numpy_answer")
    module.__file__ = str(Path("numpy_answer.py"))

    def on_numpy(function):
        """The NumPy function as a function of tensors."""

        def call(*args):
            arrays = [arg.to_numpy() if hasattr(arg, "to_numpy") else arg for arg in args]
            with np.errstate(all="ignore"):
                return tensor(function(*arrays, wrong=wrong).astype(np.float32))

        return call

    def with_forward(base, function):
        """A solution's class in which forward is a NumPy function of the module and x."""

        def forward(self, x):
            return on_numpy(lambda x, wrong: function(self, x, wrong))(x)

        return type(base.__name__, (base,), {"forward": forward})

    def layer_norm(norm, x, wrong):
        return numpy_gpt2.layer_norm(x, **weights_of(norm), epsilon=norm.epsilon, wrong=wrong)

    def heads(attn, x, wrong):
        return numpy_gpt2.multi_head_attention(x, weights_of(attn), attn.n_head, wrong)

    def block(block, x, wrong):
        sizes = block.attn.n_head, block.ln_1.epsilon
        return numpy_gpt2.block(x, weights_of(block), *sizes, wrong)

    def model(model, x, wrong):
        sizes = model.h[0].attn.n_head, model.ln_f.epsilon
        return numpy_gpt2.model(x, weights_of(model), *sizes, wrong)

    def logits(whole, x, wrong):
        body = whole.transformer
        sizes = body.h[0].attn.n_head, body.ln_f.epsilon
        return numpy_gpt2.logits(x, weights_of(body), *sizes, wrong)

    module.causal_mask = on_numpy(numpy_gpt2.causal_mask)
    module.attention = on_numpy(numpy_gpt2.attention)
    module.MultiHeadAttention = with_forward(MultiHeadAttention, heads)
    module.LayerNorm = with_forward(LayerNorm, layer_norm)
    module.MLP = with_forward(MLP, lambda mlp, x, wrong: numpy_gpt2.mlp(x, weights_of(mlp), wrong))
    module.Block = with_forward(Block, block)
    module.GPT2Model = with_forward(GPT2Model, model)
    module.GPT2LMHeadModel = with_forward(GPT2LMHeadModel, logits)
    return module


class Outcomes:
    """A pytest plugin that keeps the error of each check, or None where it passed."""

    def __init__(self):
        self.errors = []

    def pytest_configure(self, config):
        """Leave the arguments of functions out of tracebacks that nobody reads."""
        config.option.tbstyle = "native"

    def pytest_runtest_makereport(self, item, call):
        if call.when == "call" or call.excinfo:
            self.errors.append(call.excinfo.value if call.excinfo else None)


def check(number: int, module: ModuleType) -> list[BaseException | None]:
    """What the checks of a step say of an answer, up to the first that fails, in this process."""
    sys.modules[module.__name__] = module
    outcomes = Outcomes()
    options = ["--answer", module.__file__]
    options += [f"-pno:{plugin}" for plugin in ("cacheprovider", "terminal", "unraisableexception", "threadexception")]
    options += ["--capture=no", "--assert=plain", "-o", "addopts=", "--exitfirst"]
    pytest.main([str(STEPS[number].test), *options], plugins=[outcomes])
    return outcomes.errors


@pytest.mark.parametrize("case", ["batch", "single", "full"])
def test_equals_hugging_face(case, tiny, expected):
    """Without mistakes it gives the logits of the tiny model."""
    sizes = tiny.config.n_head, tiny.config.layer_norm_epsilon
    found = numpy_gpt2.logits(expected[f"{case}/input_ids"], tiny.weights, *sizes)
    close(found, expected[f"{case}/logits"], "B T V")


@pytest.mark.parametrize("name", ["small", "one-row", "one-token", "full-length", "epsilon"])
def test_equals_hugging_face_on_random_models(name, random_model):
    model = random_model(name)
    sizes = model.config.n_head, model.config.layer_norm_epsilon
    close(numpy_gpt2.logits(model["input_ids"], model.weights, *sizes), model["logits"], "B T V")


@pytest.mark.parametrize("number", range(7, 15))
def test_right_numbers_pass(number, kernels_ready):
    """The NumPy answer passes the checks of each step, so it is its mistakes that fail them."""
    errors = check(number, answer(frozenset()))
    assert errors and not any(errors), errors


@pytest.mark.parametrize(("number", "name", "sentence"), MISTAKES)
def test_mistake_is_named(number, name, sentence, kernels_ready):
    first = next(filter(None, check(number, answer(frozenset([name])))), None)
    assert isinstance(first, Wrong), first or "the mistake passed"
    assert first.diagnosis == sentence
