"""The course: its steps, and where the files of each lie."""

import re
import shutil
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Step:
    """One numbered step.

    Attributes:
        number: 1 and up, the NN of step_NN.py.
        title: what the chapter calls it.
    """

    number: int
    title: str

    @property
    def id(self) -> str:
        """The two digits of the step, as in `s05`."""
        return f"{self.number:02}"

    @property
    def stub(self) -> Path:
        """The file that the learner edits."""
        return ROOT / "steps" / f"step_{self.id}.py"

    @property
    def untouched(self) -> Path:
        """The stub as nobody has edited it: what `stub` starts as, and what `reset` puts back."""
        return ROOT / "tutor" / "stubs" / f"step_{self.id}.py"

    @property
    def solution(self) -> Path:
        """The answer."""
        return ROOT / "solutions" / f"solution_{self.id}.py"

    @property
    def test(self) -> Path:
        """The checks."""
        return ROOT / "tests" / f"test_step_{self.id}.py"

    @property
    def chapter(self) -> Path:
        """The chapter of the book."""
        return ROOT / "book" / "src" / f"step_{self.id}.md"

    @property
    def hints(self) -> Path:
        """The hints, from a nudge to nearly the answer, separated by lines of three dashes."""
        return ROOT / "tutor" / "hints" / f"step_{self.id}.md"

    @cached_property
    def uses_max(self) -> bool:
        """Whether its checks import MAX."""
        return self.solution.is_file() and "from max." in self.solution.read_text()

    @property
    def kernels(self) -> tuple[str, ...]:
        """The batches of kernels (see engine/kernels.py) that must be there before the checks can run."""
        if not self.uses_max:
            return ()
        return ("embeddings",) if self.number <= 6 else ("embeddings", "transformer", "variants")

    @property
    def next(self) -> "Step | None":
        """The step that follows; None after the last."""
        return next((step for number, step in STEPS.items() if number > self.number), None)


CONTENTS = ROOT / "book" / "src" / "SUMMARY.md"
"""The book's table of contents is the list of steps: `- [Step 05: Token embeddings](step_05.md)`."""
STEPS = {
    int(number): Step(int(number), title)
    for number, title in re.findall(r"\[Step (\d\d): (.+)\]\(", CONTENTS.read_text())
}


def command(task: str) -> str:
    """How the learner types a task on this machine: by pixi where it is installed, by pixiw where not."""
    return f"{'pixi' if shutil.which('pixi') else './pixiw'} run {task}"


def shown(path: Path | str) -> str:
    """A path as the learner knows it: relative to the repository where it lies inside."""
    path = Path(path)
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def program(module: str) -> list[str]:
    """The words that run a module of the course in a process of its own.

    As `python -m` does, but with the course's folder last on the path: a random.py in it is not taken for Python's own.
    """
    run = f"import runpy, sys; sys.path.append({str(ROOT)!r}); runpy.run_module({module!r}, None, '__main__', True)"
    return [sys.executable, "-P", "-u", "-c", run]
