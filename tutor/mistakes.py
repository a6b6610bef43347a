"""Answers that the course knows, wrong ones and right ones in other forms, each written down as an edit of the solution.

tests/mistakes/step_NN.toml holds the wrong answers to a step, each a table with the mistake's name:

    [scaled]
    does = "The embeddings scaled, as in the first Transformer."
    told = "the right ones times √n_embd"
    find = 'return self.wte(tokens)  # [B, T] -> [B, T, C]'
    put = 'return self.wte(tokens) * int(self.wte.dim) ** 0.5'

- `does` says in a sentence what is done, `told` holds words of the diagnosis that it must get.
- `find` is code that stands once in the solution, and `put` stands there instead: a whole statement or expression. Several
  lines of code are whole lines with their indentation, between ''' and ''' at the start of a line. `put = ''` takes
  the code away.
- An entry of several edits has a table [[scaled.edits]] for each, with `find` and `put`.

tests/answers/step_NN.toml holds right answers, in the same way but without `told`. Where the whole form differs, the
right answer is a file of its own: tests/answers/step_NN/NAME.py.
"""

import difflib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tutor.course import ROOT, Step, shown

Kind = Literal["mistakes", "answers"]


class EntryError(ValueError):
    """An entry that is not there, or not written as it should be; the message says which, and what is wrong."""


@dataclass(frozen=True)
class Edit:
    """Code that stands once in a solution, and the code that stands there instead."""

    find: str
    put: str


@dataclass(frozen=True)
class Edited:
    """An answer that differs from the solution by some edits.

    Attributes:
        step: the step that it answers.
        name: what the entry is called.
        does: what is done differently, in a sentence.
        edits: the edits that make it from the solution.
        told: words that its diagnosis holds; empty for a right answer.
    """

    step: Step
    name: str
    does: str
    edits: tuple[Edit, ...]
    told: str = ""

    def source(self) -> str:
        """The text of the answer: the solution with the edits made.

        Raises:
            EntryError: the code that an edit finds does not stand there exactly once, or another edit takes part of it.
        """
        solution = self.step.solution.read_text()
        text, done = "", 0
        for edit in sorted(self.edits, key=lambda edit: solution.find(edit.find)):
            where = f"{self.name!r} of step {self.step.id} finds {edit.find.strip()!r}"
            if (count := solution.count(edit.find)) != 1:
                raise EntryError(f"{where} {count} times in {shown(self.step.solution)}, where it should stand once.")
            start = solution.index(edit.find)
            if start < done:
                raise EntryError(f"{where} where another of its edits is made.")
            text += solution[done:start] + edit.put
            done = start + len(edit.find)
        return text + solution[done:]


def file(step: Step, kind: Kind = "mistakes") -> Path:
    """Where the edited answers to a step are written down."""
    return ROOT / "tests" / kind / f"step_{step.id}.toml"


def read(step: Step, kind: Kind = "mistakes") -> dict[str, Edited]:
    """The edited answers to a step, by name; none where there is no file.

    Raises:
        EntryError: the file is no TOML, or an entry lacks a key, has one too many, or has no text under one.
    """
    path = file(step, kind)
    try:
        entries = tomllib.loads(path.read_text()) if path.exists() else {}
    except tomllib.TOMLDecodeError as error:
        raise EntryError(f"{shown(path)} is no TOML: {error}.") from None
    return {name: _edited(step, name, entry, kind) for name, entry in entries.items()}


def named(step: Step, name: str) -> Edited:
    """The mistake of a step that has a name.

    Raises:
        EntryError: there is none, or the file is not as `read` takes it.
    """
    known = read(step)
    if name not in known:
        near = difflib.get_close_matches(name, known, 3)
        meant = f"Is {' or '.join(near)} meant?" if near else f"Known are {', '.join(known)}."
        raise EntryError(f"Step {step.id} has no mistake {name!r}. {meant}")
    return known[name]


def _edited(step: Step, name: str, entry: dict, kind: Kind) -> Edited:
    """An entry of the file, once its keys are what they should be."""
    where = f"{name!r} in {shown(file(step, kind))}"
    said, code = ("does", "told") if kind == "mistakes" else ("does",), ("find", "put")
    several = isinstance(entry, dict) and isinstance(entry.get("edits"), list)
    rest = {key: value for key, value in entry.items() if key != "edits"} if several else entry
    texts = _texts(rest, said if several else said + code, where)
    edits = entry["edits"] if several else [{key: texts.pop(key) for key in code}]
    return Edited(step, name, edits=tuple(Edit(**_texts(edit, code, where)) for edit in edits), **texts)


def _texts(table: object, keys: tuple[str, ...], where: str) -> dict[str, str]:
    """A table that holds a text under each of these keys, and nothing else."""
    if not isinstance(table, dict):
        raise EntryError(f"{where} is no table.")
    faults = [f"lacks {key!r}" for key in keys if key not in table]
    faults += [f"has {key!r}, which is no key here" for key in table if key not in keys]
    texts = [key for key, value in table.items() if isinstance(value, str) and (value or key == "put")]
    faults += [f"has no text under {key!r}" for key in keys if key in table and key not in texts]
    if faults:
        raise EntryError(f"{where} {' and '.join(faults)}.")
    return dict(table)
