"""`bench --decode`: how fast a GPT-2 writes, by the course's engine, Hugging Face and CTranslate2, in turn in one run.

It runs in an environment of its own, `bench`, which has all three. The large model has GPT-2's size and random weights.
"""

import json
import os
import statistics
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from book.figures.__main__ import FOLDER
from book.figures.fast import MEASURED, speeds
from tutor.checkpoint import TINY
from tutor.course import shown
from tutor.screen.terminal import console

FIGURE = FOLDER / "speeds.svg"
CONTEXTS = {"tiny": (32, 96), "124M": (32, 256, 900)}
"""After how many tokens the next ones are timed, for each model. The prompt timed is the longest up to PROMPT."""
PROMPT = 256
TOKENS = 17
"""How many tokens are written each time; the first of them has the prompt's time."""
CORES = os.cpu_count() or 1

Writer = Callable[[Sequence[int], int], Iterator[int]]
"""Writes a greedy text: takes the prompt's tokens and how many to add, and gives each new token as it comes."""


def random_gpt2(folder: Path) -> Path:
    """Write a checkpoint of GPT-2's size, with random weights, 498 MB, into a folder, which is returned.

    wte is a quarter of what `random_weights` makes and wpe three times that: a text then hardly repeats itself, and the best
    logit is mostly 1 or 2 higher than the next, so that rounding does not choose.
    """
    from safetensors.numpy import save_file

    from solutions.solution_01 import GPT2Config
    from tests.reference.randoms import random_weights

    config = vars(GPT2Config())
    weights = random_weights(config, seed=124)
    weights["wte.weight"] *= np.float32(0.25)
    weights["wpe.weight"] *= np.float32(3)
    (folder / "config.json").write_text(json.dumps({"model_type": "gpt2", **config}))
    save_file({f"transformer.{name}": array for name, array in weights.items()}, folder / "model.safetensors")
    return folder


# ---------------------------------------------------------------- who writes


def engine(folder: Path, weights: str = "float32") -> Writer:
    """The course's: the solutions, as `generate` makes them fast, with weights of float32 or int8.

    Compiles what this machine lacks: minutes, once.
    """
    from solutions import solution_20
    from solutions.solution_15 import load_checkpoint
    from solutions.solution_17 import generate
    from tutor.engine.decoder import Fast, compile_missing, nothing_lazy

    model = load_checkpoint(folder)
    fast = Fast(model, model.config, solution_20)
    compile_missing(folder, fast.missing(weights))
    if weights == "int8":
        fast.shrink()

    def write(tokens: Sequence[int], count: int) -> Iterator[int]:
        with nothing_lazy():
            yield from generate(fast, tokens, count)

    return write


def hugging_face(folder: Path) -> Writer:
    """Hugging Face's GPT-2 in PyTorch, with its own KV cache, and logits of the last position only."""
    import torch
    from transformers import GPT2LMHeadModel

    torch.set_num_threads(CORES)
    model = GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32).eval()

    @torch.inference_mode()
    def write(tokens: Sequence[int], count: int) -> Iterator[int]:
        new, past = torch.tensor([tokens]), None
        for _ in range(count):
            done = model(new, past_key_values=past, use_cache=True, logits_to_keep=1)
            new, past = done.logits[:, -1].argmax(-1, keepdim=True), done.past_key_values
            yield int(new)

    return write


def ctranslate2(folder: Path, kind: str) -> Writer:
    """CTranslate2, its weights as `kind`: float32 or int8."""
    from ctranslate2 import Generator
    from ctranslate2.converters.transformers import _MODEL_LOADERS
    from transformers import GPT2LMHeadModel

    model = GPT2LMHeadModel.from_pretrained(folder)
    spec = _MODEL_LOADERS["GPT2Config"].get_model_spec(model)
    names = [str(token) for token in range(model.config.vocab_size)]  # a token's name is its number
    spec.register_vocabulary(names)
    for special in ("bos_token", "eos_token", "unk_token"):
        setattr(spec.config, special, names[-1])
    spec.validate()
    spec.optimize(quantization=kind)
    with tempfile.TemporaryDirectory() as place:
        spec.save(place)
        generator = Generator(place, compute_type=kind, intra_threads=CORES)

    def write(tokens: Sequence[int], count: int) -> Iterator[int]:
        prompt = [names[token] for token in tokens]
        for step in generator.generate_tokens(prompt, max_length=count, min_length=count, sampling_topk=1):
            yield step.token_id

    return write


