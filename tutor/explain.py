"""What an exception from a learner's file means, in plain words."""

import re
import traceback
from pathlib import Path
from types import TracebackType

from tutor.checks import Wrong

SAYS = (
    # what MAX says (a regular expression), and what it means for a beginner
    (
        r"can not be created directly from a 'ndarray'",
        "MAX got a NumPy array where it needs a tensor: wrap the array, `Tensor(array)`.",
    ),
    (
        r"argument must be .* not '(list|int|float|NoneType|tuple)'",
        "MAX got a Python {0} where it needs a tensor.",
    ),
    (
        r"Failed to create op '(?:Mo)?Gather",
        "The lookup needs whole numbers as IDs (int64), and a table of numbers to look in: one of the two is of another type.",
    ),
    (
        r"gather index (-?\d+) is out of bounds for axis \d+ with size (\d+)",
        "A row with number {0} was asked for, and the table has {1} rows: 0 to the last but one of that.",
    ),
)


def failure(error: BaseException, answer: Path) -> dict:
    """What the verdict shows for an exception that a learner's code, or a check of it, raised."""
    look = _place(error.__traceback__, answer)
    if isinstance(error, Wrong):
        return {"kind": "wrong", "diagnosis": error.diagnosis, "facts": error.facts, "look": error.look or look}
    kind, diagnosis, said = _explain(error, answer, look)
    facts = {"it says": said} if said else {}
    return {"kind": kind, "diagnosis": diagnosis, "facts": facts, "look": look or {"file": str(answer)}}


def _place(trace: TracebackType | None, answer: Path) -> dict | None:
    """The innermost line of the learner's file in a traceback."""
    for frame in reversed(traceback.extract_tb(trace)):
        if Path(frame.filename) == answer:
            return {"file": frame.filename, "line": frame.lineno, "name": frame.name, "code": frame.line}
    return None


def _explain(error: BaseException, answer: Path, look: dict | None) -> tuple[str, str, str]:
    """The kind of failure, the diagnosis, and Python's or MAX's own words where they add something."""
    name = type(error).__name__
    said = " ".join(str(error).split())
    if isinstance(error, NotImplementedError):
        if look and look["code"] and look["code"].startswith("raise"):
            return "unwritten", f"Not written yet, in `{look['name']}`: {said or 'see its docstring'}.", ""
        return "wrong", f"{said or 'A method is missing'}: is it defined in your class, under that very name?", ""
    if isinstance(error, SyntaxError):
        look_at = f"line {error.lineno}: {(error.text or '').strip()}"
        return "wrong", f"Python cannot read the file: {error.msg}.", look_at
    if isinstance(error, SystemExit):
        return "wrong", "Your file ends the program (`sys.exit`, `exit` or `quit`), so nothing can be checked.", ""
    if isinstance(error, ModuleNotFoundError) and "module_v3" in said:
        advice = "`max.nn.module_v3` is the name of an older MAX. Today it is `from max.experimental import nn`."
        return "wrong", advice, said
    if isinstance(error, ImportError):
        return "wrong", f"An import does not work: {said[0].lower()}{said[1:]}.", ""
    if isinstance(error, EOFError):
        return "wrong", "Your file asks for input, and a check has nobody to answer: take the `input` out.", ""
    for pattern, sentence in SAYS:
        if match := re.search(pattern, said):
            return "wrong", sentence.format(*match.groups()), f"{name}: {_first_line(error)}"
    if isinstance(error, RecursionError):
        return "wrong", "A function calls itself without end.", ""
    if isinstance(error, MemoryError):
        return "wrong", "Your code asks for more memory than there is.", ""
    where = f" in `{look['name']}`" if look and look["name"] != "<module>" else ""
    return "wrong", f"Your code raised {_article(name)}{where}: {_first_line(error)}", ""


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else "without a message"


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"
