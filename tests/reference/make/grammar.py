"""A small grammar of English that writes stories and recognises them.

`write` makes text and `explain` tells whether a text follows the grammar; both walk the same rules
(`rules.RULES`) over the same words (`words.TABLES`), so what one writes the other accepts.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from .rules import RULES, START
from .words import TABLES, Row

END_OF_TEXT = "<|endoftext|>"
TRAINING = (1, 30_000)  # seed and number of documents of the text that the model learns
HELD_OUT = (2, 1_500)  # the same for the text that it never sees

Bound = dict[str, Row]  # the row that each letter stands for


@dataclass(frozen=True)
class Slot:
    """A hole for a form of a row, as in `{p:royal.he}`."""

    letter: str
    tags: frozenset[str]
    column: str | None

    def rows(self, bound: Bound) -> list[Row]:
        """The rows that may stand here, given those bound so far."""
        if self.letter in bound:
            return [bound[self.letter]]
        return [row for row in TABLES[self.letter] if self.tags <= row.tags]

    def form(self, row: Row) -> str:
        """The text of `row` in this hole."""
        return row.form(self.column) if self.column else row.word


@dataclass(frozen=True)
class Rule:
    """A hole for an alternative of another rule, as in `[royal]`."""

    name: str


Piece = str | Slot | Rule


@cache
def pieces(template: str) -> tuple[Piece, ...]:
    """The literal texts and holes of an alternative, in order."""
    found: list[Piece] = []
    for part in re.split(r"(\{.*?\}|\[.*?\])", template):
        if slot := re.fullmatch(r"\{(\w)(?::([\w,]+))?(?:\.(\w+))?\}", part):
            letter, tags, column = slot.groups()
            found.append(Slot(letter, frozenset(tags.split(",") if tags else ()), column))
        elif part.startswith("["):
            found.append(Rule(part[1:-1]))
        elif part:
            found.append(part)
    return tuple(found)


def split_sentences(text: str) -> list[str]:
    """Cut a paragraph after every full stop or question mark that ends a sentence.

    The same cut works for text and for the alternatives of `RULES`. A quotation mark belongs to the
    sentence that it closes; a small letter after it means that the sentence goes on.
    """
    return re.split(r"""(?<=[.?])\s+(?=["A-Z0-9{\[])|(?<=[.?]")\s+(?=["A-Z0-9{\[])""", text.strip())


def write(rng: random.Random, template: str = f"[{START}]", bound: Bound | None = None) -> str:
    """Write one paragraph: fill the holes of `template` with choices of `rng`."""
    bound = {} if bound is None else bound
    text = ""
    for piece in pieces(template):
        match piece:
            case str():
                text += piece
            case Slot():
                bound[piece.letter] = _lean(rng, piece.rows(bound))
                text += piece.form(bound[piece.letter])
            case Rule():
                text += write(rng, _lean(rng, RULES[piece.name]), bound)
    return text


def _lean(rng: random.Random, items: list):
    """One of `items`, the earlier ones a little more often, so that the likeliest text is one."""
    return rng.choices(items, [1 / (4 + i) for i in range(len(items))])[0]


def _read(todo: tuple[Piece, ...], text: str, bound: Bound) -> Iterator[Bound]:
    """Every way in which `todo` gives exactly `text`, as the rows that its letters stand for."""
    if not todo:
        if not text:
            yield bound
        return
    piece, rest = todo[0], todo[1:]
    match piece:
        case str():
            if text.startswith(piece):
                yield from _read(rest, text[len(piece) :], bound)
        case Slot():
            for row in piece.rows(bound):
                form = piece.form(row)
                if text.startswith(form):
                    yield from _read(rest, text[len(form) :], bound | {piece.letter: row})
        case Rule():
            for alternative in RULES[piece.name]:
                yield from _read(pieces(alternative) + rest, text, bound)


@cache
def sentence_templates() -> tuple[str, ...]:
    """Every sentence that stands in an alternative of `RULES`, each once."""
    sentences = [
        sentence
        for alternatives in RULES.values()
        for alternative in alternatives
        for sentence in split_sentences(alternative)
        if sentence.endswith((".", "?", '."', '?"'))
    ]
    return tuple(dict.fromkeys(sentences))


def explain(sentence: str) -> str | None:
    """The rule that a sentence follows and the words put in it; None where it follows none.

    >>> explain("The queen rules the land.")
    '{p:royal,adult.The} rules the land. (p = queen)'
    """
    for template in sentence_templates():
        for bound in _read(pieces(template), sentence, {}):
            words = ", ".join(f"{letter} = {row.word}" for letter, row in bound.items())
            return f"{template} ({words})" if words else template
    return None


def is_sentence(text: str) -> bool:
    """Whether `text` is one sentence of the grammar."""
    return explain(text) is not None


def is_paragraph(text: str) -> bool:
    """Whether `text` is one whole paragraph: its sentences belong together and agree."""
    return next(_read((Rule(START),), text.strip(), {}), None) is not None


def finished(text: str) -> tuple[list[str], list[str]]:
    """The whole paragraphs and the whole sentences of a generated text, whose end is cut off.

    Of the last paragraph only the sentences that another one follows count.
    """
    *documents, last = text.split(END_OF_TEXT)
    *lines, cut = last.split("\n")
    for document in documents:
        lines += document.split("\n")
    paragraphs = [line for line in lines if line]
    sentences = [sentence for paragraph in paragraphs for sentence in split_sentences(paragraph)]
    return paragraphs, sentences + split_sentences(cut)[:-1]


def documents(seed: int, count: int) -> str:
    """`count` documents of two to four paragraphs, each ended by `<|endoftext|>`.

    The topic of a paragraph is the one that follows, in the list of topics, that of the paragraph
    before it: a document has a thread, though a loose one.
    """
    rng = random.Random(seed)
    topics = RULES[START]
    texts = []
    for _ in range(count):
        first = _lean(rng, list(range(len(topics))))
        for i in range(rng.choice([2, 3, 4, 4, 4])):
            texts.append(write(rng, topics[(first + i) % len(topics)]) + "\n")
        texts.append(END_OF_TEXT)
    return "".join(texts)


def corpus() -> tuple[str, str]:
    """The text to train on and the held-out text, which share no document."""
    training, held_out = documents(*TRAINING), documents(*HELD_OUT)
    known = set(training.split(END_OF_TEXT))
    new = [document for document in held_out.split(END_OF_TEXT) if document not in known]
    return training, "".join(document + END_OF_TEXT for document in new)
