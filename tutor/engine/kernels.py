"""The compiled kernels that the course needs, made once per machine.

MAX compiles an operation's kernel when it first meets it, ten to twenty seconds each on two cores. This module
compiles all that the course uses in three batches, side by side, and keeps the results in MAX's cache folder
(`MODULAR_CACHE_DIR`, else ~/.cache/modular). From then on nothing is compiled but what a learner's own unusual
operation needs, and MAX's own cache keeps that one.

The functions that look into MAX use private parts of `max._interpreter_ops`: good for the version of MAX that
pixi.toml pins, and tests/tools/test_kernels.py says when a new version changes them.
"""

import fcntl
import functools
import hashlib
import json
import logging
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

from tutor.course import ROOT, program
from tutor.engine import kernel_list

SECONDS = {"embeddings": 20, "transformer": 77, "variants": 65}
"""The batches in the order in which the course needs them, each with the seconds it took beside another one on two
cores: what the progress bar expects, never a limit."""
ROOM = 100_000_000
"""Bytes of the disk that all the compilations need: what MAX keeps for itself is ten times the batches."""


class CompileError(Exception):
    """A batch of kernels could not be compiled; the message is one sentence and the log's last lines."""


def store() -> Path:
    """The folder of this machine's compiled batches: one per version of MAX, kind of processor, and list of kernels."""
    from importlib.metadata import version  # slow to import

    cache = os.environ.get("MODULAR_CACHE_DIR") or Path.home() / ".cache" / "modular"
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = "".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))
    except OSError:
        cpu = platform.processor()
    batches = {name: sorted(kernels) for name, kernels in kernel_list.BATCHES.items()}
    digest = hashlib.sha256(f"{platform.machine()} {cpu} {batches}".encode()).hexdigest()[:12]
    return Path(cache) / "gpt2-course" / f"max-{version('max')}-{digest}"


def missing(batches: Iterable[str] = SECONDS) -> list[str]:
    """Those of `batches` that this machine has not compiled yet. Looks at files only: takes no time."""
    folder = store()
    return [name for name in batches if not (folder / f"{name}.json").exists()]


# ---------------------------------------------------------------- in the process that compiles a batch


def compile_batch(name: str) -> None:
    """Compile the batch `name` into the store, unless another process did so meanwhile.

    The artifact appears under its name only when it is whole, its list of kernels after it; an interrupted
    compilation leaves nothing that a later run could take for a result.
    """
    from max import engine
    from max._interpreter_ops import gc_compile
    from max._mlir_context import in_default_mlir_context
    from max.driver import CPU
    from max.graph import Module

    folder = store()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not missing((name,)):
            return
        wanted: list[tuple[str, Callable[[Any], object]]] = []
        compile_alone = gc_compile.compile_single_target
        gc_compile.compile_single_target = lambda family, key, device, build: wanted.append((key, build))
        for kernel in kernel_list.BATCHES[name]:
            kernel_list.call(kernel)()
        gc_compile.compile_single_target = compile_alone

        @in_default_mlir_context
        def compile_wanted() -> None:
            module = Module()
            for _, build in wanted:
                build(module)
            engine.InferenceSession(devices=[CPU()]).compile(module).export_mef(folder / f"{name}.part")

        compile_wanted()
        (folder / f"{name}.part").replace(folder / f"{name}.mef")
        listing = folder / f"{name}.json.part"
        listing.write_text(json.dumps([key for key, _ in wanted]))
        listing.replace(folder / f"{name}.json")


def end() -> NoReturn:
    """End the process whose work is done, and wait for none of MAX's threads: to end them has crashed it before."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


# ---------------------------------------------------------------- in the process that runs a learner's code


_listeners: list[Callable[[str, str], None]] = []


def listen(listener: Callable[[str, str], None]) -> None:
    """Have `listener` hear "compiling" and "compiled", with the kernel, around each compilation that the store could not
    spare."""
    _listeners.append(listener)


def _announce(event: str, kernel: str) -> None:
    for listener in _listeners:
        listener(event, kernel)


def use_store(gc_compile: Any) -> None:
    """Let MAX's compiler of kernels, the module `gc_compile`, take from the store what that has."""
    logging.getLogger("max._eager_policy").setLevel(logging.ERROR)  # MAX's advice to warm its whole cache
    loaded: dict[str, Any] = {}
    compile_alone = gc_compile.compile_single_target

    def from_store(family: Any, key: str, device: Any, build: Callable[[Any], object]) -> Any:
        if key not in loaded and (file := _contents().get(key)):
            try:
                loaded.update(gc_compile.session_for(device).load_all(str(file), weights_registry={}))
            except Exception:  # a damaged file: forget it, so that the batch is compiled again
                file.with_suffix(".json").unlink(missing_ok=True)
        if key not in loaded:
            _announce("compiling", key)
            loaded[key] = compile_alone(family, key, device, build)
            _announce("compiled", key)
        family.cache[key] = loaded[key]
        return loaded[key]

    gc_compile.compile_single_target = from_store


