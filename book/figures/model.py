"""Figures of chapters 11 to 14: the MLP, the block, the body and the head."""

from collections import defaultdict
from collections.abc import Callable
from math import ceil, erf

import numpy as np
import svg
from safetensors.numpy import load_file

from book.figures.attention import EXPECTED, WORDS
from book.figures.draw import CELL_H, CELL_W, arrow, cell, label, picture
from book.figures.text import TOKENIZER, minus, path
from solutions.solution_02 import decode
from tutor.checkpoint import TINY

WTE = load_file(TINY / "model.safetensors")["transformer.wte.weight"]


# ---------------------------------------------------------------- step 11


def squares(x: float, y: float, side: int, marks: dict[tuple[int, int], int], kind: str) -> list[svg.Element]:
    """Squares at (row, column), filled by their mark from 1 to 5; one path for all with the same mark."""
    by_mark = defaultdict(list)
    for (row, column), mark in marks.items():
        by_mark[mark].append(f"M{x + column * side:g} {y + row * side:g}h{side}v{side}h-{side}z")
    return [
        svg.Path(d="".join(parts), class_=[kind], style=f"fill-opacity: {0.2 * mark:.1f}")
        for mark, parts in sorted(by_mark.items())
    ]


def mlp() -> str:
    """The numbers of one token on their way through an MLP of the tiny model."""
    layer, token, side, rows = 1, 2, 8, 16
    stages = (
        ("x", "C", "ln_2"),
        ("wide", "4C", "mlp.c_fc"),
        ("GELU(wide)", "4C", "mlp.act"),
        ("result", "C", "mlp"),
    )
    x, y, gap = 16, 34, 62
    elements = []
    for (name, axis, key), after in zip(stages, ("c_fc", "GELU", "c_proj", "")):
        numbers = EXPECTED[f"batch/h.{layer}.{key}"][0, token].reshape(-1, rows).T
        w, h = numbers.shape[1] * side, rows * side
        scaled = numbers / np.abs(numbers).max()
        for kind, part in (("heat", scaled), ("tip", -scaled)):
            marks = {place: ceil(5 * value) for place, value in np.ndenumerate(part) if value > 0.05}
            elements += squares(x, y, side, marks, kind)
        elements += cell(x, y, w=w, h=h)
        elements += [
            label(x + w / 2, y - 12, name, kind="name"),
            label(x + w / 2, y + h + 20, f"[B, T, {axis}]", kind="note"),
            label(x + w / 2, y + h + 38, str(numbers.size), kind="note"),
        ]
        x += w + gap
        if after:
            elements += arrow(x - gap + 8, y + h / 2, x - 8, y + h / 2)
            elements.append(label(x - gap / 2, y + h / 2 - 10, after, kind="number"))
    title = "The 64 numbers of a token become 256, GELU holds back the negative ones, and 64 come out."
    return picture(x - gap + 16, y + h + 48, title, elements)


def gelu() -> str:
    """GELU and ReLU, and below how far the tanh form lies from the exact one."""
    xs = np.linspace(-4, 4, 321)
    exact = np.array([x / 2 * (1 + erf(x / 2**0.5)) for x in xs])
    tanh = xs / 2 * (1 + np.tanh((2 / np.pi) ** 0.5 * (xs + 0.044715 * xs**3)))
    left, unit, width = 66, 46, 8 * 46
    elements = []

    def axis(top: float, low: float, high: float, scale: float, ticks: dict[float, str]) -> Callable:
        """Draw the axes of a panel; what comes back gives the place of a point in it."""

        def place(x: float, y: float) -> tuple[float, float]:
            return round(left + (x + 4) * unit, 1), round(top + (high - y) * scale, 1)

        for value, text in ticks.items():
            _, height = place(0, value)
            elements.append(svg.Line(x1=left, x2=left + width, y1=height, y2=height, class_=["cell"]))
            elements.append(label(left - 8, height + 4, text, kind="note", anchor="end"))
        for value in range(-4, 5, 2):
            (across, bottom), (_, up) = place(value, low), place(value, high)
            elements.append(svg.Line(x1=across, x2=across, y1=up, y2=bottom, class_=["cell"]))
            elements.append(label(across, bottom + 16, minus(str(value)), kind="note"))
        return place

    def curve(place: Callable, ys: np.ndarray, **options) -> svg.Path:
        points = [place(x, y) for x, y in zip(xs.tolist(), ys.tolist())]
        return svg.Path(d=[svg.M(*points[0]), *(svg.L(*point) for point in points[1:])], **options)

    bold = {"class_": ["picked"], "style": "fill: none; stroke-width: 2.5"}
    dashed = {"class_": ["line"], "stroke_dasharray": [5, 4]}
    place = axis(30, -1, 4, 34, {value: minus(str(value)) for value in range(-1, 5)})
    elements += [
        curve(place, np.maximum(xs, 0), **dashed),
        curve(place, tanh, **bold),
        label(left + 24, 54, "GELU, both forms", kind="name", anchor="start"),
        label(left + 24, 74, "dashed: ReLU", kind="note", anchor="start"),
    ]
    ticks = {0.0004: "0.0004", 0.0002: "0.0002", 0: "0", -0.0002: "−0.0002"}
    place = axis(270, -0.0003, 0.0005, 150_000, ticks)
    elements += [
        curve(place, tanh - exact, **bold),
        label(left, 258, "tanh form − exact form, magnified", kind="name", anchor="start"),
    ]
    title = "GELU follows ReLU far from zero and bends smoothly near it; its two forms differ by less than 0.0005."
    return picture(left + width + 14, 412, title, elements)


