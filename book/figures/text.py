"""Figures of chapters 01 to 03: the whole model, how a word is merged, how a text is cut into windows."""

import svg

from book.figures.draw import CELL_H, arrow, cell, label, picture
from solutions.solution_02 import CHARACTER, encode, read_tokenizer
from tutor.checkpoint import TINY

TOKENIZER = read_tokenizer(TINY)


def minus(text: str) -> str:
    """A number as the book prints it."""
    return text.replace("-", "−")


# ---------------------------------------------------------------- the whole model

LEFT, MIDDLE, WIDE = 132, 222, 180
"""Where the boxes of the map begin, where their middle is, and how wide they are."""


def path(*points: tuple[float, float]) -> list[svg.Element]:
    """A line through points, with an arrow head at the last."""
    corners = [svg.M(*points[0]), *(svg.L(*point) for point in points[1:-1])]
    return (
        [svg.Path(d=corners, class_=["line"]), *arrow(*points[-2], *points[-1])]
        if len(points) > 2
        else arrow(*points[0], *points[1])
    )


def part(y: float, words: str, *steps: int, x: float = LEFT, w: float = WIDE) -> list[svg.Element]:
    """A part of the model, with the steps that build it beside it."""
    marks = [
        cell(LEFT + WIDE + 34 + 36 * i, y + 2, f"{step:02}", picked=True, w=30, h=22) for i, step in enumerate(steps)
    ]
    return [*cell(x, y, words, w=w), *(element for mark in marks for element in mark)]


def plus(y: float) -> list[svg.Element]:
    """The place where two vectors are added."""
    return [svg.Circle(cx=MIDDLE, cy=y, r=10, class_=["cell"]), label(MIDDLE, y + 5, "+")]


def model_map() -> str:
    """The whole of GPT-2 from top to bottom, with the step that builds each part."""
    shapes = [(72, "[B, T]"), (164, "[B, T, C]"), (494, "[B, T, C]"), (552, "[B, T, V]")]
    elements = [label(LEFT - 14, y, text, kind="note", anchor="end") for y, text in shapes]
    elements += [label(MIDDLE, 18, "a text"), *arrow(MIDDLE, 24, MIDDLE, 40)]
    elements += [
        *part(40, "text to token IDs", 2, 3),
        *arrow(MIDDLE, 66, MIDDLE - 50, 90),
        *arrow(MIDDLE, 66, MIDDLE + 50, 90),
    ]
    elements += [*part(90, "wte", 4, 5, 6, w=84), *part(90, "wpe", x=LEFT + 96, w=84)]
    elements += [*arrow(MIDDLE - 50, 116, MIDDLE - 10, 136), *arrow(MIDDLE + 50, 116, MIDDLE + 10, 136), *plus(142)]
    # the block: two times a norm, a layer and the way around both
    top, bottom = 182, 446
    elements += [
        svg.Rect(
            x=LEFT - 44, y=top, width=WIDE + 64, height=bottom - top, rx=8, class_=["cell"], stroke_dasharray=[5, 4]
        )
    ]
    elements += arrow(MIDDLE, 152, MIDDLE, 206)
    for y, words, steps in ((206, "attention", (7, 8, 9)), (326, "MLP", (11,))):
        elements += [*part(y, "LayerNorm", 10), *arrow(MIDDLE, y + 26, MIDDLE, y + 42), *part(y + 42, words, *steps)]
        elements += [*arrow(MIDDLE, y + 68, MIDDLE, y + 84), *plus(y + 94)]
        elements += path((MIDDLE, y - 12), (LEFT - 20, y - 12), (LEFT - 20, y + 94), (MIDDLE - 10, y + 94))
    elements += arrow(MIDDLE, 310, MIDDLE, 326)
    elements += [
        *cell(LEFT + WIDE + 34, 290, "12", picked=True, w=30, h=22),
        label(LEFT + WIDE + 74, 306, "× n_layer", kind="number", anchor="start"),
    ]
    elements += [*arrow(MIDDLE, 430, MIDDLE, 466), *part(466, "LayerNorm", 10, 13), *arrow(MIDDLE, 492, MIDDLE, 524)]
    elements += [
        *part(524, "logits: times wteᵀ", 14),
        *arrow(MIDDLE, 550, MIDDLE, 582),
        *part(582, "choose a token", 17, 18),
    ]
    elements += path((LEFT, 595), (14, 595), (14, 13), (MIDDLE - 34, 13))
    elements += [
        label(20, 588, "append it,", kind="note", anchor="start"),
        label(20, 612, "and again", kind="note", anchor="start"),
    ]
    around = [("the sizes", 1), ("its trained weights", 15), ("what its embeddings know", 16)]
    faster = [("one compiled graph", 19), ("a KV cache", 20), ("an HTTP server", 21)]
    for x, column in ((14, around), (254, faster)):
        for i, (words, step) in enumerate(column):
            elements += [
                *cell(x, 638 + 28 * i, f"{step:02}", picked=True, w=30, h=22),
                label(x + 40, 654 + 28 * i, words, kind="number", anchor="start"),
            ]
    return picture(
        470, 730, "GPT-2 from a text to the next token, with the numbers of the steps that build each part.", elements
    )


