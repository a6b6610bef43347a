"""Figures of chapters 15 and 16: a checkpoint's file, its numbers and matrices, and the space of the embeddings."""

import json

import numpy as np
import svg

from book.figures.draw import CELL_H, arrow, cell, label, picture
from book.figures.text import TOKENIZER, minus, path
from solutions.solution_16 import word_id
from tutor.checkpoint import TINY

RAW = (TINY / "model.safetensors").read_bytes()
START = 8 + int.from_bytes(RAW[:8], "little")
"""Where the data begin in the tiny model's file."""
HEADER = json.loads(RAW[8:START])


def tensor(name: str) -> np.ndarray:
    """A tensor of the tiny model's file."""
    entry = HEADER[f"transformer.{name}"]
    begin, end = entry["data_offsets"]
    return np.frombuffer(RAW[START + begin : START + end], "<f4").reshape(entry["shape"])


# ---------------------------------------------------------------- step 15


def checkpoint_file() -> str:
    """The bytes of the tiny model's file: the length of the header, the header, the data."""
    x, w, y, line = 78, 350, 34, 18
    elements = [
        label(x - 10, 20, "byte", kind="name", anchor="end"),
        label(x + w + 10, 20, "offset", kind="name", anchor="start"),
    ]

    def stretch(words: list[str], byte: int, beside: str, *, picked: bool = False) -> list[svg.Element]:
        """A stretch of the file, with lines of text in it, below the ones that are there."""
        nonlocal y
        height = CELL_H + (len(words) - 1) * line
        indents = [len(text) - len(text.lstrip()) for text in words]
        drawn = [
            *cell(x, y, picked=picked, w=w, h=height),
            label(x - 10, y + 18, f"{byte:,}", kind="note", anchor="end"),
            label(x + w + 10, y + 18, beside, kind="note", anchor="start"),
            *(
                label(x + 12 + 8 * indent, y + 18 + i * line, text.strip(), kind="number", anchor="start")
                for i, (indent, text) in enumerate(zip(indents, words))
            ),
        ]
        y += height
        return drawn

    places = sorted((entry["data_offsets"], name, entry) for name, entry in HEADER.items() if name != "__metadata__")
    lines = ['{"__metadata__": {"format": "pt"},']
    for _, name, entry in (places[0], places[-1]):
        lines += [
            f' "{name}":',
            f'   {{"dtype": "{entry["dtype"]}", "shape": {entry["shape"]},',
            f'    "data_offsets": {entry["data_offsets"]}}},',
            " …",
        ]
    lines[-2:] = [f"{lines[-2][:-1]}}}"]
    elements += stretch([f"{RAW[:8].hex(' ')}  = {START - 8:,}"], 0, "(length)")
    elements += stretch(lines, 8, "(header)")
    pointer = y - line / 2
    for (begin, _), name, entry in (*places[:3], *places[-2:]):
        if name == places[-2][1]:
            elements += cell(x, y, "…", w=w)
            y += CELL_H
        text = f"{name.removeprefix('transformer.')}  {entry['shape']}"
        elements += stretch([text], START + begin, f"{begin:,}", picked=name == places[-1][1])
    side = x + w + 84
    elements += [
        *path((x + w - 30, pointer), (side, pointer), (side, y - CELL_H / 2), (x + w + 66, y - CELL_H / 2)),
        label(x - 10, y + 18, f"{len(RAW):,}", kind="note", anchor="end"),
        label(x + w / 2, y + 18, "end of the file", kind="note"),
        label(x + w + 10, y + 18, f"{len(RAW) - START:,}", kind="note", anchor="start"),
    ]
    title = "Eight bytes of length, the header in JSON, then the numbers of one tensor after the other."
    return picture(side + 12, y + 30, title, elements)


def floats() -> str:
    """The bits of one weight as float32, float16 and bfloat16."""
    number = tensor("wte.weight")[word_id("queen", TOKENIZER), :1]
    bits = number.view(np.uint32)
    upper = (bits >> 16).astype(np.uint32)
    half = number.astype(np.float16)
    rows = (
        ("float32", f"{bits[0]:032b}", 8, number[0]),
        ("float16", f"{half.view(np.uint16)[0]:016b}", 5, half[0]),
        ("bfloat16", f"{upper[0]:016b}", 8, (upper << 16).view(np.float32)[0]),
    )
    x, y, w, h = 12, 44, 17, 24
    elements = []
    for name, digits, exponent, value in rows:
        shown = minus(f"{float(value):.9g}")
        elements += [
            label(x, y - 24, name, kind="name", anchor="start"),
            label(x + 84, y - 24, f"= {shown}", kind="number", anchor="start"),
            label(x + w / 2, y - 6, "±", kind="note"),
            label(x + (1 + exponent / 2) * w, y - 6, "exponent", kind="note"),
            label(x + (1 + exponent + (len(digits) - 1 - exponent) / 2) * w, y - 6, "fraction", kind="note"),
        ]
        for i, digit in enumerate(digits):
            elements += cell(x + i * w, y, digit, picked=1 <= i <= exponent, w=w, h=h)
        y += h + 58
    title = "The same number in 32 and in 16 bits; those of bfloat16 are the first 16 of float32."
    return picture(x + 32 * w + 12, y - 44, title, elements)


