"""Figures of chapters 07 to 09: the mask, one head of attention, several heads side by side."""

import numpy as np
import svg

from book.figures.draw import CELL_H, arrow, cell, label, picture
from book.figures.text import TOKENIZER, minus
from solutions.solution_02 import decode
from tutor.checkpoint import REFERENCE

EXPECTED = np.load(REFERENCE / "expected.npz")
WORDS = [decode([token], TOKENIZER).strip() for token in EXPECTED["batch/input_ids"][0].tolist()]
SENTENCE = WORDS[: WORDS.index(".") + 1]
"""The first text of the reference batch up to its full stop; no token of it sees what follows."""
LAYER, HEAD = 1, 2
"""The head that the model card of the tiny model singles out."""


def attention(name: str, T: int = len(SENTENCE)) -> np.ndarray:
    """Hugging Face's "scores" or "weights" in LAYER for the first T tokens, [H, T, T]."""
    return EXPECTED[f"batch/h.{LAYER}.attn.{name}"][0, :, :T, :T]


def sheet(x: float, y: float, w: float, h: float, words: str = "", **options) -> list[svg.Element]:
    """A matrix as a rectangle, as wide as its last axis and as high as the one before."""
    return cell(x, y, words, w=w, h=h, **options)


def axes(x: float, y: float, w: float, h: float, rows: str, columns: str) -> list[svg.Element]:
    """The names of a matrix's two axes, at its left and on top of it."""
    return [
        label(x - 8, y + h / 2 + 4, rows, kind="note"),
        label(x + w / 2, y - 5, columns, kind="note"),
    ]


def slanted(x: float, y: float, text: str) -> svg.Text:
    """A label that leans to the right, for columns that are narrower than their names."""
    element = label(x, y, text, kind="note", anchor="start")
    element.transform = [svg.Rotate(-45, round(x, 1), round(y, 1))]
    return element


# ---------------------------------------------------------------- step 07


def mask() -> str:
    """The mask of seven tokens: a row asks, a column is looked at."""
    T, x, y, w = len(WORDS), 92, 52, 48
    elements = [
        label(x + T * w / 2, 16, "key: the token that is looked at →", kind="note"),
        label(x - 10, y - 8, "query ↓", kind="note", anchor="end"),
    ]
    for i, word in enumerate(WORDS):
        elements.append(label(x + (i + 0.5) * w, y - 8, word, kind="number"))
        elements.append(label(x - 10, y + i * CELL_H + 18, word, kind="number", anchor="end"))
        for j in range(T):
            seen = j <= i
            elements += cell(x + j * w, y + i * CELL_H, "0" if seen else "−∞", picked=seen, w=w)
    title = "The mask of seven tokens: 0 on the diagonal and below it, minus infinity above it."
    return picture(x + T * w + 10, y + T * CELL_H + 10, title, elements)


def masked_softmax() -> str:
    """Real scores of one head with the mask added, and the weights that softmax makes of them."""
    T, w, x, y = 4, 50, 60, 50
    scores, weights = (attention(name, T)[HEAD].tolist() for name in ("scores", "weights"))
    right = x + T * w + 66
    elements = [
        label(x + T * w / 2, 16, "scores + mask  [T, T]", kind="name"),
        label(right + T * w / 2, 16, "weights  [T, T]", kind="name"),
        *arrow(x + T * w + 8, y + T * CELL_H / 2, right - 8, y + T * CELL_H / 2),
        label((x + T * w + right) / 2, y + T * CELL_H / 2 - 9, "softmax", kind="note"),
    ]
    for i, word in enumerate(WORDS[:T]):
        middle = y + i * CELL_H + 18
        elements.append(label(x - 8, middle, word, kind="number", anchor="end"))
        for j in range(T):
            top, weight = y + i * CELL_H, weights[i][j]
            score = minus(f"{scores[i][j]:.2f}") if j <= i else "−∞"
            share = f"{weight:.2f}" if weight else "0"
            elements += cell(x + j * w, top, score, w=w)
            elements += cell(right + j * w, top, share, heat=0.6 * weight, w=w)
        for start in (x, right):
            elements.append(label(start + (i + 0.5) * w, y - 10, word, kind="number"))
    title = "Scores with the mask added, and their softmax: the future weighs exactly 0."
    return picture(right + T * w + 10, y + T * CELL_H + 12, title, elements)


# ---------------------------------------------------------------- step 08