@functools.cache
def _contents() -> dict[str, Path]:
    """For each kernel in the store, the file that holds it."""
    where: dict[str, Path] = {}
    for name in SECONDS:
        listing = store() / f"{name}.json"
        try:
            where |= dict.fromkeys(json.loads(listing.read_text()), listing.with_suffix(".mef"))
        except (OSError, ValueError):  # not compiled yet, or damaged
            continue
    return where


# ---------------------------------------------------------------- in the process that the learner watches


Show = Callable[[float, float], None]
"""Called ten times a second with the seconds of work done and the seconds expected in all."""


class Compilation:
    """Compiles batches, two side by side, since one compilation keeps about one core busy.

    A context manager: whole batches stay whatever happens; leaving ends the compilations that still run.

    Args:
        seconds: the batches that there are, and about how long each takes.
        program: the module that compiles one, and what it is told after its niceness and the name of the batch.
    """

    def __init__(
        self, seconds: Mapping[str, float] = SECONDS, program: Sequence[str] = ("tutor.engine.kernels",)
    ) -> None:
        self._seconds, self._program = seconds, program
        self._waiting: list[str] = []
        self._running: dict[str, tuple[subprocess.Popen, IO[str], float]] = {}

    def __enter__(self) -> "Compilation":
        return self

    def __exit__(self, *error: object) -> None:
        for worker, _, _ in self._running.values():
            worker.kill()
            worker.wait()

    def expected(self, batches: Sequence[str]) -> float:
        """About how many seconds it takes to compile `batches`, or what is left of them to compile."""
        now = time.monotonic()
        began = {name: self._running[name][2] for name in batches if name in self._running}
        seconds = [self._seconds[name] - (now - began.get(name, now)) for name in batches]
        return max(sum(seconds) / 2, *seconds)

    def begin(self, batches: Sequence[str]) -> None:
        """Start the compilation of `batches` and come back; `wait_for` says what became of them."""
        self._waiting += batches
        self._advance(())

    def wait_for(self, batches: Sequence[str], show: Show = lambda done, total: None, then: Sequence[str] = ()) -> None:
        """Return when `batches` are compiled; begin with those in `then` on what the first leave of the cores.

        Raises:
            CompileError: one of `batches` failed; the message holds the end of its log.
        """
        self._waiting += [name for name in (*batches, *then) if name not in self._left()]
        while left := self._advance(batches) & set(batches):
            began = {name: self._running[name][2] for name in left if name in self._running}
            ahead = sum(min(time.monotonic() - began[name], 0.97 * self._seconds[name]) for name in began)
            total = sum(self._seconds[name] for name in batches)
            show(total - sum(self._seconds[name] for name in left) + ahead, total)
            time.sleep(0.1)

    def _advance(self, urgent: Sequence[str]) -> set[str]:
        """Look after what runs, start what there is room for, and return what is left to do."""
        for name, (worker, log, _) in list(self._running.items()):
            if worker.poll() is None:
                continue
            del self._running[name]
            if worker.returncode and name in urgent:  # the others are tried again when they are waited for
                log.seek(0)
                raise CompileError(_reason(name, worker.returncode, log.read()))
        while self._waiting and len(self._running) < 2:
            name = self._waiting.pop(0)
            log = tempfile.TemporaryFile("w+")  # noqa: SIM115  (closed with the worker)
            niceness = "0" if name in urgent else "10"
            command = [*program(self._program[0]), niceness, name, *self._program[1:]]
            worker = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            self._running[name] = worker, log, time.monotonic()
        return self._left()

    def _left(self) -> set[str]:
        return {*self._running, *self._waiting}


def _reason(name: str, returncode: int, log: str) -> str:
    """Why a compilation ended early, in one sentence; where that is not known, with the last lines of its log."""
    if returncode == -9:
        return f"the system ended the compilation of the {name} kernels, most likely for want of memory (it needs 2 GB)"
    for folder in (store(), Path(tempfile.gettempdir())):
        if folder.exists() and shutil.disk_usage(folder).free < ROOM:
            return f"the disk that holds {folder} is full, and the kernels need {ROOM // 10**6} MB there"
    last = "\n".join(log.strip().splitlines()[-3:])
    return f"MAX could not compile the {name} kernels:\n{last}"


if __name__ == "__main__":
    os.nice(int(sys.argv[1]))
    try:
        compile_batch(sys.argv[2])
    except OSError as error:
        sys.exit(f"{error.strerror}: {error.filename}")
    end()
