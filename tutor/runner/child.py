"""The process in which a learner's file runs: it imports the file, runs the checks of the step, and tells its parent.

It writes one JSON object a line to a pipe: `ready` (with the batches of kernels that are missing), `collected`,
`compiling` and `compiled`, a `ran` per check, and `done`; records.py has what they carry. It starts on a line from
standard input, so that a process may wait with MAX imported until the learner saves the file. Whatever the file does
(hang, exit, crash) is the parent's to notice: see parent.py.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from tutor.course import STEPS
from tutor.engine import setup  # noqa: F401
from tutor.runner.records import MARK, Check, Failure, facts_of

if TYPE_CHECKING:
    import pytest


class Reporter:
    """A pytest plugin that sends each check's outcome."""

    def __init__(self, tell: Callable[..., None], answer: Path):
        self.tell = tell
        self.answer = answer

    def pytest_configure(self, config: pytest.Config) -> None:
        """Leave the arguments of functions out of pytest's tracebacks: to print one tensor takes MAX seconds."""
        config.option.tbstyle = "native"

    def pytest_collection_modifyitems(self, items: list[pytest.Function]) -> None:
        """Say which checks there are; the first line of a test's docstring is its title."""
        self.tell("collected", checks=[asdict(self.check(item)) for item in items])

    @staticmethod
    def check(item: pytest.Function) -> Check:
        """A check as the parent knows it; `case` tells the cases of one parametrised test apart."""
        title = (item.function.__doc__ or item.name).strip().splitlines()[0]
        return Check(item.nodeid, title, item.callspec.id if hasattr(item, "callspec") else "")

    def pytest_runtest_logstart(self, nodeid: str, location: object) -> None:
        """Mark in the file's output where a check begins."""
        sys.stdout.write(f"{MARK}{nodeid}\n")  # in one piece, whatever the buffering
        sys.stdout.flush()

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo) -> None:
        """Say that the file itself raised what ends pytest: the parent's Ctrl-C never gets here."""
        from tutor.explain import failure

        self.tell("broken", failure=facts_of(failure(excinfo.value, self.answer)))

    def pytest_runtest_makereport(self, item: pytest.Function, call: pytest.CallInfo) -> None:
        """Send the outcome of a check; a failure before the test body counts as one of the check's own."""
        import pytest

        from tutor.explain import failure

        if call.excinfo is None:
            if call.when == "call":
                self._ran(item)
            return
        error = call.excinfo.value
        if isinstance(error, pytest.skip.Exception):
            self._ran(item, Failure(f"not run: {error}"))
        elif call.when != "teardown":
            self._ran(item, failure(error, self.answer))

    def _ran(self, item: pytest.Function, failed: Failure | None = None) -> None:
        notes = [value for name, value in item.user_properties if name == "note"]
        self.tell("ran", id=item.nodeid, notes=notes, failure=facts_of(failed))


def main() -> None:
    """Run the checks as the parent says: step, answer, a pipe for the events, a file for a traceback, the steps of --mine."""
    number, file, events, trace, mine = sys.argv[1:]
    step, answer, crashes = STEPS[int(number)], Path(file), int(trace)
    pipe = os.fdopen(int(events), "w")

    def tell(event: str, **facts: object) -> None:
        pipe.write(json.dumps({"event": event, **facts}) + "\n")
        pipe.flush()

    def end(event: str, **facts: object) -> NoReturn:
        sys.stdout.flush()
        sys.stderr.flush()
        tell(event, **facts)
        os._exit(0)  # nothing that the file left behind (threads, exit handlers) may hold up the verdict

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the parent answers Ctrl-C
    faulthandler.enable(crashes)  # a crash, and SIGUSR1, leave the line that the file is at
    faulthandler.register(signal.SIGUSR1, crashes, all_threads=True)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # those of other packages: a tenth of a second to import

    gc.disable()  # while so much is imported, looking for garbage takes a tenth of the time and finds none
    import numpy  # noqa: F401
    import pytest

    missing = []
    if step.uses_max:
        import max.experimental.nn  # noqa: F401

        from tutor.engine import kernels

        missing = kernels.missing()
        kernels.listen(lambda event, kernel: tell(event, kernel=kernel))

    gc.freeze()
    gc.enable()
    tell("ready", missing=missing)
    sys.stdin.readline()
    os.close(0)
    os.open(os.devnull, os.O_RDONLY)
    if mine:
        from tutor.runner.mine import use

        use([int(number) for number in mine.split(",")])

    from tutor.explain import failure
    from tutor.grading import load_answer

    try:
        load_answer(answer)
    except BaseException as error:
        end("broken", failure=facts_of(failure(error, answer)))
    # Two of these plugins collect garbage over and over at the end, which takes a fifth of a second once MAX is there;
    # the others are slow to import.
    unused = ["unraisableexception", "threadexception", "cacheprovider", "faulthandler", "terminal", "doctest"]
    unused += ["legacypath", "pastebin", "setuponly", "setupplan", "stepwise", "unittest"]
    options = ["--answer", str(answer), "--import-mode=append", "--capture=no", "--assert=plain", "-o", "addopts="]
    options += [f"-pno:{plugin}" for plugin in unused]
    code = pytest.main([str(step.test), *options], plugins=[Reporter(tell, answer)])
    end("done", code=int(code))


if __name__ == "__main__":
    main()
