"""The command line: a slip is answered with one sentence that names the command as the learner typed it."""

import os
import subprocess
import sys

import pytest

from tutor.__main__ import parser
from tutor.course import command


@pytest.mark.parametrize(
    ("typed", "says", "task"),
    {
        "a word for a number": (
            "generate --tokens x The",
            "Argument --tokens: invalid whole number value: 'x'",
            "generate",
        ),
        "too small": ("explore --count 0 king", "Argument --count: 0 should be at least 1", "explore"),
        "an unknown option": ("generate The --speed 3", "Unrecognized arguments: --speed 3", "generate"),
        "a word too many": ("reset 05 06", "Unrecognized arguments: 06", "reset"),
        "a word too few": ("diff", "The following arguments are required: step", "diff"),
        "no such step": (
            "hint 30",
            f"Argument step: there is no step '30': `{command('progress')}` lists them",
            "hint",
        ),
        "an option of no check": ("check 05 --solutions", "Unrecognized arguments: --solutions", "sNN"),
        "two that exclude each other": (
            "generate --greedy --temperature 1 The",
            "Argument --temperature: not allowed with argument --greedy",
            "generate",
        ),
    }.values(),
    ids=str,
)
def test_a_slip_is_answered_in_a_sentence(typed, says, task, capsys):
    with pytest.raises(SystemExit) as stop:
        parser().parse_args(typed.split())
    assert stop.value.code == 2
    assert capsys.readouterr().err == f"{says}. Options and their meaning: {command(task)} --help\n"


def test_help_of_a_check_shows_its_options(capsys):
    """The task names the step already, so the step is none of them."""
    with pytest.raises(SystemExit):
        parser().parse_args(["check", "--help"])
    usage = capsys.readouterr().out.partition("\n\n")[0]
    assert usage.startswith(f"usage: {command('sNN')} [-h]") and "--watch" in usage and "step" not in usage


@pytest.mark.parametrize("step", ["02", "05"])
def test_scratch_files_of_any_name(layout, step, kernels_ready):
    """A file of the learner's in the course's folder is never taken for a module of Python's or of a package."""
    for name in ("random", "types", "json", "tempfile", "numpy", "pytest"):
        (layout / f"{name}.py").write_text("raise SystemExit('a scratch file ran')\n")
    done = subprocess.run(
        [sys.executable, "tutor", "check", step, "--solution"], cwd=layout, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed: all" in done.stdout


def test_the_same_second_and_size(layout, kernels_ready):
    """A wrong answer of the size of a right one that has passed, saved in the same second, fails: no bytecode is asked."""
    file = layout / "steps" / "step_04.py"
    right = (layout / "solutions" / "solution_04.py").read_text()
    wrong = right.replace("return self.weight[ids]", "return -self.weight[ids]")
    codes = []
    for text in (right + "\n", wrong, right + "\n"):
        file.write_text(text)
        os.utime(file, (1e9, 1e9))
        done = subprocess.run([sys.executable, "tutor", "check", "04"], cwd=layout, capture_output=True, text=True)
        codes.append(done.returncode)
    assert codes == [0, 1, 0]
