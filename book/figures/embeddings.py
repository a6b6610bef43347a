"""Figures of chapters 04 to 06: looking rows up."""

import numpy as np
import svg
from safetensors.numpy import load_file

from book.figures.draw import CELL_H, CELL_W, arrow, cell, label, picture, table
from book.figures.text import minus
from tutor.checkpoint import REFERENCE, TINY

TOY = np.load(REFERENCE / "toy.npz")["seed_123/weight"]
IDS = [2, 3, 5, 1]


def numbers(rows) -> list[list[str]]:
    """Numbers as the book prints them."""
    return [[minus(f"{value:.4f}") for value in row] for row in rows]


def lookup() -> str:
    """The IDs 2, 3, 5, 1 pick rows of the 6 × 3 table; book/src/live/lookup.js draws the same with IDs of the reader's."""
    x, y = 150, 40
    shift = (len(TOY) - len(IDS)) / 2
    out = x + 3 * CELL_W + 130
    elements = [
        label(30, y - 14, "ID", kind="name"),
        label(x + 1.5 * CELL_W, y - 14, "wte.weight  [6, 3]", kind="name"),
        label(out + 1.5 * CELL_W, y - 14, "embeddings  [4, 3]", kind="name"),
        *table(x, y, numbers(TOY), picked=IDS),
        *table(out, y + shift * CELL_H, numbers(TOY[IDS]), picked=range(len(IDS))),
    ]
    elements += [label(x - 16, y + (i + 0.5) * CELL_H + 5, str(i), kind="note") for i in range(len(TOY))]
    for k, row in enumerate(IDS):
        here, there = y + (k + shift + 0.5) * CELL_H, y + (row + 0.5) * CELL_H
        elements += cell(10, y + (k + shift) * CELL_H, str(row), w=40)
        elements += [*arrow(54, here, x - 28, there), *arrow(x + 3 * CELL_W + 6, there, out - 6, here)]
    return picture(
        out + 3 * CELL_W + 20,
        y + 6 * CELL_H + 16,
        "The IDs 2, 3, 5 and 1 pick the rows with those numbers, in that order.",
        elements,
        table=[[round(value, 4) for value in row] for row in TOY.tolist()],
    )


def one_hot() -> str:
    """One-hot vectors times the table pick the same rows."""
    x, y, w = 60, 40, 26
    hot = np.eye(6, dtype=int)[IDS]
    elements = [label(x + 3 * w, y - 14, "one-hot  [4, 6]", kind="name")]
    for i, row in enumerate(hot):
        for j, value in enumerate(row):
            elements += cell(x + j * w, y + (i + 1) * CELL_H, str(value), picked=bool(value), w=w)
        elements.append(label(x - 16, y + (i + 1) * CELL_H + 18, str(IDS[i]), kind="note"))
    elements.append(label(x + 6 * w + 20, y + 3 * CELL_H + 5, "×"))
    left = x + 6 * w + 40
    elements += [
        label(left + 1.5 * CELL_W, y - 14, "weight  [6, 3]", kind="name"),
        *table(left, y, numbers(TOY), picked=IDS),
    ]
    elements.append(label(left + 3 * CELL_W + 20, y + 3 * CELL_H + 5, "="))
    out = left + 3 * CELL_W + 40
    elements += [label(out + 1.5 * CELL_W, y - 14, "the rows  [4, 3]", kind="name")]
    elements += table(out, y + CELL_H, numbers(TOY[IDS]), picked=range(4))
    return picture(
        out + 3 * CELL_W + 20,
        y + 6 * CELL_H + 16,
        "A one-hot vector times the table gives the row at the place of its one.",
        elements,
    )


def broadcast() -> str:
    """The position embeddings, [T, C], are added to each text of [B, T, C]."""
    texts, x, w, gap = [["dog", "loves", "man"], ["man", "loves", "dog"]], 150, 88, 40
    T, height = len(texts[0]), 2 * CELL_H + gap
    positions = [[f"wpe {i}" for i in range(T)]] * 2
    sums = [[f"{word} + {i}" for i, word in enumerate(text)] for text in texts]
    blocks = (
        ("tokens", "[B, T, C]", texts, ()),
        ("positions", "[T, C]", positions, (0,)),
        ("sum", "[B, T, C]", sums, (0, 1)),
    )
    elements = [label(x + T * w / 2, 14, "T →", kind="note"), label(x - 10, 62, "B ↓", kind="note", anchor="end")]
    for number, (name, shape, rows, picked) in enumerate(blocks):
        y = 24 + number * height
        elements += [
            label(8, y + 18, name, kind="name", anchor="start"),
            label(8, y + 38, shape, kind="note", anchor="start"),
        ]
        elements += table(x, y, rows, picked=picked, w=w)
        if number:
            elements.append(label(x + T * w / 2, y - gap / 2 + 5, " +="[number]))
    y = 24 + height + CELL_H
    elements += [label(x + T * w + 8, y + 18, "the same again", kind="note", anchor="start")]
    return picture(
        x + T * w + 116,
        24 + 3 * height - gap + 12,
        "Each text of the batch gets the same position embeddings.",
        elements,
    )


def positions() -> str:
    """The cosine similarity of each eighth position embedding of the tiny model with every other."""
    wpe = load_file(TINY / "model.safetensors")["transformer.wpe.weight"]
    unit = wpe / np.linalg.norm(wpe, axis=1, keepdims=True)
    shown = [*range(0, len(wpe), 8), len(wpe) - 1]
    x, y, size = 46, 34, 19

    def square(left: float, top: float, cosine: float) -> svg.Rect:
        """One pair of positions: -1 is empty, 1 is full."""
        return svg.Rect(
            x=left, y=top, width=size, height=size, class_=["heat"], fill_opacity=round((1 + cosine) / 2, 2)
        )

    elements = [label(x + len(shown) * size / 2, 14, "position", kind="name")]
    for i, position in enumerate(shown):
        if i % 4 == 0:
            elements.append(label(x + (i + 0.5) * size, y - 5, str(position), kind="note"))
            elements.append(label(x - 6, y + i * size + 14, str(position), kind="note", anchor="end"))
        elements += [
            square(x + j * size, y + i * size, float(unit[position] @ unit[other])) for j, other in enumerate(shown)
        ]
    for i, cosine in enumerate((1, 0.5, 0, -0.5, -1)):
        top = y + 24 * i
        elements += [
            square(x + len(shown) * size + 24, top, cosine),
            svg.Rect(x=x + len(shown) * size + 24, y=top, width=size, height=size, class_=["cell"]),
        ]
        elements.append(label(x + len(shown) * size + 50, top + 14, minus(f"{cosine}"), kind="number", anchor="start"))
    return picture(
        x + len(shown) * size + 100,
        y + len(shown) * size + 10,
        "Position embeddings that lie close to each other in a text are alike.",
        elements,
    )


DRAWINGS = {"lookup": lookup, "one_hot": one_hot, "broadcast": broadcast, "positions": positions}
