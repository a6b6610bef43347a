"""Known mistakes as edits of a solution: what is written wrongly is an error that names the entry, and a command checks one."""

import subprocess
import sys

import pytest

from tutor import __main__, mistakes
from tutor.course import STEPS

STEP = STEPS[1]  # needs no MAX
ENTRY = """
[rows]
does = "Rows."
told = "rows"
find = 'n_head: int = 12'
put = 'n_head: int = 8'
"""
SEVERAL = """
[rows]
does = "Rows."
told = "rows"
[[rows.edits]]
find = 'n_head: int = 12'
put = 'n_head: int = 8'
[[rows.edits]]
find = '''
    @classmethod
'''
put = ''
"""


@pytest.fixture
def read(tmp_path, monkeypatch):
    """A function from the text of a file of mistakes to the one that it should hold."""

    def one(text: str) -> mistakes.Edited:
        (tmp_path / "step_01.toml").write_text(text)
        monkeypatch.setattr(mistakes, "file", lambda step, kind="mistakes": tmp_path / "step_01.toml")
        return mistakes.named(STEP, "rows")

    return one


@pytest.mark.parametrize(("text", "gone"), [(ENTRY, ""), (SEVERAL, "    @classmethod\n")], ids=["one edit", "several"])
def test_everything_but_the_edits_is_the_solution(read, text, gone):
    solution = STEP.solution.read_text()
    assert read(text).source() == solution.replace("n_head: int = 12", "n_head: int = 8").replace(gone, "")


@pytest.mark.parametrize(
    ("text", "says"),
    {
        "a misspelt key": (ENTRY.replace("put =", "putt ="), "lacks 'put' and has 'putt', which is no key here"),
        "a key too many": (ENTRY + "why = 'x'\n", "has 'why', which is no key here"),
        "no words of the diagnosis": (ENTRY.replace('told = "rows"\n', ""), "lacks 'told'"),
        "a key too many in an edit": (SEVERAL + "told = 'x'\n", "has 'told', which is no key here"),
        "one edit beside several": (SEVERAL.replace("[[", "find = 'x'\n[[", 1), "has 'find', which is no key here"),
        "edits that are none": (ENTRY + "edits = 1\n", "has 'edits', which is no key here"),
        "an edit that is no table": (SEVERAL.split("[[")[0] + "edits = [1]\n", "is no table"),
        "an entry that is no table": ("rows = 1\n", "is no table"),
        "a number for a text": (ENTRY.replace('"Rows."', "1"), "has no text under 'does'"),
        "words that every diagnosis holds": (ENTRY.replace('told = "rows"', 'told = ""'), "has no text under 'told'"),
        "no TOML": (ENTRY + "[\n", "is no TOML"),
        "another name": (ENTRY.replace("[rows]", "[row]"), "has no mistake 'rows'. Is row meant?"),
        "code that is not there": (ENTRY.replace("= 12'", "= 13'"), " 0 times in solutions/solution_01.py"),
        "code that is there twice": (ENTRY.replace("n_head: int = 12", "n_embd"), " times in solutions/solution_01.py"),
        "two edits in one place": (
            SEVERAL.replace("'''\n    @classmethod\n'''", "'n_head: int'"),
            "another of its edits",
        ),
    }.values(),
    ids=str,
)
def test_what_is_written_wrongly_is_named(read, text, says):
    with pytest.raises(mistakes.EntryError) as error:
        read(text).source()
    assert says in str(error.value)
    assert "rows" in str(error.value) or "is no TOML" in says


def test_right_answers_have_no_diagnosis(read):
    assert read(ENTRY).told == "rows"
    with pytest.raises(mistakes.EntryError, match="has 'told', which is no key here"):
        mistakes.read(STEP, "answers")


def test_a_mistake_is_checked_as_if_the_learner_had_made_it(layout):
    """The verdict names the learner's file and the line there; the file stays as it is, and nothing counts as passed."""
    stub = layout / "steps" / "step_04.py"
    before = stub.read_text()
    line = before[: before.index("def lookup")].count("\n") + 1
    command = [sys.executable, "-m", "tutor", "check", "04", "--mistake", "column"]
    done = subprocess.run(command, cwd=layout, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "taken to number the table's 3 columns" in " ".join(done.stdout.split())
    assert f"steps/step_04.py:{line}, in LookupTable.lookup" in done.stdout
    assert stub.read_text() == before and not (layout / ".tutor" / "progress.json").exists()


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--mistake", "eight_haeds"), "Step 01 has no mistake 'eight_haeds'. Is eight_heads meant?\n"),
        (("--mistake", "zzz"), f"Step 01 has no mistake 'zzz'. Known are {', '.join(mistakes.read(STEP))}.\n"),
        (("--mistake", "eight_heads", "--watch"), "--mistake goes with neither --watch nor --pytest.\n"),
        (("--mistake", "eight_heads", "--pytest"), "--mistake goes with neither --watch nor --pytest.\n"),
    ],
    ids=str,
)
def test_a_slip_is_answered_in_a_sentence(args, says, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["tutor", "check", "01", *args])
    assert __main__.main() == 2
    assert capsys.readouterr().out == says


@pytest.mark.parametrize("other", [["--solution"], ["--file", "x.py"]], ids=str)
def test_one_answer_at_a_time(other, capsys):
    with pytest.raises(SystemExit):
        __main__.parser().parse_args(["check", "01", "--mistake", "eight_heads", *other])
    assert "not allowed with argument --mistake" in capsys.readouterr().err
