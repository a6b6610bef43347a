"""The small change of a formula that gives a learner's numbers: looked for after a failure, where no sentence is known.

Every change of one expression is made in turn, likely ones first: another operator, an operand left out, a call done
twice, another axis; then another number, or one that an expression is multiplied by or that is added to it, which is
solved for; then a function around a result or a value added to it. What may stand for an expression goes by its value
in the right formula: an array, a whole number, a list. The first kind of change of which some give the learner's
numbers is told in code.
"""

import ast
import functools
import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FunctionType
from typing import Any

import numpy as np

from tests.known import remade, texts
from tests.known.gpt2 import Part

SECONDS = 0.5
LIKELY, FACTORS, SOLVED, AROUND = range(4)
OPERATORS = {
    "+": ["a - b", "a * b", "a / b", "b / a"],
    "-": ["a + b", "b - a", "a * b", "a / b", "b / a"],
    "*": ["a + b", "a - b", "a / b", "b / a", "a ** b"],
    "/": ["a + b", "a - b", "a * b", "b / a", "a // b"],
    "@": ["a * b", "b @ a", "a.swapaxes(-1, -2) @ b", "a @ b.swapaxes(-1, -2)"],
    "**": ["a * b", "b ** a"],
    "//": ["a / b", "a % b", "a * b", "b // a"],
    "%": ["a // b", "a / b", "b % a"],
}
"""What is written for two operands in place of another operator."""
COMPARISONS = ["<", "<=", ">", ">=", "==", "!="]
ALIKE = [
    ["F.mean", "F.sum", "F.max"],
    ["np.argmax", "np.argmin"],
    ["np.argsort", "np.sort"],
    ["min", "max"],
    ["F.exp", "F.tanh", "F.sigmoid", "F.erf", "F.sqrt", "F.log"],
]
"""Functions that are taken for each other."""
ENCODINGS = ["utf-8", "latin-1", "utf-16-le", "utf-16", "ascii"]
SIZES = ("B", "T", "C", "D", "H", "V")
ORDERS = ["_[::-1]", "_[1:]", "_[:-1]", "_[:1]", "_[-1:]", "_[:1] * len(_)", "_[-1:] * len(_)"]
ORDERS += ["[_[0], *_]", "[*_, _[-1]]", "_ * 2", "sorted(_)", "list(dict.fromkeys(_))", "list(_)[::-1]", "list(_)[1:]"]
"""What is made of a list."""
NUMBERS = ["1 + _", "_ + 1", "_ - 1", "_ + 2", "_ - 2", "2 * _", "_ // 2", "_ ** 2", "-_"]
"""What is made of a whole number."""
FACTOR = ["int(_)", "-_", "2 * _", "_ / 2", "_ ** 2", "_ ** 0.5", "1 - _", "1 + _", "_ - 1"]
BY_A_NUMBER = ["_ * a_number", "_ + a_number"]
"""What is made of an array or a float by a number that is solved for."""
WRAPS = [f"F.{name}(_)" for name in ("softmax", "tanh", "relu", "sigmoid", "exp", "log", "sqrt")]
WRAPS += [
    "abs(_)",
    "_[::-1]",
    "_[1:]",
    "_[:-1]",
    "np.flip(_, 1)",
    "np.flip(_, -1)",
    "np.cumsum(_, 0)",
    "_ - F.mean(_, -1)",
    "_ - F.mean(_, 0)",
    "_ - F.max(_, -1)",
]
WRAPS += ["_ / np.linalg.norm(_, axis=-1, keepdims=True)", "np.round(_)", "np.sort(_)"]
"""What is made of an array."""
spent = 0.0
"""Seconds of this thread that were searched in this process, of SECONDS: a verdict is a process."""


@functools.cache
def parsed(code: str) -> ast.expr:
    """The tree of an expression."""
    return ast.parse(code, mode="eval").body


