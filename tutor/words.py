"""Words with a vector each: cut out of a text for step 22 to train, and kept in a file for `explore` to read."""

import re
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np

WORD = re.compile(r"<\|endoftext\|>|\w+|[^\w\s]")
"""A word, a sign, or the mark between two texts. Step 02's tokens would do too; words make a smaller vocabulary."""


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
        ValueError: the file is not there, or holds no table of words; the message is a sentence.
    """
    try:
        with np.load(path) as arrays:
            words, vectors = arrays["words"], arrays["vectors"]
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or 'it is no .npz file'}.") from None
    except (ValueError, KeyError, AttributeError, TypeError, EOFError, zipfile.BadZipFile):
        raise ValueError(f"{path} is no table of embeddings: an .npz file with words and vectors.") from None
    fits = words.ndim == 1 and words.dtype.kind == "U" and vectors.ndim == 2 and len(words) == len(vectors)
    if not fits or vectors.dtype.kind != "f" or not np.isfinite(vectors).all():
        raise ValueError(f"{path} is no table of embeddings: it should have a vector of numbers for each word.")
    return words.tolist(), vectors