# ---------------------------------------------------------------- a word from its bytes


def merges() -> str:
    """How " queen" becomes one token, pair by pair, the lowest rank first."""
    word, w, x = " queen", 46, 16
    rows, notes = merge_rows(word)
    rows, notes = [list(map(str, word.encode())), *rows], ["bytes", *notes]
    elements = []
    for row, (tokens, note) in enumerate(zip(rows, notes)):
        top, left = 10 + row * (CELL_H + 12), x
        for token in tokens:
            wide = w * (len(token) if row else 1)
            elements += cell(left, top, token, picked=row > 1 and token not in rows[row - 1], w=wide)
            left += wide
        elements.append(label(left + 16, top + 18, note, kind="number", anchor="start"))
    top = 10 + len(rows) * (CELL_H + 12)
    elements += [
        *cell(x, top, str(TOKENIZER.ids[rows[-1][0]]), w=w * len(word)),
        label(left + 16, top + 18, "token ID", kind="number", anchor="start"),
    ]
    return picture(
        left + 190,
        top + CELL_H + 10,
        "The bytes of the word queen merge into one token, the pair of lowest rank first.",
        elements,
    )


def merge_rows(word: str) -> tuple[list[list[str]], list[str]]:
    """The tokens of a word after each merge, and what each row has to say."""
    tokens = [CHARACTER[byte] for byte in word.encode()]
    rows, notes = [tokens], ["visible characters"]
    while pairs := [pair for pair in zip(tokens, tokens[1:]) if pair in TOKENIZER.ranks]:
        best = min(pairs, key=TOKENIZER.ranks.get)
        i = list(zip(tokens, tokens[1:])).index(best)
        tokens = [*tokens[:i], "".join(best), *tokens[i + 2 :]]
        rows.append(tokens)
        notes.append(f"rank {TOKENIZER.ranks[best]}: {best[0]} {best[1]}")
    return rows, notes


# ---------------------------------------------------------------- a text in windows


def windows() -> str:
    """Nine tokens, two windows of four with their targets, and where windows begin with stride 4 and 1."""
    count, w, x, y = 9, 52, 88, 26
    ids = encode("The queen rules the land. She wears a crown.", TOKENIZER)[:count]
    token = {number: text for text, number in TOKENIZER.ids.items()}
    words = [token[number].removeprefix("Ġ") for number in ids]

    def row(top: float, name: str, places: range, picked: bool = False) -> list[svg.Element]:
        """Some of the words, each at its place."""
        cells = [element for i in places for element in cell(x + i * w, top, words[i], picked=picked, w=w)]
        return [label(x - 10, top + 18, name, kind="name", anchor="end"), *cells]

    elements = [label(x + (i + 0.5) * w, 16, str(i), kind="note") for i in range(count)]
    elements += row(y, "text", range(count))
    for first, top in ((0, 76), (4, 148)):
        elements += [
            *row(top, "inputs", range(first, first + 4), picked=True),
            *row(top + 30, "targets", range(first + 1, first + 5)),
        ]
    top = 236
    for name, starts in (("stride 4", range(0, 5, 4)), ("stride 1", range(5))):
        elements.append(label(x - 10, top + 5, name, kind="name", anchor="end"))
        for level, start in enumerate(starts):
            height = top + (9 * level if len(starts) > 2 else 0)
            elements.append(
                svg.Line(x1=x + start * w + 3, x2=x + (start + 4) * w - 3, y1=height, y2=height, class_=["line"])
            )
        top += 28
    return picture(
        x + count * w + 8,
        top + 26,
        "Two windows of four tokens that stand side by side, each with its targets one token further on.",
        elements,
    )


DRAWINGS = {"model_map": model_map, "merges": merges, "windows": windows}