def conv1d() -> str:
    """A matrix of Conv1D, [in, out], and of nn.Linear, [out, in]: one that is oblong, and one that is square."""
    scale, left, right, y = 0.7, 70, 350, 92
    elements = [
        label(left - 50, 18, "in the file", kind="name", anchor="start"),
        label(left - 50, 36, "[in, out]", kind="note", anchor="start"),
        label(right - 50, 18, "in the model", kind="name", anchor="start"),
        label(right - 50, 36, "[out, in]", kind="note", anchor="start"),
    ]

    def matrix(x: float, top: float, shape: list[int], across: str, down: str) -> list[svg.Element]:
        """A matrix with its axes; the weights of one input are marked."""
        h, w = (round(size * scale, 1) for size in shape)
        mark = {"w": w, "h": 8} if down == "in" else {"w": 8, "h": h}
        dx, dy = (0, 0.4 * h) if down == "in" else (0.4 * w, 0)
        return [
            *cell(x, top, w=w, h=h),
            *cell(x + dx, top + dy, picked=True, **mark),
            label(x + w / 2, top - 6, f"{across} →", kind="note"),
            label(x - 6, top + h / 2 + 4, f"{down} ↓", kind="note", anchor="end"),
            label(x + w / 2, top + h + 18, str(shape), kind="number"),
        ]

    for name in ("mlp.c_fc", "attn.c_proj"):
        shape = HEADER[f"transformer.h.0.{name}.weight"]["shape"]
        elements += [
            label(left - 50, y - 24, f"{name}.weight", kind="number", anchor="start"),
            *matrix(left, y, shape, "out", "in"),
            *matrix(right, y, shape[::-1], "in", "out"),
        ]
        y += shape[1] * scale + 70
    title = "Transposed, an oblong matrix gets another shape, and a square one keeps its own."
    return picture(right + 90, y - 44, title, elements)


# ---------------------------------------------------------------- step 16

WTE = tensor("wte.weight")
KINDS = (
    "king queen man woman boy girl prince princess",
    "cat kitten dog puppy cow calf",
    "water sea lake river",
    "paper letter book pencil",
)
"""The words of the map, the kinds of words apart."""


def principal(words: list[str], count: int) -> np.ndarray:
    """Words as points in the `count` directions in which their embeddings vary most, [N, count].

    Each axis points to where the word farthest out lies, since principal components have no sign of their own.
    """
    vectors = np.stack([WTE[word_id(word, TOKENIZER)] for word in words]).astype(np.float64)
    U, S, _ = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    points = U[:, :count] * S[:count]
    return points * np.sign(points[np.abs(points).argmax(axis=0), range(count)])


def dot(x: float, y: float) -> svg.Circle:
    """A word's place."""
    return svg.Circle(cx=round(x, 1), cy=round(y, 1), r=4, class_=["picked"])


def embedding_map() -> str:
    """Words of the tiny model in the plane in which their embeddings vary most."""
    words = [word for kind in KINDS for word in kind.split()]
    points = principal(words, 2)
    scale = 500 / np.ptp(points[:, 0])
    low = points.min(axis=0)
    x, y = (points[:, 0] - low[0]) * scale + 84, (points[:, 1].max() - points[:, 1]) * scale + 30
    elements = []
    taken = [(px - 5, py - 5, px + 5, py + 5) for px, py in zip(x.tolist(), y.tolist())]
    for word, px, py in sorted(zip(words, x.tolist(), y.tolist()), key=lambda place: place[2]):
        for dx, dy, anchor in ((9, 4, "start"), (-9, 4, "end"), (0, -9, "middle"), (0, 18, "middle")):
            wide = 8 * len(word)
            left = px + dx - {"start": 0, "middle": wide / 2, "end": wide}[anchor]
            box = (left, py + dy - 11, left + wide, py + dy + 3)
            if not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken):
                break
        taken.append(box)
        elements += [dot(px, py), label(px + dx, py + dy, word, kind="number", anchor=anchor)]
    title = "Words of one kind lie together: people, animals, waters, and things to write with."
    return picture(x.max() + 80, y.max() + 30, title, elements)


def royal_box() -> str:
    """Eight words in the three directions in which their embeddings vary most: nearly the corners of a box."""
    words = ["king", "queen", "man", "woman", "prince", "princess", "boy", "girl"]
    age, rank, sex = principal(words, 3).T
    age, rank, sex = age * np.sign(age[4]), rank * np.sign(rank[0]), sex * np.sign(sex[1])
    x, y = 214 + 230 * age + 190 * sex, 156 - 230 * rank - 75 * sex
    place = {word: (float(px), float(py)) for word, px, py in zip(words, x, y)}
    edges = "king prince, queen princess, man boy, woman girl, king man, queen woman, prince boy, princess girl"
    elements = []
    for edge in edges.split(", "):
        (x1, y1), (x2, y2) = (place[word] for word in edge.split())
        elements.append(svg.Line(x1=round(x1, 1), y1=round(y1, 1), x2=round(x2, 1), y2=round(y2, 1), class_=["cell"]))
    for he, she in zip(words[::2], words[1::2]):
        (x1, y1), (x2, y2) = place[he], place[she]
        elements += arrow(x1, y1, x2, y2)
        below = 16 if he in ("prince", "boy") else 4  # where no edge crosses the word
        elements += [dot(x1, y1), label(x1 - 8, y1 + below, he, kind="number", anchor="end")]
        elements += [dot(x2, y2), label(x2 + 8, y2 - 7, she, kind="number", anchor="start")]
    title = "King, queen, man, woman, prince, princess, boy and girl are nearly the corners of a box."
    return picture(x.max() + 90, y.max() + 24, title, elements)


DRAWINGS = {
    "checkpoint_file": checkpoint_file,
    "floats": floats,
    "conv1d": conv1d,
    "embedding_map": embedding_map,
    "royal_box": royal_box,
}
