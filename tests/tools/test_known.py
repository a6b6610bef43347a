"""The NumPy GPT-2 equals Hugging Face's, and the checks name each known mistake that can be made in it.

Each goes through the checks of its step, in an answer that computes with NumPy. So no mistake passes, and no two of
them look the same to the checks.
"""

import builtins
import sys
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType

import numpy as np
import pytest
from max.experimental import nn

from solutions import (
    solution_02,
    solution_03,
    solution_05,
    solution_06,
    solution_09,
    solution_10,
    solution_11,
    solution_12,
    solution_13,
    solution_14,
    solution_16,
    solution_17,
    solution_18,
    solution_20,  # noqa: F401
    solution_22,
)
from tests import known
from tests.known import edited, gpt2, listed, made
from tests.known.gpt2 import Part, linear, lookup
from tutor.course import STEPS
from tutor.grading import Wrong, close, tensor


@pytest.fixture(autouse=True)
def the_search_ends_well():
    """What a learner never sees, an error of the search itself, fails the test."""
    yield
    assert known.failed == []


FORMULAS = {
    # by step, the function and the class of the solution whose forward it is
    5: (gpt2.embedding, solution_05.Embedding),
    6: (gpt2.embed, solution_06.GPT2Model),
    7: (gpt2.causal_mask, None),
    8: (gpt2.attention, None),
    9: (gpt2.multi_head_attention, solution_09.MultiHeadAttention),
    10: (gpt2.layer_norm, solution_10.LayerNorm),
    11: (gpt2.mlp, solution_11.MLP),
    12: (gpt2.block, solution_12.Block),
    13: (gpt2.model, solution_13.GPT2Model),
    14: (gpt2.logits, solution_14.GPT2LMHeadModel),
}
MISTAKES = [
    pytest.param(step, formula, edits, sentence, id=f"{step:02} {formula.__name__}: {name}")
    for step, formula in [
        *((step, formula) for step, (formula, _) in FORMULAS.items()),
        (2, solution_02.encode),
        (2, solution_02.decode),
        (3, solution_03.sliding_windows),
        (3, solution_03.batches),
        (4, gpt2.lookup),
        (4, gpt2.one_hot),
        (4, gpt2.multiply),
        (16, solution_16.cosine_similarity),
        (16, solution_16.nearest),
        (16, solution_16.analogy),
        (17, solution_17.greedy),
        (17, gpt2.generate),
        (18, solution_18.probabilities),
        (20, gpt2.token_block),
        (20, gpt2.decode_step),
        (22, solution_22.skip_grams),
        (22, solution_22.forward),
        (22, solution_22.backward),
        (22, solution_22.update),
        (22, solution_22.train),
    ]
    for name, (*edits, sentence) in listed(formula.__name__).items()
]


def part(module) -> Part | list[Part] | np.ndarray:
    """A module of the solutions as a part of the NumPy GPT-2, with the same weights."""
    if isinstance(module, nn.Linear):
        return Part(linear, weight=module.weight.to_numpy().T, bias=module.bias.to_numpy())
    if isinstance(module, nn.Embedding):
        return Part(lookup, weight=module.weight.to_numpy())
    if isinstance(module, nn.Sequential):
        return [part(block) for block in module]
    formula = next(formula for formula, kind in FORMULAS.values() if kind and isinstance(module, kind))
    names = formula.__code__.co_varnames[1 : formula.__code__.co_argcount]
    keywords = {name: getattr(module, name) for name in names if hasattr(module, name)}
    keywords = {name: value.to_numpy() if hasattr(value, "to_numpy") else value for name, value in keywords.items()}
    keywords = {name: part(value) if isinstance(value, nn.Module) else value for name, value in keywords.items()}
    if formula is gpt2.logits:
        keywords["wte"] = keywords["transformer"].wte
    return Part(formula, **keywords)


