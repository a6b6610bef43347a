"""Figures of chapters 19 to 21: the model as a graph, what a new token adds to the cache, and many texts at once."""

import json

import svg

from book.figures.attention import EXPECTED, WORDS
from book.figures.draw import CELL_H, arrow, cell, label, picture
from tutor.course import ROOT

MEASURED = ROOT / "book" / "figures" / "speeds.json"
"""What `bench --decode` measured last: seconds, by model, writer and what was timed."""


def chain(parts: list[tuple[str, str]], picked: int, x: float, y: float, w: float, gap: float) -> list[svg.Element]:
    """Boxes in a row with arrows between them, one of them marked: a name in each, and a note below."""
    elements: list[svg.Element] = []
    for i, (name, note) in enumerate(parts):
        left = x + i * (w + gap)
        elements += cell(left, y, name, picked=i == picked, w=w, h=40)
        elements.append(label(left + w / 2, y + 62, note, kind="note"))
        if i:
            elements += arrow(left - gap + 4, y + 20, left - 4, y + 20)
    return elements


# ---------------------------------------------------------------- step 19


def one_graph() -> str:
    """The tiny model as a graph: each part, and under it the shape of what leaves it, with names for two of its sizes."""
    parts = [
        ("tokens", "[batch, seq]"),
        ("wte + wpe", "[batch, seq, 64]"),
        ("3 blocks", "[batch, seq, 64]"),
        ("ln_f", "[batch, seq, 64]"),
        ("wteᵀ", "[batch, seq, 1000]"),
    ]
    x, y, w, gap = 14, 22, 92, 44
    elements = chain(parts, 0, x, y, w, gap)
    title = "The graph from tokens to logits. The sizes batch and seq are names in it; all others are numbers."
    return picture(x + len(parts) * (w + gap) - gap + 14, y + 78, title, elements)


# ---------------------------------------------------------------- step 20


def kept_keys() -> str:
    """Attention of the first head of the tiny model on the reference text, of which the last token needs one row."""
    weights = EXPECTED["batch/h.0.attn.weights"][0, 0]
    T, x, y, w = len(weights), 106, 66, 56
    elements = [label(x - 12, y - 26, "k, v", kind="name", anchor="end")]
    for j, word in enumerate(WORDS):
        new = j == T - 1
        elements += cell(x + j * w, y - 44, "new" if new else "kept", picked=new, w=w)
        elements.append(label(x + (j + 0.5) * w, y - 5, word, kind="note"))
    for i, word in enumerate(WORDS):
        last = i == T - 1
        elements.append(label(x - 12, y + i * CELL_H + 18, word, kind="name" if last else "note", anchor="end"))
        for j in range(i + 1):
            text, heat = (f"{weights[i, j]:.2f}", 0.6 * float(weights[i, j])) if last else ("", 0.0)
            elements += cell(x + j * w, y + i * CELL_H, text, heat=heat, picked=last, w=w)
    title = "The last token asks all keys that are kept, and its own: one row of the weights. The rows above are not made again."
    return picture(x + T * w + 14, y + T * CELL_H + 12, title, elements)


def speeds() -> str:
    """How long a token takes by each writer, a bar each: the tiny model and the large one, at all contexts, and a prompt."""
    measured = json.loads(MEASURED.read_text())
    x, y, width, row, elements = 216, 20, 380, 20, []
    floor = 498e6 / measured.pop("memory")
    for model, writers in measured.items():
        for what in next(iter(writers.values())):
            kind, tokens = what.split()
            said = f"a token after {tokens} others" if kind == "token" else f"a prompt of {tokens} tokens"
            elements.append(label(14, y + 14, f"{model}: {said}", kind="name", anchor="start"))
            y += row + 4
            longest = max(seconds[what] for seconds in writers.values())
            line = width * floor / longest if model != "tiny" and kind == "token" else 0
            for name, seconds in writers.items():
                length = width * seconds[what] / longest
                elements.append(label(x - 12, y + 14, name, kind="label", anchor="end"))
                fill = "heat" if name.startswith("this course") else "cell"
                elements.append(svg.Rect(x=x, y=y + 3, width=round(length, 1), height=row - 6, class_=[fill]))
                end = x + (max(length, line) if line < length + 64 else length)  # no number stands on the line
                elements.append(label(end + 8, y + 14, f"{seconds[what] * 1e3:.3g} ms", kind="note", anchor="start"))
                y += row
            if line:
                at, top = round(x + line, 1), y - row * len(writers)
                elements.append(svg.Line(x1=at, y1=top, x2=at, y2=y, class_=["line"], stroke_dasharray=[3, 3]))
            y += 12
    title = "Milliseconds for a token and for a prompt, by the course's engine, Hugging Face and CTranslate2."
    return picture(x + width + 96, y, title, elements)