# ---------------------------------------------------------------- step 12


def box(x: float, y: float, words: str, picked: bool = False) -> list[svg.Element]:
    """A part of a block."""
    return cell(x, y, words, picked=picked, w=96)


def plus(x: float, y: float) -> list[svg.Element]:
    """The place where two vectors are added, around (x, y)."""
    return [svg.Circle(cx=x, cy=y, r=10, class_=["cell"]), label(x, y + 5, "+")]


def pre_norm() -> str:
    """The block of GPT-2, whose straight way is free, and that of the first Transformer."""
    elements = []
    for x, name, paper in ((70, "GPT-2", "pre-norm"), (340, "first Transformer", "post-norm")):
        pre = paper == "pre-norm"
        elements += [
            label(x - 50, 18, name, kind="name", anchor="start"),
            label(x - 50, 36, paper, kind="note", anchor="start"),
            label(x + 10, 66, "x  [B, T, C]", kind="note", anchor="start"),
        ]
        y = 54
        for norm, part in (("ln_1", "attn"), ("ln_2", "mlp")):
            branch, side = y + 26, x + 108
            elements += [*path((x, branch), (side, branch), (side, branch + 16))]
            top = branch + 16
            if pre:
                elements += [*box(side - 48, top, norm, picked=True), *arrow(side, top + 26, side, top + 44)]
                top += 44
            elements += box(side - 48, top, part)
            end = branch + 114 if pre else branch + 70
            elements += [*path((side, top + 26), (side, end), (x + 10, end)), *plus(x, end)]
            elements += arrow(x, y, x, end - 10)
            y = end + 10
            if not pre:
                elements += [*arrow(x, y, x, y + 18), *box(x - 48, y + 18, norm, picked=True)]
                y += 44
            if norm == "ln_1":
                elements.append(label(x + 10, y + 17, "[B, T, C]", kind="note", anchor="start"))
        elements += [*arrow(x, y, x, 392), label(x + 10, 388, "[B, T, C]", kind="note", anchor="start")]
    title = "In GPT-2 the norms stand beside the straight way from x to the end, in the first Transformer on it."
    return picture(520, 400, title, elements)


# ---------------------------------------------------------------- step 13


def body() -> str:
    """The body of GPT-2 (124M) with the shape at each arrow and the parameters of each part."""
    x, w, last = 150, 190, 500
    middle = x + w / 2

    def shape(y: float, text: str = "[B, T, C]") -> svg.Text:
        return label(x - 14, y, text, kind="note", anchor="end")

    def count(y: float, text: str, kind: str = "number") -> svg.Text:
        return label(last, y, text, kind=kind, anchor="end")

    elements = [
        count(18, "parameters", kind="name"),
        label(middle, 18, "tokens  [B, T]"),
        *arrow(middle, 26, middle - 50, 52),
        *arrow(middle, 26, middle + 50, 52),
        *cell(x, 52, "wte", w=w / 2 - 6),
        *cell(x + w / 2 + 6, 52, "wpe", w=w / 2 - 6),
        count(62, "wte  38,597,376"),
        count(80, "wpe  786,432"),
        shape(98, "[B, T, C] + [T, C]"),
        *arrow(middle - 50, 78, middle - 10, 106),
        *arrow(middle + 50, 78, middle + 10, 106),
        *plus(middle, 112),
    ]
    y = 122
    for name in ("h.0", "h.1", "…", "h.11"):
        elements += [*arrow(middle, y, middle, y + 28), shape(y + 18)]
        y += 28
        if name == "…":
            elements += [label(middle, y + 16, name), count(y + 16, "…")]
        else:
            elements += [*cell(x, y, f"Block  {name}", w=w, picked=True), count(y + 18, "7,087,872")]
        y += 26
    elements += [
        *[*arrow(middle, y, middle, y + 28), shape(y + 18)],
        *[*cell(x, y + 28, "LayerNorm  ln_f", w=w), count(y + 46, "1,536")],
        *[*arrow(middle, y + 54, middle, y + 84), shape(y + 76), count(y + 78, "124,439,808", kind="name")],
    ]
    title = "Tokens become vectors, pass through twelve blocks one after the other, and are normalised."
    return picture(last + 10, y + 90, title, elements)