def filled(code: str, **nodes: ast.expr) -> ast.expr:
    """An expression from its code, in which some names stand for other expressions."""

    def fill(node: Any) -> Any:
        if isinstance(node, list):
            return [fill(one) for one in node]
        if not isinstance(node, ast.AST) or (isinstance(node, ast.Name) and node.id in nodes):
            return nodes[node.id] if isinstance(node, ast.AST) else node
        fields = {field: fill(getattr(node, field)) for field in node._fields}
        return type(node)(**fields, lineno=1, end_lineno=1, col_offset=0, end_col_offset=0)

    return ast.fix_missing_locations(nodes["_"]) if code == "_" else fill(parsed(code))


def spelled(node: ast.expr) -> str:
    """An expression as a learner writes it."""
    return ast.unparse(node).replace("swapaxes", "transpose")


class Place:
    """An expression where it stands, once or several times in a line: it can be replaced, and put back."""

    def __init__(self, function: ast.FunctionDef, statement: ast.stmt, above: list[ast.AST], field: str, index: Any):
        self.function, self.statement, self.above, self.field, self.index = function, statement, above, field, index
        held = getattr(above[-1], field)
        self.node = held if index is None else held[index]
        self.others: list[Place] = []

    def put(self, node: ast.AST) -> None:
        """Put another expression in its place."""
        if self.index is None:
            setattr(self.above[-1], self.field, node)
        else:
            getattr(self.above[-1], self.field)[self.index] = node
        for other in self.others:
            other.put(other.node if node is self.node else node)

    def with_others(self, those: list["Place"]) -> "Place | None":
        """The same together with the equal ones that come after it in its line, if there are any."""
        code = ast.dump(self.node)
        here = [one for one in those if one.statement is self.statement and ast.dump(one.node) == code]
        if len(here) == 1 or here[0] is not self:
            return None
        both = Place(self.function, self.statement, self.above, self.field, self.index)
        both.others = here[1:]
        return both

    def is_in(self, code: str) -> bool:
        """Whether it is a part of an expression, or is that itself."""
        return any(isinstance(node, ast.expr) and ast.unparse(node) == code for node in (*self.above, self.node))

    def in_words(self, other: ast.expr) -> str:
        """What is written in place of what: as much of the line as can be taken in at once."""
        first = [
            node for node in self.above if isinstance(node, ast.expr) and not isinstance(node, ast.Slice | ast.Starred)
        ]  # the whole line before its parts
        shared = [node for node in first[::-1] if all(node in other.above for other in self.others)]
        short = [node for node in first if len(ast.unparse(node)) <= 60]
        whole = next((node for node in short if node in shared), shared[0] if self.others and shared else None)
        right = spelled(whole or self.node)
        self.put(other)
        wrong = spelled(whole or other)
        self.put(self.node)
        return f"Your numbers are what comes out when `{right}` is written as `{wrong}`{self.glossary(right, wrong)}."

    def glossary(self, *code: str) -> str:
        """What the names of intermediate values in some code stand for."""
        used = {node.id for text in code for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
        told = {}
        for line in ast.walk(self.function):
            if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name) and line.targets[0].id in used:
                told.setdefault(line.targets[0].id, spelled(line.value))
        told = {name: value for name, value in told.items() if not name.isupper() and value not in code}
        told = [f"{name} is `{value}`" for name, value in told.items() if len(value) < 60]
        return f", where {' and '.join(told)}" if told else ""


def places(function: ast.FunctionDef) -> Iterator[Place]:
    """Every expression of a function that something else may stand for."""

    def below(node: ast.AST, statement: ast.stmt | None, above: list[ast.AST]) -> Iterator[Place]:
        above = [*above, node]
        for field, held in ast.iter_fields(node):
            if field in ("targets", "target", "args") and not isinstance(node, ast.Call):
                continue
            for index, child in enumerate(held) if isinstance(held, list) else [(None, held)]:
                is_tick = isinstance(child, ast.Expr) and ast.unparse(child) == "_tick()"
                if isinstance(child, ast.Raise | ast.JoinedStr) or is_tick or not isinstance(child, ast.AST):
                    continue
                inside = child if isinstance(child, ast.stmt) else statement
                if isinstance(child, ast.expr):
                    yield Place(function, inside, above, field, index)
                yield from below(child, inside, above)

    yield from below(function, None, [])