# ---------------------------------------------------------------- step 21


def one_batch() -> str:
    """Three texts in one batch: each with a past of its own, its new tokens, padding, and its last token."""
    texts = [
        ("A", ["The", "queen", "rules"], ["the"]),
        ("B", ["A"], ["cat"]),
        ("C", [], ["Once", "upon"]),
    ]
    x, y, w, P, T = 40, 44, 60, 3, 2
    elements = [label(x + P * w / 2, y - 22, "past, P = 3", kind="name")]
    elements.append(label(x + (P + 0.5 + T / 2) * w, y - 22, "new, T = 2", kind="name"))
    elements += [label(x + (P + 0.5 + T) * w + 50, y - 22, "positions", kind="name")]
    for b, (name, past, new) in enumerate(texts):
        top = y + b * 2 * CELL_H
        elements.append(label(x - 14, top + 18, name, kind="name", anchor="end"))
        for j in range(P):
            elements += cell(x + j * w, top, past[j] if j < len(past) else "", w=w)
            elements.append(label(x + (j + 0.5) * w, top + 40, "0" if j < len(past) else "-inf", kind="note"))
        for j in range(T):
            last = j == len(new) - 1
            left = x + (P + 0.5 + j) * w
            elements += cell(left, top, new[j] if j < len(new) else "", picked=last, w=w)
            elements.append(label(left + w / 2, top + 40, f"row {b * T + j}", kind="note"))
        places = [str(len(past) + j) if j < len(new) else "0" for j in range(T)]
        elements.append(label(x + (P + 0.5 + T) * w + 50, top + 18, ", ".join(places), kind="number"))
    title = "Three texts in a batch: the mask hides the padding of each past, and each text's last new token is marked."
    return picture(x + (P + 0.5 + T) * w + 110, y + len(texts) * 2 * CELL_H + 6, title, elements)


def requests_in_steps() -> str:
    """Which requests take part in which step: they come and end when they will."""
    begins, ends = {"A": 0, "B": 1, "C": 1, "D": 5}, {"A": 7, "B": 3, "C": 9, "D": 9}
    x, y, w, count = 44, 36, 46, 10
    elements = [label(x + (i + 0.5) * w, y - 10, str(i + 1), kind="note") for i in range(count)]
    for row, name in enumerate(begins):
        top = y + row * (CELL_H + 8)
        elements.append(label(x - 14, top + 18, name, kind="name", anchor="end"))
        for i in range(begins[name], ends[name] + 1):
            prompt = i == begins[name]
            elements += cell(x + i * w, top, "prompt" if prompt else "token", picked=prompt, w=w)
    title = "Ten steps and four requests: each joins the batch with its prompt, and leaves it when it has ended."
    return picture(x + count * w + 14, y + len(begins) * (CELL_H + 8) + 4, title, elements)


def one_request() -> str:
    """What a request goes through: MAX Serve's parts, and the course's in the middle."""
    parts = [
        ("HTTP", "a prompt"),
        ("tokens", "[261, 363]"),
        ("batch", "of step 21"),
        ("sample", "one token"),
        ("HTTP", "a piece of text"),
    ]
    x, y, w, gap = 14, 22, 84, 44
    elements = chain(parts, 2, x, y, w, gap)
    start, end = x + 3 * (w + gap) + w / 2, x + 2 * (w + gap) + w / 2
    elements += arrow(start, y + 84, end, y + 84)
    elements.append(label((start + end) / 2, y + 102, "until the text has ended", kind="note"))
    title = "A request goes through the server; the marked part is the course's, and runs once for each token."
    return picture(x + len(parts) * (w + gap) - gap + 14, y + 112, title, elements)


DRAWINGS = {
    "speeds": speeds,
    "one_graph": one_graph,
    "kept_keys": kept_keys,
    "one_batch": one_batch,
    "requests_in_steps": requests_in_steps,
    "one_request": one_request,
}
