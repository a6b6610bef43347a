"""A learner's GPT-2 made fast: it keeps keys and values, and its graphs are compiled once a machine.

Everything here is traced from the learner's own pieces: `decode_step` of step 20 calls their blocks. What is compiled is
found again by what it computes, under a digest of the graph's text beside the kernels (kernels.py), so a changed block
is another graph. Until a graph is compiled the same `decode_step` is run by MAX's interpreter.

The interpreter and the lowering are private parts of MAX: good for the version that pixi.toml pins, and
tests/tools/test_decoder.py says when a new version changes them.
"""

import contextlib
import copy
import fcntl
import hashlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from max import _core, _interpreter, engine, tree
from max._core.dialects import rmo
from max.driver import CPU
from max.dtype import DType
from max.experimental import compilation, functional, nn
from max.experimental.tensor import Tensor
from max.graph import StaticDim, TensorType

from tutor.engine import int8
from tutor.engine.kernels import Compilation, end, store

GRAPHS = "token", "prompt"
"""The graphs of a model, in the order in which they are worth compiling: one token after a past, and a whole prompt."""
BLOCKS = {"token": "token_block", "prompt": "prompt_block"}
"""The function of step 20 that sends each of them through a block."""


SECONDS = 150
"""About how long both take to compile on two cores, beside the text that is written meanwhile."""


