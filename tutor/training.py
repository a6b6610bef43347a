"""The training of step 22: a text cut into words, the tables that it trains, and the file that `explore` reads."""

import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

WORD = re.compile(r"<\|endoftext\|>|\w+|[^\w\s]")
"""A word, a sign, or the mark between two texts. Step 02's tokens would do too; words make a smaller vocabulary."""
MOST = 500
"""How many words a vocabulary has at most: the softmax goes over all of them for each pair."""
BATCH = 32
"""How many pairs move the tables at once."""
FRAMES = 4
"""How often in a pass a copy of the table is kept."""


class TooLittle(ValueError):
    """A text that holds nothing to learn from; the message is a sentence."""


class NoTable(ValueError):
    """A file that holds no table of words; the message is a sentence."""


class Diverged(ValueError):
    """A training whose loss is no number any more; the message is a sentence."""


class Training:
    """A training of step 22 on a text. Going through it takes a step for each loss that comes.

    Attributes:
        words: the vocabulary, [V], the most frequent word first.
        tokens: the text as numbers of words, [T].
        pairs: how many pairs of neighbours there are.
        batches: how many batches a pass has.
        passes: how many passes there will be.
        wte: the table, [V, C], as far as it is trained.
        losses: the loss of each batch so far.
        frames: copies of the table: before the first step, and after each quarter of a pass.
    """

    def __init__(self, text: str, *, size: int, window: int, passes: int, rate: float, seed: int):
        from solutions import solution_22 as step

        self.words, self.tokens = read_text(text, MOST)
        if len(self.tokens) <= window:
            raise TooLittle(f"A text of {len(self.tokens)} words is too short to learn from.")
        ids, neighbours = step.skip_grams(self.tokens, window)
        rng = np.random.default_rng(seed)
        self.wte, head = first_tables(len(self.words), size, rng)
        self.pairs, self.passes = len(ids), passes
        self.batches = -(-len(ids) // BATCH)
        self.losses: list[float] = []
        self.frames = [self.wte.copy()]
        self._rate, self._steps = rate, step.train(self.wte, head, ids, neighbours, passes, BATCH, rate, rng)

    def __iter__(self) -> Iterator[float]:
        """Take the steps.

        Raises:
            Diverged: the loss is no number any more.
        """
        quarter = max(1, self.batches // FRAMES)
        with np.errstate(all="ignore"):
            for loss in self._steps:
                if not np.isfinite(loss):
                    small = f"A learning rate of {self._rate:g} is too large here: take a smaller one."
                    raise Diverged(f"After {len(self.losses)} batches the loss is no number any more. {small}")
                self.losses.append(float(loss))
                if len(self.losses) % quarter == 0:
                    self.frames.append(self.wte.copy())
                yield self.losses[-1]

    def loss(self, number: int) -> float:
        """The mean loss of a pass, counted from 0; -1 is the last one, or what there is of it."""
        starts = range(0, len(self.losses), self.batches)
        start = starts[number]
        return float(np.mean(self.losses[start : start + self.batches]))


def read_text(text: str, most: int | None = None) -> tuple[list[str], np.ndarray]:
    """Cut a text into words.

    Args:
        text: any text.
        most: how many different words to keep, the most frequent ones; the others are left out of the text.

    Returns:
        The vocabulary, [V], the most frequent word first, and the text as numbers of words in it, [T].
    """
    found = WORD.findall(text)
    words = [word for word, _ in Counter(found).most_common(most)]
    numbers = {word: number for number, word in enumerate(words)}
    return words, np.array([numbers[word] for word in found if word in numbers], np.int64)


def first_tables(vocab_size: int, n_embd: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The two tables of step 22 before training, wte and head: small random numbers, both [V, C], float64."""
    wte, head = (rng.normal(0, 0.1, (vocab_size, n_embd)) for _ in range(2))
    return wte, head


def save(path: Path, words: list[str], vectors: np.ndarray) -> None:
    """Write a table to an .npz file, whole or not at all: `words`, [V], and `vectors`, [V, C] in float32."""
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as stream:
        np.savez_compressed(stream, words=np.array(words), vectors=vectors.astype(np.float32))
    part.replace(path)


def load(path: Path) -> tuple[list[str], np.ndarray]:
    """Read what `save` wrote.

    Raises:
        NoTable: the file is not there, or holds something else.
    """
    kind = f"{path} is no table of embeddings: an .npz file with a vector of numbers for each word."
    try:
        with np.load(path) as arrays:
            words, vectors = arrays["words"], arrays["vectors"]
    except FileNotFoundError:
        raise NoTable(f"There is no file {path}.") from None
    except OSError as error:
        raise NoTable(f"{path} cannot be read: {error.strerror}." if error.strerror else kind) from None
    except (ValueError, KeyError, AttributeError, TypeError, EOFError, zipfile.BadZipFile):
        raise NoTable(kind) from None
    fits = words.ndim == 1 and words.dtype.kind == "U" and vectors.ndim == 2 and len(words) == len(vectors) > 0
    if not fits or vectors.dtype.kind != "f" or not np.isfinite(vectors).all():
        raise NoTable(kind)
    return words.tolist(), vectors
