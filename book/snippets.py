"""The book's snippets: run them, and compare or rewrite the outputs that the page shows.

In a Markdown page, in order of appearance:

- a `python` block runs, in one process for the whole page, so that later blocks know what earlier ones defined;
- a `text` block right after it is what it prints; without one it must print nothing;
- a `python,gpt2` block runs only where GPT-2's vocabulary is at hand, see VOCABULARIES: it is not part of the course;
- a `console` block holds commands, `$ pixi run s05`, each followed by what it prints;
- the comment `<!-- put FILE as FILE -->` copies a file first, for instance a solution as the learner's;
- the comment `<!-- put mistake NAME as steps/step_NN.py -->` makes a known mistake of that step the learner's.

Everything runs in a copy of the repository with untouched stubs, so a page shows what a newcomer sees. Times such as
"0.9 s" and ratios such as "210 times" may differ from the page; nothing else may.
"""

import codeop
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

from tutor import mistakes
from tutor.course import ROOT, STEPS, shown

PUT = re.compile(r"<!-- put (mistake )?(\S+) as (\S+) -->")
MEASURED = re.compile(r"\b\d[\d,]*(?:\.\d+)?(?=(?: |&#160;)(?:m?s\b|seconds|times\b|(?:tokens )?per second))")
WIDTH = 80
VOCABULARIES = ROOT / "weights" / "gpt2", ROOT.parent / "shared" / "gpt2"
"""Where GPT-2's vocab.json and merges.txt may lie: where `weights` puts them, and beside the repository."""


@dataclass
class Block:
    """A fenced block of a page: its language, what it needs, its text, and the lines of the page that its text fills."""

    language: str
    needs: str
    text: str
    first: int
    last: int

    @property
    def runs(self) -> bool:
        """Whether it is a snippet of Python, and not one of the course's files that the page shows."""
        return self.language == "python" and not self.text.startswith("{{#include")


@dataclass
class Put:
    """What is put in place of a file before what follows: another file, or a known mistake by its name."""

    mistake: bool
    source: str
    target: str

    def do(self, folder: Path) -> None:
        """Put it in a copy of the repository."""
        if self.mistake:
            step = next(step for step in STEPS.values() if step.stub == ROOT / self.target)
            (folder / self.target).write_text(mistakes.named(step, self.source).source())
        else:
            shutil.copyfile(folder / self.source, folder / self.target)


@dataclass
class Page:
    """What a page holds that can be run, in order."""

    path: Path
    parts: list[Block | Put]


def pages() -> list[Path]:
    """The README and every page of the book."""
    return [ROOT / "README.md", *sorted((ROOT / "book" / "src").glob("*.md"))]


def read(path: Path) -> Page:
    """Find the blocks and the comments of a page."""
    parts = []
    for token in MarkdownIt().parse(path.read_text()):
        if token.type == "fence":
            language, _, needs = token.info.strip().partition(",")
            parts.append(Block(language, needs, token.content, token.map[0] + 1, token.map[1] - 1))
        elif token.type == "html_block":
            parts += [Put(bool(mistake), *names) for mistake, *names in PUT.findall(token.content)]
    return Page(path, parts)


def copy_repository(target: Path) -> None:
    """Copy what snippets may need to `target`, with every stub untouched and nothing passed yet."""
    left_out = shutil.ignore_patterns(".git", ".venv*", ".pixi", ".tutor", "__pycache__", ".*_cache", "weights")
    shutil.copytree(ROOT, target, ignore=left_out, dirs_exist_ok=True)
    for step in STEPS.values():
        shutil.copy(step.untouched, target / step.stub.relative_to(ROOT))


def copy_vocabulary(target: Path) -> bool:
    """Copy GPT-2's vocabulary to where `weights` puts it in a copy of the repository; tell whether there is any."""
    found = next((folder for folder in VOCABULARIES if (folder / "vocab.json").is_file()), None)
    if found:
        (target / "weights" / "gpt2").mkdir(parents=True)
        for name in ("vocab.json", "merges.txt"):
            shutil.copyfile(found / name, target / "weights" / "gpt2" / name)
    return found is not None


