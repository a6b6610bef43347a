"""Figures of chapters 04 to 06: looking rows up."""

import numpy as np

from tutor.course import ROOT
from tutor.figures.draw import CELL_H, CELL_W, arrow, cell, label, picture, table

TOY = np.load(ROOT / "tests" / "reference" / "toy.npz")["seed_123/weight"]
IDS = [2, 3, 5, 1]


def numbers(rows) -> list[list[str]]:
    """Numbers as the book prints them."""
    return [[f"{value:.4f}".replace("-", "−") for value in row] for row in rows]


def lookup() -> str:
    """The IDs 2, 3, 5, 1 pick rows of the 6 × 3 table."""
    x, y = 110, 40
    elements = [label(x - 70, y - 14, "ID", kind="name"), label(x + 1.5 * CELL_W, y - 14, "wte.weight  [6, 3]", kind="name")]
    elements += table(x, y, numbers(TOY), picked=IDS)
    elements += [label(x - 22, y + i * CELL_H + 18, str(i), kind="note") for i in range(6)]
    out = x + 3 * CELL_W + 130
    elements += [label(out + 1.5 * CELL_W, y - 14, "embeddings  [4, 3]", kind="name")]
    for k, row in enumerate(IDS):
        elements += cell(x - 90, y + (k + 1) * CELL_H, str(row), w=40)
        elements += [e for j, text in enumerate(numbers(TOY[[row]])[0]) for e in cell(out + j * CELL_W, y + (k + 1) * CELL_H, text, picked=True)]
        elements += arrow(x + 3 * CELL_W + 6, y + (row + 0.5) * CELL_H, out - 6, y + (k + 1.5) * CELL_H)
    return picture(out + 3 * CELL_W + 20, y + 6 * CELL_H + 16, "The IDs 2, 3, 5 and 1 pick the rows with those numbers, in that order.", elements)


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
    elements += [label(left + 1.5 * CELL_W, y - 14, "weight  [6, 3]", kind="name"), *table(left, y, numbers(TOY), picked=IDS)]
    elements.append(label(left + 3 * CELL_W + 20, y + 3 * CELL_H + 5, "="))
    out = left + 3 * CELL_W + 40
    elements += [label(out + 1.5 * CELL_W, y - 14, "the rows  [4, 3]", kind="name")]
    elements += table(out, y + CELL_H, numbers(TOY[IDS]), picked=range(4))
    return picture(out + 3 * CELL_W + 20, y + 6 * CELL_H + 16, "A one-hot vector times the table gives the row at the place of its one.", elements)


DRAWINGS = {"lookup": lookup, "one_hot": one_hot}