def writers(folder: Path) -> dict[str, Writer]:
    """All that are compared, by name."""
    return {
        "this course": engine(folder),
        "this course, int8": engine(folder, "int8"),
        "Hugging Face": hugging_face(folder),
        "CTranslate2": ctranslate2(folder, "float32"),
        "CTranslate2, int8": ctranslate2(folder, "int8"),
    }


# ---------------------------------------------------------------- measurements


def memory_speed(runs: int) -> float:
    """Bytes a second at which all cores together read float32 numbers that no cache holds."""
    parts = np.array_split(np.ones(125_000_000, np.float32), CORES)
    seconds = []
    with ThreadPoolExecutor(CORES) as pool:
        for _ in range(runs):
            start = time.perf_counter()
            list(pool.map(np.sum, parts))
            seconds.append(time.perf_counter() - start)
    return sum(part.nbytes for part in parts) / statistics.median(seconds)


def timed(write: Writer, prompt: Sequence[int]) -> tuple[float, float]:
    """Seconds until the first token after a prompt, and of each further one: their mean, as they may come in bunches."""
    times = [time.perf_counter()]
    times += [time.perf_counter() for _ in write(prompt, TOKENS)]
    return times[1] - times[0], (times[-1] - times[1]) / (TOKENS - 1)


def measure(folder: Path, contexts: Sequence[int], runs: int) -> dict[str, dict[str, float]]:
    """The median seconds of a token after each number of tokens, and of a prompt, for each writer: {writer: {what: s}}.

    They take turns at every context, so that a busy minute of the machine hits them all alike.
    """
    vocab_size = json.loads((folder / "config.json").read_text())["vocab_size"]
    rng, prompt = np.random.default_rng(0), max(context for context in contexts if context <= PROMPT)
    found: dict[str, dict[str, list[float]]] = {}
    everybody = writers(folder)
    for run, context, (name, write) in product(range(runs + 1), contexts, everybody.items()):
        time.sleep(0.3)  # the threads of the one before may still be spinning
        first, further = timed(write, rng.integers(vocab_size, size=context).tolist())
        if run == 0:
            continue  # what is made only once is made in it
        seconds = found.setdefault(name, {})
        seconds.setdefault(f"token {context}", []).append(further)
        if context == prompt:
            seconds.setdefault(f"prompt {context}", []).append(first)
    order = [*(f"token {context}" for context in contexts), f"prompt {prompt}"]
    return {name: {what: statistics.median(seconds[what]) for what in order} for name, seconds in found.items()}


def table(model: str, seconds: dict[str, dict[str, float]]) -> Table:
    """Milliseconds of one model, and tokens a second: after how many tokens, and for a prompt of how many."""
    columns = next(iter(seconds.values()))
    made = Table("ms (a second)", *columns, title=f"GPT-2 {model}")
    for name, times in seconds.items():
        cells = (f"{s * 1e3:.1f}" + f" ({1 / s:.0f})" * what.startswith("token") for what, s in times.items())
        made.add_row(name, *cells)
    return made


def main() -> int:
    """Measure, print the tables, and draw the book's figure."""
    parser = ArgumentParser(
        prog="bench --decode", description="How fast a GPT-2 writes, beside Hugging Face and CTranslate2."
    )
    parser.add_argument("--runs", type=int, default=5, help="how often each is measured (default 5)")
    args = parser.parse_args()
    screen: Console = console()
    speed = memory_speed(args.runs)
    screen.print(
        f"{CORES} cores. Memory gives {speed / 1e9:.0f} GB/s: 498 MB of weights take {498e6 / speed * 1e3:.0f} ms."
    )
    results: dict[str, Any] = {"memory": speed}
    with tempfile.TemporaryDirectory() as place:
        folders = {"tiny": TINY, "124M": Path(place)}
        for model, folder in folders.items():
            if model != "tiny":
                random_gpt2(folder)
            results[model] = measure(folder, CONTEXTS[model], args.runs)
            screen.print(table(model, results[model]))
    MEASURED.write_text(json.dumps(results, indent=1) + "\n")
    FIGURE.write_text(speeds())
    screen.print(f"The book's figure is drawn from these numbers: {shown(FIGURE)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