def valued(function: ast.FunctionDef) -> tuple[ast.FunctionDef, list[Place]]:
    """A function that notes the value of each of its expressions, as _note(i, value), and the expressions."""
    copy = tree(ast.unparse(function))
    for i, place in reversed(list(enumerate(places(copy)))):
        if not isinstance(place.node, ast.Slice | ast.Starred | ast.Lambda) and place.field != "func":
            place.put(filled("_note(i, x)", i=ast.Constant(i), x=place.node))
    return ast.fix_missing_locations(copy), list(places(function))


class Scope:
    """The names that a function may use: values, what it calls, and sizes."""

    def __init__(self, function: ast.FunctionDef, trees: dict[str, ast.FunctionDef], parts: list[str]):
        names = [arg.arg for arg in function.args.args]
        stored = [n for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        names += [name for name in dict.fromkeys(node.id for node in stored) if name not in names and name != "_"]
        calls = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
        called = {callee.id for callee in calls if isinstance(callee, ast.Name)}
        self.layers = [part for part in parts if part.split(".")[0].split("[")[0] in names]
        self.functions = [*self.layers, *(name for name in trees if name in called and len(trees[name].args.args) == 1)]
        self.values = [name for name in names if name not in called and name not in self.layers and name != "h"]
        self.sizes = [name for name in self.values if name in SIZES or name.startswith("n_")]
        self.is_whole = next(iter(trees.values())) is function
        self.line = {}
        for node in stored:
            self.line[node.id] = min(node.lineno, self.line.get(node.id, node.lineno))
        self.once = {name for name in self.line if sum(node.id == name for node in stored) == 1}
        used = [n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]
        self.once = {name for name in self.once if used.count(name) == 1}


def changes(place: Place, scope: Scope, value: Any) -> Iterator[tuple[int, str, dict[str, ast.expr]]]:
    """What may stand in place of an expression: how likely, and its code, in which names stand for parts of it."""
    node, above, field = place.node, place.above[-1], place.field
    callee = isinstance(above, ast.Call) and field == "func"
    text = ast.unparse(node)
    if isinstance(node, ast.BinOp):
        operands = {"a": node.left, "b": node.right}
        sign = ast.unparse(ast.BinOp(parsed("a"), node.op, parsed("b")))[1:-1].strip()
        yield from ((LIKELY, code, operands) for code in [*OPERATORS.get(sign, ()), "a", "b"])
        if isinstance(node.left, ast.BinOp):
            inner = ast.BinOp(node.left.right, node.op, node.right)
            yield LIKELY, "_", {"_": ast.BinOp(node.left.left, node.left.op, inner)}
        if isinstance(node.right, ast.BinOp):
            inner = ast.BinOp(node.left, node.op, node.right.left)
            yield LIKELY, "_", {"_": ast.BinOp(inner, node.right.op, node.right.right)}
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        for sign in COMPARISONS:
            for more in ("", " + 1", " - 1", " + 2", " - 2") if isinstance(value, np.ndarray | bool) else [""]:
                yield LIKELY, f"a {sign} b{more}", {"a": node.left, "b": node.comparators[0]}
    elif isinstance(node, ast.UnaryOp):
        yield LIKELY, "_", {"_": node.operand}
    elif isinstance(node, ast.Constant) and node.value in ENCODINGS:
        yield from ((LIKELY, repr(other), {}) for other in ENCODINGS if other != node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        yield from constants(node.value)
    elif text == "np.inf":
        yield from ((LIKELY, other, {}) for other in ("0.0", "1.0", "1e-9"))
    elif isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and callee:
        for others in (scope.layers, *ALIKE):
            if text in others:
                yield from ((LIKELY, other, {}) for other in others if other != text)
    elif isinstance(node, ast.Name) and node.id in scope.values and field != "test":
        kind = scope.sizes if node.id in scope.sizes else [name for name in scope.values if name not in scope.sizes]
        yield from ((LIKELY, name, {}) for name in kind if name != node.id)
    elif isinstance(node, ast.Call):
        yield from calls(node, scope)
    elif isinstance(node, ast.Subscript | ast.Attribute):
        yield LIKELY, "_", {"_": node.value}
        if isinstance(value, np.ndarray) and isinstance(node, ast.Subscript):
            yield from ((AROUND, f"np.{name}(x, 0)", {"x": node.value}) for name in ("mean", "sum", "max"))
    elif isinstance(node, ast.IfExp):
        yield from ((LIKELY, "_", {"_": one}) for one in (node.body, node.orelse))
    elif isinstance(node, ast.Tuple | ast.List) and len(node.elts) > 1:
        for i in range(len(node.elts)):
            yield LIKELY, "_", {"_": type(node)([*node.elts[:i], *node.elts[i + 1 :]], node.ctx)}
        for i, j in itertools.permutations(range(len(node.elts)), 2):
            yield LIKELY, "_", {"_": type(node)([*node.elts[:i], node.elts[j], *node.elts[i + 1 :]], node.ctx)}
        for i in range(len(node.elts) - 1):
            swapped = [*node.elts[:i], node.elts[i + 1], node.elts[i], *node.elts[i + 2 :]]
            yield LIKELY, "_", {"_": type(node)(swapped, node.ctx)}
    if callee or isinstance(node, ast.Slice | ast.Starred | ast.Lambda):
        return
    if isinstance(above, ast.If | ast.IfExp | ast.comprehension) and field in ("test", "ifs"):
        yield from ((LIKELY, code, {}) for code in ("True", "False"))
    yield from ((rank, code, {"_": node}) for rank, code in around(place, scope, value))


def around(place: Place, scope: Scope, value: Any) -> Iterator[tuple[int, str]]:
    """What may be made of a value, of an array, a number or a list, in which _ is the expression."""
    node = place.node
    if isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id in scope.once):
        return  # the line that gives the value its name says the same
    if isinstance(node, ast.Tuple) and any(isinstance(one, ast.Slice) for one in node.elts):
        return  # slices stand in brackets only
    factors = FACTORS if scope.is_whole else AROUND
    is_made = isinstance(place.above[-1], ast.Assign) or isinstance(node, ast.Tuple)
    if isinstance(value, list | tuple | str | range) and not is_made:
        yield from ((LIKELY if isinstance(place.above[-1], ast.For) else factors, code) for code in ORDERS)
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        yield from ((factors, code) for code in NUMBERS)
    is_array = isinstance(value, np.ndarray) and value.dtype != bool
    if isinstance(value, float) or is_array:
        yield from ((factors, code) for code in FACTOR)
        yield from ((SOLVED, code) for code in BY_A_NUMBER)
        sizes = [size for size in scope.sizes if size != getattr(node, "id", "")]
        for size in sizes:
            yield from (
                (factors, f"_ {code}") for code in (f"* {size}", f"/ {size}", f"* {size} ** 0.5", f"/ {size} ** 0.5")
            )
    if not is_array:
        return
    if value.dtype.kind in "iu":
        yield from ((factors, code) for code in (*NUMBERS, "0 * _", "0 * _ + 1"))
    yield from ((AROUND, code) for code in WRAPS)
    yield from ((AROUND, f"{function}(_)") for function in scope.functions)
    for name in scope.values:
        if name not in scope.sizes and scope.line.get(name, 0) < place.statement.lineno:
            yield from ((AROUND, f"_ {sign} {name}") for sign in "+-*")
            yield from ((AROUND, f"_ + {layer}({name})") for layer in scope.layers)


def constants(value: float) -> Iterator[tuple[int, str, dict]]:
    """Other constants."""
    if isinstance(value, int):
        others = dict.fromkeys((value + 1, value - 1, -value, -1, -2, 0, 1, 2, 3, None))
        yield from ((LIKELY, repr(other), {}) for other in others if other != value)
    else:
        yield SOLVED, "a_number", {}


def calls(node: ast.Call, scope: Scope) -> Iterator[tuple[int, str, dict[str, ast.expr]]]:
    """A call left out, done twice, exchanged with one inside it, or with its arguments in another way."""
    callee, arguments = ast.unparse(node.func), node.args
    if isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) not in ("F", "np"):
        yield LIKELY, "_", {"_": node.func.value}
        if node.func.attr == "encode":
            yield from ((LIKELY, f"_.encode({kind!r}, 'replace')", {"_": node.func.value}) for kind in ENCODINGS[1:])
    elif arguments:
        yield LIKELY, "_", {"_": arguments[0]}
        inner = arguments[0]
        if isinstance(inner, ast.Call) and len(inner.args) == len(arguments) == 1:
            yield (
                LIKELY,
                "_",
                {"_": ast.Call(inner.func, [ast.Call(node.func, inner.args, node.keywords)], inner.keywords)},
            )
        for i in range(len(arguments)):
            yield LIKELY, "_", {"_": ast.Call(node.func, [*arguments[:i], node, *arguments[i + 1 :]], node.keywords)}
    if callee in ("F.exp", "np.exp"):
        yield from ((LIKELY, f"{base} ** x", {"x": arguments[0]}) for base in (2, 10))
    for i in range(len(arguments) - 1 if callee != "range" else 0):
        swapped = [*arguments[:i], arguments[i + 1], arguments[i], *arguments[i + 2 :]]
        yield LIKELY, "_", {"_": ast.Call(node.func, swapped, node.keywords)}
    for i in range(len(node.keywords)):
        yield LIKELY, "_", {"_": ast.Call(node.func, arguments, [*node.keywords[:i], *node.keywords[i + 1 :]])}
    if callee in scope.layers and len(arguments) == 1:
        for code in ("x @ f.weight", "x @ f.weight.T + f.bias", "x @ f.weight - f.bias", "f(x) + f.bias"):
            yield LIKELY, code, {"x": arguments[0], "f": node.func}


