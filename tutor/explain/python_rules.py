"""What errors of Python and NumPy mean for a beginner."""

from __future__ import annotations

import ast
import inspect
import re

from tutor.explain.spot import Spot, arguments, defined, is_method

FROM_STUB = " The check calls it with the arguments that the stub has."


def _too_few(match: re.Match, spot: Spot) -> str:
    """What to say of a call with too few arguments."""
    name, missing = match[1], match[2]
    own = defined(name, spot)
    first = (arguments(own) or [""])[0]
    if first == "self" and not is_method(name):
        return f"`{name}` stands outside a class, where there is no self: take self out of its arguments."
    if first == "cls" and is_method(name):
        return (
            f"The line `@classmethod` is missing above `{name}`: with it, Python gives the class as the first argument."
        )
    are = "are" if " and " in missing else "is"
    return f"`{name}` is called with too few arguments: {missing} {are} missing." + (
        FROM_STUB if own and not spot.frame else ""
    )


def _too_many(match: re.Match, spot: Spot) -> str:
    """What to say of a call with too many arguments, of which self is none."""
    name, takes, given = match[1], int(match[2]), int(match[3])
    own = defined(name, spot)
    first = (arguments(getattr(own, "__func__", own)) or [""])[0]
    if is_method(name) and given == takes + 1:
        if isinstance(own, classmethod) and first != "cls":
            return f"`{name}` has no `cls`. The first argument of a classmethod is cls, the class."
        if inspect.isfunction(own) and first != "self":
            return f"`{name}` has no `self`. The first argument of a method is self, the object."
    called = spot.value(spot.node.func) if isinstance(spot.node, ast.Call) else None
    hidden = is_method(name) and not isinstance(own, staticmethod) and not inspect.isfunction(called)
    takes, given = takes - hidden, given - hidden
    count = f"{takes} argument{'s' if takes != 1 else ''}" if takes else "no argument"
    return f"`{name}` takes {count} and is called with {given}." + (FROM_STUB if own and not spot.frame else "")


def _no_brackets(match: re.Match, spot: Spot) -> str:
    """What to say of square brackets after something that takes none."""
    if isinstance(spot.node, ast.Subscript) and callable(spot.value(spot.node.value)):
        name, inside = ast.unparse(spot.node.value), ast.unparse(spot.node.slice)
        call = f"{name}({'…' if ':' in inside else inside})"
        return f"`{name}` is not a list or an array: call it, with round brackets, {call}."
    return f"What is of type {match[1]} takes no square brackets: its parts are attributes, after a dot."


OF_PYTHON = (
    # the same for what Python and NumPy say
    (
        r"^'NoneType' object (?:has no attribute|is not)",
        "Something is None where a value belongs. A function without a `return` gives None, and so does list.sort().",
    ),
    (
        r"^'(\w+)' object is not subscriptable",
        _no_brackets,
    ),
    (
        r"(\S+)\(\) missing \d+ required positional arguments?: (.*)",
        _too_few,
    ),
    (
        r"(\S+)\(\) takes (?:from \d+ to )?(\d+) positional arguments? but (\d+) ",
        _too_many,
    ),
    (
        r"^(\w+)\(\) takes no arguments$",
        "`{0}` has no __init__ that takes arguments. Is it inside the class, with two underscores on each side?",
    ),
    (
        r"(?:output array|assignment destination) is read-only",
        "This array must not change. v -= … changes v itself, and with it the table that v is a row of. Write v = v - …, "
        "or take a copy first.",
    ),
    (
        r"got an unexpected keyword argument '(dim|keepdim)'",
        "There is no argument called `{0}`. NumPy says axis and keepdims where PyTorch says dim and keepdim.",
    ),
    (
        r"got an unexpected keyword argument '(\w+)'",
        "There is no argument called `{0}`: it has another name, or is misspelled.",
    ),
    (
        r"(?:too many|not enough) values to unpack \(expected (?:at least )?(\d+)",
        "There are {0} names on the left of the =, or in a `for`, and another number of things to give them.",
    ),
    (
        r"requested array has an inhomogeneous shape",
        "NumPy got lists of different lengths. The rows of an array are equally long.",
    ),
    (
        r"operands could not be broadcast together with shapes (\(.*?\)) (\(.*?\))",
        "The shapes {0} and {1} do not go together. Counted from the last axis, two sizes must be equal, or one of them 1.",
    ),
    (
        r"matmul: .*core dimension 0.*\(size (\d+) is different from (\d+)\)",
        "The matrix product does not fit: the left array ends with {1}, so the right one must have {1}, not {0}, in its "
        "last place but one. Is a transpose missing, or one too many?",
    ),
    (
        r"shapes (\(.*?\)) and (\(.*?\)) not aligned: (\d+) \(dim \d+\) != (\d+)",
        "The product of {0} and {1} does not fit: {2} numbers meet {3}. Is a transpose missing, or one too many?",
    ),
    (
        r"truth value of an array with more than one element is ambiguous",
        "An `if`, `and`, `or` or `not` got a whole array of answers. Take one number of it, or .any() or .all().",
    ),
)
