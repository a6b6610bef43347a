"""The small change of a formula that gives a learner's numbers: looked for after a failure, where no sentence is known.

Every change of one expression is made in turn, likely ones first: another operator, an operand left out, a call done
twice, another axis; then usual factors and other constants; then a function around a result or a value added to it.
The first kind of which some give the learner's numbers is told in code, if all those stand on one line.
"""

import ast
import time
from collections.abc import Callable, Iterator
from types import FunctionType

from tests.known import remade, texts

SECONDS = 0.5
LIKELY, FACTORS, AROUND = range(3)
OPERATORS = {
    kind: others
    for kinds, more in (
        ((ast.Add, ast.Sub, ast.Mult, ast.Div), ()),
        ((ast.MatMult,), (ast.Mult,)),
        ((ast.Pow,), (ast.Mult,)),
    )
    for kind in kinds
    for others in [[other for other in (*kinds, *more) if other is not kind]]
} | {ast.FloorDiv: [ast.Div, ast.Mod, ast.Mult], ast.Mod: [ast.FloorDiv, ast.Div]}
COMPARISONS = [ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq]
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
WRAPS = (
    "F.softmax(_)",
    "F.tanh(_)",
    "F.relu(_)",
    "F.sigmoid(_)",
    "F.exp(_)",
    "F.log(_)",
    "F.sqrt(_)",
    "abs(_)",
    "_[::-1]",
)
WRAPS += (
    "sorted(_)",
    "np.cumsum(_, 0)",
    "_ - F.mean(_, -1)",
    "_ - F.max(_, -1)",
    "list(dict.fromkeys(_))",
    "_[1:]",
    "_[:-1]",
)


def filled(code: str, node: ast.expr) -> ast.expr:
    """An expression from its code, in which _ stands for another expression."""

    class Fill(ast.NodeTransformer):
        def visit_Name(self, name: ast.Name) -> ast.expr:
            return node if name.id == "_" else name

    return Fill().visit(ast.parse(code, mode="eval").body)


def spelled(node: ast.expr) -> str:
    """An expression as a learner writes it."""
    return ast.unparse(node).replace("swapaxes", "transpose")


class Place:
    """An expression where it stands: it can be replaced, and put back."""

    def __init__(
        self, function: ast.FunctionDef, statement: ast.stmt, above: list[ast.AST], field: str, index: int | None
    ):
        self.function, self.statement, self.above, self.field, self.index = function, statement, above, field, index
        held = getattr(above[-1], field)
        self.node = held if index is None else held[index]

    def put(self, node: ast.AST) -> None:
        """Put another expression in its place."""
        if self.index is None:
            setattr(self.above[-1], self.field, node)
        else:
            getattr(self.above[-1], self.field)[self.index] = node

    def in_words(self, other: ast.expr) -> str:
        """What is written in place of what: as much of the line as can be taken in at once."""
        first = [node for node in self.above if isinstance(node, ast.expr)]
        whole = next((node for node in first if len(ast.unparse(node)) <= 60), None)
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


def single_uses(function: ast.FunctionDef) -> dict[str, tuple[int, int]]:
    """The values that get a name once and are used once, each with the lines of both."""
    made, used = {}, {}
    shapes = {node.value for node in ast.walk(function) if isinstance(node, ast.Attribute) and node.attr == "shape"}
    for line in ast.walk(function):
        if isinstance(line, ast.stmt) and not isinstance(line, ast.FunctionDef | ast.For | ast.While | ast.If):
            for node in ast.walk(line):
                if isinstance(node, ast.Name) and node not in shapes:
                    (made if isinstance(node.ctx, ast.Store) else used).setdefault(node.id, []).append(line.lineno)
    return {name: (made[name][0], used[name][0]) for name in made if len(made[name]) == len(used.get(name, ())) == 1}


def one_line(trees: dict[str, ast.FunctionDef]) -> Callable[[str, int], tuple[str, int]]:
    """For a line the last one that it would be a part of, if no value that is used once had a name of its own."""
    calls = [
        (name, node.lineno, node.func.id)
        for name, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    next_line = {}
    for name, tree in trees.items():
        next_line |= {(name, made): (name, used) for made, used in single_uses(tree).values()}
        callers = [(caller, line) for caller, line, callee in calls if callee == name and caller != name]
        if len(callers) == 1:
            next_line[name, tree.body[-1].lineno] = callers[0]

    def last(name: str, line: int) -> tuple[str, int]:
        place, seen = (name, line), set()
        while place in next_line and place not in seen:
            seen.add(place)
            place = next_line[place]
        return place

    return last


class Scope:
    """The names that a function may use: values, what it calls, and sizes."""

    def __init__(self, function: ast.FunctionDef, trees: dict[str, ast.FunctionDef]):
        names = [arg.arg for arg in function.args.args]
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id not in names:
                names.append(node.id)
        calls = [node.func for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.Call)]
        called = {callee.id for callee in calls if isinstance(callee, ast.Name)}
        self.layers = [name for name in names if name in called]
        self.functions = [*self.layers, *(name for name in trees if name in called)]
        self.values = [name for name in names if name not in called]
        self.sizes = [name for name in self.values if name in SIZES or name.startswith("n_")]
        self.is_whole = next(iter(trees.values())) is function
        self.line = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self.line[node.id] = min(node.lineno, self.line.get(node.id, node.lineno))
        self.once = set(single_uses(function))


