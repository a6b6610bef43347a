"""The learner's desk: hints, the comparison with the solution, a fresh stub, and what is passed so far."""

import difflib
import subprocess
from datetime import datetime

from rich.console import Console
from rich.markdown import Markdown
from rich.syntax import Syntax

from tutor import progress
from tutor.course import ROOT, STEPS, Step, command, shown

HINTS_SEEN = ROOT / ".tutor" / "hints.json"
BACKUPS = ROOT / ".tutor" / "backups"


def current_step() -> Step:
    """The first step that the learner's files do not pass yet; the last one when all are passed."""
    return next((step for step in STEPS.values() if not progress.has_passed(step)), STEPS[max(STEPS)])


def hint(step: Step, number: int | None, screen: Console) -> int:
    """Show the next hint of a step, or the one that was asked for by number."""
    hints = [part.strip() for part in step.hints.read_text().split("\n---\n")]
    seen = progress.read_json(HINTS_SEEN)
    last = seen.get(step.id, 0)
    number = min(last + 1, len(hints)) if number is None else number
    if not 1 <= number <= len(hints):
        screen.print(f"Step {step.id} has {len(hints)} hints: 1 to {len(hints)}.")
        return 2
    screen.print(f"[bold]Step {step.id} · {step.title}[/], hint {number} of {len(hints)}\n")
    screen.print(Markdown(hints[number - 1]))
    following = "the next one" if number < len(hints) else "the answer beside yours"
    task = f"hint {step.id}" if number < len(hints) else f"diff {step.id}"
    screen.print(f"\n[dim]{following}[/]  {command(task)}")
    progress.write(HINTS_SEEN, seen | {step.id: max(number, last)})
    return 0


def diff(step: Step, screen: Console) -> int:
    """Compare the learner's file with the solution, line by line."""
    if not step.stub.is_file():
        screen.print(f"There is no file {shown(step.stub)}. `{command('reset ' + step.id)}` brings the stub back.")
        return 2
    files = step.stub, step.solution
    lines = [file.read_text(errors="replace").splitlines() for file in files]
    found = "\n".join(difflib.unified_diff(*lines, *map(shown, files), lineterm="", n=2))
    if not found:
        screen.print(f"{shown(step.stub)} and {shown(step.solution)} are the same.")
    elif screen.is_terminal:
        screen.print(Syntax(found, "diff", background_color="default", word_wrap=True))
    else:
        screen.print(found, markup=False, soft_wrap=True)
    return 0


def reset(step: Step, screen: Console) -> int:
    """Put the stub back in place of the learner's file, which is kept as a backup."""
    stub = pristine(step)
    if stub is None:
        screen.print(f"The untouched {shown(step.stub)} comes from git, and git has none here. Is this a clone?")
        return 1
    if step.stub.is_file() and step.stub.read_bytes() == stub.encode():
        screen.print(f"{shown(step.stub)} is the untouched stub already.")
        return 0
    if step.stub.is_file():
        BACKUPS.mkdir(parents=True, exist_ok=True)
        backup = BACKUPS / f"{step.stub.stem}-{datetime.now():%Y%m%d-%H%M%S-%f}.py"
        backup.write_bytes(step.stub.read_bytes())
        screen.print(f"Your file is kept as {shown(backup)}.")
    step.stub.parent.mkdir(exist_ok=True)
    part = step.stub.with_suffix(".part")
    part.write_text(stub)
    part.replace(step.stub)
    screen.print(f"{shown(step.stub)} is the untouched stub again.")
    return 0


def pristine(step: Step) -> str | None:
    """The stub as it was before anybody filled it in, or None if there is no such version.

    Learners may commit their answers, so the newest version in git will not do: it is the newest of those that
    leave the most to write. The file as it is now comes last: it counts where git has nothing.
    """
    name = shown(step.stub)
    commits = (_git("log", "--format=%H", "--", name) or "").split()
    now = step.stub.read_text(errors="replace") if step.stub.is_file() else ""
    versions = [*(_git("show", f"{commit}:{name}") or "" for commit in commits), now]
    left = [version.count("raise NotImplementedError") for version in versions]
    return versions[left.index(max(left))] if max(left) else None


def _git(*args: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *args], capture_output=True, text=True)
    except OSError:  # git is not installed
        return None
    return done.stdout if done.returncode == 0 else None


def show_progress(screen: Console) -> int:
    """List the steps with what became of each, and the one to go on with."""
    passed = progress.read()
    for step in STEPS.values():
        if progress.has_passed(step):
            mark = "[green]✓[/] passed"
        elif step.id in passed:
            mark = "[yellow]○[/] changed since it passed"
        else:
            mark = "[dim]·[/]"
        screen.print(f"  {step.id}  {step.title:<28}{mark}")
    count = sum(map(progress.has_passed, STEPS.values()))
    screen.print(f"\n{count} of {len(STEPS)} steps passed.")
    if count < len(STEPS):
        step = current_step()
        screen.print(f"  [dim]read[/]  {shown(step.chapter)}\n  [dim]then[/]  {command('s' + step.id)}")
    return 0
