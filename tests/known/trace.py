"""How far a learner's numbers are right: what the operations of their code give, beside those of the formula.

The code is compiled once more with each operation inside a call of `_note`, and takes the place of the functions' own
while they run. So an answer in any form shows its values, whatever it calls them.
"""

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from tests.known import remade, texts
from tests.known.search import flat
from tutor.grading.compare import numpy

OPERATIONS = ast.BinOp | ast.UnaryOp | ast.Call | ast.Subscript


class Value(NamedTuple):
    """What an operation gave."""

    code: str
    line: int
    value: Any


class Noting(ast.NodeTransformer):
    """Puts each operation into a call of `_note`, with its code and its line."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """Its body alone: annotations and defaults are none of the operations."""
        node.body = [self.visit(line) for line in node.body]
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """The operation that notes itself, or anything else as it is."""
        loaded = isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
        code = ast.unparse(node) if isinstance(node, OPERATIONS) and loaded else ""
        super().generic_visit(node)
        if not code:
            return node
        arguments = [ast.Constant(code), ast.Constant(node.lineno), node]
        return ast.copy_location(ast.Call(ast.Name("_note", ast.Load()), arguments, []), node)


def noting(text: str) -> ast.Module:
    """Code whose functions note their operations."""
    return ast.fix_missing_locations(Noting().visit(ast.parse(text)))


class Notes(list[Value]):
    """The values of operations, in the order of time.

    Attributes:
        changed: the index of the one that is made another, to see what depends on it.
    """

    changed: int | None = None

    def __call__(self, code: str, line: int, value: Any) -> Any:
        """Note an array or a tensor."""
        if not hasattr(value, "shape") or len(self) > 1000:
            return value
        if len(self) == self.changed:
            noise = np.random.default_rng(1).random(value.shape)
            value = (value * (1 + noise) + noise).astype(value.dtype) if value.dtype.kind == "f" else 1 - value
        self.append(Value(code, line, value.copy() if isinstance(value, np.ndarray) else value))
        return value


def functions_in(thing: Any, module: str) -> Iterator[FunctionType]:
    """The functions that a module and its classes define."""
    for one in vars(thing).values():
        one = getattr(one, "fget", getattr(one, "__func__", one))
        if isinstance(one, type) and one.__module__ == module:
            yield from functions_in(one, module)
        elif isinstance(one, FunctionType) and one.__module__ == module:
            yield one


def codes_in(code: CodeType) -> Iterator[CodeType]:
    """Some code and all that is defined in it."""
    yield code
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from codes_in(one)


@contextmanager
def noted(module: ModuleType) -> Iterator[Notes]:
    """A learner's file, each of whose operations notes its value meanwhile, unless it is gone."""
    path = Path(str(module.__file__))
    tree = noting(path.read_text() if path.exists() else "")
    code = {one.co_qualname: one for one in codes_in(compile(tree, str(path), "exec"))}
    own = {function: function.__code__ for function in functions_in(module, module.__name__)}
    notes = vars(module)["_note"] = Notes()
    try:
        for function, old in own.items():
            new = code.get(old.co_qualname, old)
            function.__code__ = new if new.co_freevars == old.co_freevars else old
        yield notes
    finally:
        for function, old in own.items():
            function.__code__ = old


def follow(formula: FunctionType, run: Callable[[FunctionType], Any], notes: Notes) -> tuple[str, str]:
    """The sentence that says up to where a learner's values are the formula's, and what the formula makes next; or "", "".

    A value of the formula that the learner does not have may be right in another form: then one that depends on it is
    among the learner's.

    Args:
        run: gives the result of such a function for the check's own input.
        notes: the learner's values.
    """
    if not notes:
        return "", ""
    function = remade(formula, {name: noting(text) for name, text in texts(formula).items()})

    def values(changed: int | None = None) -> tuple[Notes, Any]:
        note = function.__globals__["_note"] = Notes()
        note.changed = changed
        result = run(function)
        return note, result

    right, result = values()
    mine = [one._replace(value=np.asarray(numpy(one.value))) for one in notes]
    matches = [next((own for own in mine if is_same(own.value, one.value)), None) for one in right]
    where, too_much = "", "{} gives what belongs here. What is done to it after that is too much."
    for i, (one, match) in enumerate(zip(right, matches)):
        if match:
            where = f"`{match.code}` in line {match.line}"
            if isinstance(result, np.ndarray) and is_same(result, one.value):
                break
        elif tells(one.value) and not one.code.endswith(".copy()"):
            with suppress(Exception):  # what depends on it cannot be made at all
                later, other = values(changed=i)
                proven = any(own and not is_same(own.value, new.value) for own, new in zip(matches[i:], later[i:]))
                if not proven and not is_close(other, result):
                    end = f"What the formula makes next, `{one.code}`, is not among them."
                    first = f"What the formula begins with, `{one.code}`, is not among your numbers."
                    return (f"Your numbers are right as far as {where}. {end}" if where else first), one.code
    return (too_much.format(where) if where else ""), ""


def tells(value: np.ndarray) -> bool:
    """Whether an array holds more than a few numbers that are not all alike."""
    return value.size > 3 and value.dtype.kind in "biuf" and bool(value.min() < value.max())


def is_same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two arrays that tell something hold the same numbers."""
    return one.size == other.size and tells(one) and tells(other) and is_close(one.ravel(), other.ravel())


def is_close(one: Any, other: Any) -> bool:
    """Whether two results are equal to within rounding."""
    return np.allclose(flat(one), flat(other), 1e-4, 1e-5)
