"""The course's commands: `python -m tutor <command>`. pixi.toml gives each a task name."""

import argparse
import sys
from pathlib import Path

from tutor.course import STEPS, Step


def step(text: str) -> Step:
    """A step's number from the command line: 05, 5, or s05."""
    number = text.lower().removeprefix("s")
    if not number.isdecimal() or int(number) not in STEPS:
        raise argparse.ArgumentTypeError(f"there is no step {text!r}: they go from {min(STEPS):02} to {max(STEPS):02}")
    return STEPS[int(number)]


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="tutor", description="The course's commands.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, summary: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=summary, description=summary)

    check = add("check", "Check a step and print the verdict.")
    check.add_argument("step", type=step)
    check.add_argument("--solution", action="store_true", help="check the solution instead of your file")
    check.add_argument("--file", type=Path, help="check this file instead")
    check.add_argument("--watch", action="store_true", help="check again whenever you save the file")
    check.add_argument("--pytest", nargs=argparse.REMAINDER, help="show pytest's own output; what follows goes to pytest")

    hint = add("hint", "Show the next hint of a step.")
    hint.add_argument("step", type=step, nargs="?", help="default: the first step that you have not passed")
    hint.add_argument("number", type=int, nargs="?", help="show this hint, not the next one")

    diff = add("diff", "Compare your file with the solution.")
    diff.add_argument("step", type=step)

    reset = add("reset", "Put the untouched stub back; your file is kept as a backup.")
    reset.add_argument("step", type=step)

    add("progress", "Show which steps you have passed.")
    return top


def main() -> int:
    """Run the command that the command line names and return its exit code."""
    args = parser().parse_args()
    if args.command == "check":
        from tutor.commands import check_step

        return check_step(args)

    from tutor import desk
    from tutor.terminal import console

    if args.command == "hint":
        return desk.hint(args.step or desk.current_step(), args.number, console())
    if args.command == "diff":
        return desk.diff(args.step, console())
    if args.command == "reset":
        return desk.reset(args.step, console())
    return desk.show_progress(console())


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
