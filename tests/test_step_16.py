"""What step 16 must do: cosine similarity, nearest neighbours and analogies, in NumPy."""

import numpy as np
import pytest
from conftest import REFERENCE
from tutor.checks import close, equal, expect, refuses

from solutions.solution_02 import encode, read_tokenizer

TINY = REFERENCE / "tiny-gpt2"
RANDOM = np.random.default_rng(16)
# Rows of different lengths, so that neither dot products nor distances rank them as angles do.
TABLE = RANDOM.standard_normal((9, 4)) * RANDOM.permutation(np.geomspace(0.2, 5, 9))[:, np.newaxis]
VECTOR = TABLE[3] + 0.3 * RANDOM.standard_normal(4)


@pytest.fixture(scope="module")
def tokenizer():
    """The tiny model's own tokenizer."""
    return read_tokenizer(TINY)


def cosines(vector, table):
    """The similarities that are right, written another way than in the solution."""
    return np.array([np.dot(vector, row) / (np.dot(vector, vector) * np.dot(row, row)) ** 0.5 for row in table])


def test_word_id(step, tokenizer):
    """word_id gives the token of a word inside a text: with the space before it"""
    for word in ("king", "queen", "she", "cat"):
        bare = encode(word, tokenizer)
        spaced = "a text holds the word with the space before it, and that is another token"
        suspects = [(bare[0], f"That is the token of {word!r} at the start of a text: {spaced}.")]
        try:
            found = step.word_id(word, tokenizer)
        except ValueError as error:
            expect(False, f"word_id refuses {word!r}: {spaced}, {' ' + word!r}.", found=str(error))
        if isinstance(found, list | tuple):
            expect(False, f"word_id({word!r}) gives a list: the ID on its own is wanted.", found=found)
        equal(int(found), encode(f" {word}", tokenizer)[0], suspects=suspects, what=f"word_id({word!r})")
    unknown = "is several tokens of this vocabulary, so no row stands for it: a ValueError belongs here."
    refuses(
        step.word_id,
        "zebra",
        tokenizer,
        of=(ValueError,),
        otherwise=f"word_id('zebra') gives an ID. The word {unknown}",
    )


def wrong_cosines(a, b):
    """What known mistakes give for a vector and a table."""
    dots, a_length, b_lengths = b @ a, np.linalg.norm(a), np.linalg.norm(b, axis=-1)
    right = dots / a_length / b_lengths
    yield dots, "That is the dot product. The cosine divides it by the lengths of both vectors."
    yield dots / a_length, "It divides by the length of the first vector only, not of the second."
    yield dots / b_lengths, "It divides by the length of the second vector only, not of the first."
    yield dots / (a_length + b_lengths), "It divides by the sum of the two lengths. The formula has their product."
    yield dots / (a_length * b_lengths) ** 2, "It divides by the squares of the lengths: a root is missing."
    yield (
        dots / (a_length * np.linalg.norm(b)),
        "It divides by the length of the whole table. Each row has a length of its own: axis=-1.",
    )
    yield (
        dots / abs(a).sum() / abs(b).sum(axis=-1),
        "The length of a vector is the root of the sum of squares, not the sum.",
    )
    yield 1 - right, "That is 1 - cosine, a distance: large where the vectors differ."
    yield np.arccos(right), "That is the angle. Its cosine is wanted."
    yield abs(right), "The sign is lost: opposite directions have a cosine of -1."
    yield np.linalg.norm(b - a, axis=-1), "That is the distance between the vectors, not the cosine of their angle."


def test_cosine_of_two_vectors(step):
    """cosine_similarity of two vectors is a · b / (|a| |b|)"""
    for row in TABLE[:4]:
        suspects = [(number[0], sentence) for number, sentence in wrong_cosines(VECTOR, row[np.newaxis])]
        found = step.cosine_similarity(VECTOR, row)
        close(found, cosines(VECTOR, [row])[0], suspects=suspects, what="cosine_similarity of two vectors")


def test_cosine_with_a_table(step):
    """cosine_similarity of a vector and a table gives a number for each row"""
    suspects = list(wrong_cosines(VECTOR, TABLE))
    found = step.cosine_similarity(VECTOR, TABLE)
    close(found, cosines(VECTOR, TABLE), "V", suspects=suspects, sizes={"C": 4}, what="cosine_similarity with a table")


def test_zeros(step):
    """a vector of zeros has a similarity of 0, not nan"""
    table = TABLE * (np.arange(9) != 5)[:, np.newaxis]
    right = cosines(VECTOR, TABLE) * (np.arange(9) != 5)
    with np.errstate(all="ignore"):
        pairs = (
            (step.cosine_similarity(VECTOR, table), right),
            (step.cosine_similarity(np.zeros(4), TABLE), np.zeros(9)),
        )
    for found, expected in pairs:
        expect(
            not np.isnan(np.asarray(found, float)).any(),
            "A row of zeros gives nan, from 0 / 0, and every comparison with a nan is False. Its similarity should be 0.",
        )
        close(found, expected, "V", what="cosine_similarity with zeros")


