"""Check a step: run its tests on a learner's file in a process of its own, and collect the verdict.

The file may hang, exit or crash; the verdict says so. A step has passed only when every one of its checks ran and
passed, whatever the process's exit code says.
"""

import contextlib
import json
import os
import re
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tutor.course import ROOT, Step, program, shown
from tutor.runner.records import MARK, Check, Failure, Place, Verdict, digest

START_LIMIT = 120
"""Seconds that Python and MAX may take to start: the first time after a boot, MAX is read from a cold disk."""
LIMIT = 10
"""Seconds in which a learner's file must be imported, and each check be done, compilations apart. Where other programs
keep the machine busy, so that the file got less than half of them, it has up to three times as long."""
START_PAUSES = (0.2, 1, 0)
"""Seconds to wait after each time that the system refused to start a process."""
OUTPUT = 2000
"""How much of what the file prints is kept, in characters, at import and in each check: the last ones."""


class StartError(OSError):
    """No process could be started to check an answer; the message is one sentence."""


class Child:
    """A process that is ready, or getting ready, to check an answer.

    Raises:
        StartError: the system refused a process, a file or a pipe, also when asked again.
    """

    def __init__(self, step: Step, answer: Path, mine: list[int] | None = None):
        self.step, self.answer, self.mine = step, answer.resolve(), mine
        self.started = time.monotonic()
        for pause in START_PAUSES:  # a busy system may refuse what it grants a moment later
            try:
                return self._start()
            except OSError as error:
                reason = error
            time.sleep(pause)
        said = reason.strerror or reason
        raise StartError(f"The system starts no process to check {shown(self.answer)}: {said}.") from reason

    def _start(self) -> None:
        """Start the process, or leave nothing behind."""
        with contextlib.ExitStack() as undo:
            self.trace = undo.enter_context(tempfile.TemporaryFile())  # for its traceback if it crashes or hangs
            read_end, write_end = os.pipe()
            self.events = undo.enter_context(os.fdopen(read_end, "rb", buffering=0))
            with os.fdopen(write_end, "wb") as events:
                pipes = events.fileno(), self.trace.fileno()
                command = [*program("tutor.runner.child"), str(self.step.number), str(self.answer)]
                command += [*map(str, pipes), ",".join(map(str, self.mine or ()))]
                self.process = subprocess.Popen(
                    command,
                    cwd=ROOT,
                    pass_fds=pipes,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                )
                assert self.process.stdin and self.process.stdout
                self.stdin, self.stdout = self.process.stdin, self.process.stdout
            undo.pop_all()

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self.process.kill()
        self.process.wait()
        for stream in (self.events, self.trace, self.stdin, self.stdout):
            stream.close()

    def innermost(self) -> Place:
        """The place in the learner's file where the traceback that the process left begins."""
        self.trace.seek(0)
        trace = self.trace.read().decode(errors="replace")
        match = re.search(rf'File "{re.escape(str(self.answer))}", line (\d+) in (\S+)', trace)
        return Place(str(self.answer), int(match[1]), match[2]) if match else Place(str(self.answer))


Watcher = Callable[[str, dict], None]
"""Hears of each event of the child as it comes; may block, for instance to compile what is missing."""


def check(
    step: Step,
    answer: Path,
    *,
    mine: list[int] | None = None,
    watch: Watcher = lambda event, facts: None,
    child: Child | None = None,
) -> Verdict:
    """Run the checks of `step` on the file `answer` and return the verdict.

    Args:
        step: the step whose checks to run.
        answer: the file to check.
        mine: the steps whose pieces come from the learner's own files instead of the solutions.
        watch: hears of each event; at "ready" it compiles the kernels that the step needs, if any are missing.
        child: a process that was started before and waits for this call.
    """
    child = child or Child(step, answer, mine)
    verdict = Verdict(step, child.answer)
    try:
        with selectors.DefaultSelector() as selector:
            _follow(child, verdict, watch, selector)
    finally:
        child.close()
        verdict.seconds = time.monotonic() - child.started
    return verdict


