"""The store of compiled kernels: what MAX needs of it, and what becomes of interruptions and damage.

`Compilation` is tried with workers that only pretend, since each real batch takes half a minute; the real ones are
compiled by the fixture `kernels_ready` on a machine that has none, and used by every test of a MAX step.
"""

import json
import os
import shutil
import subprocess
import sys

import psutil
import pytest

from tutor.checkpoint import TINY
from tutor.course import ROOT, STEPS
from tutor.engine import kernel_list, kernels
from tutor.runner.parent import check


def test_every_kernel_of_the_course_is_known_to_max(kernels_ready):
    """The private functions of MAX that are called still exist, and the store holds what they name."""
    code = (
        "from tutor.engine import kernel_list\n"
        "from max._interpreter_ops import gc_compile\n"
        "import json\n"
        "keys = []\n"
        "gc_compile.compile_single_target = lambda family, key, device, build: keys.append(key)\n"
        "import logging; logging.disable()\n"
        "for kernels in kernel_list.BATCHES.values():\n"
        "    for kernel in kernels: kernel_list.call(kernel)()\n"
        "print(json.dumps(keys))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    wanted = json.loads(done.stdout.splitlines()[-1])
    assert len(set(wanted)) == len(wanted) == sum(len(calls) for calls in kernel_list.BATCHES.values())
    stored = [key for name in kernels.SECONDS for key in json.loads((kernels.store() / f"{name}.json").read_text())]
    assert sorted(stored) == sorted(wanted)


def pretend(monkeypatch, tmp_path, script: str) -> None:
    """Have batches compiled by a Python program of our own, into a store of our own."""
    monkeypatch.setenv("MODULAR_CACHE_DIR", str(tmp_path))
    kernels.store().mkdir(parents=True)
    program = tmp_path / "worker.py"
    program.write_text(
        f"import sys, time, pathlib, os\nname = sys.argv[-1]\nstore = pathlib.Path({str(kernels.store())!r})\n{script}"
    )
    popen = subprocess.Popen
    monkeypatch.setattr(
        subprocess, "Popen", lambda command, **options: popen([sys.executable, str(program), *command[-2:]], **options)
    )


def test_compiles_two_side_by_side(monkeypatch, tmp_path):
    worker = "began = time.monotonic(); time.sleep(0.5); (store / f'{name}.json').write_text('[]'); "
    worker += "(store / f'{name}.times').write_text(f'{began} {time.monotonic()}')"
    pretend(monkeypatch, tmp_path, worker)
    shown = []
    with kernels.Compilation() as compilation:
        compilation.wait_for(list(kernels.SECONDS), lambda done, total: shown.append(done / total))
    times = [tuple(map(float, file.read_text().split())) for file in kernels.store().glob("*.times")]
    assert max(sum(began <= moment < ended for began, ended in times) for moment, _ in times) == 2
    assert kernels.missing() == []
    assert shown == sorted(shown) and 0 <= shown[0] < shown[-1] <= 1


def test_what_is_needed_later_is_begun_beside_what_is_needed_now(monkeypatch, tmp_path):
    """At step 05 the verdict comes after the first batch; the second has begun meanwhile, and is not begun again."""
    pretend(
        monkeypatch,
        tmp_path,
        "(store / f'{name}.began').open('a').write(f'{os.nice(int(sys.argv[1]))} ')\n"
        "time.sleep(0.5 if name == 'embeddings' else 1.5); (store / f'{name}.json').write_text('[]')",
    )
    with kernels.Compilation() as compilation:
        compilation.wait_for(["embeddings"], then=["transformer", "variants"])
        assert kernels.missing() == ["transformer", "variants"]
        compilation.wait_for(["transformer", "variants"])
        assert kernels.missing() == []
    usual = os.nice(0)
    later = min(usual + 10, 19)
    niceness = {name: (kernels.store() / f"{name}.began").read_text() for name in kernels.SECONDS}
    assert niceness == {"embeddings": f"{usual} ", "transformer": f"{later} ", "variants": f"{later} "}


def test_interrupted_it_goes_on_where_it_was(monkeypatch, tmp_path):
    """Whole batches stay; a worker that was stopped leaves nothing that looks whole."""
    pretend(
        monkeypatch,
        tmp_path,
        "time.sleep(0.2 if name == 'embeddings' else 30); (store / f'{name}.json').write_text('[]')",
    )

    def stop(done, total):
        if kernels.missing(["embeddings"]) == []:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), kernels.Compilation() as compilation:
        compilation.wait_for(list(kernels.SECONDS), stop)
    assert kernels.missing() == ["transformer", "variants"]
    assert not any("worker.py" in " ".join(child.cmdline()) for child in psutil.Process().children())


def test_failures_are_told_with_their_reason(monkeypatch, tmp_path):
    pretend(monkeypatch, tmp_path, "sys.exit('OSError: [Errno 28] No space left on device')")
    with pytest.raises(kernels.CompileError, match="No space left on device"), kernels.Compilation() as compilation:
        compilation.wait_for(["embeddings"])


