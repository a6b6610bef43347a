"""How many of the wrong answers of held_out.toml are rejected, and what names them: a table by step.

    python -m tests.known.measure [--set first|later|third] [step …]

A diagnosis counts as right where it matches the words that held_out.toml gives. One that does not match is shown,
and one that says how far the numbers are right, for whoever reads the table to judge.
"""

import argparse
import re
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.known import failed, search
from tutor.course import STEPS
from tutor.mistakes import read
from tutor.runner.parent import check

HELD_OUT = tomllib.loads(Path(__file__).with_name("held_out.toml").read_text())
SEARCH = "Your numbers are what comes out when"
TRACE = "Your numbers are right as far as|gives what belongs here|What the formula begins with"
NOTHING = "has the right shape, but|differs from index|more or less often"


def wrong_answers(written: str, numbers: list[int]) -> Iterator[tuple[int, str, str, str]]:
    """The step, the name, the text and the words of each wrong answer of a set: first, later or third.

    Raises:
        ValueError: what is to be found does not stand once in its form.
    """
    for key, forms in HELD_OUT[written].items():
        step = STEPS[int(key.removeprefix("step_"))]
        for form, entries in forms.items() if step.number in numbers else ():
            base = step.solution.read_text() if form == "solution" else read(step, "answers")[form].source()
            for name, (*edits, words) in entries.items():
                text = base
                for find, put in zip(edits[::2], edits[1::2]):
                    if text.count(find) != 1:
                        raise ValueError(f"{key}, {name}: {find!r} stands {text.count(find)} times in {form}")
                    text = text.replace(find, put)
                yield step.number, name, text, words


class Errors:
    """A pytest plugin that keeps the first error that a check ends with."""

    first: BaseException | None = None

    def pytest_configure(self, config: pytest.Config) -> None:
        """Leave the arguments of functions out of tracebacks that nobody reads."""
        config.option.tbstyle = "native"

    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo) -> None:
        """Keep it."""
        if call.excinfo and not self.first:
            self.first = call.excinfo.value


def verdict(number: int, name: str, text: str, words: str) -> tuple[str, str]:
    """How a wrong answer is named, and the diagnosis: in this process, but for errors, which a check explains."""
    search.spent = 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / STEPS[number].stub.name
        path.write_text(text)
        errors = Errors()
        options = ["-pno:cacheprovider", "-pno:terminal", "--capture=no", "--assert=plain", "-oaddopts=", "--exitfirst"]
        code = pytest.main([str(STEPS[number].test), "--answer", str(path), *options], plugins=[errors])
        if code == pytest.ExitCode.OK:
            return "passed", ""
        diagnosis = getattr(errors.first, "diagnosis", "")
        assert errors.first, f"the checks of step {number} do not run"
        if not diagnosis:
            result = check(STEPS[number], path)
            diagnosis = result.failure.diagnosis if result.failure else str(result.broken)
    if re.search(NOTHING, diagnosis):
        return "nothing", diagnosis
    if re.search(TRACE, diagnosis):
        return "trace", diagnosis
    if not re.search(words, diagnosis, re.I):
        return "other words", diagnosis
    return "search" if diagnosis.startswith(SEARCH) else "sentence", diagnosis


def main() -> None:
    """Print each verdict, and a table for each set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--set", choices=HELD_OUT, help="measure this set alone")
    parser.add_argument("step", type=int, nargs="*")
    options = parser.parse_args()
    numbers = options.step or list(STEPS)
    for written in [options.set] if options.set else HELD_OUT:
        table = {number: Counter() for number in numbers}
        for wrong in wrong_answers(written, numbers):
            how, diagnosis = verdict(*wrong)
            print(f"{wrong[0]:02} {how:12}{wrong[1]}: {diagnosis}", flush=True)
            table[wrong[0]][how] += 1
        kinds = ["sentence", "search", "trace", "other words", "nothing", "passed"]
        print("\nstep  wrong ", *(f"{kind:>12}" for kind in kinds))
        for number, counts in table.items():
            print(f"{number:4}{counts.total():7} ", *(f"{counts[kind]:12}" for kind in kinds))
        total = sum(table.values(), Counter())
        print(f" all{total.total():7} ", *(f"{total[kind]:12}" for kind in kinds), "\n")
    for error in failed:
        print(f"The search itself failed: {error!r}")


if __name__ == "__main__":
    main()
