"""What step 16 must do: cosine similarity, nearest neighbours and analogies, in NumPy."""

import numpy as np
import pytest

from solutions.solution_02 import encode, read_tokenizer
from tutor.checkpoint import REFERENCE
from tutor.grading import close, equal, expect, refuses, whole_number

TINY = REFERENCE / "tiny-gpt2"
RANDOM = np.random.default_rng(16)
# Rows of different lengths, so that neither dot products nor distances rank them as angles do.
TABLE = RANDOM.standard_normal((40, 4)) * RANDOM.permutation(np.geomspace(0.2, 5, 40))[:, np.newaxis]
TABLE.setflags(write=False)
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
    spaced = "a text holds the word with the space before it, and that is another token"
    for word in ("king", "queen", "man", "Monday"):  # without the space, the last two are a single token too
        try:
            found = step.word_id(word, tokenizer)
        except ValueError as error:
            expect(False, f"word_id refuses {word!r}: {spaced}, {' ' + word!r}.", found=str(error))
        what = f"word_id({word!r})"
        suspects = [(encode(word, tokenizer)[0], f"That is the token of {word!r} at the start of a text: {spaced}.")]
        equal(whole_number(found, what), encode(f" {word}", tokenizer)[0], suspects=suspects, what=what)
    for word, count in (
        ("zebra", "five tokens"),
        ("kings", "two tokens"),
        ("Once", "a single token only without the space"),
    ):
        otherwise = f"word_id takes {word!r}, which is {count}: no row stands for it. A ValueError belongs here."
        refuses(step.word_id, word, tokenizer, of=(ValueError,), otherwise=otherwise)


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
    yield -right, "The sign is turned round: the same direction has a cosine of 1, the opposite one -1."
    yield (
        right / len(a),
        "It divides by the number of columns as well: a sum of products belongs there, not their mean.",
    )
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
    others = np.arange(len(TABLE)) != 5
    table, right = TABLE * others[:, np.newaxis], cosines(VECTOR, TABLE) * others
    with np.errstate(all="ignore"):
        pairs = (
            (step.cosine_similarity(VECTOR, table), right),
            (step.cosine_similarity(np.zeros(4), TABLE), np.zeros(len(TABLE))),
        )
    for found, expected in pairs:
        expect(
            not np.isnan(np.asarray(found, float)).any(),
            "A row of zeros gives nan, from 0 / 0, and every comparison with a nan is False. Its similarity should be 0.",
        )
        close(found, expected, "V", what="cosine_similarity with zeros")
    for a, b in ((VECTOR, np.zeros(4)), (np.zeros(4), VECTOR), (np.zeros(4), np.zeros(4))):
        with np.errstate(all="ignore"):
            found = step.cosine_similarity(a, b)
        none = "One of two vectors is all zeros, and the result is nan, from 0 / 0. It should be 0, as with a table."
        one = "A vector of zeros has a similarity of 1 to another. It points nowhere: its similarity to anything is 0."
        close(found, 0.0, suspects=[(np.nan, none), (1.0, one)], what="cosine_similarity of a vector and one of zeros")


def rows(found, what):
    """The numbers and similarities of a result like nearest's, whatever kind of numbers they are."""
    expect(found is not None, f"{what} gives None: is a `return` missing at the end?")
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
    suspects = [
        (
            cosine[: len(right)],
            "The similarities are those of the first rows of the table, not of the rows that they stand by.",
        )
    ]
    close(similarities, cosine[right], "count", suspects=suspects, what=f"The list of similarities from {what}")


def test_nearest(step):
    """nearest gives the rows with the highest cosine, the best first"""
    cosine, dots, distances = cosines(VECTOR, TABLE), TABLE @ VECTOR, np.linalg.norm(TABLE - VECTOR, axis=-1)
    ranked = np.argsort(-cosine).tolist()
    suspects = [
        (np.argsort(-dots)[:6].tolist(), "The rows are ranked by the dot product, which favours long rows. Rank them by cosine."),
        (np.argsort(distances)[:6].tolist(), "The rows are ranked by distance. Rank them by cosine."),
        (np.argsort(-abs(cosine))[:6].tolist(), "Rows in the opposite direction rank high: the sign of the cosine is lost."),
        (ranked[:-7:-1], "Those are the rows least like the vector: argsort puts the smallest first."),
        (ranked[5::-1], "Those are the right rows, the best last: turn them round."),
        (ranked[:5], "The list is one row short of the count."),
        (ranked[:7], "The list is one row longer than the count."),
        (ranked, "All rows come. Only the first `count` of them should."),
        (ranked[1:7], "The most similar row is passed over, and nothing says that it should be."),
        (sorted(ranked[:6]), "Those are the right rows in the order of their numbers. The most similar goes first."),
    ]  # fmt: skip
    compare(step.nearest(VECTOR, TABLE, 6), VECTOR, 6, (), "nearest", suspects)