def _follow(child: Child, verdict: Verdict, watch: Watcher, selector: selectors.BaseSelector) -> None:
    """Read the child's events and output until it is done, gone, or out of time."""
    output = _Output(verdict.sections)
    selector.register(child.events, selectors.EVENT_READ)
    selector.register(child.stdout, selectors.EVENT_READ)
    clock = _Clock(child.process.pid)
    ready, compiling = False, 0.0
    pending, done = b"", False

    while not done and selector.get_map():
        left = None if compiling else clock.left(LIMIT if ready else START_LIMIT)
        if left is not None and left <= 0:
            verdict.broken = _too_slow(child, clock, ready)
            return
        for key, _ in selector.select(left):
            data = os.read(key.fd, 65536)
            if not data:
                selector.unregister(key.fileobj)
            elif key.fileobj is child.stdout:
                output.add(data)
            else:
                *lines, pending = (pending + data).split(b"\n")
                for line in lines:
                    facts = json.loads(line)
                    event = facts.pop("event")
                    watch(event, facts)
                    clock.start()
                    if event == "ready":
                        ready = True
                        verdict.missing = [name for name in facts["missing"] if name not in child.step.kernels]
                        verdict.digest = digest(child.answer)
                        with contextlib.suppress(BrokenPipeError):  # it is gone: the end of its output says so
                            os.write(child.stdin.fileno(), b"go\n")
                    elif event == "compiling":
                        compiling = time.monotonic()
                    elif event == "compiled":
                        verdict.compiled.append((facts["kernel"], time.monotonic() - compiling))
                        compiling = 0.0
                    elif event == "collected":
                        verdict.checks = [Check(**check) for check in facts["checks"]]
                    elif event == "ran":
                        one = next(check for check in verdict.checks if check.id == facts["id"])
                        one.ran, one.notes = True, facts["notes"]
                        one.failure = Failure.read(facts["failure"]) if facts["failure"] else one.failure
                    elif event == "broken":
                        verdict.broken, done = Failure.read(facts["failure"]), True
                    elif event == "done":
                        done = True
                        if not verdict.passed and not verdict.failure:
                            code = facts["code"]
                            sentence = f"The checks themselves could not run (pytest ended with exit code {code})."
                            verdict.broken = Failure(sentence)
    os.set_blocking(child.stdout.fileno(), False)
    output.add(child.stdout.read() or b"")
    if not done and not verdict.broken:
        verdict.broken = _gone(child)


class _Clock:
    """How long a process has been at one thing, by the wall and by the processor."""

    def __init__(self, pid: int):
        import psutil  # here, so that the process is started first and gets ready meanwhile

        self.process, self.gone = psutil.Process(pid), psutil.Error
        self.start()

    def start(self) -> None:
        """Begin anew."""
        self.began, self.cpu_began = time.monotonic(), self._cpu()

    def waited(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self.began

    def left(self, limit: float) -> float:
        """Seconds to wait until `limit` is reached, or should be looked at again."""
        left = limit - self.waited()
        if left <= 0 and self._cpu() - self.cpu_began < limit / 2:
            return min(limit / 4, 3 * limit - self.waited())
        return left

    def _cpu(self) -> float:
        try:
            times = self.process.cpu_times()
        except self.gone:
            return 0.0
        return times.user + times.system


class _Output:
    """The child's output, cut into sections at its marks as it comes."""

    def __init__(self, sections: dict[str, str]):
        self.sections, self.section = sections, ""

    def add(self, data: bytes) -> None:
        """Take the next piece of output. The child flushes each mark with its line, so marks come whole."""
        first, *marked = data.decode(errors="replace").split(MARK)
        self._keep(first)
        for part in marked:
            self.section, _, text = part.partition("\n")
            self._keep(text)

    def _keep(self, text: str) -> None:
        self.sections[self.section] = (self.sections.get(self.section, "") + text)[-OUTPUT:]


def _too_slow(child: Child, clock: _Clock, ready: bool) -> Failure:
    """The failure of a file that did not come to an end; asks the process for the line that it is at."""
    seconds = f"{clock.waited():.0f} seconds"
    if not ready:
        return Failure(f"Python and MAX did not start within {seconds}. Is the machine very busy?")
    child.process.send_signal(signal.SIGUSR1)  # faulthandler answers with a traceback
    time.sleep(0.3)
    diagnosis = f"Your code did not come to an end within {seconds}: most likely a loop never stops."
    return Failure(diagnosis, look=child.innermost())


def _gone(child: Child) -> Failure:
    """The failure of a process that ended before its checks did."""
    try:
        returncode = child.process.wait(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        diagnosis = "Your code closed all files of its process, and then did not come to an end."
        return Failure(diagnosis, look=child.innermost())
    if returncode == -signal.SIGKILL:
        diagnosis = "The system ended your code, most likely because it asked for too much memory."
    elif returncode < 0:
        diagnosis = f"Your code crashed Python ({signal.Signals(-returncode).name})."
    else:
        diagnosis = f"Your code ended the program (exit code {returncode}) before the checks were done."
    return Failure(diagnosis, look=child.innermost())
