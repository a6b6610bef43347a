"""MAX made quick and quiet for a course. Importing this module sets a process up; `steps` and `solutions` import it.

- Each eager operation runs under `asyncio.run`, which before Python 3.13 swaps the handler of Ctrl-C and thereby has
  `signal` build the repr of a task that holds whole tensors: a small transpose then takes a second and a half. It
  only does so where the handler is Python's own, so another one with the same effect takes its place.
- The default executor also compiles every graph in background processes, which on two cores doubles the time, and those
  that raise an error in the foreground: minutes until the error comes.
- Tensors are made on the CPU in float32, also where there is a GPU, for which MAX would choose bfloat16.
- Kernels come from the course's store (kernels.py) where it has them.
- For each tensor that a graph takes, MAX goes through the whole graph once more, two fifths of the time of a token of the
  tiny model; once, before it runs, is enough.
- `max._kv_cache_ops`, which only serving uses, is written in Mojo: its first import compiles it, 12 s on two cores, and
  later ones still take a tenth of a second. It is imported when one of its functions is called.
- Python 3.11 lists the names of a protocol anew at each `isinstance`, a tenth of a check's time: it is to remember them.

MAX itself is slow to import, and steps 01 to 04 do without it: what needs MAX is done when MAX is imported.
"""

import functools
import importlib
import importlib.abc
import importlib.util
import os
import signal
import sys
import threading
import typing
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import FrameType, ModuleType
from typing import Any, NoReturn


def stop(number: int, frame: FrameType | None) -> NoReturn:
    """What Ctrl-C does by default, by a handler that is not Python's default one."""
    raise KeyboardInterrupt


def use_the_cpu(tensor: ModuleType) -> None:
    """Make the CPU and float32 the defaults for new tensors. `tensor` is the module `max.experimental.tensor`."""
    from max.driver import CPU
    from max.dtype import DType

    for setting in (tensor.default_device(CPU()), tensor.default_dtype(DType.float32)):
        setting.__enter__()
        entered.append(setting)  # a setting ends when nobody holds it any more


def use_the_interpreter(executor: ModuleType) -> None:
    """Run graphs as MAX_EAGER_EXECUTOR says, also where MAX read it before it was set. `executor` is MAX's module."""
    if os.environ["MAX_EAGER_EXECUTOR"] == "interpreter":
        executor.set_default_executor(executor.InterpreterExecutor())


def take_inputs_as_they_come(passes: Any) -> None:
    """Add an input to a graph and leave the rest of it alone: MAX sets that right before the graph runs.

    `passes` is MAX's module.
    """
    from max.graph import Graph, Type, Value

    def add_input(graph: Graph, type: Type[Any]) -> Value[Any]:
        with graph:
            added = passes._graph_block(graph).add_argument(type.to_mlir(), passes._location())
        return Value.from_mlir(added)

    passes.add_input = add_input


def use_the_store(gc_compile: ModuleType) -> None:
    """Take kernels from the course's store. `gc_compile` is MAX's compiler of kernels."""
    from tutor.engine import kernels

    kernels.use_store(gc_compile)


def later(package: str, *names: str) -> None:
    """Stand in for a package: its functions, here by their names, import the real one when they are called."""
    stand_in = ModuleType(package)
    for name in names:

        def call(*args: Any, name: str = name, **kwargs: Any) -> Any:
            if sys.modules.get(package) is stand_in:
                del sys.modules[package]
            return getattr(importlib.import_module(package), name)(*args, **kwargs)

        setattr(stand_in, name, call)
    sys.modules.setdefault(package, stand_in)


entered: list[object] = []
AFTER_IMPORT: dict[str, Callable[[ModuleType], None]] = {
    "max.experimental._passes": take_inputs_as_they_come,
    "max.experimental.tensor": use_the_cpu,
    "max.experimental.executor": use_the_interpreter,
    "max._interpreter_ops.gc_compile": use_the_store,
}


class AfterImport(importlib.abc.MetaPathFinder):
    """Finds modules as usual, and calls a function of AFTER_IMPORT on a module once it is loaded."""

    def find_spec(self, name: str, path: object, target: object = None) -> ModuleSpec | None:
        """The module's own spec, with a step added to its loading."""
        if name not in AFTER_IMPORT:
            return None
        set_up = AFTER_IMPORT.pop(name)
        spec = importlib.util.find_spec(name)
        loader: Any = spec and spec.loader
        load = loader.exec_module

        def load_and_set_up(module: ModuleType) -> None:
            load(module)
            set_up(module)

        loader.exec_module = load_and_set_up
        return spec


later("max._kv_cache_ops", "mha_decode_num_partitions", "mla_dispatch_args_scalar")
os.environ.setdefault("MAX_EAGER_EXECUTOR", "interpreter")
if sys.version_info < (3, 12):
    typing._get_protocol_attrs = functools.cache(typing._get_protocol_attrs)  # type: ignore[attr-defined]
in_main_thread = threading.current_thread() is threading.main_thread()
if in_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, stop)
sys.meta_path.insert(0, AfterImport())
for name in AFTER_IMPORT.keys() & sys.modules.keys():
    AFTER_IMPORT.pop(name)(sys.modules[name])
