"""`generate`: a GPT-2 goes on with a text, and each token is shown as it comes.

The text alone goes to standard output; what is said about it goes to standard error.
"""

import contextlib
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
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console

from tutor.checkpoint import CheckpointError, find, tokenizer_of
from tutor.course import STEPS
from tutor.engine import kernels
from tutor.runner.mine import listed, needed, take, told, unpassed, written
from tutor.screen.terminal import compile_kernels, compile_missing, console

if TYPE_CHECKING:
    from tutor.engine.decoder import Fast

PIECES = 2, 15, 17, 18
"""The steps whose pieces this command imports; they import the rest of the model."""
FAST = 20
"""The step that makes it fast: the learner's as soon as there is something in it."""
WHAT = "the graphs that make the model fast"


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
        compile_missing(STEPS[17].kernels, screen)
        mine = take(args.mine, needed(*PIECES, *([FAST] if written(STEPS[FAST].stub) else [])), screen)
        write(prompt, args, folder, mine, screen)
    except Exception as error:
        return told(error, mine, screen)
    return 0


def write(prompt: str, args: Namespace, folder: Path, mine: list[int], screen: Console) -> None:
    """Load the checkpoint in `folder`, print the prompt and what comes after it, and say how fast it went."""
    from solutions.solution_02 import END_OF_TEXT, decode, encode, read_tokenizer
    from solutions.solution_15 import load_checkpoint
    from solutions.solution_17 import generate, greedy
    from solutions.solution_18 import sample
    from tutor.engine.decoder import nothing_lazy

    with screen.status("Loading the model"), tokenizer_of(folder) as place:
        tokenizer, model = read_tokenizer(place), load_checkpoint(folder)
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
    fast = remembering(model, mine, screen)
    if args.weights == "int8":
        shrink(fast, screen)
    compilation = compiling(fast, args, folder, mine, screen)
    new = takewhile(lambda token: token != end, generate(fast or model, tokens, args.tokens, choose))
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `generate … | head -1` ends quietly, like other programs
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    print(prompt, end="", flush=True)
    count, start, stopped = 0, time.monotonic(), False
    with compilation or contextlib.nullcontext(), nothing_lazy() if fast else contextlib.nullcontext():
        if compilation:
            compilation.begin(["model"])
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
        screen.print(f"[dim]{count} tokens in {seconds:.2f} s, {count / seconds:.1f} per second; {how}[/]")
        if stopped:
            raise KeyboardInterrupt
        if compilation and fast and fast.missing(args.weights):
            screen.print("[dim]The text is done. Ctrl-C ends the compilation too, and leaves it for another time.[/]")
            try:
                compile_kernels(["model"], WHAT, screen, compilation)
            except kernels.CompileError as error:
                screen.print(f"It stays as slow as it was: {error}.", markup=False)


def remembering(model: Any, mine: list[int], screen: Console) -> "Fast | None":
    """The model made fast; None where the learner's pieces are not known to go with that.

    A learner who has written the step that makes it fast, or whose pieces do not fit it, is told so.
    """
    from solutions import solution_20
    from tutor.engine.decoder import Fast

    if doubtful := unpassed(mine):
        if FAST in mine:
            screen.print(
                f"[dim]Not passed yet: {listed(doubtful)}. So your whole model runs for each token, the slow way.[/]"
            )
        return None
    try:
        return Fast(model, model.config, solution_20)
    except Exception as error:
        why = f"{type(error).__name__}: {error}".splitlines()[0]
        screen.print(f"The fast way cannot be taken with these pieces, so this is the slow one. {why}", markup=False)
        return None


def shrink(fast: "Fast | None", screen: Console) -> None:
    """Make the weights int8, once the graphs for that are compiled; until then it is float32, and a line says so."""
    if fast and not fast.missing("int8"):
        fast.shrink()
    else:
        screen.print("[dim]This text is written with float32: of int8 there are no compiled graphs here yet.[/]")


def compiling(
    fast: "Fast | None", args: Namespace, folder: Path, mine: list[int], screen: Console
) -> kernels.Compilation | None:
    """What compiles the graphs that the machine lacks while the text is written, and a word about it; None where it should not."""
    from tutor.engine.decoder import SECONDS, compilation_of

    if fast is None or not (files := fast.missing(args.weights)):
        return None
    if mine and not args.fast:
        screen.print(f"[dim]Your pieces make graphs of their own: --fast compiles them, about {SECONDS} s, once.[/]")
        return None
    if not screen.is_terminal and not args.fast:
        return None  # nobody watches, and a script should not wait for minutes
    screen.print(
        f"[dim]Beside the text, MAX compiles {WHAT}: about {SECONDS} s, once per machine. The text comes slower meanwhile.[/]"
    )
    return compilation_of(files, folder, mine)


def as_it_comes(ids: Iterable[int], decode: Callable[[list[int]], str]) -> Iterator[str]:
    """The text of tokens: a piece for each, and a last one. A character of several tokens comes when it is whole."""
    seen, shown = [], 0
    for token in ids:
        seen.append(token)
        text = decode(seen).rstrip("\ufffd")  # what stands for bytes that are no whole character yet
        yield text[shown:]
        shown = max(shown, len(text))
    yield decode(seen)[shown:]
