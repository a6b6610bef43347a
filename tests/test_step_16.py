"""What step 16 must do: cosine similarity, nearest neighbours and analogies, in NumPy."""

import numpy as np
import pytest

from solutions import solution_16
from solutions.solution_02 import encode, read_tokenizer
from tests.known import mistakes_in
from tutor.checkpoint import REFERENCE
from tutor.grading import close, equal, expect, has_shape, refuses, whole_number

TINY = REFERENCE / "tiny-gpt2"
RANDOM = np.random.default_rng(16)
# Rows of different lengths, so that neither dot products nor distances rank them as angles do.
TABLE = RANDOM.standard_normal((40, 4)) * RANDOM.permutation(np.geomspace(0.2, 5, 40))[:, np.newaxis]
TABLE.setflags(write=False)
VECTOR = TABLE[3] + 0.3 * RANDOM.standard_normal(4)
VECTOR.setflags(write=False)


@pytest.fixture(scope="module")
def tokenizer():
    """The tiny model's own tokenizer."""
    return read_tokenizer(TINY)


def cosines(vector, table):
    """The similarities that are right, written another way than in the solution."""
    return np.array([np.dot(vector, row) / (np.dot(vector, vector) * np.dot(row, row)) ** 0.5 for row in table])


def test_word_id(answer, tokenizer):
    """word_id gives the token of a word inside a text: with the space before it"""
    spaced = "a text holds the word with the space before it, and that is another token"
    for word in ("king", "queen", "man", "Monday"):  # without the space, the last two are a single token too
        try:
            found = answer.word_id(word, tokenizer)
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
        refuses(answer.word_id, word, tokenizer, of=(ValueError,), otherwise=otherwise)


def test_cosine_of_two_vectors(answer):
    """cosine_similarity of two vectors is a · b / (|a| |b|)"""
    found = [answer.cosine_similarity(VECTOR, row) for row in TABLE[:4]]
    right = solution_16.cosine_similarity
    suspects = mistakes_in(
        right, lambda cosine: np.array([cosine(VECTOR, row) for row in TABLE[:4]]), answer.cosine_similarity
    )
    for number in found:
        has_shape(number, (), what="cosine_similarity of two vectors")
    close(
        found, cosines(VECTOR, TABLE[:4]), "pairs", suspects=suspects, what="cosine_similarity of four pairs of vectors"
    )


def test_cosine_with_a_table(answer):
    """cosine_similarity of a vector and a table gives a number for each row"""
    mine = answer.cosine_similarity
    suspects = mistakes_in(solution_16.cosine_similarity, lambda cosine: cosine(VECTOR, TABLE), mine)
    found = answer.cosine_similarity(VECTOR, TABLE)
    close(found, cosines(VECTOR, TABLE), "V", suspects=suspects, sizes={"C": 4}, what="cosine_similarity with a table")
    small = answer.cosine_similarity(1e-6 * VECTOR, 1e-6 * TABLE)
    added = "With all numbers a million times smaller the similarities are others, though no angle changes. Is something added "
    added += "to the lengths, so that they are never 0?"
    expect(np.allclose(small, cosines(VECTOR, TABLE), 1e-4, 1e-5), added)


def test_zeros(answer):
    """a vector of zeros has a similarity of 0, not nan"""
    others = np.arange(len(TABLE)) != 5
    table, right = TABLE * others[:, np.newaxis], cosines(VECTOR, TABLE) * others
    with np.errstate(all="ignore"):
        pairs = (
            (answer.cosine_similarity(VECTOR, table), right),
            (answer.cosine_similarity(np.zeros(4), TABLE), np.zeros(len(TABLE))),
        )
    for found, expected in pairs:
        expect(
            not np.isnan(np.asarray(found, float)).any(),
            "A row of zeros gives nan, from 0 / 0, and every comparison with a nan is False. Its similarity should be 0.",
        )
        close(found, expected, "V", what="cosine_similarity with zeros")
    for a, b in ((VECTOR, np.zeros(4)), (np.zeros(4), VECTOR), (np.zeros(4), np.zeros(4))):
        with np.errstate(all="ignore"):
            found = answer.cosine_similarity(a, b)
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


