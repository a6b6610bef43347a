"""`steps`: every step of the course is whole, and what a new one lacks is named."""

import os
import re
import shutil
import tomllib

import pytest

from tutor.commands import steps
from tutor.course import ROOT, STEPS


@pytest.mark.parametrize("step", STEPS.values(), ids=lambda step: step.id)
def test_every_step_is_whole(step):
    assert steps.lacks(step) == []


def test_no_file_and_no_task_belongs_to_a_step_that_is_not_listed():
    found = {
        path.stem[-2:]
        for folder in ("steps", "solutions", "tutor/stubs")
        for path in (ROOT / folder).glob("*_[0-9]*.py")
    }
    assert found == {step.id for step in STEPS.values()}
    tasks = tomllib.loads((ROOT / "pixi.toml").read_text())["tasks"]
    checks = {name: task["cmd"] for name, task in tasks.items() if re.fullmatch(r"s\d\d", name)}
    assert checks == {f"s{step.id}": f"python tutor check {step.id}" for step in STEPS.values()}


def test_a_new_step(tmp_path, monkeypatch):
    """The table of contents names it: its task is made, and then, once there is a stub, the learner's file; the rest is named."""
    for name in ("pixi.toml", "tutor", "book/src/SUMMARY.md", "solutions", "steps"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, tmp_path / name)
    contents = tmp_path / "book" / "src" / "SUMMARY.md"
    contents.write_text(contents.read_text() + "- [Step 99: Something new](step_99.md)\n")
    code = os.system(f"cd {tmp_path} && {shutil.which('python')} -m tutor steps > out")
    printed = (tmp_path / "out").read_text()
    assert code and "Step 99 lacks its chapter, book/src/step_99.md." in printed
    for what in ("its stub", "its solution", "its checks", "its hints", "its wrong answers"):
        assert f"Step 99 lacks {what}" in printed
    assert tomllib.loads((tmp_path / "pixi.toml").read_text())["tasks"]["s99"]["cmd"] == "python tutor check 99"
    (tmp_path / "tutor" / "stubs" / "step_99.py").write_text('"""Step 99."""\n')
    os.system(f"cd {tmp_path} && {shutil.which('python')} -m tutor steps > out")
    assert (tmp_path / "steps" / "step_99.py").read_text() == '"""Step 99."""\n'
