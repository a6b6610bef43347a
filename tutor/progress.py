"""What the learner has passed: kept in .tutor/progress.json, by the content of each file."""

import json
from pathlib import Path

from tutor.course import ROOT, Step
from tutor.runner.records import Verdict, digest

FILE = ROOT / ".tutor" / "progress.json"


def read() -> dict[str, str]:
    """For each step that was passed, by its two digits, the digest of the file that passed."""
    return read_json(FILE)


def read_json(file: Path) -> dict:
    """The content of a small JSON file; nothing where there is none yet, or a damaged one."""
    try:
        facts = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def record(verdict: Verdict) -> None:
    """Remember a verdict on the learner's own file, as it was when it was checked."""
    if verdict.answer != verdict.step.stub:
        return
    passed = read()
    passed.pop(verdict.step.id, None)
    if verdict.passed:
        passed[verdict.step.id] = verdict.digest
    write(FILE, passed)


def write(file: Path, facts: dict) -> None:
    """Write a small JSON file whole or not at all. These files are a convenience: a full disk must not fail a check."""
    try:
        file.parent.mkdir(exist_ok=True)
        part = file.with_suffix(".part")
        part.write_text(json.dumps(facts, indent=1, sort_keys=True))
        part.replace(file)
    except OSError:
        pass


def has_passed(step: Step) -> bool:
    """Whether the learner's file, as it is now, has passed its checks."""
    return step.stub.exists() and read().get(step.id) == digest(step.stub)