class Column(nn.Linear):
    """A linear layer that multiplies its weight with the inputs as columns, so that nothing turns the weight round.

    Where their number is a symbol, as in the compiled graph of a prompt, they are rows: the compiler has a product with a
    weight that lies as it does, and a prompt of 256 tokens of GPT-2 124M took 325 ms so, and 374 as columns.
    """

    def __init__(self, linear: nn.Linear):
        self.weight, self.bias = linear.weight, linear.bias

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, in] -> [B, T, out]."""
        B, T, size = x.shape
        rows = x.reshape([-1, size])
        product = (self.weight @ rows.T).T if isinstance(T, StaticDim) else rows @ self.weight.T
        return product.reshape([B, T, -1]) + self.bias


def use_columns(module: nn.Module) -> None:
    """Put a Column in place of each linear layer of a module, with the same weights."""
    for name, child in module.children:
        if type(child) is nn.Linear:
            setattr(module, name, Column(child))
        else:
            use_columns(child)


# ---------------------------------------------------------------- compiled


class Step(nn.Module):
    """`decode_step` as a module, as MAX wants it for a trace: what is past comes as one tensor after the other."""

    def __init__(self, model: nn.Module, step_20: ModuleType):
        self.transformer = model.transformer
        self.decode_step = step_20.decode_step

    def forward(self, tokens: Tensor, *past: Tensor) -> tuple[Tensor, Tensor]:
        """The logits and the new keys and values; see step 20."""
        return self.decode_step(self, tokens, list(zip(past[::2], past[1::2], strict=True)) or None)


def digest(content: bytes) -> str:
    """What names a file by its content."""
    return hashlib.sha256(content).hexdigest()[:16]


@contextlib.contextmanager
def blocks_by(step_20: ModuleType, change: Callable[[str, Callable], Callable]) -> Iterator[None]:
    """For a while, have `decode_step` call its two block functions as `change` makes them from their names and selves."""
    kept = {name: getattr(step_20, name) for name in BLOCKS.values()}
    for name, function in kept.items():
        setattr(step_20, name, change(name, function))
    try:
        yield
    finally:
        for name, function in kept.items():
            setattr(step_20, name, function)


def shared(name: str, function: Callable) -> Callable:
    """The function of a block, traced for the first block only and called by the others with their own weights."""

    def call(block: nn.Module, *tensors: Tensor) -> tuple[Tensor, Tensor]:
        path, weight = next(iter(block.parameters))
        prefix = weight.external_name.removesuffix(path)  # such as "transformer.h.0."
        return compilation.as_subgraph(lambda *given: function(block, *given), name=name, prefix=prefix)(*tensors)

    return call


class Graph:
    """One of GRAPHS of a model, for texts of all lengths.

    Attributes:
        file: where it lies once it is compiled.
    """

    def __init__(self, name: str, model: nn.Module, config: Any, step_20: ModuleType):
        """Trace it, which takes a tenth of a second and needs no weights."""
        tokens = TensorType(DType.int64, [1, 1 if name == "token" else "seq"], device=CPU())
        sizes = ["past", 1, config.n_head, config.n_embd // config.n_head]
        rows = [TensorType(DType.float32, sizes, device=CPU())] * (2 * config.n_layer if name == "token" else 0)
        self._model, self._step_20, self._given = model, step_20, (tokens, *rows)
        self.file = store() / f"{name}-{digest(str(self._traced()).encode())}.mef"

    def _traced(self) -> compilation.StagedGraph:
        """The graph of the model as it is now."""
        with blocks_by(self._step_20, shared):
            return Step(self._model, self._step_20).trace(*self._given)

    def smaller(self) -> "Graph":
        """The same graph, of one token, of the model when its weights are int8. MAX needs seconds to trace that, so its file
        is named by this one's, and by the sources of what is done with int8."""
        small = copy.copy(self)
        source = b"".join((int8.FOLDER / f"__init__.{kind}").read_bytes() for kind in ("mojo", "py"))
        small.file = self.file.with_name(f"token-int8-{digest(self.file.name.encode() + source)}.mef")
        return small

    def compile(self) -> None:
        """Compile it into its file, which appears when it is whole, unless another process did so meanwhile."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self.file.exists():
                return
            part = self.file.with_suffix(".part")
            engine.InferenceSession(devices=[CPU()]).compile(self._traced().graph).export_mef(part)
            part.replace(self.file)

    def load(self, model: nn.Module) -> engine.Model | None:
        """Read it from its file and give it the weights of a model; None while there is no file, or a damaged one."""
        if not self.file.exists():
            return None
        session = engine.InferenceSession(devices=[CPU()])
        try:
            return session.init(engine.read(self.file), weights_registry=dict(model.parameters))
        except Exception:  # a damaged file: forget it, so that the graph is compiled again
            self.file.unlink(missing_ok=True)
            return None


# ---------------------------------------------------------------- by the interpreter


def interpreted(function: Callable) -> Callable:
    """A function of modules and tensors, traced once for each set of shapes and then run by MAX's interpreter.

    Under `F.lazy` the trace is made again at each call, and is most of the time. Modules that differ only in their
    weights, such as the blocks of a model, share a trace.
    """
    traced: dict[tuple, compilation.StagedGraph] = {}

    def call(*given: Any) -> tuple[Tensor, ...]:
        tensors, _ = tree.flatten(given, leaf=Tensor)
        shapes = tuple(tuple(map(int, tensor.shape)) for tensor in tensors)
        if shapes not in traced:
            traced.clear()
            types = tree.map(lambda tensor: TensorType(tensor.dtype, tensor.shape, device=CPU()), given, leaf=Tensor)
            traced[shapes] = compilation.stage(function)(*types)
            _core.lower(traced[shapes].graph._module, [rmo.passes.LegalizeRMOOps()])
        buffers = _interpreter.execute(traced[shapes].graph, [tensor.driver_tensor for tensor in tensors])
        return tuple(Tensor(storage=buffer) for buffer in buffers)

    return call


# ---------------------------------------------------------------- both


@contextlib.contextmanager
def nothing_lazy() -> Iterator[None]:
    """For a while `F.lazy` does nothing: a Fast model asks for its tokens at once, and gives its numbers at once.

    And `Tensor(array)` is a tensor of a copy. To MAX it is a graph with a constant in it, 3 ms a token.
    """
    lazy, constant = functional.lazy, functional.constant

    def copied(value: Any, *options: Any, **named: Any) -> Tensor:
        if isinstance(value, np.ndarray) and value.ndim:
            return Tensor.from_dlpack(value.copy())
        return constant(value, *options, **named)

    functional.lazy, functional.constant = contextlib.nullcontext, copied
    try:
        yield
    finally:
        functional.lazy, functional.constant = lazy, constant


class Fast(nn.Module):
    """A model that remembers: of a text that goes on where the last one ended it looks at the new tokens only.

    It stands for the learner's model in their `generate` (step 17), which sends the whole text each time. Under
    `nothing_lazy`.

    Attributes:
        config: that of the model.
        transformer: that of the model, whose linear layers it turns into columns.
        graphs: the graphs by name; each is used from the moment when its file is there.
        small: what `shrink` turns to: the graph of one token for weights of int8, and the same one of a prompt.
    """

    def __init__(self, model: nn.Module, config: Any, step_20: ModuleType):
        use_columns(model)
        self.config, self.transformer = config, model.transformer
        self.graphs = {name: Graph(name, self, config, step_20) for name in GRAPHS}
        self.small = self.graphs | {"token": self.graphs["token"].smaller()}
        self._loaded: dict[str, engine.Model | None] = {}
        self._step_20 = step_20
        self._blocks = {name: interpreted(getattr(step_20, name)) for name in BLOCKS.values()}
        self._cache = step_20.KVCache(config)
        self._seen: list[int] = []

    def forward(self, tokens: Tensor) -> Tensor:
        """The logits, [1, T, V], for tokens [1, T]: those of the last position, and zeros at the others."""
        ids = tokens.to_numpy()[0].tolist()
        if not self._seen or ids[:-1] != self._seen:
            self._cache.length = 0
        last, rows = self._step(np.array([ids[self._cache.length :]]))
        self._cache.append(rows)
        self._seen = ids
        logits = np.zeros((1, len(ids), last.shape[-1]), np.float32)  # zeros that nobody touches take no memory
        logits[0, -1] = last
        return Tensor.from_dlpack(logits)

    def missing(self, weights: str = "float32") -> list[str]:
        """The files of those of its graphs that this machine has not compiled yet, for weights of float32 or int8."""
        graphs = self.graphs if weights == "float32" else self.small
        return [graph.file.name for graph in graphs.values() if not graph.file.exists()]

    def shrink(self) -> None:
        """Make the weights for one token int8, when none of the graphs for that is missing. There is no way back.

        A prompt reads each weight once for many tokens, and gains nothing: its graph keeps the weights as they are.

        Raises:
            ValueError: one of their files is damaged; it is gone now.
        """
        self.graphs = self.small
        self._loaded = {"prompt": self.graphs["prompt"].load(self)}
        int8.use_int8(self, Column, int8.rounded)
        self._loaded["token"] = self.graphs["token"].load(self)
        if not all(self._loaded.values()):
            raise ValueError("A compiled graph for weights of int8 was damaged, and is gone. Try again.")

    def _step(self, new: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What `decode_step` gives for the new tokens, [1, T], in NumPy."""
        name = "token" if self._cache.length else "prompt"
        if not self._loaded.get(name):
            self._loaded[name] = self.graphs[name].load(self)
        if graph := self._loaded[name]:
            past = [tensor.driver_tensor for pair in self._cache.past() or () for tensor in pair]
            results = graph.execute(new, *past)
        else:
            with blocks_by(self._step_20, lambda name, _: self._blocks[name]):
                results = self._step_20.decode_step(self, Tensor.from_dlpack(new), self._cache.past())
        logits, rows = (np.from_dlpack(result) for result in results)
        return logits, rows


