"""Hints, the comparison with the solution, fresh stubs and progress, in a copy of the repository: nothing is lost."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from tutor.course import ROOT, STEPS


def git(folder, *args):
    """Run git in a folder, as somebody."""
    who = ["-c", "user.name=Learner", "-c", "user.email=learner@localhost", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *who, "-C", str(folder), *args], check=True, capture_output=True)


@pytest.fixture
def clone(tmp_path):
    """A learner's clone: what the desk needs of the repository, with its own history."""
    for name in ("tutor", "steps", "solutions", "pixi.toml", "book/src/SUMMARY.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    for step in STEPS.values():
        shutil.copy(step.untouched, tmp_path / "steps")
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "The course")
    return tmp_path


def run(clone, *args):
    """A command of the course, in the clone: its exit code and what it printed."""
    environment = os.environ | {"COLUMNS": "120"}
    done = subprocess.run(
        [sys.executable, "-m", "tutor", *args], cwd=clone, env=environment, capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def test_hints_come_one_by_one(clone):
    total = (clone / "tutor" / "hints" / "step_05.md").read_text().count("\n---\n") + 1
    for number in [*range(1, total + 1), total]:
        code, printed = run(clone, "hint", "05")
        assert code == 0 and f"hint {number} of {total}" in printed
    assert "diff 05" in printed
    assert "hint 1 of" in run(clone, "hint", "5", "1")[1]
    assert f"hint {total} of" in run(clone, "hint", "05")[1], "looking back at a hint loses the place"
    for number in ("0", "99"):
        assert run(clone, "hint", "05", number)[0] == 2


def test_hint_without_a_step_is_for_the_first_that_is_not_passed(clone):
    assert "Step 01" in run(clone, "hint")[1]


def test_diff(clone):
    code, printed = run(clone, "diff", "05")
    assert code == 0
    assert "-        raise NotImplementedError" in printed and "+        self.wte = nn.Embedding" in printed
    shutil.copy(clone / "solutions" / "solution_05.py", clone / "steps" / "step_05.py")
    assert "are the same" in run(clone, "diff", "05")[1]
    (clone / "steps" / "step_05.py").unlink()
    assert run(clone, "diff", "05")[0] == 2


def test_reset_keeps_the_learners_file(clone):
    file = clone / "steps" / "step_05.py"
    stub = file.read_text()
    for work in ("my work\n", "more work\n"):
        file.write_text(work)
        assert run(clone, "reset", "05")[0] == 0
        assert file.read_text() == stub
    backups = sorted((clone / ".tutor" / "backups").iterdir())
    assert [backup.read_text() for backup in backups] == ["my work\n", "more work\n"]
    assert "untouched stub already" in run(clone, "reset", "05")[1]


@pytest.mark.parametrize("work", ["a line above", "not UTF-8"])
def test_reset_of_a_half_written_file(clone, work):
    """What is still `raise NotImplementedError` does not make it the stub."""
    file = clone / "steps" / "step_05.py"
    stub = file.read_bytes()
    file.write_bytes(b"import numpy\n" + stub if work == "a line above" else stub + b"# \xff\n")
    code, printed = run(clone, "reset", "05")
    assert code == 0 and "Your file is kept" in printed
    assert file.read_bytes() == stub


def test_reset_after_the_answer_was_committed(clone):
    file = clone / "steps" / "step_05.py"
    stub = file.read_text()
    shutil.copy(clone / "solutions" / "solution_05.py", file)
    git(clone, "commit", "-am", "My answer")
    file.write_text(file.read_text() + "\n# and more\n")
    assert run(clone, "reset", "05")[0] == 0
    assert file.read_text() == stub


def test_reset_brings_a_deleted_file_back(clone):
    file = clone / "steps" / "step_05.py"
    stub = file.read_text()
    file.unlink()
    assert "reset 05" in run(clone, "check", "05")[1]
    assert run(clone, "reset", "05")[0] == 0
    assert file.read_text() == stub


def test_reset_without_git(clone):
    """A course that came as an archive: the stub, byte for byte, and the file is kept."""
    shutil.rmtree(clone / ".git")
    file = clone / "steps" / "step_05.py"
    stub = file.read_bytes()
    file.write_text("my work\n")
    assert run(clone, "reset", "05")[0] == 0
    assert file.read_bytes() == stub
    assert [kept.read_text() for kept in (clone / ".tutor" / "backups").iterdir()] == ["my work\n"]


@pytest.mark.parametrize("committed", [False, True])
def test_a_pull_costs_no_work(clone, tmp_path_factory, committed):
    """A newer course: git refuses to write over what is not committed, and merges with what is."""
    mine = tmp_path_factory.mktemp("mine") / "course"
    git(clone, "clone", str(clone), str(mine))
    file = mine / "steps" / "step_05.py"
    answer = file.read_text().replace("raise NotImplementedError", "# mine\n        raise NotImplementedError", 1)
    file.write_text(answer)
    if committed:
        git(mine, "commit", "-am", "My answer")
    for folder in ("steps", "tutor/stubs"):
        newer = clone / folder / "step_05.py"
        newer.write_text(newer.read_text().replace("Step 05: token embeddings.", "Step 05: a newer title."))
    git(clone, "commit", "-am", "A newer course")
    if committed:
        git(mine, "pull", "--no-rebase")
        assert file.read_text() == answer.replace("token embeddings.", "a newer title.", 1)
        assert run(mine, "reset", "05")[0] == 0
        assert file.read_bytes() == (clone / "steps" / "step_05.py").read_bytes()
    else:
        with pytest.raises(subprocess.CalledProcessError) as refused:
            git(mine, "pull", "--no-rebase")
        assert b"would be overwritten" in refused.value.stderr
        assert file.read_text() == answer


def test_steps_begin_as_the_untouched_stubs():
    """Who changes a stub does so in tutor/stubs and lets `reset` put it into steps/."""
    if (ROOT / ".tutor").exists():
        pytest.skip("a learner works in this clone: .tutor/ is there, so steps/ may hold answers")
    for step in STEPS.values():
        assert step.stub.read_bytes() == step.untouched.read_bytes(), step.stub.name


def test_progress(clone):
    os.symlink(ROOT / "tests", clone / "tests")
    assert f"0 of {len(STEPS)} steps passed" in run(clone, "progress")[1]
    file = clone / "steps" / "step_04.py"
    shutil.copy(clone / "solutions" / "solution_04.py", file)
    assert run(clone, "check", "04")[0] == 0
    printed = run(clone, "progress")[1]
    assert re.search(r"04 .*✓ passed", printed) and f"1 of {len(STEPS)} steps passed" in printed
    file.write_text(file.read_text() + "\n")
    assert re.search(r"04 .*changed since it passed", run(clone, "progress")[1])
    file.write_text("nonsense")
    assert run(clone, "check", "04")[0] == 1
    assert re.search(r"04 .*·", run(clone, "progress")[1])


def test_what_is_saved_during_a_check_has_not_passed(clone):
    os.symlink(ROOT / "tests", clone / "tests")
    file = clone / "steps" / "step_04.py"
    solution = (clone / "solutions" / "solution_04.py").read_text()
    file.write_text(f"{solution}\nopen(__file__, 'a').write('nonsense(')\n")
    assert run(clone, "check", "04")[0] == 0
    assert re.search(r"04 .*changed since it passed", run(clone, "progress")[1])


@pytest.mark.parametrize("damage", ["{ not json", "[]"])
def test_damaged_notes_are_forgotten(clone, damage):
    (clone / ".tutor").mkdir()
    for name in ("progress", "hints"):
        (clone / ".tutor" / f"{name}.json").write_text(damage)
    assert run(clone, "progress")[0] == 0
    assert "hint 1 of" in run(clone, "hint", "05")[1]
