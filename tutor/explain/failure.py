"""From an exception to what the verdict shows: the kind of failure, a diagnosis, and the place to look at."""

from __future__ import annotations

import ast
import linecache
import re
import reprlib
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

from tutor.course import ROOT, shown
from tutor.explain.max_rules import OF_MAX, foreign, many_as_one, text_for_number
from tutor.explain.names import calls_itself, no_attribute, no_name
from tutor.explain.python_rules import OF_PYTHON
from tutor.explain.spot import Spot, defined, tree, words
from tutor.grading.answer import Wrong, article
from tutor.grading.shapes import describe, describe_all
from tutor.runner.records import Failure, Kind, Place


def failure(error: BaseException, answer: Path) -> Failure:
    """What the verdict shows for an exception that a learner's code, or a check of it, raised.

    With `--mine` it may come out of another of the learner's files than the one that is checked.
    """
    answer = culprit(error) or answer
    look = _place(error, answer)
    if isinstance(error, Wrong):
        return Failure(error.diagnosis, facts=error.facts, look=error.look or look)
    try:
        kind, diagnosis, said = _explain(error, answer, look)
        given = _given(error, answer)
    except Exception:  # what the learner's objects do when they are looked at is beyond us; a verdict there must be
        kind, diagnosis, said, given = "wrong", _general(error, look), "", ""
    facts = {"it says": said} if said else {}
    if kind == "wrong" and (inside := _solution(error.__traceback__, answer)):
        facts["inside"] = inside
        diagnosis = diagnosis.replace("Your code raised", "It raises")
        diagnosis = f"{inside.partition(':')[0]} cannot work with what your code gives it{given}. {diagnosis}"
    return Failure(diagnosis, kind, facts, look or Place(str(answer)))


def culprit(error: BaseException) -> Path | None:
    """The learner's file that an error came out of: the innermost of those in steps/."""
    # Last in this list is where a SyntaxError lies, which is no frame; first, the file that an import wanted something from.
    frames = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    files = [Path(str(file)) for file in (getattr(error, "path", None), *frames, getattr(error, "filename", None))]
    return next((file for file in reversed(files) if file.parent == ROOT / "steps"), None)


def _place(error: BaseException, answer: Path) -> Place | None:
    """The innermost line of the learner's file in a traceback, or else the line that an error speaks of."""
    if isinstance(error, SyntaxError) and error.lineno and error.filename == str(answer):
        return Place(str(answer), error.lineno, code=(error.text or "").strip())
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename) == answer:
            return Place(frame.filename, frame.lineno, frame.name, frame.line or "")
    called = re.match(r"([\w.]+)\(\) (?:takes|missing) ", words(error))
    own = defined(called[1], Spot(answer)) if called else None
    if called and (code := getattr(getattr(own, "__func__", own), "__code__", None)):
        line = linecache.getline(str(answer), code.co_firstlineno).strip()
        return Place(str(answer), code.co_firstlineno, called[1], line)
    return None


def _solution(trace: TracebackType | None, answer: Path) -> str:
    """The innermost line of a solution that the answer called, where that is where it failed."""
    for frame in reversed(traceback.extract_tb(trace)):
        if Path(frame.filename) == answer:
            break
        if Path(frame.filename).parent == ROOT / "solutions":
            return f"{shown(frame.filename)}:{frame.lineno}, {frame.line}"
    return ""


def _given(error: BaseException, answer: Path) -> str:
    """What the answer gave to the solution that it called: the arguments that stand in the expression that failed there."""
    trace, first = error.__traceback__, None
    while trace:
        file = Path(trace.tb_frame.f_code.co_filename)
        first = None if file == answer else first or (trace if file.parent == ROOT / "solutions" else None)
        trace = trace.tb_next
    if not first:
        return ""
    sizes = getattr(error, "sizes", {})
    spot = Spot.of(first, Path(first.tb_frame.f_code.co_filename))
    inside = {node.id for node in ast.walk(spot.node or ast.Module([], [])) if isinstance(node, ast.Name)}
    given = []
    for name in spot.frame.f_code.co_varnames[: spot.frame.f_code.co_argcount] if spot.frame else ():
        value: Any = spot.names[name]
        if name in inside - {"self", "cls"} and type(value).__name__ in ("Tensor", "ndarray"):
            given.append(f"{name} of shape {describe_all(describe(value.shape), sizes)}")
        elif name in inside - {"self", "cls"}:
            given.append(f"{name} = {reprlib.repr(value)}")
    return f": {', '.join(given)}" if given else ""