# ---------------------------------------------------------------- in the process that compiles


def compilation_of(files: Sequence[str], folder: Path, mine: Sequence[int]) -> Compilation:
    """What compiles the missing graphs of the model in a checkpoint's folder, as one batch, "model".

    Args:
        files: what `Fast.missing` says.
        mine: the steps whose pieces are the learner's.
    """
    numbers = ",".join(map(str, mine))
    return Compilation({"model": SECONDS}, (__spec__.name, str(folder), numbers, *files))


def compile_missing(folder: Path, files: Sequence[str]) -> None:
    """Compile the graphs of the model in a checkpoint's folder that belong in these files. No weights are read.

    Raises:
        ValueError: the pieces make other graphs here than those that the files are named by.
            Or weights of int8 do not go with the pieces, which do more with them than multiply.
    """
    from solutions import solution_20
    from solutions.solution_01 import GPT2Config
    from solutions.solution_14 import GPT2LMHeadModel

    config = GPT2Config.from_json(folder / "config.json")
    with functional.lazy():
        model = GPT2LMHeadModel(config)
    fast = Fast(model, config, solution_20)
    small = fast.small["token"]
    graphs = [graph for graph in (*fast.graphs.values(), small) if graph.file.name in files]
    if len(graphs) < len(files):
        raise ValueError("the graph is another one each time that it is made, so it cannot be kept")
    for graph in graphs:
        if graph is not small:
            graph.compile()
    if small in graphs:
        int8.use_int8(fast, Column, int8.unknown)
        try:
            small.compile()
        except (AttributeError, TypeError) as error:
            raise ValueError(f"weights of int8 do not go with these pieces: {error}") from error


if __name__ == "__main__":
    niceness, _, folder, mine, *files = sys.argv[1:]
    os.nice(int(niceness))
    if mine:
        from tutor.runner.mine import use

        use(map(int, mine.split(",")))
    try:
        compile_missing(Path(folder), files)
    except (OSError, ValueError) as error:
        sys.exit(str(error))
    end()
