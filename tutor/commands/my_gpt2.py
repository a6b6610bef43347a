"""`my-gpt2`: the whole model in one file that runs by itself, made of the learner's pieces and of the solutions.

The pieces stand in it one below the other, without their docstrings: those are in the steps. What they import from each
other is there already; their other imports come first, each once.
"""

import ast
import re
import sys
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tutor.course import STEPS, command, shown
from tutor.runner.mine import choose, listed, needed, say, told, written
from tutor.screen.terminal import console

PIECES = 2, 15, 17, 18
"""The steps whose pieces the file's own `main` calls; they import the rest of the model."""
OUTPUT = "my_gpt2.py"
PIECE = re.compile(r"(?:solutions\.solution|steps\.step)_\d\d")
COURSE = re.compile(r"(?:solutions|steps)(?:\.|$)")

HEAD = '''\
"""GPT-2 in one file, as `my-gpt2` puts it together.

Yours: {mine}. From the solutions: {solutions}.

    python {name} FOLDER "The queen"

goes on with the text, by the checkpoint in FOLDER: config.json, model.safetensors, vocab.json and merges.txt.
"""
'''
SET_UP = """\
import os
from contextlib import suppress

os.environ.setdefault("MAX_EAGER_EXECUTOR", "interpreter")  # each operation compiled once on a machine, not each graph
with suppress(ImportError):  # in the course's folder: with the kernels that the course has compiled
    import tutor.engine.setup
"""
MAIN = """\
import argparse
import sys
from functools import partial

import numpy as np
from max.driver import CPU
from max.dtype import DType
from max.experimental.tensor import default_device, default_dtype


def main():
    parser = argparse.ArgumentParser(description="Go on with a text.")
    parser.add_argument("checkpoint", help="the folder of a GPT-2's files")
    parser.add_argument("prompt", help="the text to go on with")
    parser.add_argument("--tokens", type=int, default=100, help="how many to write at most")
    parser.add_argument("--temperature", type=float, default=0.8, help="0 always takes the best token")
    parser.add_argument("--top-k", type=int, default=0)
    parser.add_argument("--top-p", type=float, default=1.0)
    parser.add_argument("--seed", type=int, help="the same seed writes the same text")
    args = parser.parse_args()
    tokenizer, model = read_tokenizer(args.checkpoint), load_checkpoint(args.checkpoint)
    rng = np.random.default_rng(args.seed)
    choose = partial(sample, temperature=args.temperature, top_k=args.top_k, top_p=args.top_p, rng=rng)
    new, seen = [], ""
    print(args.prompt, end="", flush=True)
    for token in generate(model, encode(args.prompt, tokenizer), args.tokens, choose):
        if token == tokenizer.ids.get("<|endoftext|>"):
            break
        new.append(token)
        text = decode(new, tokenizer).rstrip("\\ufffd")  # half a character waits for its other half
        print(text[len(seen) :], end="", flush=True)
        seen = text
    print()


if __name__ == "__main__":
    try:
        with default_device(CPU()), default_dtype(DType.float32):
            main()
    except (OSError, ValueError) as error:
        sys.exit(str(error))
"""


class Unfit(ValueError):
    """A piece cannot stand in one file with the others; the message says which, and what to change."""


def main(args: Namespace) -> int:
    """Write the file. Returns an exit code."""
    screen, numbers, output = console(), needed(*PIECES), args.output
    try:
        refuse(output)
        mine = choose(args.mine, numbers, screen) if args.mine else []
        say(mine, numbers, screen)
        text = one_file(mine, output.name)
        output.write_text(text)
    except Exception as error:
        return told(error, [], screen)
    screen.print(f"The whole model is in {shown(output.resolve())}, {text.count(chr(10))} lines.", soft_wrap=True)
    run = command(f'python {shown(output.resolve())} tests/reference/tiny-gpt2 "The queen"')
    screen.print(f"[dim]let it write[/]  {run}", soft_wrap=True)
    return 0


def refuse(output: Path) -> None:
    """Keep what somebody else has put there.

    Raises:
        Unfit: there is a file that `my-gpt2` has not made.
    """
    if output.is_file() and not output.read_text(errors="replace").startswith(HEAD[: HEAD.index("\n")]):
        raise Unfit(f"{output} is there, and was not made by this command. Name another file with --output.")


def one_file(mine: list[int], name: str = OUTPUT) -> str:
    """The text of the file.

    Args:
        mine: the steps to take from the learner's files; the others come from the solutions.
        name: what the file is called.

    Raises:
        Unfit: a piece is not written, is no Python, or gives a name another meaning than one before it.
    """
    numbers = needed(*PIECES)
    whole = Whole()
    for step in (STEPS[number] for number in numbers):
        path = step.stub if step.number in mine else step.solution
        if not written(path):
            raise Unfit(f"{shown(path)} is not written yet.")
        whole.add(f"Step {step.id}: {step.title}", path.read_text(errors="replace"), shown(path))
    whole.add("Let it write", MAIN, "the end of the file", runs=True)
    yours, others = ([n for n in numbers if (n in mine) == whose] for whose in (True, False))
    head = HEAD.format(mine=listed(yours), solutions=listed(others), name=name)
    future, *rest = whole.imports_by_group()
    imports = "\n\n".join("\n".join(group) for group in (future, [SET_UP.rstrip("\n")], *rest) if group)
    return "\n\n\n".join([f"{head}\n{imports}", *whole.parts]) + "\n"


