"""`generate`: a GPT-2 goes on with a text, and each token is shown as it comes.

The text alone goes to standard output; what is said about it goes to standard error.
"""

import io
import secrets
import signal
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import takewhile
from pathlib import Path

import numpy as np
from rich.console import Console

from tutor.checkpoint import CheckpointError, find
from tutor.course import STEPS
from tutor.engine import kernels
from tutor.runner.mine import explained, needed, take
from tutor.screen.terminal import compile_kernels, console

PIECES = 2, 15, 17, 18
"""The steps whose pieces this command imports; they import the rest of the model."""


def main(args: Namespace) -> int:
    """Write a text as the options say. Returns an exit code."""
    screen = console(stderr=True)
    prompt = " ".join(args.prompt)
    try:
        folder = find(args.checkpoint)
        prompt.encode()
    except CheckpointError as error:
        screen.print(str(error), markup=False)
        return 2
    except UnicodeEncodeError:
        screen.print("The prompt is not UTF-8: some of its bytes do not form a character.")
        return 2
    mine = []
    try:
        if missing := kernels.missing(STEPS[17].kernels):
            with kernels.Compilation() as compilation:
                compile_kernels(missing, "the kernels that GPT-2 needs", screen, compilation)
        mine = take(args.mine, needed(*PIECES), screen)
        write(prompt, args, folder, screen)
    except Exception as error:
        if (sentence := explained(error, mine)) is None:
            raise
        screen.print(sentence, markup=False)
        return 1
    return 0


def write(prompt: str, args: Namespace, folder: Path, screen: Console) -> None:
    """Load the checkpoint in `folder`, print the prompt and what comes after it, and say how fast it went."""
    from solutions.solution_02 import END_OF_TEXT, decode, encode, read_tokenizer
    from solutions.solution_15 import load_checkpoint
    from solutions.solution_17 import generate, greedy
    from solutions.solution_18 import sample

    with screen.status("Loading the model"):
        tokenizer, model = read_tokenizer(folder), load_checkpoint(folder)
    end = tokenizer.ids.get(END_OF_TEXT)
    tokens = encode(prompt, tokenizer)
    n_positions = model.config.n_positions
    if not prompt:
        if end is None:
            raise ValueError(f"The prompt is empty, and this vocabulary has no {END_OF_TEXT} to begin a text with.")
        tokens = [end]
        screen.print("[dim]The prompt is empty, so the model begins a text of its own.[/]")
    if len(tokens) > n_positions:
        cut = f"The prompt has {len(tokens):,} tokens. The model looks at the last {n_positions:,} of them."
        screen.print(f"[dim]{cut}[/]")
    if args.greedy:
        choose, how = greedy, "greedy"
    else:
        seed = secrets.randbits(32) if args.seed is None else args.seed
        rng = np.random.default_rng(seed)
        choose = partial(sample, temperature=args.temperature, top_k=args.top_k, top_p=args.top_p, rng=rng)
        how = f"seed {seed}"
    new = takewhile(lambda token: token != end, generate(model, tokens, args.tokens, choose))
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `generate … | head -1` ends quietly, like other programs
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    print(prompt, end="", flush=True)
    count, start, stopped = 0, time.monotonic(), False
    try:
        for text in as_it_comes(new, lambda ids: decode(ids, tokenizer)):
            print(text, end="", flush=True)
            count += 1
    except KeyboardInterrupt:
        stopped = True
    finally:
        print(flush=True)
    seconds, count = time.monotonic() - start, count if stopped else count - 1
    how += " (stopped)" if stopped else " (the text came to its end)" if count < args.tokens else ""
    screen.print(f"[dim]{count} tokens in {seconds:.1f} s, {count / seconds:.1f} per second; {how}[/]")
    if stopped:
        raise KeyboardInterrupt


def as_it_comes(ids: Iterable[int], decode: Callable[[list[int]], str]) -> Iterator[str]:
    """The text of tokens: a piece for each, and a last one. A character of several tokens comes when it is whole."""
    seen, shown = [], 0
    for token in ids:
        seen.append(token)
        text = decode(seen).rstrip("\ufffd")  # what stands for bytes that are no whole character yet
        yield text[shown:]
        shown = max(shown, len(text))
    yield decode(seen)[shown:]