def answer(number: int, formula, edits: list[str]) -> ModuleType:
    """An answer to a step that is its solution, but computes with NumPy by the formula, with these edits."""
    module = ModuleType("numpy_answer")
    module.__file__ = str(Path("numpy_answer.py"))
    vars(module)["__builtins__"] = builtins  # where functions look that are made here, and NumPy when they call it
    wrong = edited(formula, edits)
    if number not in FORMULAS:
        solution = import_module(f"solutions.solution_{number:02}")
        vars(module).update({name: thing for name, thing in vars(solution).items() if name[:2] != "__"})
        for function in vars(solution).values():  # what calls the formula, too
            if isinstance(function, FunctionType) and function.__module__ == solution.__name__:
                new = FunctionType(function.__code__, vars(module), function.__name__, function.__defaults__)
                setattr(module, function.__name__, new)
        if number == 4:
            module.LookupTable = type("LookupTable", (solution.LookupTable,), {})
            setattr(
                module.LookupTable,
                formula.__name__,
                lambda self, ids: wrong(np.asarray(self._refused(ids)), self.weight),
            )
            module.LookupTable._refused = lambda self, ids: self._refuse_unknown(ids) or ids
        elif formula is gpt2.generate:
            module.generate = lambda model, tokens, count, choose=solution.greedy: generated(
                wrong, model, tokens, count, choose
            )
        elif formula is gpt2.token_block:
            module.token_block = lambda block, *tensors: on_tensors(wrong, *tensors, **part(block).keywords)
        elif formula is gpt2.decode_step:
            module.decode_step = lambda model, tokens, past: decoded(solution, wrong, model, tokens, past)
        else:
            setattr(module, formula.__name__, wrong)
        return module
    kind = FORMULAS[number][1]

    def call(*args, **keywords):
        """The formula as a function of tensors."""
        arrays = [arg.to_numpy() if hasattr(arg, "to_numpy") else int(arg) for arg in args]
        expects_integers = number in (5, 6, 13, 14) and arrays[0].dtype.kind != "i"
        if expects_integers:
            raise TypeError("IDs are whole numbers")
        with np.errstate(all="ignore"):
            return tensor(np.float32(wrong(*arrays, **keywords)))

    if kind is None:
        setattr(module, formula.__name__, call)
    else:
        forward = lambda self, x: call(x, **part(self).keywords)  # noqa: E731
        setattr(module, kind.__name__, type(kind.__name__, (kind,), {"forward": forward}))
    return module


def generated(formula, model, tokens, count, choose):
    """What the formula of step 17 makes of a model of MAX, one by one."""
    if not len(tokens):
        raise ValueError("nothing to go on from")
    n_positions = int(model.transformer.wpe.weight.shape[0])

    def scores(ids):
        return model(tensor(np.array([ids]))).to_numpy()[0]

    yield from formula(scores, tokens, count, n_positions, choose)


def on_tensors(formula, *args, **keywords):
    """What the formula gives for tensors, as tensors."""
    results = formula(*(arg.to_numpy() for arg in args), **keywords)
    return tuple(tensor(np.float32(result)) for result in results)


def decoded(solution, formula, model, tokens, past):
    """What the formula of step 20 makes of a model of MAX; a prompt is left to the solution, and the new keys and values."""
    logits, new = solution.decode_step(model, tokens, past)
    if past is None:
        return logits, new
    arrays = [tuple(one.to_numpy() for one in pair) for pair in past]
    return tensor(np.float32(formula(tokens.to_numpy(), arrays, **part(model.transformer).keywords))), new


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
    whole = gpt2.gpt2(tiny.weights, tiny.config.n_head, tiny.config.layer_norm_epsilon)
    close(whole(expected[f"{case}/input_ids"]), expected[f"{case}/logits"], "B T V")


@pytest.mark.parametrize("name", ["small", "one-row", "one-token", "full-length", "epsilon"])
def test_equals_hugging_face_on_random_models(name, random_model):
    model = random_model(name)
    head = Part(gpt2.logits, transformer=model.numpy, wte=model.numpy.wte)
    close(head(model["input_ids"]), model["logits"], "B T V")


@pytest.mark.parametrize("number", FORMULAS)
def test_right_numbers_pass(number, kernels_ready):
    """The NumPy answer passes the checks of its step, so it is its mistakes that fail them."""
    errors = check(number, answer(number, FORMULAS[number][0], []))
    assert errors and not any(errors), errors


@pytest.mark.parametrize(("number", "formula", "edits", "sentence"), MISTAKES)
def test_mistake_is_named(number, formula, edits, sentence, kernels_ready):
    first = next(filter(None, check(number, answer(number, formula, edits))), None)
    assert isinstance(first, Wrong), first or "the mistake passed"
    assert first.diagnosis == sentence


@pytest.mark.parametrize(
    ("edit", "why"),
    {"T = q -> T = k": "0 times", "scaled -> scores": "2 times", "masked": "no arrow"}.items(),
)
def test_a_mistake_that_cannot_be_made_is_an_error_that_names_it(edit, why, monkeypatch):
    monkeypatch.setattr(known, "listed", lambda function: {"bad one": [edit, "A sentence."]})
    with pytest.raises(ValueError, match=r"'bad one' of \[attention\]"):
        list(made(gpt2.attention))
