"""What step 19 must do: `compile_model`, a graph for texts of all lengths, and `seconds_per_call`.

Nothing is compiled here, which takes a minute: `Compiled` stands in for what MAX makes of a graph. It has the graph that
MAX traced, and runs what the graph was traced from, with the weights that were given to it, by the interpreter.
"""

import itertools
import statistics
import time
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import pytest
from max import tree
from max.dtype import DType
from max.experimental import compilation
from max.experimental import functional as F
from max.experimental.tensor import Tensor

from solutions.solution_14 import GPT2LMHeadModel
from tutor.grading import Wrong, build, close, expect, has_shape, numpy, tensor

REPEATS = 3
BRISK = 0.05, [0.012, 0.034, 0.006], 0.002
PATIENT = 0.25, [0.06, 0.17, 0.03], 0.02
"""How long the first call of a model takes that stands in for one, and the next three, and how far a time may be from
the right one, in seconds. On a machine at work a clock is read late: what is wrong in brisk calls is judged by patient ones.
"""


class Compiled:
    """Stands for MAX's compiled callable.

    Attributes:
        all: those that were made, one for each compilation.
    """

    all: ClassVar[list["Compiled"]] = []
    traced_from: ClassVar[dict[int, Callable]] = {}

    def __init__(self, staged, weights=None, *, session=None):
        self.staged, self.calls = staged, 0
        self.weights = {name: numpy(weight).copy() for name, weight in (weights or {}).items()}
        self.function = self.traced_from[id(staged)]
        self.all.append(self)

    def __call__(self, tokens):
        """What the graph gives."""
        expect(isinstance(tokens, Tensor), "What was compiled is given something that is no tensor.")
        self.calls += 1
        filled = tree.map(self._filled, self.function, leaf=Tensor, shared=True)
        with F.lazy():
            result = filled(tokens)
        result.to_numpy()
        return result

    def _filled(self, parameter):
        name = getattr(parameter, "external_name", None)
        return tensor(self.weights[name]) if name in self.weights else parameter


def takes_any_text(types):
    """Check what a graph is to take: token IDs, as many texts and tokens as there will be."""
    expect(len(types) == 1, "The graph takes one thing, the tokens.", found=f"{len(types)} types")
    shape, names = [str(size) for size in types[0].shape], ["batch", "seq"]
    facts = {"expected": str(names), "found": str(shape)}
    expect(len(shape) == 2, "The tokens that the graph takes should have two axes, [B, T].", **facts)
    for what, size, name in zip(("batches", "texts"), shape, names):
        fixed = f'The graph takes {what} of one size only, {size}. Put a name in place of the number, such as "{name}".'
        expect(not size.isdecimal(), fixed, **facts)
    square = (
        "Both sizes have the same name, so the graph takes just as many texts as each has tokens. Give each its own."
    )
    expect(shape[0] != shape[1], square, **facts)
    whole = "The tokens that the graph takes have another dtype than token IDs, which are int64."
    expect(types[0].dtype == DType.int64, whole, expected="int64", found=types[0].dtype.name)


@pytest.fixture(scope="module", autouse=True)
def nothing_compiles():
    """Put the stand-in where MAX compiles."""
    stage = compilation.stage

    def remembering(function, **options):
        def traced(*types, **more):
            takes_any_text(types)
            staged = stage(function, **options)(*types, **more)
            Compiled.traced_from[id(staged)] = function
            return staged

        return traced

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compilation, "stage", remembering)
        patch.setattr(compilation, "CompiledCallable", Compiled)
        yield


@pytest.fixture(scope="module")
def random(random_model):
    """A random model, B = 4, T = 5."""
    return random_model("epsilon")


def model_of(model):
    """A GPT-2 with the weights of Hugging Face's `model`."""
    weights = {f"transformer.{name}": array for name, array in model.weights.items()}
    return build(GPT2LMHeadModel, model.config, weights=weights)


def compiled(answer, model):
    """What the learner makes of a model, and the stand-in for what was compiled meanwhile."""
    Compiled.all = []
    found = answer.compile_model(model)
    expect(found is not None, "compile_model gives None: is a `return` missing at the end?")
    same = "compile_model gives the model as it came. `model.compile(…)` gives another thing, which is compiled."
    expect(found is not model, same)
    later = (
        "compile_model has compiled nothing when it is done. `model.compile(…)` traces the model and compiles it, once."
    )
    expect(Compiled.all, later, found=f"{type(found).__name__}")
    count = len(Compiled.all)
    expect(
        count == 1,
        "compile_model compiles several times. Once is enough, for texts of all lengths.",
        found=f"{count} times",
    )
    expect(callable(found), "What compile_model gives cannot be called.", found=f"a {type(found).__name__}")
    return found, Compiled.all[0]


