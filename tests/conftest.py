"""What all tests share: which answer a step's checks look at, and the reference numbers."""

import functools
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from solutions.solution_01 import GPT2Config
from tests.known.gpt2 import gpt2
from tests.reference.randoms import CASES, Case, random_weights
from tutor.course import STEPS
from tutor.engine import kernels, setup  # noqa: F401
from tutor.grading import load_answer
from tutor.grading.shapes import sizes_of

REFERENCE = Path(__file__).parent / "reference"


def pytest_addoption(parser):
    """`--answer FILE`: check that file; without it the checks run on the solutions."""
    parser.addoption("--answer", type=Path, help="the file to check; default: the solution of the step")


@pytest.fixture(scope="module")
def answer(request):
    """The answer under test: the file that `--answer` names, or the solution."""
    step = STEPS[int(re.search(r"test_step_(\d+)", request.path.name)[1])]
    compile_missing(step.kernels)
    return load_answer(request.config.getoption("--answer") or step.solution)


@pytest.fixture(scope="session")
def toy():
    """The two toy tables (6 tokens, 3 dimensions) by their PyTorch seeds: see tests/reference/README.md."""
    arrays = np.load(REFERENCE / "toy.npz")
    return {seed: arrays[f"seed_{seed}/weight"] for seed in ("123", "124")}


@pytest.fixture(scope="session")
def expected():
    """What each piece of Hugging Face's GPT-2 gives on the tiny model: see tests/reference/README.md."""
    return np.load(REFERENCE / "expected.npz")


@pytest.fixture(scope="session")
def pieces():
    """Attention, GELU and LayerNorm on their own, by PyTorch: see tests/reference/README.md."""
    return np.load(REFERENCE / "pieces.npz")


class RandomModel:
    """A GPT-2 of random size and weights. `model["h.0.attn"]` is what that piece gives in Hugging Face's."""

    def __init__(self, name: str, case: Case, results: Mapping[str, np.ndarray]):
        self.config = GPT2Config(**case.config)
        self.weights = random_weights(case.config, case.seed)
        self.sizes = sizes_of(self.config, *case.shape)
        self.numpy = gpt2(self.weights, self.config.n_head, self.config.layer_norm_epsilon).transformer
        self._name, self._results = name, results

    def __getitem__(self, key: str) -> np.ndarray:
        return self._results[f"{self._name}/{key}"]


@pytest.fixture(scope="session")
def random_model():
    """A function from a name, such as "small", to that random model: see tests/reference/README.md."""
    results = np.load(REFERENCE / "random.npz")
    return functools.cache(lambda name: RandomModel(name, CASES[name], results))


def compile_missing(batches: Iterable[str]) -> None:
    """Compile those of the batches that this machine lacks; `pixi run s05` has done so before it starts the checks."""
    if missing := kernels.missing(batches):
        with kernels.Compilation() as compilation:
            compilation.wait_for(missing)


@pytest.fixture(scope="session")
def tiny():
    """The tiny trained GPT-2: its directory, its config, and its weights under the names of GPT2Model's parameters."""
    from safetensors.numpy import load_file

    directory = REFERENCE / "tiny-gpt2"
    weights = load_file(directory / "model.safetensors")
    weights = {name.removeprefix("transformer."): array for name, array in weights.items()}
    config = GPT2Config.from_json(directory / "config.json")
    return SimpleNamespace(directory=directory, config=config, weights=weights)
