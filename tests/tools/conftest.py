"""What the tests of the course's own tools share: kernels, untouched stubs, and a course of its own to run commands in."""

import os
import shutil
import signal

import pytest

from tests.conftest import compile_missing
from tutor.course import ROOT, STEPS
from tutor.engine import kernels, setup


def pytest_configure(config):
    """Have what the repository's own tests start behave as in a terminal, wherever the tests themselves were started."""
    signal.signal(signal.SIGINT, setup.stop)  # a shell's `&` has programs ignore Ctrl-C
    os.environ.pop("PYTHONUNBUFFERED", None)


@pytest.fixture(autouse=True)
def broken_pipes_raise():
    """`generate` has a broken pipe end its process; here that would be the process of all tests."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


@pytest.fixture(scope="session")
def kernels_ready():
    """The course's kernels, compiled now if this machine never ran the course: a minute, once."""
    compile_missing(kernels.SECONDS)


@pytest.fixture
def layout(tmp_path):
    """A course of its own to run commands in: the repository's code by links, and untouched stubs to write in."""
    folder = tmp_path / "course"
    (folder / "steps").mkdir(parents=True)
    for name in ("tutor", "solutions", "tests", "book", "pixi.toml"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "steps" / "__init__.py").write_text((ROOT / "steps" / "__init__.py").read_text())
    for step in STEPS.values():
        shutil.copy(step.untouched, folder / "steps")
    return folder
