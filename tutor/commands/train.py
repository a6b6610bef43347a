"""`train`: step 22 at work. A table of embeddings is trained on a text while the loss is drawn, and kept in a file."""

import time
from argparse import Namespace
from pathlib import Path

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from tutor.checkpoint import REFERENCE, WEIGHTS
from tutor.commands.explore import WORDS, label, main_plane
from tutor.course import command, shown
from tutor.runner.mine import take, told
from tutor.screen.terminal import console
from tutor.training import MOST, TooLittle, Training, save

PIECES = [22]
TEXT = REFERENCE / "story.txt"
OUTPUT = WEIGHTS / "embeddings.npz"
PAIRS = ("king", "queen"), ("cat", "dog"), ("paper", "water"), ("cat", "paper")
"""Words whose cosine is shown, before and after, where the text has them."""


class Refused(ValueError):
    """What makes no training; the message is a sentence for whoever asked."""


def main(args: Namespace) -> int:
    """Train as the options say, until the end or Ctrl-C, and write what there is. Returns an exit code."""
    screen, mine = console(stderr=True), []
    try:
        output = args.output or OUTPUT
        if output.suffix != ".npz":
            raise Refused(f"The table is written to an .npz file, not {output.name}.")
        text = read(args.text or TEXT)
        mine = take(args.mine, PIECES, screen)
        training = begin(text, args)
        words = chosen(args.words, training.words)
        make_room(output)
        finished = watch(training, args.seed, console())
        write(training, words, output, console())
    except (TooLittle, Refused) as error:
        screen.print(str(error), markup=False)
        return 2
    except Exception as error:
        return told(error, mine, screen)
    return 0 if finished else 130