def attention_shapes() -> str:
    """Two products with a softmax between: the way of one token's row is marked."""
    sizes, row, h = {"T": 90, "D": 54}, 54, 15
    T, left, middle, right = sizes["T"], 44, 190, 366
    elements: list[svg.Element] = []

    def matrix(x: float, y: float, shape: str, name: str, *, masked: bool = False) -> None:
        """A matrix of one text, in the middle of a slot of width T; a row of T has one marked."""
        rows, columns = shape
        w, height = sizes[columns], sizes[rows]
        x, y = x + (T - w) / 2, y + (T - height) / 2
        elements.extend([*sheet(x, y, w, height), *axes(x, y, w, height, rows, columns)])
        elements.append(label(x + w / 2, y + height + 18, name, kind="name"))
        if masked:
            corners = [x, y, x, y + T, x + T, y + T]
            elements.append(svg.Polygon(points=corners, class_=["heat"], fill_opacity=0.14))
        if rows == "T" and name != "v":
            elements.extend(sheet(x, y + row, w, h, picked=True))

    def product(y: float, first: str, second: str) -> None:
        elements.extend([label(154, y + T / 2 + 6, first), label(322, y + T / 2 + 6, second)])

    y = 24
    matrix(left, y, "TD", "q")
    matrix(middle, y, "DT", "kᵀ")
    matrix(right, y, "TT", "scores")
    product(y, "@", "=")
    y += T + 68
    matrix(left, y, "TT", "scores/√D")
    matrix(middle, y, "TT", "mask", masked=True)
    matrix(right, y, "TT", "weights", masked=True)
    elements += [
        label(middle + 0.14 * T, y + 0.52 * T, "0", kind="note"),
        label(middle + 0.72 * T, y + 0.3 * T, "−∞", kind="note"),
        label(right + 0.72 * T, y + 0.3 * T, "0", kind="note"),
        label(158, y + T / 2 + 6, "+"),
        *arrow(290, y + T / 2, 344, y + T / 2),
        label(316, y + T / 2 - 9, "softmax", kind="note"),
    ]
    y += T + 68
    matrix(left, y, "TT", "weights", masked=True)
    matrix(middle, y, "TD", "v")
    matrix(right, y, "TD", "result")
    product(y, "@", "=")
    title = "Scores are queries times keys; scaled, masked and softmaxed they weigh the values."
    return picture(right + T + 10, y + T + 30, title, elements)


def attention_map() -> str:
    """Where one head of the trained model looks."""
    T, w, x, y = len(SENTENCE), 52, 76, 52
    elements = [
        label(x + T * w / 2, 16, "looks at →", kind="note"),
        label(x - 10, y - 8, "token ↓", kind="note", anchor="end"),
    ]
    for i, word in enumerate(SENTENCE):
        elements.append(label(x + (i + 0.5) * w, y - 8, word, kind="number"))
        elements.append(label(x - 10, y + i * CELL_H + 18, word, kind="number", anchor="end"))
        for j in range(i + 1):
            weight = float(attention("weights")[HEAD, i, j])
            elements += cell(x + j * w, y + i * CELL_H, f"{weight:.2f}", heat=0.65 * weight, w=w)
    title = f"Attention weights of head {HEAD} of layer {LAYER}: the full stop looks at queen."
    return picture(x + T * w + 10, y + T * CELL_H + 10, title, elements)


# ---------------------------------------------------------------- step 09


def head_maps() -> str:
    """The four heads of one layer on one sentence."""
    T, size = len(SENTENCE), 24
    step_x, step_y, x0, y0 = T * size + 92, T * size + 92, 56, 82
    elements = []
    for head, found in enumerate(attention("weights").tolist()):
        x, y = x0 + head % 2 * step_x, y0 + head // 2 * step_y
        elements.append(label(x + T * size / 2, y - 62, f"head {head}", kind="name"))
        for i, word in enumerate(SENTENCE):
            elements.append(slanted(x + (i + 0.5) * size, y - 6, word))
            elements.append(label(x - 6, y + i * size + 16, word, kind="note", anchor="end"))
            for j in range(i + 1):
                elements += cell(x + j * size, y + i * size, heat=found[i][j], w=size, h=size)
    title = f"The attention weights of the four heads of layer {LAYER} on one sentence."
    return picture(x0 + step_x + T * size + 30, y0 + step_y + T * size + 10, title, elements)


