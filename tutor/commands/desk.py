"""The learner's desk: hints, the comparison with the solution, a fresh stub, and what is passed so far."""

import difflib
from argparse import Namespace
from datetime import datetime

from rich.markdown import Markdown
from rich.syntax import Syntax

from tutor import progress
from tutor.course import ROOT, STEPS, Step, command, shown
from tutor.screen.terminal import console

HINTS_SEEN = ROOT / ".tutor" / "hints.json"
BACKUPS = ROOT / ".tutor" / "backups"


def current_step() -> Step:
    """The first step that the learner's files do not pass yet; the last one when all are passed."""
    return next((step for step in STEPS.values() if not progress.has_passed(step)), STEPS[max(STEPS)])


def hint(args: Namespace) -> int:
    """Show the next hint of a step, or the one that was asked for by number."""
    step, number, screen = args.step or current_step(), args.number, console()
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


def diff(args: Namespace) -> int:
    """Compare the learner's file with the solution, line by line."""
    step, screen = args.step, console()
    if not step.stub.is_file():
        screen.print(f"There is no file {shown(step.stub)}. `{command('reset ' + step.id)}` brings the stub back.")
        return 2
    yours, right = (file.read_text(errors="replace").splitlines() for file in (step.stub, step.solution))
    found = "\n".join(difflib.unified_diff(yours, right, shown(step.stub), shown(step.solution), lineterm="", n=2))
    if not found:
        screen.print(f"{shown(step.stub)} and {shown(step.solution)} are the same.")
    elif screen.is_terminal:
        screen.print(Syntax(found, "diff", background_color="default", word_wrap=True))
    else:
        screen.print(found, markup=False, soft_wrap=True)
    return 0


def reset(args: Namespace) -> int:
    """Put the stub back in place of the learner's file, which is kept as a backup."""
    step, screen = args.step, console()
    if step.stub.is_file() and step.stub.read_bytes() == step.untouched.read_bytes():
        screen.print(f"{shown(step.stub)} is the untouched stub already.")
        return 0
    if step.stub.is_file():
        BACKUPS.mkdir(parents=True, exist_ok=True)
        backup = BACKUPS / f"{step.stub.stem}-{datetime.now():%Y%m%d-%H%M%S-%f}.py"
        backup.write_bytes(step.stub.read_bytes())
        screen.print(f"Your file is kept as {shown(backup)}.")
    step.stub.parent.mkdir(exist_ok=True)
    part = step.stub.with_suffix(".part")
    part.write_bytes(step.untouched.read_bytes())
    part.replace(step.stub)
    screen.print(f"{shown(step.stub)} is the untouched stub again.")
    return 0


def show_progress(args: Namespace) -> int:
    """List the steps with what became of each, and the one to go on with."""
    screen = console()
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
