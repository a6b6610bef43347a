"""The place in a learner's file where an error came out, with the source that stands there and what its names mean."""

from __future__ import annotations

import ast
import builtins
import itertools
import linecache
import sys
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any


@dataclass
class Spot:
    """Where in the learner's file an error came out: the innermost frame there, and what it was at in the source.

    Attributes:
        answer: the file.
        frame: None where no function of the file was running.
        node: the very expression, where Python keeps it.
        statement: the statement, or the lambda, around it.
        names: the local names there, with their values.
    """

    answer: Path
    frame: FrameType | None = None
    node: ast.expr | None = None
    statement: ast.stmt | ast.Lambda | None = None
    names: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, trace: TracebackType | None, answer: Path) -> Spot:
        """The spot in a traceback."""
        inner = None
        while trace:
            inner = trace if Path(trace.tb_frame.f_code.co_filename) == answer else inner
            trace = trace.tb_next
        if inner is None:
            return cls(answer)
        spot, code = cls(answer, inner.tb_frame), inner.tb_frame.f_code
        frame = spot.frame
        while frame:  # a comprehension has names of its own, and those around it
            if frame.f_code.co_filename == code.co_filename:
                spot.names = frame.f_locals | spot.names
                if not frame.f_code.co_name.startswith("<"):
                    break
            frame = frame.f_back
        places = itertools.islice(code.co_positions(), inner.tb_lasti // 2, None)
        spot._find(inner.tb_lineno, next(places, (None,) * 4), code.co_name == "<lambda>")
        return spot

    def _find(self, line: int, place: tuple, inside_lambda: bool) -> None:
        """Set `node` and `statement`, from the numbers of lines and columns that Python keeps."""
        first, last, left, right = place
        for node in ast.walk(tree(self.answer)):
            if isinstance(node, ast.stmt | ast.Lambda) and node.lineno <= line <= (node.end_lineno or 0):
                whole = isinstance(node, ast.stmt)
                if whole or (inside_lambda and node.col_offset <= (left or 0) <= (node.end_col_offset or 0)):
                    self.statement = node  # the walk goes inwards
            if isinstance(node, ast.expr) and None not in place:
                begins, ends = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
                outer = self.node  # of two that end there, the one that begins later is the inner one
                inner = outer is None or begins > (outer.lineno, outer.col_offset)
                if ends == (last, right) and begins <= (first, left) and inner:
                    self.node = node

    def value(self, node: ast.AST | None) -> Any:
        """What a name, or names joined by dots, stands for; None for anything else."""
        if isinstance(node, ast.Name) and self.frame:
            spaces = (self.names, self.frame.f_globals, vars(builtins))
            return next((space[node.id] for space in spaces if node.id in space), None)
        if isinstance(node, ast.Attribute):
            try:
                return getattr(self.value(node.value), node.attr, None)
            except Exception:  # a property of the learner's own may raise anything
                return None
        return None

    def code(self) -> str:
        """The statement as text."""
        return ast.unparse(self.statement) if self.statement else ""


def tree(answer: Path) -> ast.AST:
    """The syntax tree of a file; an empty one where it cannot be read."""
    try:
        return ast.parse("".join(linecache.getlines(str(answer))))
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def last_frame_in(error: BaseException, answer: Path) -> bool:
    """Whether the line that raised an error is one of the learner's file."""
    return Path(traceback.extract_tb(error.__traceback__)[-1].filename) == answer


def arguments(function: Any) -> list[str]:
    """The names of a function's arguments."""
    code = getattr(function, "__code__", None)
    return list(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]) if code else []


def defined(name: str, spot: Spot) -> Any:
    """The class, function, classmethod or staticmethod that the learner's file defines under a dotted name, or None."""
    modules = [module for module in list(sys.modules.values()) if getattr(module, "__file__", None) == str(spot.answer)]
    thing: Any
    for thing in modules:
        for key in name.split("."):
            thing = getattr(thing, "__dict__", {}).get(key)
        if thing is not None:
            return thing
    return None


def is_method(name: str) -> bool:
    """Whether a dotted name is that of a function in a class."""
    return "." in name and not name.rpartition(".")[0].endswith("<locals>")


def words(error: BaseException) -> str:
    """What an error says."""
    try:
        return str(error)
    except Exception:  # a class of the learner's own whose __str__ fails in turn
        return ""