def heads_shapes() -> str:
    """From x to q, k and v, to heads, to maps, and back to [B, T, C]; one head's way is marked."""
    H, D, T, gap = 4, 32, 54, 20
    C = H * D
    width = 3 * C
    elements: list[svg.Element] = []

    def stripes(x: float, y: float) -> None:
        """A matrix [T, C] with the numbers of each head apart."""
        for head in range(H):
            elements.extend(sheet(x + head * D, y, D, T, picked=head == HEAD))

    def heading(y: float, name: str, shape: str) -> None:
        """What the data of a row are called, and their shape."""
        elements.append(label(8, y + T / 2 - 3, name, kind="name", anchor="start"))
        elements.append(label(8, y + T / 2 + 16, shape, kind="note", anchor="start"))

    def down(x: float, y: float, text: str = "") -> None:
        """An arrow from a row to the next, with what is done on the way."""
        elements.extend(arrow(x, y + T + 5, x, y + T + 33))
        if text:
            elements.append(label(x + 10, y + T + 24, text, kind="note", anchor="start"))

    x0, y, step = 104, 10, T + 52
    centre = x0 + width / 2
    heading(y, "x", "[B, T, C]")
    elements += sheet(centre - C / 2, y, C, T)
    down(centre, y, "c_attn")

    y += step + 10
    heading(y, "qkv", "[B, T, 3C]")
    for part, name in enumerate("qkv"):
        stripes(x0 + part * C, y)
        elements.append(label(x0 + (part + 0.5) * C, y - 6, name, kind="name"))
    down(centre, y, "split, reshape, transpose")

    y += step + 8
    group = (width - (H - 1) * gap) / H
    heading(y, "q, k, v", "[B, H, T, D]")
    small = group / 3
    for head in range(H):
        left = x0 + head * (group + gap)
        for part, name in enumerate("qkv"):
            elements += sheet(left + part * small, y, small, T, name, picked=head == HEAD)
        down(left + group / 2, y)
        elements.append(label(left + group / 2, y - 6, f"head {head}", kind="note"))

    y += step - 10
    heading(y, "weights", "[B, H, T, T]")
    side = T / len(SENTENCE)
    for head, found in enumerate(attention("weights").tolist()):
        left = x0 + head * (group + gap) + group / 2 - T / 2
        elements += sheet(left, y, T, T)
        for i, j in np.ndindex(len(SENTENCE), len(SENTENCE)):
            square = {"x": left + j * side, "y": y + i * side, "width": side, "height": side}
            shade = {"class_": ["heat"], "fill_opacity": round(found[i][j], 2)}
            elements += [svg.Rect(**square, **shade)] if j <= i else []
        down(left + T / 2, y, "@ v" if head == 0 else "")

    y += step - 10
    heading(y, "heads", "[B, H, T, D]")
    for head in range(H):
        elements += sheet(x0 + head * (group + gap) + group / 2 - D / 2, y, D, T, picked=head == HEAD)
    down(centre, y, "transpose, reshape")

    y += step
    heading(y, "merged", "[B, T, C]")
    stripes(centre - C / 2, y)
    down(centre, y, "c_proj")

    y += step
    heading(y, "result", "[B, T, C]")
    elements += sheet(centre - C / 2, y, C, T)
    title = "One text through multi-head attention, and the way of head 2's numbers."
    return picture(x0 + width + 10, y + T + 10, title, elements)


def scrambled() -> str:
    """What a head gets of three tokens, by reshape and transpose and by reshape alone."""
    T, C, H, w, x, y = 3, 4, 2, 38, 68, 40
    D = C // H
    numbers = np.arange(C) + 10 * np.arange(T)[:, None]  # [T, C]
    right = np.swapaxes(numbers.reshape(T, H, D), 0, 1)  # [T, H, D] -> [H, T, D]
    wrong = numbers.reshape(H, T, D)
    elements = [label(x + C * w / 2, 16, "one text  [T, C]", kind="name")]
    for t in range(T):
        elements.append(label(x - 8, y + t * CELL_H + 18, f"token {t}", kind="note", anchor="end"))
        for c in range(C):
            elements += cell(x + c * w, y + t * CELL_H, f"{numbers[t, c]:02}", picked=c < D, w=w)
    top = y + T * CELL_H + 62
    for k, (name, heads) in enumerate((("reshape, transpose", right), ("reshape alone", wrong))):
        left = x + k * (2 * D * w + 52)
        elements.append(label(left + D * w + 8, top - 28, name, kind="name"))
        for head in range(H):
            start = left + head * (D * w + 16)
            elements.append(label(start + D * w / 2, top - 8, f"head {head}", kind="note"))
            for (t, d), number in np.ndenumerate(heads[head]):
                elements += cell(start + d * w, top + t * CELL_H, f"{number:02}", picked=number % 10 < D, w=w)
    title = "Split rightly, a head has some numbers of each token; by reshape alone, all of some."
    return picture(x + 2 * (2 * D * w + 52) - 26, top + T * CELL_H + 10, title, elements)


DRAWINGS = {
    "mask": mask,
    "masked_softmax": masked_softmax,
    "attention_shapes": attention_shapes,
    "attention_map": attention_map,
    "head_maps": head_maps,
    "heads_shapes": heads_shapes,
    "scrambled": scrambled,
}