def run(page: Page, folder: Path) -> list[tuple[Block, str]]:
    """Run a page in a copy of the repository; give each block that shows output, with the output that it should show.

    Raises:
        RuntimeError: a Python block raised, or printed although no `text` block follows it.
    """
    shows = []
    python = _Python(folder)
    try:
        for part, following in zip(page.parts, [*page.parts[1:], None]):
            if isinstance(part, Put):
                part.do(folder)
                continue
            where = f"{shown(page.path)}:{part.first}"
            if part.runs and (not part.needs or (folder / "weights" / part.needs).is_dir()):
                printed = python.run(part.text, where)
                if isinstance(following, Block) and following.language == "text":
                    shows.append((following, printed))
                elif printed:
                    raise RuntimeError(f"{where}: the snippet prints, and no text block follows it:\n{printed}")
            elif part.language == "console":
                commands = [line for line in part.text.splitlines() if line.startswith("$ ")]
                outputs = [f"{command}\n{_output(command[2:], folder)}" for command in commands]
                shows.append((part, "".join(outputs)))
    finally:
        python.close()
    return shows


def stumble(code: str) -> str | None:
    """Where a snippet fails when it is pasted line by line into `python`; None where every line is taken.

    Python 3.11 and 3.12 take a block of code as ended at an empty line, and only there.
    """
    block = []
    for number, line in enumerate([*code.splitlines(), ""], 1):
        block.append(line)
        try:
            if codeop.compile_command("\n".join(block), symbol="single"):
                block = []
        except SyntaxError as error:
            return f"line {number}, {line.strip()!r}: {error.msg}"
    return "the last statement is not finished" if block else None


def same(shown: str, printed: str) -> bool:
    """Whether a page shows what a snippet prints, measured numbers apart."""
    return MEASURED.sub("#", _tidy(shown)) == MEASURED.sub("#", _tidy(printed))


def _tidy(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def rewrite(page: Page, outputs: list[tuple[Block, str]]) -> bool:
    """Write what the snippets print into the page where it shows something else; tell whether any was rewritten."""
    lines = page.path.read_text().split("\n")
    stale = [(block, printed) for block, printed in outputs if not same(block.text, printed)]
    for block, printed in reversed(stale):  # from the end, so that the line numbers before stay right
        indent = re.match(" *", lines[block.first - 1])[0]
        lines[block.first : block.last] = [f"{indent}{line}".rstrip() for line in _tidy(printed).split("\n")]
    page.path.write_text("\n".join(lines))
    return bool(stale)


def _output(command: str, folder: Path) -> str:
    """What a command of the page prints, as its reader would see it in a terminal of 80 columns."""
    words = shlex.split(command)
    if words[:2] == ["pixi", "run"] and words[2] in (
        tasks := tomllib.loads((folder / "pixi.toml").read_text())["tasks"]
    ):
        command = shlex.join([*shlex.split(tasks[words[2]]["cmd"]), *words[3:]])
    elif words[:2] == ["pixi", "run"]:
        command = shlex.join(words[2:])
    environment = _environment() | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}  # in the order of a terminal
    done = subprocess.run(["sh", "-c", command], cwd=folder, env=environment, **pipes)
    return done.stdout.replace("./pixiw run", "pixi run").replace(f"{folder}/", "")


def _environment() -> dict[str, str]:
    return os.environ | {"COLUMNS": str(WIDTH), "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}


class _Python:
    """One Python process for the snippets of a page; it starts with the first of them."""

    LOOP = """
import contextlib, io, json, sys, traceback
import solutions
scope = {"__name__": "__main__"}
for line in sys.stdin:
    code, where = json.loads(line)
    printed = io.StringIO()
    error = ""
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(code, where, "exec"), scope)
    except BaseException:
        error = traceback.format_exc()
    print(json.dumps([printed.getvalue(), error]), flush=True)
"""

    def __init__(self, folder: Path):
        self.folder = folder
        self.process = None

    def run(self, code: str, where: str) -> str:
        """What a snippet prints."""
        if self.process is None:
            command = [sys.executable, "-c", self.LOOP]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
            self.process = subprocess.Popen(command, cwd=self.folder, env=_environment(), **pipes)
        self.process.stdin.write(json.dumps([code, where]) + "\n")
        self.process.stdin.flush()
        printed, error = json.loads(self.process.stdout.readline() or '["", "the process ended"]')
        if error:
            raise RuntimeError(f"{where}: the snippet raised\n{error}")
        return printed

    def close(self) -> None:
        """End the process, if it ever started."""
        if self.process:
            self.process.kill()
            self.process.communicate()


def main() -> int:
    """Run the pages named on the command line, or all of them, and write what they print into them."""
    import tempfile

    for path in [Path(name).resolve() for name in sys.argv[1:]] or pages():
        with tempfile.TemporaryDirectory() as folder:
            copy_repository(Path(folder))
            copy_vocabulary(Path(folder))
            page = read(path)
            changed = rewrite(page, run(page, Path(folder)))
        print(f"{shown(path)}: {'rewritten' if changed else 'up to date'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