def compare(found, vector, count, exclude, what, formula, *args):
    """Check a result like nearest's against the right one. `formula`, with the mistakes in it, takes `args`."""
    ids, similarities = rows(found, what)
    cosine = cosines(vector, TABLE)
    right = [int(row) for row in np.argsort(-cosine) if row not in exclude][:count]

    def suspects(fits):
        def both_fit(pairs):
            others = [[pair[i] for pair in pairs] for i in (0, 1)]
            return any(map(fits, others)) and others[0] == ids and np.allclose(others[1], similarities)

        ids_of = mistakes_in(formula, lambda wrong: [row for row, _ in wrong(*args)], searched=False)
        return mistakes_in(formula, lambda wrong: wrong(*args))(both_fit) or ids_of(fits)

    equal(ids, right, suspects=suspects, what=f"The list of rows from {what}")
    close(similarities, cosine[right], "count", suspects=suspects, what=f"The list of similarities from {what}")


def test_nearest(answer):
    """nearest gives the rows with the highest cosine, the best first"""
    arguments = VECTOR, TABLE, 6
    compare(answer.nearest(*arguments), VECTOR, 6, (), "nearest", solution_16.nearest, *arguments)
    many = np.random.default_rng(0).standard_normal((2000, 4))  # argpartition puts few rows quite in order
    ids, _ = rows(answer.nearest(VECTOR, many, 1000), "nearest")
    right = np.argsort(-cosines(VECTOR, many))[:1000].tolist()
    unsorted = "The right rows come in another order. The best comes first: argpartition alone does not sort."
    expect(sorted(ids) != sorted(right) or ids == right, unsorted, expected=right[:5], found=ids[:5])
    equal(ids, right, what="The list of 1,000 rows of 2,000 from nearest")


def test_exclude(answer):
    """nearest passes over the excluded rows and still gives as many as were asked for"""
    ranked = np.argsort(-cosines(VECTOR, TABLE)).tolist()
    exclude = [ranked[0], ranked[2], ranked[-1]]
    what, arguments = "nearest with excluded rows", (VECTOR, TABLE, 4, exclude)
    compare(answer.nearest(*arguments), VECTOR, 4, exclude, what, solution_16.nearest, *arguments)
    try:
        found = answer.nearest(VECTOR, TABLE, 50, set(exclude))
    except (IndexError, TypeError) as error:
        any_collection = (
            "nearest takes a list of rows to exclude, and fails with a set. `row not in exclude` works with both."
        )
        expect(False, any_collection, found=f"{type(error).__name__}: {error}")
    excluded = "Where more rows are asked for than there are, excluded ones come too. They should not come at all."
    expect(not set(exclude) & set(rows(found, what)[0]), excluded)
    arguments = VECTOR, TABLE, 50, exclude
    compare(found, VECTOR, 50, exclude, "nearest for a count above the number of rows", solution_16.nearest, *arguments)


def test_analogy(answer):
    """analogy gives the rows nearest to a - b + c, without a, b and c"""
    a, b, c = 2, 16, 24  # all three are among the four rows nearest to a - b + c
    arguments = a, b, c, TABLE, 4
    vector = TABLE[a] - TABLE[b] + TABLE[c]
    compare(answer.analogy(*arguments), vector, 4, (a, b, c), "analogy", solution_16.analogy, *arguments)


def test_king_and_queen(answer, tokenizer, tiny, record_property):
    """on the tiny GPT-2, king - man + woman is queen"""
    table = tiny.weights["wte.weight"]
    king, man, woman = (answer.word_id(word, tokenizer) for word in ("king", "man", "woman"))
    ids, similarities = rows(answer.analogy(king, man, woman, table, 1), "analogy")
    equal(ids, encode(" queen", tokenizer), what="The list of the row nearest to king - man + woman")
    record_property("note", f"with a cosine of {similarities[0]:.2f}")