def rows(found, what):
    """The numbers and similarities of a result like nearest's, whatever kind of numbers they are."""
    expect(
        isinstance(found, list), f"{what} should give a list of pairs (row, similarity).", found=type(found).__name__
    )
    for item in found:
        pair = isinstance(item, tuple | list) and len(item) == 2
        expect(pair, f"Each entry that {what} gives should be a pair (row, similarity).", found=item)
        whole = isinstance(item[0], int | np.integer)
        expect(whole, f"The first of each pair that {what} gives should be the number of a row.", found=item)
    return [int(row) for row, _ in found], np.array([float(similarity) for _, similarity in found])


def compare(found, vector, count, exclude, what, suspects):
    """Check a result like nearest's against the right one."""
    ids, similarities = rows(found, what)
    cosine = cosines(vector, TABLE)
    right = [int(row) for row in np.argsort(-cosine) if row not in exclude][:count]
    equal(ids, right, suspects=suspects, what=f"The list of rows from {what}")
    close(similarities, cosine[right], "count", what=f"The list of similarities from {what}")


def test_nearest(step):
    """nearest gives the rows with the highest cosine, the best first"""
    cosine, dots, distances = cosines(VECTOR, TABLE), TABLE @ VECTOR, np.linalg.norm(TABLE - VECTOR, axis=-1)
    suspects = [
        (np.argsort(-dots)[:4].tolist(), "The rows are ranked by the dot product, which favours long rows. Rank them by cosine."),
        (np.argsort(distances)[:4].tolist(), "The rows are ranked by distance. Rank them by cosine."),
        (np.argsort(cosine)[:4].tolist(), "Those are the rows least like the vector: argsort puts the smallest first."),
        (np.argsort(cosine)[-4:].tolist(), "Those are the right rows, the best last: turn them round."),
        (np.argsort(-cosine)[:3].tolist(), "The list is one row short of the count."),
        (np.argsort(-cosine)[1:5].tolist(), "The most similar row is passed over, and nothing says that it should be."),
        (np.sort(np.argsort(-cosine)[:4]).tolist(), "Those are the right rows in the order of their numbers. The most similar goes first."),
    ]  # fmt: skip
    compare(step.nearest(VECTOR, TABLE, 4), VECTOR, 4, (), "nearest", suspects)


def test_exclude(step):
    """nearest passes over the excluded rows and still gives as many as were asked for"""
    cosine = cosines(VECTOR, TABLE)
    ranked = np.argsort(-cosine).tolist()
    exclude = [ranked[0], ranked[2], ranked[8]]
    left = np.delete(np.arange(9), exclude)
    shifted = np.argsort(-cosine[left])[:4].tolist()
    suspects = [
        (ranked[:4], "The excluded rows are not passed over."),
        (
            [ranked[1], ranked[3]],
            "The excluded rows are taken out after the list is cut to its length: it gets too short.",
        ),
        (shifted, "Deleting rows from the table gives the others new numbers. The rows keep their own."),
    ]
    compare(step.nearest(VECTOR, TABLE, 4, exclude), VECTOR, 4, exclude, "nearest with excluded rows", suspects)
    compare(
        step.nearest(VECTOR, TABLE, 20, exclude),
        VECTOR,
        20,
        exclude,
        "nearest for a count above the number of rows",
        [],
    )


def test_analogy(step):
    """analogy gives the rows nearest to a - b + c, without a, b and c"""
    a, b, c = 1, 4, 6
    first, second, third = TABLE[[a, b, c]]

    def ranked(vector, exclude=(a, b, c)):
        return [int(row) for row in np.argsort(-cosines(vector, TABLE)) if row not in exclude][:3]

    vector = first - second + third
    dots = [int(row) for row in np.argsort(-(TABLE @ vector)) if row not in (a, b, c)][:3]
    suspects = [
        (ranked(vector, ()), "The rows of the question are among the answers. They are always near: leave a, b and c out."),
        *((ranked(vector, set((a, b, c)) - {row}), "One row of the question is among the answers: leave a, b and c out.") for row in (a, b, c)),
        (ranked(first + second - third), "That is a + b - c. It should be a - b + c."),
        (ranked(first - second - third), "That is a - b - c. It should be a - b + c."),
        (ranked(first + second + third), "That is a + b + c. It should be a - b + c."),
        (ranked(second - first + third), "That is b - a + c. It should be a - b + c."),
        (dots, "The rows are ranked by the dot product. Rank them by cosine."),
    ]  # fmt: skip
    compare(step.analogy(a, b, c, TABLE, 3), vector, 3, (a, b, c), "analogy", suspects)


def test_king_and_queen(step, tokenizer, tiny, record_property):
    """on the tiny GPT-2, king - man + woman is queen"""
    king, man, woman = (step.word_id(word, tokenizer) for word in ("king", "man", "woman"))
    ids, similarities = rows(step.analogy(king, man, woman, tiny.weights["wte.weight"], 1), "analogy")
    equal(ids, encode(" queen", tokenizer), what="king - man + woman")
    record_property("note", f"with a cosine of {similarities[0]:.2f}")
