"""What the figures are drawn with: cells, tables, arrows and labels. Colours are the page's, see book/theme/course.css."""

import json
from collections.abc import Iterable, Sequence
from html import escape

import svg

CELL_W, CELL_H = 58, 26


def picture(width: float, height: float, title: str, elements: Iterable[svg.Element], **data: object) -> str:
    """A whole figure. `title` says in a sentence what it shows, for those who cannot see it.

    `data` is for the page's own JavaScript: each becomes an attribute data-NAME, in JSON.
    """
    drawn = svg.SVG(
        viewBox=svg.ViewBoxSpec(0, 0, round(width), round(height)),
        width=round(width),
        extra={"role": "img", **{f"data-{name}": escape(json.dumps(value)) for name, value in data.items()}},
        elements=[svg.Title(text=escape(title)), *elements],
    )
    return f"{drawn}\n"


def label(x: float, y: float, text: str, *, kind: str = "label", anchor: str = "middle") -> svg.Text:
    """A text: kind is "label", "number", "name" (of a variable or axis) or "note" (smaller, paler)."""
    return svg.Text(x=round(x, 1), y=round(y, 1), text=escape(text), class_=[kind], text_anchor=anchor)


def cell(
    x: float, y: float, text: str = "", *, heat: float = 0.0, picked: bool = False, w: float = CELL_W, h: float = CELL_H
) -> list[svg.Element]:
    """A cell with a number or a word; `heat` from 0 to 1 fills it, `picked` marks it."""
    box = svg.Rect(x=round(x, 1), y=round(y, 1), width=w, height=h, class_=["picked" if picked else "cell"])
    filled = svg.Rect(x=round(x, 1), y=round(y, 1), width=w, height=h, class_=["heat"], fill_opacity=round(heat, 3))
    words = label(x + w / 2, y + h / 2 + 5, text, kind="number")
    return [*([filled] if heat > 0 else []), box, *([words] if text else [])]


def table(
    x: float,
    y: float,
    rows: Sequence[Sequence[str]],
    *,
    picked: Iterable[int] = (),
    w: float = CELL_W,
    h: float = CELL_H,
) -> list[svg.Element]:
    """A table of cells, with some rows marked."""
    marked = set(picked)
    return [
        element
        for i, row in enumerate(rows)
        for j, text in enumerate(row)
        for element in cell(x + j * w, y + i * h, text, picked=i in marked, w=w, h=h)
    ]


def arrow(x1: float, y1: float, x2: float, y2: float) -> list[svg.Element]:
    """A straight arrow."""
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
    ux, uy = (x2 - x1) / length, (y2 - y1) / length
    tip = [x2, y2, x2 - 8 * ux - 4 * uy, y2 - 8 * uy + 4 * ux, x2 - 8 * ux + 4 * uy, y2 - 8 * uy - 4 * ux]
    line = svg.Line(
        x1=round(x1, 1), y1=round(y1, 1), x2=round(x2 - 7 * ux, 1), y2=round(y2 - 7 * uy, 1), class_=["line"]
    )
    return [line, svg.Polygon(points=[round(value, 1) for value in tip], class_=["tip"])]
