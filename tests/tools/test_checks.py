"""What a learner is told about wrong numbers and wrong shapes that no known mistake explains."""

import numpy as np
import pytest

from tutor.grading import Wrong, close, equal, expect, refuses

RIGHT = np.random.default_rng(0).standard_normal((2, 5, 5), np.float32)


def said(found, right=RIGHT, axes="B T S", **options) -> str:
    """The diagnosis and the facts for `found`."""
    with pytest.raises(Wrong) as caught:
        close(found, right, axes, **options)
    return str(caught.value)


def test_right_numbers_pass():
    close(RIGHT, RIGHT, "B T S")
    close(RIGHT.tolist(), RIGHT)
    close(RIGHT * (1 + 5e-5), RIGHT)
    close(np.float32(2.0), 2.0)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (None, "is a `return` missing"),
        ("text", "a str"),
        (RIGHT * 2, "the right one times 2"),
        (-RIGHT, "the right one times -1"),
        (RIGHT + 3, "the right one plus 3"),
        (RIGHT * 0, "is 0 everywhere"),
        (np.trunc(RIGHT * 9), "has only whole numbers"),
        (RIGHT.astype(np.float16).astype(np.float32), "has only the digits of float16"),
        (RIGHT[:, ::-1], "in reverse order along T"),
        (RIGHT.swapaxes(1, 2), "with T and S swapped"),
        (np.where(np.arange(5) == 2, np.nan, RIGHT), "10 nan"),
        (np.where(np.arange(5) == 2, np.inf, RIGHT), "10 infinite"),
        (np.where(np.arange(5)[:, None] == 2, 0, RIGHT), "10 of its 50 numbers differ, all of them at index 2 of T"),
        (np.where(np.arange(5)[:, None] > 1, 0, RIGHT), "all of them at index 2 to 4 of T"),
        (np.where(np.arange(5) % 2, 0, RIGHT), "all of them at index 1, 3 of S"),
        (RIGHT**2, "has the right shape, but"),
        (RIGHT + 1e-3 * RIGHT**2, "has the right shape, but"),
        (RIGHT.astype(object), "should hold numbers"),
    ],
)
def test_patterns(found, words):
    assert words in said(found)


def test_facts():
    """Where the first difference is, and both numbers there."""
    found = RIGHT.copy()
    found[1, 2, 3] += 1
    text = said(found)
    assert "[1, 2, 3] of [B=2, T=5, S=5]" in text
    assert f"expected: {RIGHT[1, 2, 3]:.5g}" in text and f"found: {RIGHT[1, 2, 3] + 1:.5g}" in text


def test_suspects_are_named_only_when_they_match_and_differ_from_right():
    suspects = [(RIGHT, "the right answer"), (RIGHT * 3, "three times"), (RIGHT**2, "squares")]
    assert "squares" in said(RIGHT**2, suspects=suspects)
    assert "three times" in said(RIGHT * 3, suspects=lambda fits: "three times" if fits(RIGHT * 3) else "")
    assert "right one times 4" in said(RIGHT * 4, suspects=suspects)
    nan = np.full_like(RIGHT, np.nan)
    assert "all nan" in said(nan, suspects=[(nan, "all nan")])


def test_suspects_are_not_computed_for_right_numbers():
    close(RIGHT, RIGHT, suspects=lambda fits: 1 / 0)


SIZES = {"H": 4, "D": 16, "3C": 192, "V": 1000}
EXPECTED = (2, 7, 64)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((7, 2, 64), "B and T are swapped"),
        ((2, 64, 7), "T and C are swapped"),
        ((64, 2, 7), "in another order"),
        ((7, 64), "B is gone"),
        ((2, 64), "T is gone"),
        ((2, 7), "C is gone"),
        ((), "B, T and C are gone"),
        ((2, 7, 1, 64), "there is an axis of size 1 too many, number 2"),
        ((1, 2, 7, 1, 64), "there are axes of size 1 too many, number 0 and 3"),
        ((2, 7, 192), "q, k and v still lie side by side"),
        ((2, 7, 7), "[B, T, T] where [B, T, C] belongs: those are the weights of attention"),
        ((2, 7, 1000), "V stands where C belongs"),
        ((2, 7, 16), "D stands where C belongs"),
        ((2, 7, 65), "an axis of size 65 stands where C belongs"),
        ((2, 4, 7, 16), "[B, H, T, D]"),
        ((2, 2, 64), "an axis of size 2 stands where T belongs"),
        ((2, 8, 64), "an axis of size 8 stands where T belongs"),
        ((5, 6, 8, 9), "[5, 6, 8, 9]"),
    ],
)
def test_shapes(shape, words):
    text = said(np.zeros(shape), np.zeros(EXPECTED), "B T C", sizes=SIZES)
    assert words in text
    assert "expected: [B=2, T=7, C=64]" in text


@pytest.mark.parametrize(("shape", "words"), [((7,), "query is gone"), ((1, 7), "[1, key]"), ((7, 1), "[query, 1]")])
def test_of_axes_of_one_size_the_one_at_that_place_is_named(shape, words):
    assert words in said(np.zeros(shape), np.zeros((7, 7)), "query key")


def test_a_tuple_is_told():
    assert "is a tuple of 2" in said((RIGHT, RIGHT))


def test_what_is_not_called_is_told():
    assert "is a class itself" in said(np.ndarray)
    assert "is an Uncalled itself" in said(type("Uncalled", (), {"__call__": print})())


def test_known_shapes_are_explained():
    text = said(
        np.zeros((2, 7, 192)),
        np.zeros(EXPECTED),
        "B T C",
        sizes=SIZES,
        shapes={"B T 3C": "q, k and v are still together"},
    )
    assert "q, k and v are still together" in text


def test_equal():
    equal([1, 2], [1, 2])
    equal("a", "a")
    for found, right, words in [
        ([1, 2, 4], [1, 2, 3], "differs from index 2 on"),
        ([1, 2], [1, 2, 3], r"lacks \[3\] at index 2"),
        (None, [1], "is a `return` missing"),
        (1.0, 1, "not what it should be"),
        (True, 1, "not what it should be"),
        (("a",), ["a"], "not what it should be"),
    ]:
        with pytest.raises(Wrong, match=words):
            equal(found, right)
    with pytest.raises(Wrong, match="one too many"):
        equal(3, 2, suspects=[(2, "right"), (3, "one too many")])


def test_expect_and_refuses():
    expect([1], "never said")
    with pytest.raises(Wrong, match="empty"):
        expect([], "it is empty")
    refuses(int, "x", of=(ValueError,), otherwise="never said")
    with pytest.raises(Wrong, match="taken"):
        refuses(int, "1", otherwise="taken")
    with pytest.raises(Wrong, match="should raise a ValueError; here it raises a TypeError"):
        refuses(int, [], of=(ValueError,), otherwise="never said")
    with pytest.raises(Wrong, match="should raise an IndexError; here it raises an AssertionError, without a message"):
        refuses(lambda: (_ for _ in ()).throw(AssertionError()).send(None), of=(IndexError,), otherwise="never said")
    with pytest.raises(Wrong, match=r"no error, but an array of shape \[2, 5, 5\]"):
        refuses(lambda: RIGHT, otherwise="taken")
    with pytest.raises(NotImplementedError):
        refuses(lambda: (_ for _ in ()).throw(NotImplementedError()), otherwise="a stub refuses nothing")
