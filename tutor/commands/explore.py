"""`explore`: what embeddings say of words: similarities, neighbours, analogies, a picture.

They are the token embeddings of a GPT-2, or those that `train` made.
"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tutor.checkpoint import CheckpointError, find, tokenizer_of
from tutor.runner.mine import take, told
from tutor.screen.terminal import console
from tutor.training import NoTable, load

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PIECES = [2, 15, 16]
WORDS = (
    "king queen man woman boy girl prince princess cat kitten dog puppy cow calf "
    "sea lake water paper pen book one two three Monday Sunday"
)
"""What the picture shows when no words are given; those that are not a single token are left out."""


class Question(ValueError):
    """Words that make no question; the message is a sentence for whoever asked."""


def main(args: Namespace) -> int:
    """Answer what the command line asks. Returns an exit code."""
    screen, mine = console(stderr=True), []
    try:
        plus, minus = parse(args.words)
        refuse(args, plus)
        if args.embeddings:
            words, vectors = load(args.embeddings)
            mine = take(args.mine, [16], screen)
            embeddings: Embeddings = Words(words, vectors, args.embeddings)
        else:
            folder = find(args.checkpoint)
            mine = take(args.mine, PIECES, screen)
            embeddings = Embeddings(folder)
        answer(args, plus, minus, embeddings, console())
    except (CheckpointError, Question, NoTable) as error:
        screen.print(str(error), markup=False)
        return 2
    except Exception as error:
        return told(error, mine, screen)
    return 0


def refuse(args: Namespace, words: list[str]) -> None:
    """Say so before anything is read if the command line makes no sense.

    Raises:
        Question: there is nothing to do, or the name of the picture is of another kind.
    """
    if args.picture and args.picture.suffix.lower() not in (".svg", ".png"):
        raise Question(f"A picture is an .svg or a .png file, not {args.picture.name}.")
    if not words and not args.picture:
        raise Question("Say which words to compare, for instance king queen, or king - man + woman.")


def answer(args: Namespace, plus: list[str], minus: list[str], embeddings: Embeddings, console: Console) -> None:
    """Print what the words ask for, and draw the picture.

    Raises:
        Question: a word has no row of its own, or there are too few for a picture.
    """
    ids = {word: embeddings.id(word) for word in dict.fromkeys(plus + minus)}
    words = list(ids) or embeddings.known(WORDS.split())
    if args.picture and len(words) < 3:
        raise Question("A picture needs three words or more.")
    if minus:
        show_analogy(embeddings, plus, minus, args.count, console)
    elif ids:
        show_words(embeddings, ids, args.count, console)
    if args.picture:
        draw(embeddings, words, args.picture)
        console.print(f"The picture is in {args.picture.absolute()}.", soft_wrap=True)


def parse(words: list[str]) -> tuple[list[str], list[str]]:
    """The words to compare, or the ones to add and the ones to take away: "king - man + woman".

    Raises:
        Question: signs and words make no analogy of three words.
    """
    words = " ".join(words).replace("−", "-").split()
    if not {"+", "-"} & set(words):
        return words, []
    signs, names = words[1::2], words[::2]
    if len(names) != 3 or sorted(signs) != ["+", "-"] or {"+", "-"} & set(names):
        raise Question("An analogy has three words, of which one is taken away: king - man + woman.")
    minus = names.pop(1 + signs.index("-"))
    return names, [minus]


class Embeddings:
    """The token embeddings of a checkpoint: its table `wte`, [V, C], and the words that have a row of their own."""

    def __init__(self, folder: Path):
        from solutions import solution_16 as step
        from solutions.solution_02 import decode, read_tokenizer
        from solutions.solution_15 import read_safetensors

        self.step, self._decode = step, decode
        with tokenizer_of(folder) as place:
            self.tokenizer = read_tokenizer(place)
        tensors = read_safetensors(folder / "model.safetensors")
        wte = [array for name, array in tensors.items() if name.endswith(("wte.weight", "lm_head.weight"))]
        if not wte or wte[0].ndim != 2:
            raise ValueError(f"{folder} holds no table of token embeddings, wte.weight")
        self.table = wte[0]

    def id(self, word: str) -> int:
        """The row of a word.

        Raises:
            Question: it has none of its own.
        """
        try:
            return self.step.word_id(word, self.tokenizer)
        except ValueError:
            spaces = " Signs stand between spaces: king - man + woman." if {"+", "-"} & set(word) else ""
            sentence = f"{word!r} is not a single token in this vocabulary, so it has no row of its own.{spaces}"
            raise Question(sentence) from None

    def known(self, words: list[str]) -> list[str]:
        """Those of the words that have a row."""
        found = []
        for word in words:
            try:
                self.id(word)
                found.append(word)
            except Question:
                continue
        return found

    def name(self, row: int) -> str:
        """What a row stands for: a word that has a space before it as it is, anything else in quotes."""
        text = self._decode([row], self.tokenizer)
        return text[1:] if text.startswith(" ") and text[1:].isalnum() else repr(text)


class Words(Embeddings):
    """A table of words as `train` writes it: each word has a row of its own."""

    def __init__(self, words: list[str], vectors: np.ndarray, path: Path):
        from solutions import solution_16 as step

        self.step, self.words, self.table, self.path = step, words, vectors, path

    def id(self, word: str) -> int:
        """The row of a word.

        Raises:
            Question: it has none.
        """
        if word not in self.words:
            raise Question(f"{word!r} is not among the {len(self.words)} words of {self.path}.")
        return self.words.index(word)

    def name(self, row: int) -> str:
        """The word of a row; a sign in quotes."""
        word = self.words[row]
        return word if word.isalnum() else repr(word)


def show_words(embeddings: Embeddings, ids: dict[str, int], count: int, console: Console) -> None:
    """The similarity of each two words, and the neighbours of each."""
    step, table = embeddings.step, embeddings.table
    if len(ids) > 1:
        grid = Table("", *map(escape, ids), title="cosine similarity")
        for word, row in ids.items():
            similarities = [float(step.cosine_similarity(table[row], table[other])) for other in ids.values()]
            grid.add_row(escape(word), *(f"{similarity:.2f}" for similarity in similarities))
        if console.measure(grid, options=console.options.update(width=10_000)).maximum <= console.width:
            console.print(grid)
        else:
            console.print(
                "[dim]The table of all similarities is too wide for this window; these are the neighbours.[/]"
            )
    for word, row in ids.items():
        near = step.nearest(table[row], table, count, exclude=(row,))
        console.print(f"[dim]nearest to[/] {escape(word)}[dim]:[/] {_listed(embeddings, near)}", soft_wrap=True)


def show_analogy(embeddings: Embeddings, plus: list[str], minus: list[str], count: int, console: Console) -> None:
    """The words nearest to a - b + c."""
    (a, c), (b,) = plus, minus
    near = embeddings.step.analogy(*map(embeddings.id, (a, b, c)), embeddings.table, count)
    console.print(f"{escape(f'{a} - {b} + {c}')} [dim]is nearest to[/] {_listed(embeddings, near)}", soft_wrap=True)


def _listed(embeddings: Embeddings, near: list[tuple[int, float]]) -> str:
    """Rows and their similarities in a line."""
    return ", ".join(f"{escape(embeddings.name(row))} [dim]{similarity:.2f}[/]" for row, similarity in near)


def draw(embeddings: Embeddings, words: list[str], path: Path) -> None:
    """Draw words as points on the plane in which their embeddings differ most (principal components), with labels."""
    import matplotlib

    matplotlib.use("agg")
    matplotlib.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "explore"}  # real text; the same file each time
    from matplotlib import pyplot

    points, shares = plane(np.stack([embeddings.table[embeddings.id(word)] for word in words]))
    figure, axes = pyplot.subplots(figsize=(8, 6), layout="constrained")
    axes.scatter(points[:, 0], points[:, 1], s=16)
    axes.set_xlabel(f"first principal component ({shares[0]:.0%} of the variance)")
    axes.set_ylabel(f"second principal component ({shares[1]:.0%})")
    axes.set_title("Token embeddings")
    axes.set_aspect("equal", "datalim")
    axes.margins(0.12)
    label(axes, words, points)
    figure.savefig(path, metadata={"Date": None} if path.suffix.lower() == ".svg" else None, dpi=150)
    pyplot.close(figure)


def label(axes: Axes, words: list[str], points: np.ndarray) -> None:
    """Write each word beside its point, on the first side where it covers no other word and no point."""
    from matplotlib.transforms import Bbox

    axes.figure.canvas.draw()  # settles where points lie, which labels are measured by
    taken = [Bbox([place - 3, place + 3]) for place in axes.transData.transform(points)]
    for word, point in zip(words, points):
        for side, dx, dy in (("left", 4, 3), ("right", -4, 3), ("left", 4, -9), ("right", -4, -9), ("center", 0, 10)):
            text = axes.annotate(word, point, xytext=(dx, dy), textcoords="offset points", ha=side)
            box = text.get_window_extent()
            if not any(box.overlaps(other) for other in taken):
                break
            if side != "center":
                text.remove()
        taken.append(box)


def plane(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vectors [N, C] as points [N, 2] in the plane of their largest variance, and its shares of the variance, [2]."""
    centre, axes, shares = main_plane(vectors)
    return (vectors - centre) @ axes, shares


def main_plane(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The plane in which vectors [N, C] vary most: their centre [C], its axes [C, 2] and their shares of the variance, [2].

    Each axis points to where the vector farthest out lies, since principal components have no sign of their own.
    """
    centre = vectors.mean(axis=0)
    U, S, Vt = np.linalg.svd(vectors - centre, full_matrices=False)
    points = U[:, :2] * S[:2]
    signs = np.sign(points[np.abs(points).argmax(axis=0), range(2)])
    return centre, (Vt[:2] * signs[:, np.newaxis]).T, S[:2] ** 2 / np.sum(S**2)
