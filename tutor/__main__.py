"""The course's commands: `python tutor <command>`. pixi.toml gives each a task name."""

import argparse
import importlib
import math
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

if __name__ == "__main__":  # the course's folder comes last: a random.py in it is not Python's own
    sys.path[:] = [*sys.path[1:], os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]

from tutor.course import STEPS, Step, command


def course_step(text: str) -> Step:
    """A step's number from the command line: 05, 5, or s05."""
    number = text.lower().removeprefix("s")
    if not number.isdecimal() or int(number) not in STEPS:
        raise argparse.ArgumentTypeError(f"there is no step {text!r}: `{command('progress')}` lists them")
    return STEPS[int(number)]


def at_least(least: float, kind: Callable = float, most: float = math.inf) -> Callable[[str], float]:
    """A type of option: a number of a kind, not below one limit nor above another."""

    def number(text: str) -> float:
        value = kind(text)
        if not least <= value <= most:
            limits = f"between {least} and {most}" if most < math.inf else f"at least {least}"
            raise argparse.ArgumentTypeError(f"{text} should be {limits}")
        return value

    number.__name__ = "number" if kind is float else "whole number"  # for argparse's "invalid … value"
    return number


class Parser(argparse.ArgumentParser):
    """A command line that answers a slip with one sentence."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where to read on, without the page of usage that argparse puts before it."""
        self.exit(2, f"{message[0].upper()}{message[1:]}. Options and their meaning: {self.prog} --help\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """As argparse does; but a command itself refuses what it does not know, by its own name."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown


def parser() -> Parser:
    """The command line. `run` of what it reads is the function that does it, in a module of tutor.commands, which is not
    imported before it is needed."""
    top = Parser(prog="tutor", description="The course's commands.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: str, summary: str) -> Parser:
        typed = command("sNN" if name == "check" else name)  # `check` has a task for each step
        one = commands.add_parser(name, prog=typed, help=summary, description=summary)
        one.set_defaults(run=run)
        return one

    checkpoint = "a folder, or the name of a model that `weights` fetched (default: the tiny GPT-2)"

    def add_mine(command: argparse.ArgumentParser) -> None:
        group = command.add_mutually_exclusive_group()
        group.add_argument(
            "--mine", action="store_const", const="passing", help="with your own steps, those that pass their checks"
        )
        group.add_argument(
            "--all-mine", action="store_const", const="all", dest="mine", help="with all of your own steps"
        )

    check = add("check", "check:check_step", "Check a step and print the verdict.")
    check.add_argument("step", type=course_step, help=argparse.SUPPRESS)  # the task gives it
    which = check.add_mutually_exclusive_group()
    which.add_argument("--solution", action="store_true", help="check the solution instead of your file")
    which.add_argument("--file", type=Path, help="check this file instead")
    which.add_argument("--mistake", metavar="NAME", help="check a mistake of tests/mistakes as if you had made it")
    check.add_argument("--watch", action="store_true", help="check again whenever you save the file")
    add_mine(check)
    check.add_argument(
        "--pytest", nargs=argparse.REMAINDER, help="show pytest's own output; what follows goes to pytest"
    )

    hint = add("hint", "desk:hint", "Show the next hint of a step.")
    hint.add_argument("step", type=course_step, nargs="?", help="default: the first step that you have not passed")
    hint.add_argument("number", type=at_least(1, int), nargs="?", help="show this hint, not the next one")

    diff = add("diff", "desk:diff", "Compare your file with the solution.")
    diff.add_argument("step", type=course_step)

    reset = add("reset", "desk:reset", "Put the untouched stub back; your file is kept as a backup.")
    reset.add_argument("step", type=course_step)

    add("progress", "desk:show_progress", "Show which steps you have passed.")

    generate = add(
        "generate",
        "generate:main",
        "Write text with a GPT-2: the tiny one of the course, or one that `weights` fetched.",
    )
    generate.add_argument(
        "prompt", nargs="+", help="the text to go on with; quotes keep several spaces and signs as they are"
    )
    generate.add_argument("--checkpoint", metavar="PLACE", help=checkpoint)
    generate.add_argument(
        "--tokens", type=at_least(1, int), default=100, help="how many to write at most (default 100)"
    )
    how = generate.add_mutually_exclusive_group()
    how.add_argument("--greedy", action="store_true", help="always take the best token")
    how.add_argument("--temperature", type=at_least(0), default=0.8, help="below 1 safer, above 1 bolder (default 0.8)")
    generate.add_argument(
        "--top-k", type=at_least(0, int), default=0, help="choose among the best K tokens (default: all)"
    )
    generate.add_argument(
        "--top-p",
        type=at_least(0, most=1),
        default=1.0,
        help="choose among the best tokens that have this probability together (default 1: all)",
    )
    generate.add_argument("--seed", type=at_least(0, int), help="the same seed writes the same text")
    generate.add_argument(
        "--fast", action="store_true", help="compile what makes the model fast, also for your own steps: minutes, once"
    )
    generate.add_argument(
        "--weights",
        choices=("float32", "int8"),
        default="float32",
        help="int8: a byte a weight, for a large model that writes twice as fast, its logits 1 %% less exact (default float32)",
    )
    add_mine(generate)

    serve = add("serve", "serve:main", "Serve a GPT-2 to programs, at an endpoint such as OpenAI's.")
    serve.add_argument("--checkpoint", metavar="PLACE", help=checkpoint)
    serve.add_argument("--host", default="127.0.0.1", help="where to listen (default 127.0.0.1: this machine alone)")
    serve.add_argument("--port", type=at_least(1, int, 65535), default=8000, help="on which port (default 8000)")
    add_mine(serve)

    weights = add("weights", "weights:main", "Fetch GPT-2's weights from the Hugging Face hub.")
    weights.add_argument(
        "name", nargs="?", default="gpt2", help="a GPT-2 on the hub (default gpt2, with 124 million parameters)"
    )

    explore = add(
        "explore", "explore:main", "Compare words by their embeddings: `king queen`, or `king - man + woman`."
    )
    explore.add_argument("words", nargs="*", help="words to compare, or an analogy with + and -")
    where = explore.add_mutually_exclusive_group()
    where.add_argument("--checkpoint", metavar="PLACE", help=checkpoint)
    where.add_argument("--embeddings", type=Path, metavar="FILE", help="a table of words that `train` has written")
    explore.add_argument("--count", type=at_least(1, int), default=5, help="how many neighbours to show (default 5)")
    explore.add_argument("--picture", type=Path, metavar="FILE", help="draw the words into this .svg or .png file")
    add_mine(explore)

    train = add("train", "train:main", "Train embeddings on a text, by step 22, and watch the loss fall.")
    train.add_argument("words", nargs="*", help="words whose ways the picture shows (default: some that the text has)")
    train.add_argument("--text", type=Path, metavar="FILE", help="learn from this text (default: the course's story)")
    for name, kind, value, meaning in (
        ("passes", at_least(1, int), 20, "how often to go through the text"),
        ("rate", at_least(0), 1.0, "the learning rate"),
        ("size", at_least(2, int), 16, "how many numbers each word has"),
        ("window", at_least(1, int), 2, "how far away a neighbour may stand"),
        ("seed", at_least(0, int), 0, "the same seed trains the same table"),
    ):
        train.add_argument(f"--{name}", type=kind, default=value, help=f"{meaning} (default %(default)g)")
    train.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="the .npz file for the table; the picture lies beside it (default: weights/embeddings.npz)",
    )
    add_mine(train)

    my_gpt2 = add("my-gpt2", "my_gpt2:main", "Write the whole model as one file that runs by itself.")
    whose = my_gpt2.add_mutually_exclusive_group()
    whose.add_argument(
        "--all-mine", action="store_const", const="all", dest="mine", help="with all of your own steps, as they are"
    )
    whose.add_argument(
        "--solutions",
        action="store_const",
        const=None,
        dest="mine",
        help="with the solutions alone, none of your steps",
    )
    my_gpt2.add_argument(
        "--output", type=Path, metavar="FILE", default=Path("my_gpt2.py"), help="where to write (default: my_gpt2.py)"
    )
    my_gpt2.set_defaults(mine="passing")

    add("steps", "steps:main", "Say what each step of the course lacks, and make what needs no author.")

    bench = add("bench", "bench:main", "Measure how long a verdict takes, or how fast the model writes.")
    bench.add_argument("--runs", type=at_least(1, int), default=5, help="how often each is measured (default 5)")
    bench.add_argument(
        "--decode",
        action="store_true",
        help="the model's speed, beside Hugging Face and CTranslate2: in an environment of its own, 1 GB more",
    )
    bench.add_argument("--cold", action="store_true", help="also with MAX's cache empty: some minutes")
    return top


def main() -> int:
    """Run the command that the command line names and return its exit code."""
    args = parser().parse_args()
    module, function = args.run.split(":")
    return getattr(importlib.import_module(f"tutor.commands.{module}"), function)(args)


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):  # like Ctrl-C: what was started is ended too
        signal.signal(number, lambda number, frame: sys.exit(128 + number))
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
