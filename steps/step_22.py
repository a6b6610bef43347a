"""Step 22: where embeddings come from. Each word learns to predict its neighbours, row by row."""

from collections.abc import Iterator

import numpy as np


def skip_grams(tokens: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Pair each word of a text with each of its neighbours.

    Args:
        tokens: the IDs of the text, [T].
        window: how many places away a neighbour may stand, before or after: 1 or more.

    Returns:
        ids and neighbours, both [N]: two words that are near each other make two pairs, one for
        each of them. The order of the pairs does not matter.
    """
    raise NotImplementedError("pair each word with each of its neighbours")


def forward(rows: np.ndarray, head: np.ndarray, neighbours: np.ndarray) -> tuple[float, np.ndarray]:
    """How well the rows of some words predict their neighbours.

    Args:
        rows: the row of each word, [N, C].
        head: a second table, with the vector that each word has as a neighbour, [V, C].
        neighbours: the ID of the neighbour of each word, [N].

    Returns:
        The loss, that is the mean of -log p, where p is the chance of the right neighbour; and the
        chances of all words, [N, V], the softmax of the logits rows @ head.T.
    """
    raise NotImplementedError("compute the chances and the loss")


def backward(
    rows: np.ndarray, head: np.ndarray, neighbours: np.ndarray, chances: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """By how much the loss would grow for each number in the rows and in the head.

    Args:
        rows, head, neighbours: as `forward`.
        chances: what `forward` gave, [N, V]. They stay as they are.

    Returns:
        The gradient of the rows, [N, C], and that of the head, [V, C].
    """
    raise NotImplementedError("compute the gradients by hand")


def update(table: np.ndarray, ids: np.ndarray, gradient: np.ndarray, rate: float) -> None:
    """Move the rows that were looked up, in place, by rate times the gradient, against it.

    Args:
        table: [V, C]. Rows with no ID among `ids` keep their numbers.
        ids: which row each gradient belongs to, [N]. The gradients of an ID that is there several
            times add up.
        gradient: [N, C].
        rate: the learning rate.
    """
    raise NotImplementedError("move the rows that were looked up")


def train(
    wte: np.ndarray,
    head: np.ndarray,
    ids: np.ndarray,
    neighbours: np.ndarray,
    passes: int,
    batch_size: int,
    rate: float,
    rng: np.random.Generator,
) -> Iterator[float]:
    """Train both tables in place, batch by batch.

    Args:
        wte, head: the tables, [V, C].
        ids, neighbours: the pairs, as `skip_grams` gives them, [N].
        passes: how often to go through all pairs, each time in a new order.
        batch_size: how many pairs move the tables at once; the last batch of a pass has the rest.
        rate: the learning rate of both tables.
        rng: the source of the order: the same seed gives the same tables.

    Yields:
        The loss of each batch before its step, as soon as the step is done.
    """
    raise NotImplementedError("go through the pairs in batches")