def call(run, ids):
    """The numbers that the learner's compiled model gives."""
    before = len(Compiled.all)
    found = run(tensor(ids))
    array = "What compile_model gives should give a tensor of MAX, as the model does, and no array of NumPy."
    expect(isinstance(found, Tensor), array, found=f"a {type(found).__name__}")
    again = "What compile_model gives compiles again when it is called. Compile once, and give back what that gives."
    expect(len(Compiled.all) == before, again)
    return numpy(found)


@pytest.fixture(scope="module")
def frozen(answer, random):
    """What the learner makes of the random model, the stand-in for what was compiled, and the model's weights.

    The model has zeros since: weights that come later do not go in.
    """
    model = model_of(random)
    weights = {name: numpy(weight).copy() for name, weight in model.parameters}
    run, made = compiled(answer, model)
    changed = "compile_model changes the model, which belongs to its caller: its weights should stay as they are."
    expect(all(np.array_equal(numpy(weight), weights[name]) for name, weight in model.parameters), changed)
    model.load_state_dict({name: tensor(np.zeros_like(weight)) for name, weight in weights.items()})
    return run, made, weights


@pytest.fixture(scope="module")
def found(frozen, random):
    """What it gives for the random texts."""
    return call(frozen[0], random["input_ids"])


def test_types(frozen):
    """the graph takes int64 [batch, seq], and both sizes are symbols"""


def test_compiles(frozen, found):
    """the model is compiled, once, before there is a text"""
    unused = "What compile_model gives does not use what it has compiled: it runs the model itself, op by op."
    expect(frozen[1].calls == 1, unused)


def test_shape(found, random):
    """it gives what the model gave, logits: [B, T] -> [B, T, V]"""
    shapes = {
        "B T C": "those are vectors: `model.transformer` was compiled. Compile the whole model.",
        "B V": "only one position has logits. All of them get some.",
    }
    has_shape(found, random["logits"].shape, "B T V", sizes=random.sizes, shapes=shapes, what="What the graph gives")


def test_numbers(frozen, found, random):
    """the numbers are Hugging Face's, by the weights that the model had when it was compiled"""
    _, made, weights = frozen
    other = "The graph holds other weights than the model: they were frozen before they were loaded, or are those of another model."
    for name, array in made.weights.items():
        right = next((weight for key, weight in weights.items() if key.endswith(name)), np.empty(0))
        expect(np.array_equal(right, array), other, found=f"`{name}` differs")
    close(found, random["logits"], "B T V", sizes=random.sizes, what="What the graph gives")


def test_all_lengths(frozen, found, random):
    """the same graph takes one text and several, one token and several"""
    whole = has_shape(found, random["logits"].shape, "B T V", sizes=random.sizes, what="What the graph gives")
    for B, T in ((1, 1), (3, 2)):
        part = call(frozen[0], random["input_ids"][:B, :T])
        close(part, whole[:B, :T], "B T V", sizes=random.sizes, what="What the graph gives for a part of the texts")


def test_tiny_gpt2(answer, tiny, expected):
    """the tiny GPT-2 gives Hugging Face's logits on 128 tokens"""
    run, _ = compiled(answer, model_of(tiny))
    close(call(run, expected["full/input_ids"]), expected["full/logits"], "B T V", what="What the graph gives")


# ---------------------------------------------------------------- the clock


class Promise:
    """Stands for a tensor that MAX computes when somebody asks for its numbers."""

    def __init__(self, wait):
        self._wait = wait

    def to_numpy(self):
        """Compute, the first time."""
        self._wait()
        self._wait = lambda: None
        return np.zeros((1, 1, 1), np.float32)

    def __array__(self, dtype=None, copy=None):
        return self.to_numpy()

    def __dlpack__(self, **options):
        return self.to_numpy().__dlpack__(**options)

    def __dlpack_device__(self):
        return 1, 0


