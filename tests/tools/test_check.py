"""The process that checks a learner's file: whatever the file does, the verdict says so, in time, and never "passed"."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from tutor import __main__
from tutor.course import ROOT, STEPS
from tutor.runner import parent
from tutor.runner.records import Check, Verdict

STEP = STEPS[4]  # needs no MAX, so that these tests are quick; the process is the same for all steps
RIGHT = STEP.solution.read_text()


@pytest.fixture
def verdict_on(tmp_path):
    """A function from the text of a file to the verdict on it."""

    def judge(text: str | bytes) -> Verdict:
        file = tmp_path / "step_04.py"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return parent.check(STEP, file)

    return judge


LIVES_ON = "import threading, time\nthreading.Thread(target=lambda: time.sleep(20)).start()\n"
UNPRINTABLE = "class Unprintable(Exception):\n    def __str__(self): return 1\n\n\nraise Unprintable\n"


def in_lookup(line: str) -> str:
    """The solution with another first line in `lookup`."""
    return RIGHT.replace("        self._refuse_unknown(ids)\n", f"        {line}\n", 1)


def test_solution(verdict_on):
    assert verdict_on(RIGHT).passed


@pytest.mark.parametrize(
    ("text", "says"),
    {
        "a syntax error": (RIGHT + "def broken(:\n", "Python cannot read the file"),
        "a tab among spaces": (RIGHT + "def f():\n    x = 1\n\ty = 2\n", "Python cannot read the file"),
        "not Python": ("\x00\x01", "Python cannot read the file"),
        "not UTF-8": (b"x = '\xff'", "Python cannot read the file"),
        "an empty file": ("", "defines no `LookupTable`"),
        "a wrong import": ("import numpi\n" + RIGHT, "no module named 'numpi'"),
        "a wrong name": ("from numpy import arrray\n" + RIGHT, "arrray"),
        "an error at import": (RIGHT + "print(undefined)\n", "a NameError"),
        "sys.exit at import": (RIGHT + "import sys; sys.exit(0)\n", "ends the program"),
        "sys.exit in a method": (in_lookup("raise SystemExit(0)"), "ends the program"),
        "os._exit at import": (RIGHT + "import os; os._exit(0)\n", "ended the program (exit code 0)"),
        "os._exit in a method": (in_lookup("import os; os._exit(0)"), "ended the program (exit code 0)"),
        "a crash": (in_lookup("import ctypes; ctypes.string_at(0)"), "crashed Python (SIGSEGV)"),
        "killed": (in_lookup("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"), "too much memory"),
        "endless recursion": (in_lookup("return self.lookup(ids)"), "calls itself without end"),
        "a question": (in_lookup("input('which row? ')"), "asks for input"),
        "KeyboardInterrupt": (in_lookup("raise KeyboardInterrupt"), "a KeyboardInterrupt"),
        "an error, while a thread lives on": (LIVES_ON + RIGHT + "1 / 0\n", "a ZeroDivisionError"),
        "an import error without words": ("raise ImportError\n" + RIGHT, "it gives no reason"),
        "a syntax error without words": ("raise SyntaxError\n" + RIGHT, "it gives no reason"),
        "an error that cannot be printed": (UNPRINTABLE + RIGHT, "an Unprintable: without a message"),
        "what pytest needs is gone": (RIGHT + "import sys; sys.path.clear()\n", "could not run"),
        "skipped": (in_lookup("import pytest; pytest.skip('later')"), "not run: later"),
    }.values(),
)
def test_broken_files(verdict_on, text, says):
    verdict = verdict_on(text)
    assert not verdict.passed
    assert says in verdict.failure.diagnosis
    assert "Traceback" not in verdict.printed


@pytest.mark.parametrize("where", ["at import", "in a method"])
def test_endless_loops(verdict_on, where, monkeypatch):
    monkeypatch.setattr(parent, "LIMIT", 2)
    loop = "while True: pass"
    start = time.monotonic()
    verdict = verdict_on(RIGHT + loop if where == "at import" else in_lookup(loop))
    assert not verdict.passed and "a loop never stops" in verdict.failure.diagnosis
    assert time.monotonic() - start < 10
    line = next(i for i, text in enumerate(verdict.answer.read_text().splitlines(), 1) if loop in text)
    assert verdict.failure.look.line == line


def test_endless_printing(verdict_on, monkeypatch):
    """A loop that prints fills neither memory nor disk."""
    monkeypatch.setattr(parent, "LIMIT", 2)
    verdict = verdict_on(RIGHT + "while True: print('x' * 1000)")
    assert not verdict.passed and len(verdict.printed) <= parent.OUTPUT


def test_nothing_left_behind_holds_up_the_verdict(verdict_on):
    """Threads, exit handlers and child processes of the file may live on; the verdict does not wait."""
    start = time.monotonic()
    left = "import atexit, os, threading, time\nthreading.Thread(target=lambda: time.sleep(20)).start()\n"
    left += "atexit.register(time.sleep, 20)\nif os.fork() == 0: time.sleep(20); os._exit(0)\n"
    assert verdict_on(RIGHT + left).passed
    assert time.monotonic() - start < 10


def test_output_is_shown(verdict_on):
    """What was printed at import and in the check that failed: not what the checks before it printed."""
    verdict = verdict_on("print('at import')\n" + in_lookup("print('looking up', ids); ids = ids - 1"))
    assert not verdict.passed
    assert "at import\nlooking up [2 3 5 1]" in verdict.printed
    assert "looking up [1 6]" not in verdict.printed


@pytest.mark.parametrize(
    "text",
    {
        "a loop": "print('at import')\nwhile True: pass\n",
        "an end": "print('at import')\nimport os\nos._exit(0)\n",
        "a crash": "print('at import')\nimport ctypes\nctypes.string_at(0)\n",
    }.values(),
)
def test_output_before_the_end_is_shown(verdict_on, text, monkeypatch):
    """What was printed helps most where nothing else is known."""
    monkeypatch.setattr(parent, "LIMIT", 2)
    assert verdict_on(RIGHT + text).printed == "at import\n"


def test_closed_pipes_do_not_hold_up_the_verdict(verdict_on, monkeypatch):
    monkeypatch.setattr(parent, "LIMIT", 2)
    verdict = verdict_on(RIGHT + "import os\nos.closerange(0, 64)\nwhile True: pass\n")
    assert "did not come to an end" in verdict.failure.diagnosis


def test_a_process_that_is_gone_before_it_begins():
    """The system may end it while kernels are compiled, or while it waits for a save."""
    child = parent.Child(STEP, STEP.solution)

    def kill(event, facts):
        if event == "ready":
            child.process.kill()
            child.process.wait()

    verdict = parent.check(STEP, STEP.solution, watch=kill, child=child)
    assert "The system ended your code" in verdict.failure.diagnosis


def refusing(times: int):
    """`subprocess.Popen` on a system that starts no process the first `times` times."""
    popen, left = subprocess.Popen, [OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))] * times

    def start(*args, **options):
        if left:
            raise left.pop()
        return popen(*args, **options)

    return start


def test_a_process_refused_once_is_asked_for_again(monkeypatch):
    before = len(psutil.Process().open_files()), psutil.Process().num_fds()
    monkeypatch.setattr(subprocess, "Popen", refusing(2))
    assert parent.check(STEP, STEP.solution).passed
    assert (len(psutil.Process().open_files()), psutil.Process().num_fds()) == before, "files stayed open"


def test_no_process_at_all(monkeypatch, capsys):
    monkeypatch.setattr(parent, "START_PAUSES", (0, 0))
    monkeypatch.setattr(subprocess, "Popen", refusing(2))
    monkeypatch.setattr(sys, "argv", ["tutor", "check", "04", "--solution"])
    assert __main__.main() == 1
    said = "The system starts no process to check solutions/solution_04.py: Resource temporarily unavailable.\n"
    assert capsys.readouterr().out == said


def test_a_check_that_did_not_run_is_no_pass():
    verdict = Verdict(STEP, STEP.solution, checks=[Check("a", "a", ran=True), Check("b", "b")])
    assert not verdict.passed
    assert not Verdict(STEP, STEP.solution).passed


def run(*args: str, **options) -> subprocess.CompletedProcess:
    """The command as a learner runs it."""
    command = [sys.executable, "-m", "tutor", *args]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, **options)


def test_exit_codes(tmp_path):
    wrong = tmp_path / "wrong.py"
    wrong.write_text(RIGHT.replace("self.weight[ids]", "self.weight[ids - 1]"))
    assert run("check", "04", "--solution").returncode == 0
    assert run("check", "04", "--file", str(wrong)).returncode == 1
    assert run("check", "04", "--file", str(tmp_path / "none.py")).returncode == 2
    assert run("check", "04", "--file", str(wrong), "--solution").returncode == 2
    assert run("check", "04", "--mine", "--pytest", "-q").returncode == 2
    for text in ("99", "four", ""):
        done = run("check", text)
        assert done.returncode == 2 and "there is no step" in done.stderr and "Traceback" not in done.stderr


def test_pytest_is_one_flag_away():
    done = run("check", "04", "--solution", "--pytest", "-q")
    assert done.returncode == 0 and "passed in" in done.stdout


@pytest.mark.parametrize(
    "line",
    ["raise RuntimeError('\\x1b]0;title\\x07 \\ud83d \\x9b2J')", "print('\\x1b[2J \\udc80')", "x = '\x1b[2J' * ()"],
    ids=["message", "output", "source"],
)
def test_nothing_steers_the_terminal(tmp_path, line):
    """Control characters and halves of characters, wherever they come from, are shown as signs that do nothing."""
    file = tmp_path / "step_04.py"
    file.write_text(line + "\n" + STEPS[4].solution.read_text())
    command = [sys.executable, "-m", "tutor", "check", "04", "--file", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert "Traceback" not in done.stderr and done.returncode in (0, 1), done.stderr
    assert "\x1b" not in done.stdout and "\x9b" not in done.stdout
    assert "␛" in done.stdout


def test_plain_text_without_a_terminal():
    """No colour codes in a pipe, colours where they are asked for."""
    assert "\x1b" not in run("check", "04", "--solution").stdout
    forced = os.environ | {"FORCE_COLOR": "1", "TERM": "xterm-256color"}
    assert "\x1b[" in run("check", "04", "--solution", env=forced).stdout


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=["INT", "TERM", "HUP"]
)
def test_ended(tmp_path, number, code):
    """Ctrl-C ends the check with a word; so do, without it, `timeout` and a closed terminal. No process is left."""
    file = tmp_path / "step_04.py"
    file.write_text(RIGHT + "import os\nopen('pid', 'w').write(str(os.getpid()))\nwhile True: pass\n")
    file.write_text(file.read_text().replace("'pid'", repr(str(tmp_path / "pid"))))
    command = [sys.executable, "-m", "tutor", "check", "04", "--file", str(file)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    deadline = time.monotonic() + 20
    while not (tmp_path / "pid").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.2)
    process.send_signal(number)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == code
    assert ("Stopped" in output) == (number == signal.SIGINT) and "Traceback" not in output
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_watch(tmp_path):
    """With --watch a saved file is checked again, also where the path to it leads through a link."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    file = tmp_path / "link" / "step_04.py"
    file.write_text(RIGHT.replace("self.weight[ids]", "self.weight[ids - 1]"))
    command = [sys.executable, "-m", "tutor", "check", "04", "--watch", "--file", str(file)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"COLUMNS": "300"}, **pipes)
    guard = threading.Timer(30, process.kill)
    guard.start()
    try:
        seen = read_until(process, "save it to check it again")
        assert "Each ID gives the row before its own" in seen
        time.sleep(0.5)
        file.write_text(RIGHT)
        assert "Passed: all" in read_until(process, "save it to check it again")
    finally:
        guard.cancel()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


def read_until(process: subprocess.Popen, words: str) -> str:
    """The output of a process up to a line that holds the words."""
    text = ""
    for line in process.stdout:
        text += line
        if words in line:
            return text
    raise AssertionError(text)
