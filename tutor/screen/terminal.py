"""What the learner watches while something takes time: a spinner, a progress bar, or plain lines where no terminal is."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.segment import Segment

from tutor.engine import kernels
from tutor.runner.parent import Child, check
from tutor.runner.records import Verdict

VISIBLE = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"} | {127: 0x2421}
VISIBLE |= dict.fromkeys((*range(128, 160), *range(0xD800, 0xE000)), 0xFFFD)
"""What control characters are shown as: the picture of each, such as ␛; and half a character, as one that is unknown."""


class Screen(Console):
    """A terminal that no text of a learner's can steer."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """The parts of what is printed, with nothing invisible in their texts."""
        for part in super().render(renderable, options):
            yield part if part.control else Segment(part.text.translate(VISIBLE), part.style)


def console(*, stderr: bool = False) -> Console:
    """The terminal, as every command prints to it: to standard output, or to standard error."""
    return Screen(stderr=stderr, highlight=False)


def check_watched(child: Child, screen: Console, compilation: kernels.Compilation) -> Verdict:
    """Check the answer that `child` is for, with a spinner, compiling first what the step needs and lacks.

    What only later steps need is begun beside that; `compilation` goes on with it after the verdict.
    """
    step = child.step
    status = screen.status(f"Checking step {step.id}")

    def watch(event: str, facts: dict) -> None:
        if event == "ready" and (needed := [name for name in step.kernels if name in facts["missing"]]):
            status.stop()
            later = [name for name in facts["missing"] if name not in needed]
            compile_kernels(needed, f"the kernels that step {step.id} needs", screen, compilation, later)
            child.started = time.monotonic()
            status.start()
        elif event == "compiling":
            status.update(f"MAX compiles a kernel that only your answer uses: {facts['kernel']} (10 to 60 s, once)")
        elif event == "compiled":
            status.update(f"Checking step {step.id}")

    with status:
        return check(step, child.answer, watch=watch, child=child)


@contextmanager
def progress_bar(what: str, screen: Console) -> Iterator[Callable[[float, float], None]]:
    """A bar for as long as something takes, on a terminal; what it gives is told how much is done, and of how much."""
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task(what)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def compile_missing(batches: Iterable[str], screen: Console) -> None:
    """Compile those of the batches that this machine lacks, before a whole model is used. See `compile_kernels`."""
    if missing := kernels.missing(batches):
        with kernels.Compilation() as compilation:
            compile_kernels(missing, "the kernels that GPT-2 needs", screen, compilation)


def compile_kernels(
    batches: list[str], what: str, screen: Console, compilation: kernels.Compilation, then: Sequence[str] = ()
) -> None:
    """Compile batches of kernels with a progress bar; on anything but a terminal, with a line before and after.

    Raises:
        tutor.engine.kernels.CompileError: a compilation failed.
    """
    began = time.monotonic()
    if not screen.is_terminal:
        screen.print(f"Compiling {what}: once per machine, about {compilation.expected(batches):.0f} s.")
    with progress_bar(f"Compiling {what}, once per machine", screen) as show:
        compilation.wait_for(batches, show, then)
    screen.print(f"Compiled {what} in {time.monotonic() - began:.0f} s. This machine keeps them.")
