"""MAX made quick and quiet for a course. Importing this module sets a process up; `steps` and `solutions` import it.

- Each eager operation runs under `asyncio.run`, which before Python 3.13 swaps the handler of Ctrl-C and thereby has
  `signal` build the repr of a task that holds whole tensors: a small transpose then takes a second and a half. It
  only does so where the handler is Python's own, so another one with the same effect takes its place.
- The default executor also compiles every graph in background processes, which on two cores doubles the time.
- Kernels come from the course's store (kernels.py) where it has them.
"""

import importlib.abc
import importlib.util
import os
import signal
import sys
import threading

from tutor import kernels

COMPILER = "max._interpreter_ops.gc_compile"


def stop(number, frame):
    """What Ctrl-C does by default, by a handler that is not Python's default one."""
    raise KeyboardInterrupt


class StoreFinder(importlib.abc.MetaPathFinder):
    """Connects the store to MAX's compiler of kernels when MAX imports it, and not before: MAX is slow to import."""

    def find_spec(self, name, path, target=None):
        """Find the compiler as usual, and patch it once it is loaded."""
        if name != COMPILER:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def load_and_connect(module):
            load(module)
            kernels.use_store(module)

        spec.loader.exec_module = load_and_connect
        return spec


os.environ.setdefault("MAX_EAGER_EXECUTOR", "interpreter")
in_main_thread = threading.current_thread() is threading.main_thread()
if in_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, stop)
if COMPILER in sys.modules:
    kernels.use_store(sys.modules[COMPILER])
else:
    sys.meta_path.insert(0, StoreFinder())
