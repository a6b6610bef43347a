"""MAX as the course sets it up, in processes of their own: as quick on Python 3.11 as on 3.13, on the CPU, and quiet."""

import subprocess
import sys
from pathlib import Path

import pytest

from tutor.course import ROOT


def run(code: str) -> str:
    """Run a program from the top of the repository; give back what it printed, on both streams."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_asyncio_leaves_the_tensors_alone(kernels_ready):
    """Before Python 3.13 each operation built the repr of every tensor: here none is built, and nothing is said."""
    printed = run(
        "import solutions, numpy as np\n"
        "from max.experimental.tensor import Tensor\n"
        "reprs = []\n"
        "Tensor.__repr__ = lambda self: reprs.append(1) or 'a tensor'\n"
        "x = Tensor(np.ones((5, 7), np.float32))\n"
        "for _ in range(3): x = x + x\n"
        "print(x.to_numpy().sum(), len(reprs))\n"
    )
    assert printed == "280.0 0\n"


def test_a_graph_is_gone_through_once(kernels_ready):
    """However many tensors it takes: MAX does so for each, two fifths of the time of a token."""
    printed = run(
        "import solutions, numpy as np\n"
        "from max.experimental import _passes, functional as F\n"
        "from max.experimental.tensor import Tensor\n"
        "times, whole = [], _passes._fixup_graph\n"
        "_passes._fixup_graph = lambda graph: whole(graph) or times.append(len(graph.inputs))\n"
        "tensors = [Tensor.from_dlpack(np.full((5, 7), n, np.float32)) for n in range(12)]\n"
        "with F.lazy(): x = sum(tensors)\n"
        "print(x.to_numpy()[0, 0], times)\n"
    )
    assert printed == "66.0 [13]\n", "12 tensors, and the seed of MAX's random numbers"


def test_ctrl_c_still_ends_a_program():
    code = "import solutions, os, signal\ntry: os.kill(os.getpid(), signal.SIGINT)\nexcept KeyboardInterrupt: print('ended')"
    assert run(code) == "ended\n"


def test_tensors_are_float32_on_the_cpu():
    """The setting is there, so MAX does not choose by the machine, whichever is imported first."""
    show = "print(tensor._DEFAULT_DEVICE.get(None).devices[0].label, tensor._DEFAULT_DTYPE.get(None))"
    for imports in ("import solutions; {}", "{}; import solutions"):
        code = f"{imports.format('from max.experimental import tensor')}; {show}"
        assert run(code) == "cpu DType.float32\n"


def test_an_error_comes_at_once(kernels_ready):
    """Nothing is compiled before a learner reads that a text is too long (518 s once), whichever is imported first."""
    body = """
import numpy as np
ids = Tensor.from_dlpack(np.zeros((1, 129), np.int64))
try: load_checkpoint("tests/reference/tiny-gpt2")(ids).to_numpy()
except ValueError as error: print("index 128 is out of bounds" in str(error))
"""
    imports = "from solutions.solution_15 import load_checkpoint", "from max.experimental.tensor import Tensor"
    for order in (imports, imports[::-1]):
        assert run("import os; os.environ.pop('MAX_EAGER_EXECUTOR', None)\n" + "\n".join(order) + body) == "True\n"


def test_steps_without_max_do_not_import_it():
    assert run("import sys, solutions.solution_02, solutions.solution_04; print('max' in sys.modules)") == "False\n"


def test_mojo_is_not_imported_before_it_is_used():
    """The stand-in has every function of the real package, and a call reaches the real one."""
    code = (
        "import sys, solutions, max.experimental.nn\n"
        "from max import _kv_cache_ops as stand_in\n"
        "print('mojo.importer' in sys.modules)\n"
        "try: stand_in.mha_decode_num_partitions(1, 1, 1, None)\n"
        "except AttributeError: pass\n"
        "real = sys.modules['max._kv_cache_ops']\n"
        "print(real is not stand_in, all(hasattr(stand_in, name) for name in real.__all__))\n"
    )
    assert run(code) == "False\nTrue True\n"


HUGE = Path("/sys/kernel/mm/transparent_hugepage/enabled")


@pytest.mark.skipif(
    not HUGE.exists() or "[always]" in HUGE.read_text(), reason="Linux gives pages of 2 MB to all, or to none"
)
def test_a_cache_takes_memory_as_it_fills():
    """One token of 124M is 74 kB, and took 75 MB: NumPy asks for pages of 2 MB, of which each block's part of a cache lies in two."""
    printed = run(
        "import resource, tutor\n"
        "import numpy as np\n"
        "from solutions.solution_20 import GPT2Config, KVCache\n"
        "pages = lambda: int(open('/proc/self/statm').read().split()[1])\n"
        "cache, rows = KVCache(GPT2Config()), np.zeros((12, 2, 1, 1, 12, 64), np.float32)\n"
        "before = pages()\n"
        "cache.append(rows)\n"
        "print((pages() - before) * resource.getpagesize())\n"
    )
    assert int(printed.splitlines()[-1]) < 1e6