def journey() -> str:
    """How near each token's vector lies to its own embedding, and to that of the token that follows."""
    tokens, stages = EXPECTED["batch/input_ids"][0], ("embeddings", "h.0", "h.1", "h.2")
    rows = WTE[tokens] / np.linalg.norm(WTE[tokens], axis=-1, keepdims=True)
    x, y = 100, 46
    elements = []
    for name, first in (("nearness to the token itself", 0), ("nearness to the token that follows", 1)):
        elements.append(label(x, y - 30, name, kind="name", anchor="start"))
        places = range(len(tokens) - first)
        for place in places:
            elements.append(label(x + (place + 0.5) * CELL_W, y - 8, WORDS[place + first], kind="number"))
        for i, stage in enumerate(stages):
            top = y + i * CELL_H
            elements.append(label(x - 10, top + 18, stage, kind="number", anchor="end"))
            vectors = EXPECTED[f"batch/{stage}"][0]
            vectors = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
            for place in places:
                cosine = float(vectors[place] @ rows[place + first])
                left = x + place * CELL_W
                elements += cell(left, top, minus(f"{cosine:.2f}"), heat=0.7 * max(cosine, 0))
        y += len(stages) * CELL_H + 72
    title = "From block to block the vectors leave their own tokens and come near the tokens that follow."
    return picture(x + len(tokens) * CELL_W + 10, y - 60, title, elements)


# ---------------------------------------------------------------- step 14


def logits() -> str:
    """The shapes of the head: two texts of three tokens, C = 4, V = 7."""
    B, T, C, V, side = 2, 3, 4, 7, 13
    middle, gap = 118, 16
    elements = []

    def grid(x: float, rows: int, columns: int, top: float, picked: int | None = None) -> None:
        """Cells in rows and columns; one row may be marked."""
        for i in range(rows):
            for j in range(columns):
                elements.extend(cell(x + j * side, top + i * side, picked=i == picked, w=side, h=side))

    def texts(x: float, columns: int, name: str, shape: str) -> None:
        """A grid for each text."""
        for text in range(B):
            top = middle - (B * T * side + gap) / 2 + text * (T * side + gap)
            grid(x, T, columns, top, picked=1 if text == 1 else None)
        names(x, columns, name, shape)

    def names(x: float, columns: int, name: str, shape: str) -> None:
        elements.append(label(x + columns * side / 2, 20, name, kind="name"))
        elements.append(label(x + columns * side / 2, 38, shape, kind="note"))

    def between(x: float, sign: str) -> None:
        if sign:
            elements.append(label(x, middle + 5, sign))
        else:
            elements.extend(arrow(x - 12, middle, x + 12, middle))

    x, space = 16, 36
    texts(x, C, "x", "[B, T, C]")
    x += C * side + space
    between(x - space / 2, "")
    grid(x, B * T, C, middle - B * T * side / 2, picked=T + 1)
    names(x, C, "x", "[B·T, C]")
    x += C * side + space
    between(x - space / 2, "@")
    grid(x, C, V, middle - C * side / 2)
    names(x, V, "wteᵀ", "[C, V]")
    x += V * side + space
    between(x - space / 2, "=")
    grid(x, B * T, V, middle - B * T * side / 2, picked=T + 1)
    names(x, V, "logits", "[B·T, V]")
    x += V * side + space
    between(x - space / 2, "")
    texts(x, V, "logits", "[B, T, V]")
    title = "The texts become one axis, are multiplied with the turned table, and are parted again."
    return picture(x + V * side + 14, 196, title, elements)


def next_tokens() -> str:
    """What the tiny model expects after "The queen rules the land. She"."""
    scores = EXPECTED["batch/logits"][0, -1]
    chances = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
    best = chances.argsort()[::-1][:5]
    x, y, w = 150, 36, 260
    elements = [
        label(x - 66, 20, "logit", kind="name", anchor="end"),
        label(x - 10, 20, "token", kind="name", anchor="end"),
        label(x, 20, "probability", kind="name", anchor="start"),
    ]
    for i, token in enumerate(best.tolist()):
        top, long = y + 30 * i, float(chances[token]) * w
        elements += [
            label(x - 66, top + 15, f"{scores[token]:.2f}", kind="number", anchor="end"),
            label(x - 10, top + 15, decode([token], TOKENIZER).strip(), kind="number", anchor="end"),
            svg.Rect(x=x, y=top, width=round(max(long, 1), 1), height=20, class_=["picked"]),
            label(x + long + 10, top + 15, f"{chances[token]:.5f}", kind="number", anchor="start"),
        ]
    title = "The five most probable tokens after: The queen rules the land. She."
    return picture(x + w + 90, y + 30 * len(best), title, elements)


DRAWINGS = {
    "mlp": mlp,
    "gelu": gelu,
    "pre_norm": pre_norm,
    "body": body,
    "journey": journey,
    "logits": logits,
    "next_tokens": next_tokens,
}