@dataclass
class Whole:
    """The pieces put together so far.

    Attributes:
        parts: the code of each piece, a comment with its title before it.
        imports: what each imported name stands for: a module and a name in it, or the module alone.
        names: where each name of the pieces comes from, and the code that gives it its meaning.
    """

    parts: list[str] = field(default_factory=list)
    imports: dict[str, tuple[str, str]] = field(default_factory=dict)
    names: dict[str, tuple[str, str]] = field(default_factory=dict)

    def add(self, title: str, text: str, where: str, runs: bool = False) -> None:
        """Put a piece below the others.

        Args:
            title: what the comment before it says.
            text: its code.
            where: its file, for messages.
            runs: whether what it does under `if __name__ == "__main__"` stays.

        Raises:
            Unfit: as `one_file`.
        """
        try:
            tree = ast.parse(text)
        except SyntaxError as error:
            raise Unfit(f"{where}:{error.lineno} is no Python: {error.msg}.") from None
        gone: set[int] = set()
        lines, renamed = text.splitlines(), list[str]()
        for node in ast.walk(tree):
            gone |= docstring_lines(node, lines)
            if isinstance(node, ast.stmt) and node not in tree.body and imports_a_piece(node):
                raise Unfit(f"{where}:{node.lineno} imports a piece inside a function or block: put it at the top.")
        for node in tree.body:
            end = node.end_lineno or node.lineno
            span = range(node.lineno, end + 1)
            if isinstance(node, ast.Import | ast.ImportFrom):
                gone |= set(span)
                renamed += self.take(node, where)
            elif is_main(node) and not runs:
                gone |= set(span)
            else:
                code = ast.dump(node)
                known = [name for name in bound(node) if self.claim(name, where, code)]
                if known and known == list(bound(node)):
                    first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", []))])
                    gone |= set(range(first, end + 1))
        code = "\n".join(line for number, line in enumerate(lines, 1) if number not in gone)
        code = re.sub(r"\n{4,}", "\n\n\n", "\n".join([*renamed, code.strip("\n")]))
        self.parts.append(f"# {title}\n\n{code}".rstrip("\n"))

    def take(self, node: ast.Import | ast.ImportFrom, where: str) -> Iterator[str]:
        """Note an import down; give the lines that stand for one that takes a piece by another name."""
        for alias in node.names:
            module = node.module if isinstance(node, ast.ImportFrom) else None
            name = alias.asname or (alias.name if module else alias.name.split(".")[0])
            if module and PIECE.fullmatch(module) and alias.name != "*":
                if alias.asname not in (None, alias.name):
                    self.claim(name, where, alias.name)
                    yield f"{name} = {alias.name}"
            elif imports_a_piece(node) or alias.name == "*" or getattr(node, "level", False):
                wanted = "from solutions.solution_NN import NAME"
                raise Unfit(f"{where}:{node.lineno} should name what it imports, as in `{wanted}`.")
            else:
                what = f"{alias.name} as {alias.asname}" if alias.asname and not module else alias.name
                self.claim(name, where, f"import {module} {what if module or alias.asname else name}")
                self.imports[name if module or alias.asname else what] = module or "", what

    def claim(self, name: str, where: str, code: str) -> bool:
        """Give a name its meaning; tell whether it had the very same before.

        Raises:
            Unfit: it has another one.
        """
        first, meaning = self.names.setdefault(name, (where, code))
        if first == where:  # within its own file a name may change its meaning
            self.names[name] = where, code
        elif meaning != code:
            raise Unfit(
                f"{name} means one thing in {first} and another in {where}, and one file has room for one of them: "
                "rename it in one of the two."
            )
        return first != where

    def imports_by_group(self) -> list[list[str]]:
        """The lines that import for all pieces: from __future__, Python's own modules, the others."""
        found: dict[str, list[str]] = {}
        for name, (module, what) in self.imports.items():
            if module:
                found.setdefault(f"from {module} import ", []).append(what if what == name else f"{what} as {name}")
            else:
                found[f"import {what}"] = []
        groups: tuple[list[str], ...] = [], [], []
        lines = [head + ", ".join(sorted(names)) for head, names in found.items()]
        for line in sorted(lines, key=lambda line: (line.startswith("from"), line)):
            root = line.split()[1].split(".")[0]
            groups[0 if root == "__future__" else 1 if root in sys.stdlib_module_names else 2].append(line)
        return list(groups)


def imports_a_piece(node: ast.AST) -> bool:
    """Whether a statement imports something of `solutions` or `steps`."""
    if isinstance(node, ast.ImportFrom):
        return bool(COURSE.match(node.module or ""))
    return isinstance(node, ast.Import) and any(COURSE.match(alias.name) for alias in node.names)


def is_main(node: ast.stmt) -> bool:
    """Whether a statement is `if __name__ == "__main__":`."""
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)


def docstring_lines(node: ast.AST, lines: list[str]) -> set[int]:
    """The lines of a docstring, with the empty ones after that of a module or class; none where nothing else is there."""
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return set()
    if ast.get_docstring(node, clean=False) is None or len(node.body) == 1:
        return set()
    first = node.body[0]
    last = first.end_lineno or first.lineno
    while last < len(lines) and not lines[last].strip():
        last += 1
    return set(range(first.lineno, last + 1))


def bound(node: ast.stmt) -> Iterator[str]:
    """The names that a statement of a module gives a meaning."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            yield from (
                part.id for part in ast.walk(target) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
            )
