"""The learner's file as the checks see it, and the failure of a check."""

import difflib
import dis
import functools
import importlib.util
import inspect
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from tutor.runner.records import Place
from tutor.runner.source import spec_of


class Wrong(AssertionError):
    """A failed check.

    Attributes:
        diagnosis: the sentence a learner reads.
        facts: what stands below it: where, expected, found.
        look: where to look; unless told, at the piece of the learner's file that was used last.
    """

    def __init__(self, diagnosis: str, look: Place | None = None, /, **facts: str):
        self.diagnosis = diagnosis
        self.facts = {name: fact for name, fact in facts.items() if fact}
        self.look = look or _last_used
        super().__init__("\n".join([diagnosis, *(f"{name}: {fact}" for name, fact in self.facts.items())]))


_last_used: Place | None = None
"""Where to look when a check fails: the piece of the learner's file that was used last. `Answer` and `look_at` set it."""


class Answer:
    """The learner's file, or a solution, as the tests see it: `answer.Embedding` is the class that it defines."""

    def __init__(self, module: ModuleType):
        self._module, self._file = module, str(module.__file__)

    def __getattr__(self, name: str) -> Any:
        global _last_used
        _last_used = Place(self._file)
        try:
            thing = getattr(self._module, name)
        except AttributeError:
            near = difflib.get_close_matches(name, vars(self._module), 1, 0.75)
            meant = f" Is it `{near[0]}`?" if near else ""
            raise Wrong(f"Your file defines no `{name}`: it may be misspelled, or have been deleted.{meant}") from None
        look_at(thing)
        return thing


def module_looked_at() -> ModuleType:
    """The learner's file that was used last, as a module."""
    assert _last_used
    return sys.modules[Path(_last_used.file).stem]


def look_at(thing: Any) -> None:
    """Remember the place of a function, method, property or class, or of an object's `forward`, if an answer's file holds
    it."""
    global _last_used
    if _last_used is None:
        return
    if isinstance(thing, property):
        thing = thing.fget
    elif isinstance(thing, classmethod | staticmethod):
        thing = thing.__func__
    name = getattr(thing, "__qualname__", "")
    if not (inspect.isroutine(thing) or inspect.isclass(thing)):
        thing = getattr(type(thing), "forward", type(thing))
        name = thing.__qualname__
    thing = inspect.unwrap(thing) if inspect.isroutine(thing) else thing
    code = getattr(thing, "__code__", None)
    file = code.co_filename if code else getattr(sys.modules.get(getattr(thing, "__module__", "")), "__file__", None)
    if file != _last_used.file:
        return
    line = code.co_firstlineno if code else getattr(thing, "__firstlineno__", None) or _class_line(thing)
    if line:
        _last_used = Place(file, line, name)


@functools.cache
def _class_line(cls: type) -> int | None:
    """The line where a class begins, for Pythons before 3.13, which do not keep it."""
    try:
        return inspect.getsourcelines(cls)[1]
    except (OSError, TypeError, SyntaxError):  # the file may have been saved meanwhile, and be broken
        return None


def load_answer(path: Path) -> Answer:
    """Import the file at `path` under its own name and return it as an `Answer`. Whatever it raises comes out."""
    name = path.stem
    if name not in sys.modules or sys.modules[name].__file__ != str(path):
        spec = spec_of(name, path)
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return Answer(sys.modules[name])


def on_purpose(error: BaseException) -> str:
    """The file whose own `raise` statement raised an error; nothing where Python, NumPy or a library did.

    A ValueError that a learner raises refuses what came in. One that `int("x")` or `for a, b in words` raises is a
    mistake somewhere else, and its line says more than any guess.
    """
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    if trace is None:  # it was made, and never raised
        return ""
    code = trace.tb_frame.f_code
    stands_at = next((one.opname for one in dis.get_instructions(code) if one.offset == trace.tb_lasti), "")
    return code.co_filename if stands_at == "RAISE_VARARGS" else ""


def refused(error: Exception, diagnosis: str) -> None:
    """Raise `Wrong(diagnosis)` if a `raise` of the learner's own file refused good input with this error.

    An error that Python or NumPy raised, at a line that does not work, is left to the caller.
    """
    if _last_used and on_purpose(error) == _last_used.file:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        look = Place(frame.filename, frame.lineno, frame.name, frame.line or "")
        raise Wrong(diagnosis, look, found=f"{type(error).__name__}: {error}") from error


def article(name: str) -> str:
    """A name with "a" or "an" before it."""
    return f"{'an' if name[:1] in tuple('AEIOUaeiou') else 'a'} {name}"
