"""The commands that check a step. Each returns an exit code."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from tutor.course import ROOT, Step, command, shown
from tutor.runner.parent import Child, StartError
from tutor.runner.records import Verdict

if TYPE_CHECKING:
    from rich.console import Console

    from tutor.engine.kernels import Compilation


def check_step(args: Namespace) -> int:
    """`check`: the verdict on a step; exit code 0 when every check passed."""
    try:
        if args.mistake is not None:
            return _check_mistake(args)
        return _check_file(args, args.file or (args.step.solution if args.solution else args.step.stub))
    except StartError as error:
        print(error)
        return 1


def _check_mistake(args: Namespace) -> int:
    """The verdict on a mistake that the course knows, as if the learner had made it."""
    from tutor import mistakes

    if args.watch or args.pytest is not None:
        print("--mistake goes with neither --watch nor --pytest.")
        return 2
    try:
        wrong = mistakes.named(args.step, args.mistake).source()
    except mistakes.EntryError as error:
        print(error)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / args.step.stub.name
        file.write_text(wrong)
        return _check_file(args, file, stands_for=args.step.stub)


def _check_file(args: Namespace, answer: Path, stands_for: Path | None = None) -> int:
    """The verdict on a file, or on the one that it stands for."""
    step = args.step
    if not answer.is_file():
        print(f"There is no file {shown(answer)}. `{command('reset ' + step.id)}` brings the untouched stub back.")
        return 2
    answer = answer.resolve()
    if args.pytest is not None:
        if args.mine or args.watch:
            print("--pytest goes with neither --mine nor --watch.")
            return 2
        os.chdir(ROOT)
        options = [str(step.test), "--answer", str(answer), *args.pytest]
        os.execv(sys.executable, [sys.executable, "-m", "pytest", *options])
    # It gets ready while this process imports what prints; with --mine, what to import is found out first.
    child = None if args.mine else Child(step, answer)

    from tutor.engine.kernels import Compilation, CompileError
    from tutor.screen.terminal import console

    screen = console()
    try:
        mine = _mine(step, args.mine, screen) if args.mine else None
        child = child or Child(step, answer, mine)
        with Compilation() as compilation:
            result = _check(child, screen, compilation, stands_for)
            if args.watch:
                _watch(step, answer, mine, screen, compilation)
            elif result.missing:
                _compile_the_rest(result.missing, screen, compilation)
        return 0 if result.passed else 1
    except KeyboardInterrupt:
        screen.print("Stopped. Nothing is lost: the next run goes on from here.")
        return 130
    except CompileError as error:
        screen.print(f"The check could not start: {error}", markup=False)
        return 1
    finally:
        if child:
            child.close()


def _mine(step: Step, which: str, screen: Console) -> list[int]:
    """The earlier steps whose pieces come from the learner's own files, once that has been said."""
    from tutor.runner import mine

    earlier = [number for number in mine.needed(step.number) if number != step.number]
    chosen = mine.choose(which, earlier, screen)
    mine.say(chosen, earlier, screen)
    return chosen


def _check(child: Child, screen: Console, compilation: Compilation, stands_for: Path | None = None) -> Verdict:
    """Check, remember what passed, and print the verdict."""
    from tutor import progress
    from tutor.screen import terminal, verdict

    result = terminal.check_watched(child, screen, compilation)
    if child.mine is None:  # with other pieces in the solutions' place, a verdict says nothing of the step alone
        progress.record(result)
    if stands_for:
        result = result.about(stands_for)
    verdict.show(result, screen)
    return result


def _watch(step: Step, answer: Path, mine: list[int] | None, screen: Console, compilation: Compilation) -> None:
    """Check whenever the file is saved, until Ctrl-C. A process with MAX imported waits for each save."""
    from watchfiles import watch

    saves = watch(answer.parent, watch_filter=lambda _, path: Path(path) == answer, raise_interrupt=True)
    while True:
        child = Child(step, answer, mine)
        try:
            screen.print(f"\n[dim]Watching {shown(answer)}: save it to check it again. Ctrl-C ends this.[/]")
            next(saves)
            screen.clear()
            child.started = time.monotonic()
            _check(child, screen, compilation)
        finally:
            child.close()


def _compile_the_rest(missing: list[str], screen: Console, compilation: Compilation) -> None:
    """After the verdict, compile what the later steps need: nobody waits for it, and Ctrl-C only postpones it."""
    from tutor.engine.kernels import CompileError
    from tutor.screen.terminal import compile_kernels

    screen.print("\nMAX now compiles the kernels of the later steps. Read on; Ctrl-C only postpones it.")
    try:
        compile_kernels(missing, "the kernels of the later steps", screen, compilation)
    except KeyboardInterrupt:
        screen.print("Stopped. What is compiled stays; a later step goes on from here.")
    except CompileError as error:
        screen.print(f"That did not work, and can wait for a later step: {error}", markup=False)