def chosen(others: list[ast.expr]) -> ast.expr:
    """One of several expressions, by the number _i: all of them are compiled at once."""
    choice = others[-1]
    for i, other in reversed(list(enumerate(others[:-1]))):
        choice = filled(f"other if _i == {i} else choice", other=other, choice=choice)
    return choice


class Ticks:
    """Counts the turns of loops, and ends them when they are too many."""

    def __init__(self):
        self.left = 0

    def __call__(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise RecursionError("a loop without end")


def tree(text: str) -> ast.FunctionDef:
    """The tree of a function, without annotations, in which a loop that never ends is an error."""
    function = ast.parse(text).body[0]
    function.returns = None
    for node in ast.walk(function):
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.While | ast.For) and ast.unparse(node.body[0]) != "_tick()":
            node.body.insert(0, ast.Expr(ast.Call(ast.Name("_tick", ast.Load()), [], [])))
    return ast.fix_missing_locations(function)


def parts_in(keywords: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """What can be called among the keywords of a part: ln_1, attn, attn.c_proj, h[0], h[0].ln_1, h[-1]."""
    for name, value in keywords.items():
        if isinstance(value, Part):
            yield before + name
            if not before or value.func.__name__ != "linear":
                yield from parts_in(value.keywords, f"{before}{name}.") if before.count(".") < 1 else ()
        elif isinstance(value, list):
            for i in (0, -1):
                yield f"{before}{name}[{i}]"
                yield from parts_in(value[i].keywords, f"{before}{name}[{i}].")


def solved(difference: Callable[[float], np.ndarray]) -> float:
    """The number at which a difference vanishes, by Gauss's and Newton's method; any number where it never does."""

    def size(number: float) -> float:
        left = difference(number)
        return float(left @ left) if np.isfinite(left).all() else np.inf

    number = min((-1.0, 0.01, 0.1, 0.5, 2.0, 10.0, 100.0), key=size)
    for _ in range(8):
        left = difference(number)
        slope = (difference(number * 1.001) - left) / (number * 0.001)
        step = float(slope @ left / (slope @ slope))
        number -= step
        if not abs(step) > 1e-6 * abs(number):
            break
    return number


def flat(result: Any) -> np.ndarray:
    """All numbers of an array, or of several."""
    return np.concatenate([np.ravel(one) for one in (result if isinstance(result, tuple) else [result])])


def search(
    function: FunctionType,
    explains: Callable[[FunctionType], bool],
    keywords: Mapping[str, Any],
    result_of: Callable[[FunctionType], Any] | None = None,
    found: Any = None,
    near: str = "",
) -> str:
    """The sentence for the likeliest small change of a function that explains what a learner's code gave, or "".

    Args:
        explains: says of a function whether it does.
        keywords: the parts and weights that the function is given by name.
        result_of: what a function gives for the check's own input.
        found: what the learner's code gave. Numbers are solved for where it is told.
        near: the expression where the change most likely is: of several changes one in it is told.
    """
    global spent
    begin = time.thread_time()
    trees = {name: tree(text) for name, text in texts(function).items()}
    scope = remade(function, {}).__globals__
    scope["_tick"] = ticks = Ticks()
    ticks.left = 10_000
    parts = list(parts_in(keywords))
    names = {name: Scope(one, trees, parts) for name, one in trees.items()}
    todo: dict[tuple[int, Place], list[ast.expr]] = {}
    for one in trees.values():
        right, values = scope[one.name], {}
        noting, everywhere = valued(one)
        scope["_note"] = lambda i, value, values=values: (values.setdefault(i, value), value)[1]
        exec(compile(ast.Module([noting], []), "<values>", "exec"), scope)
        explains(scope[function.__name__])
        scope[one.name] = right
        for i, place in enumerate(everywhere):
            if i in values or place.field == "func":
                both = place.with_others(everywhere)
                for rank, code, nodes in changes(place, names[one.name], values.get(i)):
                    if rank == SOLVED and not result_of:
                        continue
                    other = filled(code, **nodes)
                    for here in (place, both) if both and rank < AROUND else (place,):
                        todo.setdefault((rank, here), []).append(other)

    @contextmanager
    def standing(place: Place, other: ast.expr) -> Iterator[None]:
        """The function as it is when another expression stands at a place, in `scope`."""
        right = scope[place.function.name]
        place.put(other)
        try:
            exec(compile(ast.Module([place.function], []), "<mistake>", "exec"), scope)
            yield
        finally:
            place.put(place.node)
            scope[place.function.name] = right

    def tried(place: Place, others: list[ast.expr]) -> Iterator[ast.expr]:
        """Those of several expressions that explain it when they stand at a place."""
        # Some are no Python, such as a star outside of brackets.
        with suppress(SyntaxError, ValueError, TypeError), standing(place, chosen(others)):
            for i, other in enumerate(others):
                scope["_i"], ticks.left = i, 1000
                if explains(scope[function.__name__]):
                    yield other

    def solved_at(place: Place, others: list[ast.expr]) -> Iterator[ast.expr]:
        """The same for expressions with a number in them that is to be found, as it is usually written."""

        def difference(number: float) -> np.ndarray:
            scope["a_number"], ticks.left = number, 1000
            return flat(result_of(scope[function.__name__])) - target

        for other in others:
            with suppress(Exception), standing(place, other):
                number = solved(difference)
                if np.isclose(difference(number), 0, atol=1e-3).all():
                    short = dict.fromkeys(f"{number:.{digits}g}" for digits in range(1, 7))
                    written = [filled(ast.unparse(other), a_number=parsed(one)) for one in short]
                    yield from itertools.islice(tried(place, written), 1)

    target = flat(found)
    finds, best = [], AROUND
    for (rank, place), others in sorted(todo.items(), key=lambda item: item[0][0]):
        if time.thread_time() - begin + spent > SECONDS or rank > best:
            break
        for other in (solved_at if rank == SOLVED else tried)(place, others):
            finds.append((place, other))
            best = rank
    spent += time.thread_time() - begin
    finds = [(place, other) for place, other in finds if place.is_in(near)] or finds
    whole = next(iter(trees.values()))

    def values_of() -> dict[int, dict[str, Any]]:
        copy, values = tree(ast.unparse(whole)), {}
        for i, line in reversed(list(enumerate(copy.body))):
            names = {
                node.id for node in ast.walk(line) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            }
            note = f"_note({i}, {{{', '.join(f'{name!r}: {name}' for name in names)}}})"
            if not isinstance(line, ast.Return | ast.If):
                copy.body.insert(i + 1, ast.parse(note).body[0])
        scope["_note"] = values.__setitem__
        ticks.left = 1000
        changed = [copy, *(one for one in trees.values() if one is not whole)]
        exec(compile(ast.fix_missing_locations(ast.Module(changed, [])), "<values>", "exec"), scope)
        explains(scope[function.__name__])
        return values

    return told(finds, trees, values_of) if finds else ""


def same(one: Any, other: Any) -> bool:
    """Whether two values of a line are equal to within rounding."""
    try:
        return np.shape(one) == np.shape(other) and np.allclose(one, other, 1e-4, 1e-5, equal_nan=True)
    except (TypeError, ValueError):
        return one == other


def end_of(trees: dict[str, ast.FunctionDef], function: str, line: int) -> tuple[str, int]:
    """The line that one would be a part of if no value that is used once had a name of its own."""
    made: dict[str, int] = {}
    used: dict[str, list[int]] = {}
    simple = [one for one in ast.walk(trees[function]) if isinstance(one, ast.Assign | ast.Return | ast.Expr)]
    for one in simple:
        sizes = {node.value for node in ast.walk(one) if isinstance(node, ast.Attribute) and node.attr == "shape"}
        for node in ast.walk(one):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                made[node.id] = one.lineno if node.id not in made else 0
            elif isinstance(node, ast.Name) and node not in sizes:
                used.setdefault(node.id, []).append(one.lineno)
    following = [used[name] for name, where in made.items() if where == line and name in used]
    if following:
        is_once = len(following) == len(following[0]) == 1 and following[0][0] > line  # not in the next turn of a loop
        return end_of(trees, function, following[0][0]) if is_once else (function, line)
    calls = [
        (name, one.lineno)
        for name, caller in trees.items()
        for one in ast.walk(caller)
        if isinstance(one, ast.Call) and ast.unparse(one.func) == function and name != function
    ]
    is_last = line == trees[function].body[-1].lineno
    return end_of(trees, *calls[0]) if is_last and len(calls) == 1 else (function, line)


def told(found: list[tuple[Place, ast.expr]], trees: dict[str, ast.FunctionDef], values_of: Callable[[], dict]) -> str:
    """The sentence for changes that all give a learner's numbers: for the last, where the others lead to its value.

    Args:
        values_of: runs the function as it stands in `trees`, and gives for each of its lines the values it made.
    """
    whole = next(iter(trees.values()))
    calls = {
        name: {node.id for node in ast.walk(one) if isinstance(node, ast.Name)} & {*trees}
        for name, one in trees.items()
    }

    def line_of(place: Place) -> int:
        """The number of the whole function's line that holds a place, or leads to the function that does."""
        leads = {place.function.name}
        while more := {name for name in trees if calls[name] & leads} - leads:
            leads |= more
        lines = (
            [place.above[1]]
            if place.function is whole
            else [
                line
                for line in whole.body
                if leads & {node.id for node in ast.walk(line) if isinstance(node, ast.Name)}
            ]
        )
        return max((whole.body.index(line) for line in lines), default=len(whole.body) - 1)

    ends = {end_of(trees, place.function.name, place.statement.lineno) for place, _ in found}
    last = max(line_of(place) for place, _ in found)
    here = found if len(ends) == 1 else [(place, other) for place, other in found if line_of(place) == last]
    here = [pair for pair in here if pair[0].function is whole] or here
    if len(ends) == 1:
        return here[0][0].in_words(here[0][1])
    if here[0][0].function is whole:
        end = max(place.statement.lineno for place, _ in here)
        here = [pair for pair in here if pair[0].statement.lineno == end]
        line = ast.walk(whole.body[last])
        after = {node.id for node in line if isinstance(node, ast.Name) and node.lineno >= end}
    else:
        after = {node.id for node in ast.walk(whole.body[last]) if isinstance(node, ast.Name)}
    made = []
    for place, other in found:
        place.put(ast.fix_missing_locations(other))
        made.append(values_of().get(last, {}))
        place.put(place.node)
    mine = made[found.index(here[0])]
    agree = all(same(one.get(name), value) for one in made for name, value in mine.items() if name in after)
    return f"{here[0][0].in_words(here[0][1])} The same may come from what goes into it." if agree else ""
