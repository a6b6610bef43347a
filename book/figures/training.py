"""Figures of chapters 05 and 22: a training, as `pixi run train` runs it."""

import functools

import numpy as np
import svg

from book.figures.draw import label, picture
from book.figures.text import minus
from tutor.__main__ import parser
from tutor.commands.train import PAIRS, TEXT, begin, cosine, read, ways
from tutor.training import FRAMES, Training

WORDS = [
    "king",
    "queen",
    "prince",
    "man",
    "woman",
    "cat",
    "dog",
    "kitten",
    "puppy",
    "sea",
    "lake",
    "water",
    "paper",
    "pen",
    "one",
    "two",
]


@functools.cache
def training() -> Training:
    """The training that the command does without options, to its end."""
    done = begin(read(TEXT), parser().parse_args(["train"]))
    for _ in done:
        continue
    return done


def movement() -> str:
    """The ways of some words from where chance put them to where training did."""
    points = ways(training(), WORDS)
    corners = np.geomspace(1, len(points), 16).round().astype(int) - 1  # closer together where the words move fast
    points, data = points[corners], frames(points, np.unique(corners))
    low, high = points.min(axis=(0, 1)), points.max(axis=(0, 1))
    scale, x, y = 600 / (high - low)[0], 60, 26
    points = (points - [low[0], high[1]]) * [scale, -scale] + [x, y]
    elements = []
    for way in points.swapaxes(0, 1):
        corners = [round(float(number), 1) for number in way.ravel()]
        elements.append(svg.Polyline(points=corners, class_=["line"]))
    for word, way in zip(WORDS, points.swapaxes(0, 1)):
        (left, top), (right, bottom) = way[0].round(1).tolist(), way[-1].round(1).tolist()
        elements.append(svg.Circle(cx=left, cy=top, r=2.5, class_=["cell"]))
        elements.append(svg.Circle(cx=right, cy=bottom, r=4, class_=["heat"]))
        side = -1 if word in LEFT else 1
        elements.append(label(right + 8 * side, bottom + 5, word, anchor="end" if word in LEFT else "start"))
    title = (
        "Sixteen words start close together, where chance put them; training leads each group to a place of its own."
    )
    return picture(x + 600 + 60, points[..., 1].max() + 24, title, elements, training=data)


def frames(points: np.ndarray, corners: np.ndarray) -> dict:
    """What book/src/live/training.js shows: the words at each corner of their ways, [F, N, 2], and how the training stood."""
    done, quarter = training(), training().batches // FRAMES
    tables, losses = [*done.frames, done.wte], done.losses
    ends = [min(frame * quarter, len(losses)) for frame in corners.tolist()]
    return {
        "words": WORDS,
        "frames": points[corners].round(2).tolist(),
        "passes": [round(end / done.batches, 2) for end in ends],
        "losses": [round(float(np.mean(losses[max(0, end - quarter) : end])), 2) if end else None for end in ends],
        "cosines": {f"{a} {b}": [round(cosine(done, tables[frame], a, b), 2) for frame in corners] for a, b in PAIRS},
    }


LEFT = {"king", "queen", "woman", "prince", "kitten", "two", "one"}
"""Words that stand to the left of their dots, where those to the right have no room."""


def loss_curve() -> str:
    """The mean loss of each quarter of a pass, and the least that any table could have."""
    done = training()
    losses = [part.mean() for part in np.array_split(done.losses, 4 * done.passes)]
    least, top, bottom = floor(done), 6.0, 3.0
    x, y, width, height = 56, 20, 520, 240

    def place(value: float) -> float:
        return round(y + (top - value) / (top - bottom) * height, 1)

    elements = [
        svg.Line(x1=x, y1=y, x2=x, y2=y + height, class_=["line"]),
        svg.Line(x1=x, y1=y + height, x2=x + width, y2=y + height, class_=["line"]),
    ]
    for value in (3, 4, 5, 6):
        elements.append(label(x - 8, place(value) + 4, str(value), kind="note", anchor="end"))
    for passes in range(0, done.passes + 1, 5):
        elements.append(label(x + width * passes / done.passes, y + height + 18, str(passes), kind="note"))
    elements.append(label(x + width / 2, y + height + 40, "passes", kind="name"))
    for value, words in (
        (np.log(len(done.words)), f"every word alike: log {len(done.words)}"),
        (least, "the least there can be"),
    ):
        dashed = svg.Line(
            x1=x, y1=place(value), x2=x + width, y2=place(value), class_=["line"], stroke_dasharray=[5, 5]
        )
        elements += [
            dashed,
            label(x + width, place(value) - 7, f"{words} = {minus(f'{value:.2f}')}", kind="note", anchor="end"),
        ]
    corners = [(x + width * (i + 0.5) / len(losses), place(loss)) for i, loss in enumerate(losses)]
    elements.append(svg.Polyline(points=[round(n, 1) for corner in corners for n in corner], class_=["line"]))
    title = "The loss falls fast in the first passes, then slowly, towards a floor that it cannot go below."
    return picture(x + width + 20, y + height + 52, title, elements)


def floor(done: Training) -> float:
    """The loss of somebody who knows how often each word has each neighbour, and can predict no better."""
    from solutions.solution_22 import skip_grams

    ids, neighbours = skip_grams(done.tokens, 2)
    counts = np.zeros((len(done.words), len(done.words)))
    np.add.at(counts, (ids, neighbours), 1)
    chances = counts / counts.sum(axis=-1, keepdims=True)
    return float(-np.log(chances[ids, neighbours]).mean())


DRAWINGS = {"movement": movement, "loss_curve": loss_curve}
