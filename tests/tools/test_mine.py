"""`--mine`: the learner's own files in place of the solutions, in a course of its own so that nobody's steps are touched."""

import json
import os
import subprocess
import sys

import pytest

from solutions.solution_02 import decode, read_tokenizer
from tutor.checkpoint import REFERENCE
from tutor.course import STEPS
from tutor.runner import mine
from tutor.runner.records import digest

FIRST = json.loads((REFERENCE / "generated.json").read_text())[0]
TEXT = decode(FIRST["prompt_ids"] + FIRST["ids"][:3], read_tokenizer(REFERENCE / "tiny-gpt2")) + "\n"
"""What `generate` writes with three tokens after the first of the stored prompts."""

pytestmark = pytest.mark.usefixtures("kernels_ready")


def tutor(layout, *args):
    """Run a command of the course in `layout`: exit code, standard output, standard error."""
    environment = os.environ | {"COLUMNS": "120"}
    done = subprocess.run(
        [sys.executable, "-m", "tutor", *args], cwd=layout, env=environment, capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def write(layout, *numbers, change=lambda text: text):
    """Put the answer of each step into the learner's file, changed in some way."""
    for number in numbers:
        (layout / "steps" / STEPS[number].stub.name).write_text(change(STEPS[number].solution.read_text()))


def shout(text):
    """An answer that passes, and shows that it was used."""
    return text + '\nimport sys\nprint("used", __name__[-2:], file=sys.stderr)\n'


def test_needed():
    assert mine.needed(16) == [2, 16]
    assert mine.needed(2, 15, 17, 18) == [1, 2, *range(7, 16), 17, 18]


def test_untouched_stubs_stay_out(layout):
    code, out, err = tutor(layout, "generate", FIRST["prompt"], "--greedy", "--tokens", "3", "--mine")
    assert code == 0 and out == TEXT
    assert "yours: none  from the solutions: 01 02 07 08 09 10 11 12 13 14 15 17 18" in err


def test_those_that_pass(layout):
    """A step that passes is used, one that fails or is half written is not; what passed is remembered."""
    write(layout, 2, 18, change=shout)
    write(layout, 1, change=lambda text: text.replace("50257", "50304"))
    write(layout, 7, change=lambda text: text + "\n\ndef more():\n    raise NotImplementedError\n")
    code, out, err = tutor(layout, "generate", FIRST["prompt"], "--greedy", "--tokens", "3", "--mine")
    assert code == 0 and out == TEXT
    assert "yours: 02 18  from the solutions: 01 07 08" in err
    assert "used 02" in err and "used 18" in err
    assert sorted(mine.progress.read_json(layout / ".tutor" / "progress.json")) == ["02", "18"]


def test_all(layout):
    """With every piece written, the model that writes is the learner's: MAX pieces and all."""
    numbers = mine.needed(2, 15, 17, 18)
    write(layout, *numbers, change=shout)
    code, out, err = tutor(layout, "generate", FIRST["prompt"], "--greedy", "--tokens", "3", "--all-mine")
    assert code == 0 and out == TEXT
    assert "from the solutions: none" in err
    assert [line for line in sorted(err.splitlines()) if line.startswith("used")] == [f"used {n:02}" for n in numbers]


@pytest.mark.parametrize(
    ("number", "change", "says"),
    [
        (
            9,
            lambda text: text.replace("self.c_attn =", "raise NotImplementedError  #"),
            "Not written yet, in `__init__`",
        ),
        (14, lambda text: text.replace("def forward(", "def forward(:"), "Python cannot read the file"),
        (
            13,
            lambda text: text.replace("solution_12 import Block", "solution_12 import Brick"),
            "An import does not work",
        ),
        (17, lambda text: text.replace("yield token", "yield token / 0"), "ZeroDivisionError"),
    ],
)
def test_all_with_a_broken_piece(layout, number, change, says):
    """The learner reads what is wrong, in which of the files, and where."""
    write(layout, *mine.needed(2, 15, 17, 18))
    write(layout, number, change=change)
    code, _, err = tutor(layout, "generate", FIRST["prompt"], "--greedy", "--tokens", "3", "--all-mine")
    assert code == 1 and says in err
    assert f"Look at steps/step_{number:02}.py:" in " ".join(err.split())


def test_explore(layout):
    write(layout, 2, 16, change=shout)
    code, out, err = tutor(layout, "explore", "king", "-", "man", "+", "woman", "--mine")
    assert code == 0 and "queen" in out
    assert "yours: 02 16  from the solutions: 15" in err


def test_check(layout):
    """The checks of a later step run on the learner's earlier pieces, and say so where one of these is at fault."""
    write(layout, 2, 16, change=shout)
    code, out, _ = tutor(layout, "check", "16", "--mine")
    assert code == 0 and "yours: 02" in out and "used 02" in out
    write(
        layout,
        2,
        change=lambda text: text.replace(
            "ids = json.loads(", 'raise NotImplementedError("read the IDs")\n    ids = json.loads('
        ),
    )
    code, out, _ = tutor(layout, "check", "16", "--all-mine")
    assert code == 1 and "Not written yet, in `read_tokenizer`: read the IDs." in out and "steps/step_02.py:" in out


def test_a_check_with_other_pieces_is_not_remembered(layout):
    """That a step fails on a broken earlier piece takes nothing away from what has passed."""
    write(layout, 2, 16)
    assert tutor(layout, "check", "16")[0] == 0
    write(layout, 2, change=lambda text: text.replace("    ids = json.loads(", "    return\n    ids = json.loads("))
    assert tutor(layout, "check", "16", "--all-mine")[0] == 1
    assert "16" in mine.progress.read_json(layout / ".tutor" / "progress.json")


@pytest.mark.parametrize(
    ("number", "change", "says"),
    [
        (2, lambda text: text.replace("    return [tokenizer", "    [tokenizer", 1), "02"),
        (15, lambda text: text.replace("    return model", "    model", 1), "15"),
        (17, lambda text: text.replace("        yield token", "        return token", 1), "17"),
    ],
    ids=["nothing", "no model", "no generator"],
)
def test_a_piece_that_gives_nonsense(layout, number, change, says):
    """Where the error comes up is not where it was made: the steps that have not passed are named."""
    write(layout, *mine.needed(2, 15, 17, 18))
    assert change(STEPS[number].solution.read_text()) != STEPS[number].solution.read_text()
    others = [step for step in mine.needed(2, 15, 17, 18) if step != number]
    passed = {STEPS[step].id: digest(layout / "steps" / STEPS[step].stub.name) for step in others}
    mine.progress.write(layout / ".tutor" / "progress.json", passed)
    write(layout, number, change=change)
    code, _, err = tutor(layout, "generate", FIRST["prompt"], "--greedy", "--tokens", "3", "--all-mine")
    assert code == 1 and "Traceback" not in err
    assert f"Of your pieces these have not passed: {says}." in " ".join(err.split())


def test_a_written_piece_that_fails_is_named(layout):
    write(layout, 16, change=lambda text: text.replace("return", "return None #", 1))
    code, out, err = tutor(layout, "explore", "king", "queen", "--mine")
    assert code == 0 and "yours does not pass: 16" in err
