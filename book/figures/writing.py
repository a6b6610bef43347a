"""Figures of chapters 17 and 18: writing a text, and choosing a token by chance."""

import numpy as np
import svg

from book.figures.attention import EXPECTED, WORDS
from book.figures.draw import CELL_H, arrow, cell, label, picture
from book.figures.text import TOKENIZER, minus, path
from solutions.solution_02 import decode
from solutions.solution_18 import probabilities

# ---------------------------------------------------------------- step 17


def writing_loop() -> str:
    """A turn of the loop of `generate` on the reference text, with the tiny model's logits."""
    logits = EXPECTED["batch/logits"][0]
    chances = np.stack([probabilities(row) for row in logits])
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


# ---------------------------------------------------------------- step 18

QUEEN, SHE = EXPECTED["batch/logits"][0, [1, -1]]
"""The logits after "The queen" and after "The queen rules the land. She"."""


def words(tokens: np.ndarray) -> list[str]:
    """Tokens without the space that belongs to them."""
    return [decode([token], TOKENIZER).strip() for token in tokens.tolist()]


def bar(x: float, y: float, length: float, text: str) -> list[svg.Element]:
    """A bar in a row of text, with its number behind it."""
    drawn = svg.Rect(x=x, y=round(y + 4, 1), width=round(max(length, 1), 1), height=CELL_H - 8, class_=["picked"])
    return [drawn, label(x + length + 6, y + 18, text, kind="note", anchor="start")]


def temperatures() -> str:
    """The probabilities of the best tokens after "The queen" at three temperatures, and of all the others together."""
    best = QUEEN.argsort()[::-1][:10]
    x, y, w = 100, 44, 150
    elements = []
    for i, word in enumerate([*words(best), f"{len(QUEEN) - len(best)} others"]):
        elements.append(label(x - 10, y + i * CELL_H + 18, word, kind="number", anchor="end"))
    for j, temperature in enumerate((0.5, 1, 2)):
        chances = probabilities(QUEEN, temperature)
        left = x + j * (w + 28)
        elements.append(label(left, y - 14, f"temperature {temperature}", kind="name", anchor="start"))
        for i, chance in enumerate([*chances[best], 1 - chances[best].sum()]):
            elements += bar(left, y + i * CELL_H, 145 * float(chance), f"{chance:.3f}")
        elements.append(svg.Line(x1=left, x2=left, y1=y, y2=y + 11 * CELL_H, class_=["cell"]))
    title = "A low temperature gives the best token nearly all the probability, a high one spreads it out."
    return picture(x + 3 * (w + 28), y + 11 * CELL_H + 10, title, elements)


def filters() -> str:
    """Which of the ten best tokens top-k 5 and top-p 0.9 keep after two texts."""
    x, y, w, gap = 14, 80, 40, 40
    elements = []
    for logits, text in ((QUEEN, "The queen …"), (SHE, "… the land. She …")):
        best = logits.argsort()[::-1][:10]
        chances = probabilities(logits)[best]
        kept = {"top-k": probabilities(logits, top_k=5)[best] > 0, "top-p": probabilities(logits, top_p=0.9)[best] > 0}
        elements.append(label(x, 20, text, kind="name", anchor="start"))
        left = x + 62
        for name, value, place in (("sum", "", 126), ("top-k", "5", 170), ("top-p", "0.9", 216)):
            elements.append(label(left + place, y - 26, name, kind="note"))
            elements.append(label(left + place, y - 9, value, kind="note"))
        for i, (word, chance, total) in enumerate(zip(words(best), chances, np.cumsum(chances))):
            top = y + i * CELL_H
            elements += [
                label(left - 6, top + 18, word, kind="number", anchor="end"),
                *bar(left, top, 62 * float(chance), f"{chance:.3f}"),
                label(left + 126, top + 18, f"{total:.3f}", kind="note"),
            ]
            for place, stays in zip((150, 196), (kept["top-k"][i], kept["top-p"][i])):
                elements += cell(left + place, top, "✓" if stays else "", heat=0.35 * bool(stays), w=w)
        x = left + 236 + gap
    title = "Top-k keeps five tokens in both places, top-p eight in the first and two in the second."
    return picture(x - gap + 14, y + 10 * CELL_H + 12, title, elements)


def stages() -> str:
    """The numbers of eight tokens from logits to probabilities, with temperature 2, top-k 6 and top-p 0.8."""
    settings = {"temperature": 2.0, "top_k": 6, "top_p": 0.8}
    best = QUEEN.argsort()[::-1][:8]
    warm = QUEEN / settings["temperature"]
    rows = [("logits", "", QUEEN), ("temperature", "2", warm)]
    for name, shown, used in (("top-k", "6", 2), ("top-p", "0.8", 3)):
        stays = probabilities(QUEEN, **dict(list(settings.items())[:used])) > 0
        rows.append((name, shown, np.where(stays, warm, -np.inf)))
    rows.append(("softmax", "", probabilities(QUEEN, **settings)))
    x, y, w, step = 130, 38, 58, 44
    elements = [label(x + (j + 0.5) * w, y - 10, word, kind="note") for j, word in enumerate(words(best))]
    for i, (name, value, numbers) in enumerate(rows):
        top = y + i * step
        elements.append(label(x - 12, top + 18, f"{name} {value}".strip(), kind="name", anchor="end"))
        for j, number in enumerate(numbers[best].tolist()):
            picked = name == "softmax" and number > 0
            text = f"{number:.3f}" if picked else minus(f"{number:.2f}".replace("inf", "∞").replace("0.00", "0"))
            elements += cell(x + j * w, top, text, picked=picked, w=w)
        elements.append(label(x + 8 * w + 10, top + 18, "… [V]", kind="note", anchor="start"))
        if i:
            elements += arrow(x - 60, top - 16, x - 60, top + 2)
    title = "Temperature halves the logits, top-k takes two of these tokens out and top-p one, softmax shares the rest."
    return picture(x + 8 * w + 60, y + 4 * step + CELL_H + 12, title, elements)


DRAWINGS = {"writing_loop": writing_loop, "temperatures": temperatures, "filters": filters, "stages": stages}