@pytest.mark.parametrize("program", [["kernels", "0", "embeddings"], ["decoder", "0", "model", str(TINY), ""]])
def test_a_worker_that_is_done_waits_for_nobody(program, kernels_ready):
    """One had compiled its batch, and crashed as MAX's threads were ended: the user read that MAX could not compile."""
    code = (
        "import atexit, runpy, sys, threading\n"
        "atexit.register(print, 'one thing after the other is ended')\n"
        "threading.Thread(target=threading.Event().wait).start()\n"
        "del sys.argv[0]\n"
        "runpy.run_module('tutor.engine.' + sys.argv[0], run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_a_killed_worker_is_told_as_want_of_memory(monkeypatch, tmp_path):
    pretend(monkeypatch, tmp_path, "import signal; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(kernels.CompileError, match="memory"), kernels.Compilation() as compilation:
        compilation.wait_for(["embeddings"])


def test_a_full_disk_is_told(monkeypatch, tmp_path):
    """MAX's own last words are then that its authors should be told."""
    pretend(monkeypatch, tmp_path, "sys.exit('RuntimeError: Failed to compile the model. Please file an issue')")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=4096))
    with pytest.raises(kernels.CompileError) as error, kernels.Compilation() as compilation:
        compilation.wait_for(["embeddings"])
    assert "is full" in str(error.value) and str(kernels.store()) in str(error.value)
    assert "file an issue" not in str(error.value)


def test_a_cache_that_cannot_be_written_is_told_without_a_traceback(tmp_path):
    (tmp_path / "file").touch()
    command = [sys.executable, "-m", "tutor.engine.kernels", "0", "embeddings"]
    environment = os.environ | {"MODULAR_CACHE_DIR": str(tmp_path / "file")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == f"Not a directory: {tmp_path}/file/gpt2-course/{kernels.store().name}\n"


def test_what_fails_beside_is_told_when_it_is_needed(monkeypatch, tmp_path):
    """A check of step 05 does not end because a kernel of step 07 could not be compiled."""
    pretend(
        monkeypatch,
        tmp_path,
        "name == 'embeddings' or sys.exit('no room'); time.sleep(0.5); (store / f'{name}.json').write_text('[]')",
    )
    with kernels.Compilation() as compilation:
        compilation.wait_for(["embeddings"], then=["transformer"])
        with pytest.raises(kernels.CompileError, match="no room"):
            compilation.wait_for(["transformer"])


def test_the_store_is_per_version_and_machine(monkeypatch):
    monkeypatch.setenv("MODULAR_CACHE_DIR", "/somewhere")
    here = kernels.store()
    assert here.parent.parent.as_posix() == "/somewhere"
    monkeypatch.setattr("importlib.metadata.version", lambda name: "1.2.3")
    assert kernels.store() != here and "1.2.3" in kernels.store().name


def test_the_store_is_per_list_of_kernels(monkeypatch):
    """Who pulls a course with other kernels gets them compiled, not an old batch that lacks some; another order, or
    another way to write the list down, compiles nothing anew."""
    here = kernels.store()
    monkeypatch.setitem(kernel_list.BATCHES, "embeddings", kernel_list.BATCHES["embeddings"][::-1])
    assert kernels.store() == here
    monkeypatch.setitem(kernel_list.BATCHES, "embeddings", kernel_list.BATCHES["embeddings"][1:])
    assert kernels.store() != here


def test_a_damaged_batch_is_forgotten(monkeypatch, tmp_path, kernels_ready):
    """MAX refuses the file; the kernel is compiled alone this once, and the batch counts as missing afterwards."""
    whole = kernels.store()
    monkeypatch.setenv("MODULAR_CACHE_DIR", str(tmp_path))
    kernels.store().mkdir(parents=True)
    for name in kernels.SECONDS:
        (kernels.store() / f"{name}.json").write_bytes((whole / f"{name}.json").read_bytes())
        (kernels.store() / f"{name}.mef").write_bytes((whole / f"{name}.mef").read_bytes()[:1000])
    code = (
        "import solutions, numpy as np\n"
        "from tutor.engine import kernels\n"
        "class Alone(Exception): pass\n"
        "def tell(event, kernel): raise Alone\n"
        "kernels.listen(tell)\n"
        "from max.experimental.tensor import Tensor\n"
        "try: print((Tensor(np.ones(3, np.float32)) + 1).to_numpy())\n"
        "except Alone: print('compiled alone')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=os.environ, capture_output=True, text=True)
    assert "compiled alone" in done.stdout, done.stderr
    assert "embeddings" in kernels.missing()


def test_a_check_needs_the_batches_of_its_step_alone(monkeypatch, tmp_path, kernels_ready):
    """On a new machine step 05 waits for its four kernels; the rest is compiled when the verdict has been read."""
    whole = kernels.store()
    monkeypatch.setenv("MODULAR_CACHE_DIR", str(tmp_path))
    kernels.store().mkdir(parents=True)
    for file in whole.glob("embeddings.*"):
        shutil.copy(file, kernels.store())
    verdict = check(STEPS[5], STEPS[5].solution)
    assert verdict.passed, verdict
    assert verdict.missing == kernels.missing() == ["transformer", "variants"]
    assert not verdict.compiled