def changes(place: Place, scope: Scope) -> Iterator[tuple[int, ast.expr | str]]:
    """What may stand in place of an expression: how likely, and another, or code in which _ is the expression."""
    node = place.node
    callee = isinstance(place.above[-1], ast.Call) and place.field == "func"
    if isinstance(node, ast.BinOp):
        for kind in OPERATORS.get(type(node.op), ()):
            yield LIKELY, ast.BinOp(node.left, kind(), node.right)
        if not isinstance(node.op, ast.Add | ast.Mult):
            yield LIKELY, ast.BinOp(node.right, node.op, node.left)
        yield LIKELY, node.left
        yield LIKELY, node.right
        if isinstance(node.left, ast.BinOp):
            yield LIKELY, ast.BinOp(node.left.left, node.left.op, ast.BinOp(node.left.right, node.op, node.right))
        if isinstance(node.right, ast.BinOp):
            yield LIKELY, ast.BinOp(ast.BinOp(node.left, node.op, node.right.left), node.right.op, node.right.right)
    elif isinstance(node, ast.Compare):
        for kind in COMPARISONS:
            if not isinstance(node.ops[0], kind):
                yield LIKELY, ast.Compare(node.left, [kind()], node.comparators)
    elif isinstance(node, ast.UnaryOp):
        yield LIKELY, node.operand
    elif isinstance(node, ast.Constant) and node.value in ENCODINGS:
        yield from ((LIKELY, ast.Constant(other)) for other in ENCODINGS if other != node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        yield from constants(node)
    elif isinstance(node, ast.Name | ast.Attribute) and callee:
        for others in (scope.layers, *ALIKE):
            if ast.unparse(node) in others:
                yield from ((LIKELY, other) for other in others if other != ast.unparse(node))
    elif isinstance(node, ast.Name) and node.id in scope.values:
        kind = scope.sizes if node.id in scope.sizes else [name for name in scope.values if name not in scope.sizes]
        yield from ((LIKELY, ast.Name(name, ast.Load())) for name in kind if name != node.id)
    elif isinstance(node, ast.Call):
        yield from calls(node, scope)
    elif isinstance(node, ast.Subscript | ast.Attribute) and not callee:
        yield LIKELY, node.value
    elif isinstance(node, ast.Tuple | ast.List) and len(node.elts) > 1:
        for i in range(len(node.elts)):
            yield LIKELY, type(node)([*node.elts[:i], *node.elts[i + 1 :]], node.ctx)
        for i in range(len(node.elts) - 1):
            swapped = [*node.elts[:i], node.elts[i + 1], node.elts[i], *node.elts[i + 2 :]]
            yield LIKELY, type(node)(swapped, node.ctx)
    if callee or isinstance(node, ast.Slice | ast.Starred | ast.Lambda):
        return
    if isinstance(place.above[-1], ast.If | ast.IfExp | ast.comprehension) and place.field in ("test", "ifs"):
        yield LIKELY, ast.Constant(True)
        yield LIKELY, ast.Constant(False)
        return
    if isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id in scope.once):
        return  # the line that gives the value its name says the same
    if isinstance(place.above[-1], ast.For) and place.field == "iter":
        for code in (
            "_[:1]",
            "_[-1:]",
            "_[::-1]",
            "[_[0], *_]",
            "[*_, _[-1]]",
            "_[:1] * len(_)",
            "_[-1:] * len(_)",
            "_ * 2",
        ):
            yield LIKELY, code
    factors = FACTORS if scope.is_whole else AROUND
    yield factors, ast.UnaryOp(ast.USub(), node)
    for code in (
        "2 * _",
        "_ / 2",
        "_ ** 2",
        "_ ** 0.5",
        "1 - _",
        "1 + _",
        "_ + 1",
        "_ - 1",
        "_ + 2",
        "_ - 2",
        "_ // 2",
    ):
        yield factors, code
    for size in scope.sizes:
        for code in (f"_ * {size}", f"_ / {size}", f"_ * {size} ** 0.5", f"_ / {size} ** 0.5"):
            yield factors, code
    if isinstance(node, ast.Name) and node.id in scope.sizes:
        return
    if not scope.is_whole:
        return
    for code in WRAPS:
        yield AROUND, code
    for function in scope.functions:
        yield AROUND, f"{function}(_)"
    values = [name for name in scope.values if scope.line.get(name, 0) < place.statement.lineno]
    for value in values:
        if value not in scope.sizes:
            yield from ((AROUND, f"_ {sign} {value}") for sign in "+-*")
            yield from ((AROUND, f"_ + {layer}({value})") for layer in scope.layers)


