"""Figures of chapter 10: what layer normalisation does to a token, and whose numbers it takes."""

import numpy as np
import svg

from book.figures.attention import EXPECTED, axes, sheet
from book.figures.draw import arrow, label, picture


def norm_on_the_way() -> str:
    """The 64 numbers of one token before each block and at the end, as they are and normalised."""
    token, wide, unit, row = 1, 2.8, 9, 92
    stages = {"block 0": "embeddings", "block 1": "h.0", "block 2": "h.1", "ln_f": "h.2"}
    x, y = 108, 26
    C = EXPECTED["batch/embeddings"].shape[-1]
    gap = C * wide + 24
    elements = [
        label(x + C * wide / 2, 16, "as they are", kind="name"),
        label(x + gap + C * wide / 2, 16, "normalised", kind="name"),
    ]
    for i, (into, key) in enumerate(stages.items()):
        numbers = EXPECTED[f"batch/{key}"][0, token]
        normal = (numbers - numbers.mean()) / np.sqrt(numbers.var() + 1e-5)
        middle = y + (i + 0.5) * row
        elements += [
            label(8, middle - 5, f"into {into}", kind="number", anchor="start"),
            label(8, middle + 14, f"σ = {numbers.std():.2f}", kind="note", anchor="start"),
        ]
        for left, bars in ((x, numbers), (x + gap, normal)):
            line = {"x1": left, "x2": round(left + C * wide, 1), "y1": middle, "y2": middle}
            elements.append(svg.Line(**line, class_=["cell"]))
            for k, value in enumerate((bars * unit).tolist()):
                bar = {"x": round(left + k * wide, 1), "y": round(middle - max(value, 0), 1)}
                size = {"width": 2.2, "height": round(abs(value), 1)}
                elements.append(svg.Rect(**bar, **size, class_=["heat"]))
    title = "The numbers of a token grow from block to block; normalised they keep one size."
    return picture(x + gap + C * wide + 8, y + len(stages) * row, title, elements)


def norm_shapes() -> str:
    """Each row of [T, C] gets its own mean and variance; each column its own weight and bias."""
    T, C, row, column, h = 80, 170, 36, 60, 13
    elements: list[svg.Element] = []

    def matrix(x: float, y: float, w: float, height: float, name: str, rows: str, columns: str) -> None:
        """A matrix with its name and those of its axes."""
        elements.extend([*sheet(x, y, w, height), *axes(x, y, w, height, rows, columns)])
        elements.append(label(x + w / 2, y + height + 18, name, kind="name"))

    def place(x: float, y: float, height: float) -> svg.Rect:
        """One of the C places."""
        return svg.Rect(x=x, y=y, width=h, height=height, class_=["heat"], fill_opacity=0.35)

    x, y = 26, 26
    matrix(x, y, C, T, "x", "T", "C")
    elements += sheet(x, y + row, C, h, picked=True)
    elements += arrow(x + C + 10, y + row + h / 2, x + C + 70, y + row + h / 2)
    for k, name in enumerate(("mean", "variance")):
        left = x + C + 100 + 80 * k
        matrix(left, y, h, T, name, "T", "1")
        elements += sheet(left, y + row, h, h, picked=True)

    y += T + 60
    matrix(x, y, C, T, "normal", "T", "C")
    elements += sheet(x, y + row, C, h, picked=True)
    elements.append(place(x + column, y, T))
    left = x + C + 100
    for k, (sign, name) in enumerate((("×", "weight"), ("+", "bias"))):
        top = y + 2 + 58 * k
        elements += sheet(left, top, C, h)
        elements.append(place(left + column, top, h))
        elements.append(label(left - 36, top + h - 1, sign))
        elements.append(label(left + C / 2, top + h + 16, name, kind="name"))
        elements.append(label(left + C / 2, top - 5, "C", kind="note"))
    title = "Mean and variance belong to a row, a token; weight and bias belong to a column."
    return picture(left + C + 16, y + T + 30, title, elements)


DRAWINGS = {"norm_on_the_way": norm_on_the_way, "norm_shapes": norm_shapes}
