"""The questions of each chapter: which of three lines made this verdict?

The lines are wrong answers of tests/mistakes. In a page, `<!-- which scaled off_by_one no_return -->` names three of the
step's, and what follows up to the next heading is written by `python -m book.questions`.
"""

import html
import re
import sys
import textwrap

from tutor import mistakes
from tutor.course import STEPS, Step, shown

PLACE = re.compile(r"<!-- which (\w+) (\w+) (\w+) -->\n.*?(?=^## )", re.DOTALL | re.MULTILINE)
LETTERS = "ABC"


def section(step: Step, names: tuple[str, ...]) -> str:
    """The text of a page from the comment to the next heading: three lines, and a verdict on each, in another order."""
    asked = [mistakes.named(step, name) for name in names]
    lines = [f"# {letter}\n{_code(mistake)}" for letter, mistake in zip(LETTERS, asked)]
    turn = 1 + step.number % 2
    verdicts = [_verdict(LETTERS[i], asked[i]) for i in [*range(turn, 3), *range(turn)]]
    return "\n\n".join([f"<!-- which {' '.join(names)} -->", "```py\n" + "\n\n".join(lines) + "\n```", *verdicts, ""])


def _code(mistake: mistakes.Edited) -> str:
    """The lines that a mistake puts in, without the indentation that they share."""
    (edit,) = mistake.edits
    first, *rest = edit.put.strip("\n").splitlines()
    return "\n".join([first.strip(), *textwrap.dedent("\n".join(rest)).splitlines()])


def _verdict(letter: str, mistake: mistakes.Edited) -> str:
    told = re.sub(r"`(.+?)`", r"<code>\1</code>", html.escape(mistake.told, quote=False))
    return f"<details>\n<summary>“… {told} …”</summary>\n\n{letter}. {mistake.does}\n\n</details>"


def written(step: Step) -> str:
    """The chapter of a step with its questions as they should be."""
    return PLACE.sub(lambda found: section(step, found.groups()), step.chapter.read_text())


def main() -> int:
    """Write the questions into every chapter."""
    for step in STEPS.values():
        text = written(step)
        changed = text != step.chapter.read_text()
        step.chapter.write_text(text)
        print(f"{shown(step.chapter)}: {'rewritten' if changed else 'up to date'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