class Run:
    """Stands for a model whose calls take known times.

    Attributes:
        calls: how often it was called.
        times: how long each of its calls took that was asked for numbers.
    """

    def __init__(self, first, waits):
        self._waits, self._tokens = [first, *waits], tensor(np.array([[1, 2, 3]]))
        self.calls, self.times = 0, []

    def __call__(self, tokens):
        expect(tokens is self._tokens, "`run` should be given the tokens as they came.")
        wait = self._waits[min(self.calls, len(self._waits) - 1)]
        self.calls += 1
        return Promise(lambda: self._sleep(wait))

    def _sleep(self, seconds):
        start = time.perf_counter()
        time.sleep(seconds)
        self.times.append(time.perf_counter() - start)

    def timed(self, answer, *repeats):
        """What the learner's function gives for it."""
        return answer.seconds_per_call(self, self._tokens, *repeats)


def test_calls(answer):
    """seconds_per_call calls once, for what is made only once, and then `repeats` times"""
    for repeats in ([], [2], [1]):
        run, count = Run(0, [0]), *(repeats or [5])
        run.timed(answer, *repeats)
        words = f"{count + 1} calls for {count} repeats"
        fewer = f"`run` is called {run.calls} times for {count} repeats. Call it once before the clock starts, then `repeats` times."
        expect(run.calls == count + 1, fewer, expected=words, found=f"{run.calls} calls")


def test_seconds(answer):
    """the result is the median of the times, in seconds, each until the numbers are there"""
    try:
        times_well(answer, *BRISK)
    except Wrong:
        times_well(answer, *PATIENT)


def times_well(answer, first, waits, near):
    """Check what seconds_per_call gives for calls that take known times."""
    run = Run(first, waits)
    found = run.timed(answer, REPEATS)
    expect(found is not None, "seconds_per_call gives None: is a `return` missing at the end?")
    number = isinstance(found, float | int | np.floating) and not isinstance(found, bool)
    expect(number, "seconds_per_call should give one number, of seconds.", found=found)
    asked = (
        "The clock stops when MAX has promised a result, before it has computed it: ask for the numbers, `.to_numpy()`."
    )
    expect(len(run.times) >= REPEATS, asked, found=f"{found:.4f} s")
    kept = "The first call gives a promise that nobody keeps, and what it should make is made in the second call, which is timed."
    expect(len(run.times) > REPEATS, f"{kept} Ask for its numbers too.", found=f"{found:.4f} s")
    cut = "The digits of the time are cut off. A fast model takes less than a thousandth of a second: give them all."
    expect(round(found, 4) != found, cut, found=found)
    times = run.times[-REPEATS:]
    right = statistics.median(times)
    if abs(found - right) <= near:
        run = Run(0, [0, 3 * near])
        far = abs(run.timed(answer, 2) - statistics.median(run.times[-2:]))
        expect(far <= near, "Of two times the median lies half way between them: statistics.median takes their mean.")
        return
    calls = "tells nothing of the others: what is made only once, such as the graph, is made in it."
    cases = [
        (statistics.median(run.times), f"The first call is timed too. It {calls}"),
        (statistics.fmean(run.times), f"The first call is timed too. It {calls}"),
        (run.times[0], f"The first call alone is timed. It {calls}"),
        (statistics.fmean(times), "That is the mean of the times, which one disturbed call moves. Take the median."),
        (sum(times), "That is the time of all calls together. Time each of them, and take the median."),
        (sum(run.times), "That is the time of all calls together. Time each of them, and take the median."),
        (
            statistics.median(itertools.accumulate(times)),
            "The clock goes on from call to call. Start it anew before each.",
        ),
        (max(times), "That is the longest of the times. Take the median: statistics.median."),
        (min(times), "That is the shortest of the times. Take the median: statistics.median."),
        (1e3 * right, "That is in milliseconds. Seconds are asked for."),
        (1e9 * right, "That is in nanoseconds. Seconds are asked for."),
        (1 / right, "That is calls a second. Seconds a call are asked for."),
    ]
    facts = {"expected": f"{right:.3f} s", "found": f"{found:.3f} s"}
    cpu = "The clock does not see a call that waits: time.process_time counts this process's work alone. Use time.perf_counter."
    expect(abs(found) > 0.5 * min(times), cpu, **facts)
    nearest, sentence = min(cases, key=lambda case: abs(found - case[0]) / case[0])
    if abs(found - nearest) <= 0.1 * nearest + 0.005:
        raise Wrong(sentence, **facts)
    raise Wrong("seconds_per_call gives another time than the median of its calls.", **facts)