def test_exclude(step):
    """nearest passes over the excluded rows and still gives as many as were asked for"""
    cosine = cosines(VECTOR, TABLE)
    ranked = np.argsort(-cosine).tolist()
    exclude = [ranked[0], ranked[2], ranked[-1]]
    left = np.delete(np.arange(len(TABLE)), exclude)
    suspects = [
        (ranked[:4], "The excluded rows are not passed over."),
        ([ranked[1], ranked[3]], "The excluded rows are taken out after the list is cut to its length: it gets too short."),
        (np.argsort(-cosine[left])[:4].tolist(), "Deleting rows from the table gives the others new numbers. The rows keep their own."),
    ]  # fmt: skip
    what = "nearest with excluded rows"
    compare(step.nearest(VECTOR, TABLE, 4, exclude), VECTOR, 4, exclude, what, suspects)
    found = step.nearest(VECTOR, TABLE, 50, exclude)
    excluded = "Where more rows are asked for than there are, excluded ones come too. They should not come at all."
    expect(not set(exclude) & set(rows(found, what)[0]), excluded)
    compare(found, VECTOR, 50, exclude, "nearest for a count above the number of rows", [])


def test_analogy(step):
    """analogy gives the rows nearest to a - b + c, without a, b and c"""
    a, b, c = 2, 16, 24  # all three are among the four rows nearest to a - b + c
    first, second, third = TABLE[[a, b, c]]

    def ranked(vector, exclude=(a, b, c)):
        return [int(row) for row in np.argsort(-cosines(vector, TABLE)) if row not in exclude][:4]

    vector = first - second + third
    units = TABLE / np.linalg.norm(TABLE, axis=-1, keepdims=True)
    dots = [int(row) for row in np.argsort(-(TABLE @ vector)) if row not in (a, b, c)][:4]
    left = "rows of the question are among the answers. They are always near: leave a, b and c out."
    suspects = [
        (ranked(vector, ()), f"The {left}"),
        *((ranked(vector, out), f"Some {left}") for out in ((a,), (b,), (c,), (a, b), (a, c), (b, c))),
        (ranked(first + second - third), "That is a + b - c. It should be a - b + c."),
        (ranked(first - second - third), "That is a - b - c. It should be a - b + c."),
        (ranked(first + second + third), "That is a + b + c. It should be a - b + c."),
        (ranked(second - first + third), "That is b - a + c. It should be a - b + c."),
        (ranked(first - second), "That is a - b, without c. It should be a - b + c."),
        (ranked(first + third), "That is a + c, without b. It should be a - b + c."),
        (ranked(TABLE[a - b + c]), "The numbers of the rows are added up. It is the rows themselves: table[a] - table[b] + table[c]."),
        (ranked(units[a] - units[b] + units[c]), "The rows are made equally long before they are added up. They keep their lengths."),
        (dots, "The rows are ranked by the dot product. Rank them by cosine."),
    ]  # fmt: skip
    compare(step.analogy(a, b, c, TABLE, 4), vector, 4, (a, b, c), "analogy", suspects)


def test_king_and_queen(step, tokenizer, tiny, record_property):
    """on the tiny GPT-2, king - man + woman is queen"""
    table = tiny.weights["wte.weight"]
    king, man, woman = (step.word_id(word, tokenizer) for word in ("king", "man", "woman"))
    ids, similarities = rows(step.analogy(king, man, woman, table, 1), "analogy")
    equal(ids, encode(" queen", tokenizer), what="The list of the row nearest to king - man + woman")
    record_property("note", f"with a cosine of {similarities[0]:.2f}")