def read(path: Path) -> str:
    """The text of a file.

    Raises:
        Refused: it is not there, or is no text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Refused(f"{path} is no text: some of its bytes are not UTF-8.") from None
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.") from None


def make_room(output: Path) -> None:
    """Make the folder of the table's file, before the time is spent that the training takes.

    Raises:
        Refused: it cannot be made.
    """
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"The folder {output.parent} cannot be made: {error.strerror}.") from None


def begin(text: str, args: Namespace) -> Training:
    """A training on a text, with the options of the command line."""
    return Training(text, size=args.size, window=args.window, passes=args.passes, rate=args.rate, seed=args.seed)


def chosen(asked: list[str], known: list[str]) -> list[str]:
    """The words whose ways are drawn: those asked for, or those of a list that the text has, or its most frequent ones.

    Raises:
        Refused: the text lacks a word that was asked for, or there are too few.
    """
    if missing := [word for word in asked if word not in known]:
        raise Refused(f"{missing[0]!r} is not among the words of this text that are trained.")
    words = list(dict.fromkeys(asked)) or [word for word in WORDS.split() if word in known]
    if not asked and len(words) < 3:
        words = [word for word in known if word.isalpha()][:20]
    if len(words) < 3:
        raise Refused("The picture needs three words or more.")
    return words


def watch(training: Training, seed: int, screen: Console) -> bool:
    """Train, with a bar and the curve of the loss on a terminal; tell whether it came to its end, without Ctrl-C.

    Raises:
        Refused: it was stopped before there was anything to keep.
        tutor.training.Diverged: the learning rate is too large.
    """
    words, passes = len(training.words), training.passes
    most = f" (the {MOST} most frequent)" if words == MOST else ""
    screen.print(f"{words} words{most}, {training.pairs:,} pairs of neighbours, {passes} passes; seed {seed}")
    columns = (
        TextColumn("pass {task.fields[number]}"),
        BarColumn(),
        TextColumn("loss {task.fields[loss]}"),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=screen)
    task = bar.add_task("", total=passes * training.batches, number=1, loss="")
    began, drawn, finished = time.monotonic(), 0.0, False
    try:
        with Live(console=screen, transient=True, auto_refresh=False) if screen.is_terminal else _Nothing() as live:
            for done, loss in enumerate(training, 1):
                if (now := time.monotonic()) - drawn > 0.1 and done > 1:
                    number = f"{min(passes, done // training.batches + 1)} of {passes}"
                    bar.update(task, completed=done, number=number, loss=f"{loss:.2f}")
                    live.update(Group(bar, Text("\n".join(curve(training.losses)))), refresh=True)
                    drawn = now
        finished = True
    except KeyboardInterrupt:
        if not training.losses:
            raise
    seconds = time.monotonic() - began
    screen.print("\n".join(curve(training.losses)), markup=False)
    share = "" if finished else f", stopped after {len(training.losses) / training.batches:.1f} of {passes} passes"
    screen.print(
        f"loss {training.losses[0]:.2f} at first, {training.loss(-1):.2f} in the last pass; {seconds:.1f} s{share}"
    )
    return finished


class _Nothing:
    """Stands for a live display where there is no terminal."""

    def __enter__(self) -> "_Nothing":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def update(self, *_: object, **__: object) -> None:
        """Show nothing."""


def curve(losses: list[float], width: int = 60, height: int = 8) -> list[str]:
    """The losses as lines of text: the mean of each stretch is a column, from the least loss at the bottom to the largest."""
    columns = np.array([part.mean() for part in np.array_split(losses, min(width, len(losses)))])
    low, high = columns.min(), columns.max()
    eighths = np.round((columns - low) / (high - low or 1) * (8 * height - 1)).astype(int) + 1
    rows = ["".join(" ▁▂▃▄▅▆▇█"[min(8, max(0, level - 8 * row))] for level in eighths) for row in range(height)]
    marks = {0: f"{low:.2f}", height - 1: f"{high:.2f}"}
    return [f"{marks.get(row, ''):>6} │{rows[row].rstrip()}" for row in reversed(range(height))]


def write(training: Training, words: list[str], output: Path, screen: Console) -> None:
    """Write the table and the picture, and say where they are and what became of some words."""
    save(output, training.words, training.wte)
    picture = output.with_suffix(".svg")
    draw(words, ways(training, words), picture)
    for a, b in PAIRS:
        if {a, b} <= set(training.words):
            first, last = (cosine(training, frame, a, b) for frame in (training.frames[0], training.wte))
            screen.print(f"{f'{a} and {b}':<16}cosine {first:5.2f} before, {last:5.2f} now")
    screen.print(f"The table is in {shown(output)}, the picture in {shown(picture)}.", soft_wrap=True)
    asked = " ".join(words[:2])
    place = f" --embeddings {escape(shown(output))}"
    screen.print(f"  [dim]ask it[/]  {command(f'explore{place} {escape(asked)}')}", soft_wrap=True)


def cosine(training: Training, table: np.ndarray, a: str, b: str) -> float:
    """The cosine of two words' rows in a table."""
    one, other = (table[training.words.index(word)] for word in (a, b))
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def ways(training: Training, words: list[str]) -> np.ndarray:
    """Where some words were in each frame, [F, N, 2]: in the plane in which their rows differ most in the end."""
    rows = [training.words.index(word) for word in words]
    frames = np.stack([*training.frames, training.wte])[:, rows]  # [F, N, C]
    centre, axes, _ = main_plane(frames[-1])
    return (frames - centre) @ axes


def draw(words: list[str], points: np.ndarray, path: Path) -> None:
    """Draw the ways of words, [F, N, 2], each from a small ring to a dot with the word beside it."""
    import matplotlib

    matplotlib.use("agg")
    matplotlib.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "train"}  # real text; the same file each time
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 6), layout="constrained")
    for way in points.swapaxes(0, 1):
        (line,) = axes.plot(*way.T, linewidth=1, alpha=0.6)
        axes.plot(*way[0], marker="o", markersize=3, markerfacecolor="white", color=line.get_color())
        axes.plot(*way[-1], marker="o", markersize=4, color=line.get_color())
    axes.set_title("How training moved the words")
    axes.set_aspect("equal", "datalim")
    axes.margins(0.12)
    label(axes, words, points[-1])
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
