"""Figures of chapters 17 and 18: writing a text, and choosing a token by chance."""

import numpy as np

from solutions.solution_02 import decode
from tutor.figures.attention import EXPECTED, TOKENIZER, WORDS, minus
from tutor.figures.draw import CELL_H, arrow, cell, label, picture
from tutor.figures.text import path


def shares(logits: np.ndarray) -> np.ndarray:
    """Softmax over the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


# ---------------------------------------------------------------- step 17


def writing_loop() -> str:
    """A turn of the loop of `generate` on the reference text, with the tiny model's logits."""
    logits = EXPECTED["batch/logits"][0]
    chances = shares(logits)
    columns = list(dict.fromkeys(logits.argmax(axis=-1).tolist()))
    x, y, w, T = 14, 68, 56, len(logits)
    table = x + 66 + 130
    right, last = table + len(columns) * w, y + T * CELL_H
    elements = [
        label(x + 33, 20, "tokens", kind="name"),
        label(x + 33, 38, "[T]", kind="note"),
        label(table + len(columns) * w / 2, 20, "logits", kind="name"),
        label(table + len(columns) * w / 2, 38, "[1, T, V]", kind="note"),
    ]
    for i, word in enumerate(WORDS):
        elements += cell(x, y + i * CELL_H, word, w=66)
    for j, token in enumerate(columns):
        elements.append(label(table + (j + 0.5) * w, y - 7, decode([token], TOKENIZER).strip(), kind="note"))
        for i in range(T):
            left, top = table + j * w, y + i * CELL_H
            heat, text = 0.6 * float(chances[i, token]), minus(f"{logits[i, token]:z.1f}")
            elements += cell(left, top, text, heat=heat, picked=i == T - 1, w=w)
    middle = (y + last) / 2
    elements += [
        *arrow(x + 70, middle, x + 90, middle),
        *cell(x + 92, middle - 26, "model", w=76, h=52),
        label(x + 130, middle + 44, "[1, T]", kind="note"),
        *arrow(x + 170, middle, table - 4, middle),
    ]
    best = int(logits[-1].argmax())
    chosen, top = table + (columns.index(best) + 0.5) * w, last + 56
    word = decode([best], TOKENIZER).strip()
    elements += [
        *arrow(chosen, last + 4, chosen, top),
        label(chosen - 10, last + 34, "choose", kind="name", anchor="end"),
        *cell(chosen - 33, top, word, picked=True, w=66),
        *path((chosen - 37, top + 13), (x + 33, top + 13), (x + 33, last + 6)),
        label((x + chosen) / 2, top + 6, "append", kind="name"),
        *arrow(chosen, top + 30, chosen, top + 58),
        label(chosen - 10, top + 50, "yield", kind="name", anchor="end"),
    ]
    title = "The last row of the logits chooses the next token, which is yielded and appended to the text."
    return picture(right + 14, top + 64, title, elements)


DRAWINGS = {"writing_loop": writing_loop}