def _explain(error: BaseException, answer: Path, look: Place | None) -> tuple[Kind, str, str]:
    """The kind of failure, the diagnosis, and Python's or MAX's own words where they add something."""
    name = type(error).__name__
    said = " ".join(words(error).split())
    if isinstance(error, NotImplementedError):
        if look and look.code.startswith("raise"):
            left = (
                " If the rest of it is your answer, delete the `raise NotImplementedError` line, which is still there."
            )
            begun = left if _begun(answer, look.line) else ""
            return "unwritten", f"Not written yet, in `{look.name}`: {said or 'see its docstring'}.{begun}", ""
        if "ModuleList" not in said:
            missing = re.sub(r"(\w+) must implement forward\(\).*", r"`\1` has no method `forward`", said)
            return (
                "wrong",
                f"{missing or 'A method is missing'}: is it defined in your class, under that very name?",
                "",
            )
    if isinstance(error, SyntaxError):
        return "wrong", f"Python cannot read the file: {stopped(error.msg or 'it gives no reason')}", ""
    if isinstance(error, ValueError) and "null bytes" in said:  # how older releases of Python 3.11 put it
        return "wrong", f"Python cannot read the file: {said}.", ""
    if isinstance(error, SystemExit):
        return "wrong", "Your file ends the program (`sys.exit`, `exit` or `quit`), so nothing can be checked.", ""
    if isinstance(error, ModuleNotFoundError) and "module_v3" in said:
        advice = "`max.nn.module_v3` is the name of an older MAX. Today it is `from max.experimental import nn`."
        return "wrong", advice, said
    if isinstance(error, ImportError):
        return "wrong", f"An import does not work: {said[:1].lower()}{said[1:] or 'it gives no reason'}.", ""
    if isinstance(error, EOFError):
        return "wrong", "Your file asks for input, and a check has nobody to answer: take the `input` out.", ""
    spot = Spot.of(error.__traceback__, answer)
    for reader in (no_attribute, no_name, calls_itself, foreign, text_for_number, many_as_one):
        if sentence := reader(error, spot):
            speaks = said and not isinstance(error, RecursionError)
            return "wrong", sentence, f"{name}: {first_line(error)}" if speaks else ""
    # In the steps that do without MAX nobody imports it, and the same words may mean something else.
    for pattern, sentence in (*(OF_MAX if "max.experimental" in sys.modules else ()), *OF_PYTHON):
        if match := re.search(pattern, said):
            if callable(sentence):
                sentence = sentence(match, spot)
            else:  # the names of axes go into the shapes that MAX speaks of, not into the advice
                sentence = sentence.format(
                    *(describe_all(group or "", getattr(error, "sizes", {})) for group in match.groups())
                )
            return "wrong", sentence, f"{name}: {first_line(error)}"
    if isinstance(error, RecursionError):
        calls = sum(Path(frame.filename) == answer for frame in traceback.extract_tb(error.__traceback__))
        # MAX asks a list, or a text, for its items, and those for theirs.
        endless = "A function calls itself without end." if calls > 9 else "MAX got something here that it cannot read."
        return "wrong", endless, ""
    if isinstance(error, MemoryError):
        return "wrong", "Your code asks for more memory than there is.", ""
    return "wrong", _general(error, look), ""


def _general(error: BaseException, look: Place | None) -> str:
    """What can be said of any error."""
    where = f" in `{look.name}`" if look and look.name != "<module>" else ""
    return f"Your code raised {article(type(error).__name__)}{where}: {first_line(error)}"


def _begun(answer: Path, line: int | None) -> bool:
    """Whether a function whose `raise NotImplementedError` stands at a line holds more than that and its docstring."""
    for node in ast.walk(tree(answer)):
        if isinstance(node, ast.FunctionDef) and any(part.lineno == line for part in node.body):
            return len(node.body) - (ast.get_docstring(node) is not None) > 1
    return False


def stopped(sentence: str) -> str:
    """A sentence with a mark at its end, and no more than one."""
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."


def first_line(error: BaseException) -> str:
    """The first line that an error says; where it only leads to a list, with the first reason in that."""
    lines = [line.strip() for line in words(error).splitlines() if line.strip()] or ["without a message"]
    first = lines[0].removesuffix(":")
    if first == lines[0] or len(lines) == 1:
        return first
    reason = lines.index("Diagnostics:") + 1 if "Diagnostics:" in lines[:-1] else 1
    return f"{first}: {lines[reason]}"
