"""`steps`: for whoever makes the course, what each step still lacks. The book's table of contents says which steps there are."""

import re
import shutil
import tomllib
from argparse import Namespace

from tutor import mistakes
from tutor.course import ROOT, STEPS, Step, shown
from tutor.screen.terminal import console

MANIFEST = ROOT / "pixi.toml"
LEAST_MISTAKES = 3
HINTS = 3, 6
"""The fewest and the most hints of a step."""


def main(args: Namespace) -> int:
    """Print what each step lacks, once what can be made without an author is made. Returns an exit code."""
    screen = console()
    for step in STEPS.values():
        make(step)
    lists = {step: lacks(step) for step in STEPS.values()}
    for step, missing in lists.items():
        for line in missing:
            screen.print(f"Step {step.id} lacks {line}.", soft_wrap=True)
    whole = sum(not missing for missing in lists.values())
    screen.print(f"{whole} of {len(lists)} steps are whole.")
    return 0 if whole == len(lists) else 1


def lacks(step: Step) -> list[str]:
    """What a step still needs, in words; nothing when it is whole."""
    files = {
        "its chapter": step.chapter,
        "its stub": step.untouched,
        "the learner's file": step.stub,
        "its solution": step.solution,
        "its checks": step.test,
        "its hints": step.hints,
        "its wrong answers": mistakes.file(step),
    }
    missing = [f"{what}, {shown(file)}" for what, file in files.items() if not file.is_file()]
    if step.hints.is_file() and not HINTS[0] <= (count := step.hints.read_text().count("\n---\n") + 1) <= HINTS[1]:
        missing.append(f"hints: it has {count}, and {HINTS[0]} to {HINTS[1]} are usual")
    if mistakes.file(step).is_file() and (count := len(mistakes.read(step))) < LEAST_MISTAKES:
        missing.append(f"wrong answers: it has {count}, and {LEAST_MISTAKES} is the least")
    if _task(step) not in tomllib.loads(MANIFEST.read_text())["tasks"]:
        missing.append(f"its task, s{step.id}, in pixi.toml")
    return missing


def make(step: Step) -> None:
    """Make what needs no author: the learner's file, from the stub, and the task in pixi.toml, after that of the step before."""
    if step.untouched.is_file() and not step.stub.exists():
        shutil.copy(step.untouched, step.stub)
    text = MANIFEST.read_text()
    if _task(step) not in tomllib.loads(text)["tasks"]:
        task = f'[tasks.{_task(step)}]\ncmd = "python tutor check {step.id}"\ndescription = "Check step {step.id}: {step.title}"\n\n'
        last = list(re.finditer(r"^\[tasks\.s\d\d\]\n(?:.+\n)+\n", text, re.MULTILINE))[-1]
        MANIFEST.write_text(text[: last.end()] + task + text[last.end() :])


def _task(step: Step) -> str:
    return f"s{step.id}"