def constants(node: ast.Constant) -> Iterator[tuple[int, ast.expr | str]]:
    """Other constants."""
    value = node.value
    if isinstance(value, int):
        for other in dict.fromkeys((value + 1, value - 1, -value, -1, -2, 0, 1, 2, 3)):
            if other != value:
                yield LIKELY, ast.Constant(other)
        yield LIKELY, ast.Constant(None)
    for other in dict.fromkeys(
        (value * 10, value / 10, value * 100, value / 100, value * 2, value / 2, 1, 2, 0.1, 0.01)
    ):
        yield FACTORS, ast.Constant(other)
    if isinstance(value, float):
        for digits in (1, 2, 3, 4):
            yield FACTORS, ast.Constant(float(f"{value:.{digits}g}"))


def calls(node: ast.Call, scope: Scope) -> Iterator[tuple[int, ast.expr | str]]:
    """A call left out, done twice, exchanged with one inside it, or with its arguments in another way."""
    first = (
        node.func.value
        if isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) not in ("F", "np")
        else None
    )
    if first is not None:
        yield LIKELY, first
    elif node.args:
        yield LIKELY, node.args[0]
        yield LIKELY, ast.Call(node.func, [node, *node.args[1:]], node.keywords)
        inner = node.args[0]
        if isinstance(inner, ast.Call) and len(inner.args) == 1 and len(node.args) == 1:
            yield LIKELY, ast.Call(inner.func, [ast.Call(node.func, inner.args, node.keywords)], inner.keywords)
    for i in range(len(node.args) - 1 if ast.unparse(node.func) != "range" else 0):
        swapped = [*node.args[:i], node.args[i + 1], node.args[i], *node.args[i + 2 :]]
        yield LIKELY, ast.Call(node.func, swapped, node.keywords)
    for i in range(len(node.keywords)):
        yield LIKELY, ast.Call(node.func, node.args, [*node.keywords[:i], *node.keywords[i + 1 :]])
    if isinstance(node.func, ast.Name) and node.func.id in scope.layers and len(node.args) == 1:
        layer = node.func.id
        for code in (
            f"_ @ {layer}.weight",
            f"_ @ {layer}.weight.T + {layer}.bias",
            f"_ @ {layer}.weight - {layer}.bias",
            f"{layer}(_) + {layer}.bias",
        ):
            yield LIKELY, filled(code, node.args[0])


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
        elif isinstance(node, ast.While | ast.For):
            node.body.insert(0, ast.Expr(ast.Call(ast.Name("_tick", ast.Load()), [], [])))
    return ast.fix_missing_locations(function)


def search(function: FunctionType, explains: Callable[[FunctionType], bool]) -> str:
    """The sentence for the likeliest small change of a function that explains what a learner's code gave, or "".

    Args:
        explains: says of a function whether it does.
    """
    end = time.thread_time() + SECONDS
    trees = {name: tree(text) for name, text in texts(function).items()}
    scope = remade(function, {}).__globals__
    scope["_tick"] = ticks = Ticks()
    todo = [
        (rank, place, other)
        for one in trees.values()
        for names in [Scope(one, trees)]
        for place in places(one)
        for rank, other in changes(place, names)
    ]
    found, best = [], AROUND
    for rank, place, other in sorted(todo, key=lambda item: item[0]):
        if time.thread_time() > end or rank > best:
            break
        other = filled(other, place.node) if isinstance(other, str) else other
        place.put(ast.fix_missing_locations(other))
        try:
            code = compile(ast.Module([place.function], []), "<mistake>", "exec")
        except (SyntaxError, ValueError, TypeError):
            continue
        finally:
            place.put(place.node)
        right = scope[place.function.name]
        ticks.left = 1000
        exec(code, scope)
        if explains(scope[function.__name__]):
            found.append((place, other))
            best = rank
        scope[place.function.name] = right
    last = one_line(trees)
    lines = {last(place.function.name, place.statement.lineno) for place, _ in found}
    return found[0][0].in_words(found[0][1]) if len(lines) == 1 else ""
