"""What all tests share: which answer a step's checks look at, and the reference numbers."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tutor import kernels, max_setup  # noqa: F401
from tutor.checks import load_answer
from tutor.course import STEPS

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "tests" / "reference"


def pytest_addoption(parser):
    """`--answer FILE`: check that file; without it the checks run on the solutions."""
    parser.addoption("--answer", type=Path, help="the file to check; default: the solution of the step")


@pytest.fixture(scope="module")
def step(request):
    """The answer under test: the file that `--answer` names, or the solution."""
    course_step = STEPS[int(re.search(r"test_step_(\d+)", request.path.name)[1])]
    if course_step.uses_max:
        request.getfixturevalue("kernels_ready")
    return load_answer(request.config.getoption("--answer") or course_step.solution)


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
def kernels_ready():
    """The course's kernels, compiled now if this machine never ran the course: a minute, once."""
    if missing := kernels.missing():
        kernels.compile_batches(missing, show=lambda done, total: None)


@pytest.fixture(scope="session")
def tiny():
    """The tiny trained GPT-2: its directory, its config, and its weights under the names of GPT2Model's parameters."""
    from safetensors.numpy import load_file

    from solutions.solution_01 import GPT2Config

    directory = REFERENCE / "tiny-gpt2"
    weights = load_file(directory / "model.safetensors")
    weights = {name.removeprefix("transformer."): array for name, array in weights.items()}
    config = GPT2Config.from_json(directory / "config.json")
    return SimpleNamespace(directory=directory, config=config, weights=weights)
