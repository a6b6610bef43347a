"""`--mine`: the learner's own files in place of the solutions, in whatever runs a model."""

import importlib.abc
import re
import sys
from collections.abc import Iterable
from importlib.machinery import ModuleSpec
from pathlib import Path

from rich.console import Console

from tutor import progress
from tutor.course import STEPS, command, shown
from tutor.engine.kernels import Compilation, CompileError
from tutor.explain import culprit, failure, stopped
from tutor.runner.parent import Child
from tutor.runner.source import spec_of

SOLUTION = re.compile(r"solutions\.solution_(\d\d)")


class Finder(importlib.abc.MetaPathFinder):
    """Finds `solutions.solution_NN` in steps/step_NN.py for some steps; their imports of earlier pieces come here too."""

    def __init__(self, numbers: Iterable[int]):
        self.numbers = set(numbers)

    def find_spec(self, name: str, path: object, target: object = None) -> ModuleSpec | None:
        """The learner's file for a solution that it takes the place of."""
        match = SOLUTION.fullmatch(name)
        if match and int(match[1]) in self.numbers:
            return spec_of(name, STEPS[int(match[1])].stub)
        return None


def use(numbers: Iterable[int]) -> None:
    """From now on, import these steps' pieces from the learner's files. Call it before any piece is imported."""
    sys.meta_path.insert(0, Finder(numbers))


def needed(*numbers: int) -> list[int]:
    """The steps whose pieces these solutions are made of: themselves, and what they import, and so on."""
    found, left = set(), list(numbers)
    while left:
        number = left.pop()
        if number not in found:
            found.add(number)
            left += map(int, SOLUTION.findall(STEPS[number].solution.read_text()))
    return sorted(found)


def passing(numbers: Iterable[int], screen: Console) -> list[int]:
    """Those of the steps that the learner's files pass; what is not known from earlier is checked now."""
    from tutor.screen.terminal import check_watched

    found = []
    with Compilation() as compilation:
        for step in (STEPS[number] for number in numbers):
            if not progress.has_passed(step) and written(step.stub):
                progress.record(check_watched(Child(step, step.stub), screen, compilation))
            if progress.has_passed(step):
                found.append(step.number)
    return found


def written(file: Path) -> bool:
    """Whether a learner's file is there and leaves nothing to write."""
    return file.is_file() and "raise NotImplementedError" not in file.read_text(errors="replace")


def choose(which: str, numbers: list[int], screen: Console) -> list[int]:
    """The steps, of those given, to take from the learner: "passing", those that pass, or "all" that there are."""
    if which == "passing":
        return passing(numbers, screen)
    return [number for number in numbers if STEPS[number].stub.is_file()]


def say(mine: list[int], numbers: list[int], screen: Console) -> None:
    """Say which of the pieces are the learner's, which are not, and which of these are written but do not pass."""
    rest = [number for number in numbers if number not in mine]
    failed = [number for number in rest if written(STEPS[number].stub)]
    but = f"  [dim]yours does not pass:[/] {listed(failed)}" if failed else ""
    screen.print(f"[dim]yours:[/] {listed(mine)}  [dim]from the solutions:[/] {listed(rest)}{but}", soft_wrap=True)


def take(which: str | None, numbers: list[int], screen: Console) -> list[int]:
    """Use the learner's files for some of the steps, say which, and return them; see `choose`. None takes none."""
    if which is None:
        return []
    mine = choose(which, numbers, screen)
    use(mine)
    say(mine, numbers, screen)
    return mine


def listed(numbers: Iterable[int]) -> str:
    """Numbers of steps in a line: "01 02 07"."""
    return " ".join(STEPS[number].id for number in numbers) or "none"


def unpassed(numbers: Iterable[int]) -> list[int]:
    """Those of the steps that the learner's files are not known to pass."""
    return [number for number in numbers if not progress.has_passed(STEPS[number])]


def explained(error: Exception, mine: list[int]) -> str | None:
    """What went wrong in a sentence, and where if it was in a learner's file; None if the fault is the course's own.

    A piece that gives nonsense is often noticed by another one, so those of `mine` that have not passed are named.
    """
    sentence = _sentence(error)
    if sentence is None and mine:
        sentence = f"The pieces do not fit together: {type(error).__name__}: {error}."
    if sentence and (doubtful := unpassed(mine)):
        first = command(f"s{STEPS[doubtful[0]].id}")
        sentence += (
            f"\nOf your pieces these have not passed: {listed(doubtful)}. `{first}` says what is wrong with one."
        )
    return sentence


def told(error: Exception, mine: list[int], screen: Console) -> int:
    """Print what went wrong and return the exit code of that, 1; a fault of the course's own is raised again."""
    if (sentence := explained(error, mine)) is None:
        raise error
    screen.print(sentence, markup=False)
    return 1


def _sentence(error: Exception) -> str | None:
    """What is known to have gone wrong."""
    if theirs := culprit(error):
        told = failure(error, theirs)
        line = (told.look and told.look.line) or getattr(error, "lineno", None)
        return f"{stopped(told.diagnosis)} Look at {shown(theirs)}{f':{line}' if line else ''}."
    if isinstance(error, OSError) and error.filename:
        return f"{error.strerror}: {error.filename}"
    return str(error) if isinstance(error, ValueError | OSError | CompileError) else None
