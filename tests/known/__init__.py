"""Known mistakes: changes of a formula's lines, and the sentence that a learner reads who makes them.

A formula is a function of gpt2.py or, where the step needs no MAX, of a solution. mistakes.toml lists by function
how each mistake is written: ["find -> put", …, "sentence"].
"""

import ast
import functools
import inspect
import itertools
import textwrap
import tomllib
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

from tests.known.gpt2 import Part
from tutor.grading.answer import module_looked_at

FILE = Path(__file__).with_name("mistakes.toml")
CHANGES = (
    "Your numbers change from call to call, though what goes in is the same. Is something random, such as weights made "
    "in forward or a dropout, or is something kept from the call before?"
)
failed: list[Exception] = []
"""Errors of the search itself, for the tests of this repository."""


@functools.cache
def listed(function: str) -> dict[str, list[str]]:
    """The mistakes of one function in mistakes.toml: for each name its edits, and at the end the sentence."""
    return tomllib.loads(FILE.read_text()).get(function, {})


@functools.cache
def texts(function: FunctionType) -> dict[str, str]:
    """The text of a function and of those of its file that it calls, each from its signature on, without docstrings."""
    found, left = {}, [function]
    while left:
        one = left.pop(0)
        lines = textwrap.dedent(inspect.getsource(one)).splitlines(keepends=True)
        node = ast.parse("".join(lines)).body[0]
        docstring = node.body[0] if ast.get_docstring(node) else None
        kept = [
            line
            for i, line in enumerate(lines, 1)
            if not docstring or not docstring.lineno <= i <= docstring.end_lineno
        ]
        found[one.__name__] = "".join(kept)
        names = {name.id for name in ast.walk(node) if isinstance(name, ast.Name)} - {*one.__code__.co_varnames}
        called = [one.__globals__.get(name) for name in sorted(names)]
        of_file = [f for f in called if isinstance(f, FunctionType) and f.__module__ == function.__module__]
        left += [f for f in dict.fromkeys(of_file) if f.__name__ not in found and f not in left]
    return found


def remade(function: FunctionType, changed: dict[str, Any]) -> FunctionType:
    """`function` as it is when some of the functions that it is made of have another text, or another tree."""
    scope = dict(function.__globals__)
    for name in texts(function):
        one = scope[name]
        scope[name] = FunctionType(one.__code__, scope, name, one.__defaults__)
    for what in changed.values():
        exec(compile(what, "<mistake>", "exec"), scope)
    return scope[function.__name__]


def edited(function: FunctionType, edits: Sequence[str]) -> FunctionType:
    """`function` with its text changed.

    Args:
        edits: each is "find -> put". What is to be found stands once in the function or in those that it calls.

    Raises:
        ValueError: it does not, or an edit has no arrow.
    """
    changed = {}
    for edit in edits:
        find, arrow, put = edit.partition(" -> ")
        now = texts(function) | changed
        holders = [name for name, text in now.items() for _ in range(text.count(find))]
        if len(holders) != 1 or not arrow:
            raise ValueError(f"`{edit}`: that stands {len(holders)} times in {', '.join(now)}, and should stand once")
        changed[holders[0]] = now[holders[0]].replace(find, put)
    return remade(function, changed)


def made(function: FunctionType, count: int = 1) -> Iterator[tuple[FunctionType, str]]:
    """`function` with each of its known mistakes made, or with every `count` of them, and the sentence for it.

    Raises:
        ValueError: a mistake cannot be made; it names it.
    """
    table = listed(function.__name__)
    for names in itertools.combinations(table, count):
        edits = [edit for name in names for edit in table[name][:-1]]
        try:
            wrong = edited(function, edits)
        except (ValueError, SyntaxError) as error:
            if count > 1:
                continue  # they change the same place
            raise ValueError(f"the mistake {names[0]!r} of [{function.__name__}] cannot be made: {error}") from error
        yield wrong, in_words([table[name][-1] for name in names])


def in_words(sentences: list[str]) -> str:
    """One diagnosis for one or two mistakes."""
    return sentences[0] if len(sentences) == 1 else f"Two things are wrong. {' And: '.join(sentences)}"


def mistakes_in(
    formula: Callable, call: Callable[[Callable], Any], mine: Callable | None = None, searched: bool = True
) -> Callable[[Callable], str]:
    """What `tutor.grading.close` and `equal` take to name a mistake: from a comparison to a sentence, or to "".

    Args:
        formula: the function, or a part of a model, that the learner's code may be a wrong form of.
        call: gives the result of such a formula, right or wrong, for the check's own input.
        mine: the learner's code, for `call` to call: it is run once more, to look how far it is right.
        searched: whether changes that have no sentence are looked for too.
    """
    function = getattr(formula, "func", formula)
    keywords = getattr(formula, "keywords", {})

    def explain(fits: Callable[[Any], bool]) -> str:
        def result_of(wrong: FunctionType) -> Any:
            return call(Part(wrong, **keywords))

        def explains(wrong: FunctionType, least: tuple = (object,)) -> bool:
            try:
                result = result_of(wrong)
                return isinstance(result, least) and bool(fits(result))
            except Exception:
                return False

        def surely(wrong: FunctionType) -> bool:
            """Whether it explains more than a single number, which many changes give."""
            return explains(wrong, (list, tuple, str, np.ndarray, FunctionType, Part))

        from tests.known.search import search
        from tests.known.trace import follow, noted

        if isinstance(formula, Part):
            formula.remember()

        def known(count: int) -> str:
            return next((says for wrong, says in made(function, count) if explains(wrong)), "")

        def unknown() -> tuple[str, str]:
            """What the search says, and how far the learner's code is right."""
            if not mine:
                return search(function, surely, keywords), ""
            with noted(module_looked_at()) as notes:
                found = call(mine)
            if not fits(found):
                return CHANGES, ""
            trace, place = follow(function, result_of, notes)
            return search(function, surely, keywords, result_of, found, place), trace

        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):  # some mistakes divide by zero
            if sentence := known(1):
                return sentence
            trace = ""
            try:
                sentence, trace = unknown() if searched else ("", "")
            except Exception as error:  # the search's own: a learner is better off with the general sentence
                failed.append(error)
            return sentence or known(2) or trace

    return explain
