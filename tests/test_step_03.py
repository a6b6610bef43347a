"""What step 03 must do: cut a long text into inputs and targets, and those into batches."""

import numpy as np
import pytest

from solutions import solution_03
from tests.known import mistakes_in
from tutor.grading import close, equal, expect, has_shape, named, refused, refuses

TEXT = (
    np.arange(10, 63) ** 3
)  # 53 tokens, too large for 16 bits, that tell their place; none is its neighbour plus or times something


def windows(length, stride, shift=1):
    """The inputs and targets written out: `shift` is how far the targets are moved."""
    starts = range(0, len(TEXT) - length - shift + 1, stride)
    return [np.array([TEXT[start + by : start + by + length] for start in starts]) for by in (0, shift)]


def pair(found, what):
    """Check that `found` is a pair, the inputs and their targets."""
    expect(found is not None, f"{what} is None: is a `return` missing at the end?")
    expect(
        isinstance(found, tuple | list) and len(found) == 2,
        f"{what} should be a pair: the inputs, then their targets.",
        found=f"an array of shape {list(found.shape)}" if isinstance(found, np.ndarray) else found,
    )
    return found


def cut(answer, tokens, length, stride):
    """What sliding_windows gives for tokens that have room for a window: the inputs and their targets."""
    sliding_windows = answer.sliding_windows
    try:
        found = sliding_windows(tokens, length, stride)
    except ValueError as error:
        call = (
            f"sliding_windows(tokens, context_length={length}, stride={stride}) is refused, with {len(tokens)} tokens"
        )
        room = (len(tokens) - length - 1) // stride + 1
        refused(error, f"{call}. There is room for {room} window{'s'[: room > 1]} and the token after each.")
        raise
    return pair(found, "What sliding_windows gives")


def deal(answer, inputs, targets, size):
    """The batches that `batches` gives, for windows that fill at least one."""
    batches = answer.batches
    try:
        found = batches(inputs, targets, size)
        expect(found is not None, "batches gives None. It should hand out its batches one by one, by `yield`.")
        ends = "batches hands out one batch and ends: `return` does that. `yield` in its place goes on with the next."
        expect(not isinstance(found, tuple), ends)
        return list(found)
    except ValueError as error:
        call = f"batches(inputs, targets, batch_size={size}) is refused, with {len(inputs)} windows"
        refused(error, f"{call}, but they fill {'a batch' if len(inputs) < 2 * size else 'several batches'}.")
        raise


def no_suspect(found, right, suspects):
    """Check that arrays are not what a mistake gives, where that differs from what is right, in numbers or in shape."""

    def same(these, those):
        return len(these) == len(those) and all(map(np.array_equal, these, those))

    if not same(found, right) and (sentence := named(suspects, lambda wrong: same(found, wrong))):
        differ = [pair for pair in zip(right, found) if not np.array_equal(*pair)]
        both, counted = (differ[0], "windows") if differ else ((right, found), "batches")
        rows = ((i, a.tolist(), b.tolist()) for i, (a, b) in enumerate(zip(*both)))
        first = ([f"window {i}: {row}" for row in rows] for i, *rows in rows if rows[0] != rows[1])
        wanted, given = next(first, [f"{len(array)} {counted}" for array in both])
        expect(False, sentence, expected=wanted, found=given)


SIZES = [(4, 4), (4, 1), (3, 5), (1, 1), (52, 4), (7, 3), (4, 100)]


@pytest.mark.parametrize(
    ("length", "stride"), SIZES, ids=["windows of {} with stride {}".format(*sizes) for sizes in SIZES]
)
def test_windows(answer, length, stride):
    """inputs are windows of the text, targets the same moved on by one"""
    inputs, targets = cut(answer, TEXT, length, stride)
    right_inputs, right_targets = windows(length, stride)
    exchanged = np.array_equal(inputs, right_targets) and np.array_equal(targets, right_inputs)
    expect(not exchanged, "Inputs and targets are exchanged: a target is the token that comes after its input.")

    for part in (slice(None), slice(1, 2), slice(1)):  # both together, or one of them
        mistakes = mistakes_in(solution_03.sliding_windows, lambda cut: cut(TEXT, length, stride)[part])
        no_suspect((inputs, targets)[part], (right_inputs, right_targets)[part], mistakes)
    shapes = {"T windows": "did you build the windows as columns?"}
    close(inputs, right_inputs, "windows T", shapes=shapes, what="The array of inputs")
    close(targets, right_targets, "windows T", shapes=shapes, what="The array of targets")


@pytest.mark.parametrize("stride", [4, 1], ids="stride {}".format)
def test_windows_share_memory(answer, stride):
    """the windows are views: no number of the text is copied"""
    arrays = [np.asarray(array) for array in cut(answer, TEXT, 4, stride)]
    once = np.shares_memory(*arrays) and arrays[0].strides == (stride * TEXT.itemsize, TEXT.itemsize)
    for array in arrays:
        expect(
            np.shares_memory(array, TEXT) or not once,
            "The text is copied before it is cut. np.asarray copies nothing if it gets an array; np.array does.",
        )
        expect(
            np.shares_memory(array, TEXT),
            "The windows are copies of the text: with stride 1 that takes T times its memory. `sliding_window_view` gives views.",
        )


def test_takes_a_list(answer):
    """a plain list of token IDs will do"""
    inputs, _ = cut(answer, TEXT.tolist(), 4, 4)
    close(inputs, windows(4, 4)[0], "windows T", what="The array of inputs", rtol=0)
    kind = np.asarray(inputs).dtype
    whole = (
        f"The IDs of a list become {kind}, and a table has rows for whole numbers only: np.asarray(tokens) keeps them."
    )
    expect(kind.kind in "iu", whole)


@pytest.mark.parametrize("text", [TEXT[:4], TEXT[:1], TEXT[:0]], ids=["4 tokens", "1 token", "no tokens"])
def test_refuses_short_texts(answer, text):
    """a text without room for one window and the token after it is a ValueError"""
    otherwise = (
        f"A text of {len(text)} tokens is too short for windows of 4 and a target after them: raise a ValueError."
    )
    refuses(answer.sliding_windows, text, 4, 4, of=(ValueError,), otherwise=otherwise)


@pytest.mark.parametrize(
    "sizes",
    [(0, 4), (4, 0), (-4, 4), (4, -1)],
    ids=["context_length 0", "stride 0", "context_length -4", "stride -1"],
)
def test_refuses_sizes(answer, sizes):
    """a context length or stride below 1 is a ValueError"""
    otherwise = "context_length = {} and stride = {} make no windows: raise a ValueError.".format(*sizes)
    refuses(answer.sliding_windows, TEXT, *sizes, of=(ValueError,), otherwise=otherwise)


@pytest.mark.parametrize(
    ("size", "count"),
    [(5, 22), (5, 10), (13, 13), (1, 3)],
    ids=["5 of 22 windows", "5 of 10 windows", "13 of 13 windows", "1 of 3 windows"],
)
def test_batches(answer, size, count):
    """batches hold batch_size windows, in order, each with its targets"""
    inputs, targets = (array[:count] for array in windows(4, 2))
    found = deal(answer, inputs, targets, size)
    right = count // size
    parts = [np.asarray(part) for batch in found for part in pair(batch, "A batch")]
    starts = range(0, right * size, size)
    right_parts = [whole[start : start + size] for start in starts for whole in (inputs, targets)]
    mistakes = mistakes_in(
        solution_03.batches, lambda deal: [part for batch in deal(inputs, targets, size) for part in batch]
    )
    no_suspect(parts, right_parts, mistakes)
    mistakes = mistakes_in(solution_03.batches, lambda deal: len(list(deal(inputs, targets, size))))
    equal(len(found), right, suspects=mistakes, what=f"The number of batches of {size} from {count} windows")
    for number, batch in enumerate(found):
        for kind, part, whole in zip(("inputs", "targets"), batch, (inputs, targets)):
            here = slice(size * number, size * number + size)
            shapes = {
                "windows T": "[:, start:stop] cuts every window. [start:stop] takes whole windows.",
                "T": "that is a single window. [start:stop] takes several.",
            }
            what = f"The array of {kind} of batch {number}"
            part = has_shape(part, (size, 4), "B T", sizes={"windows": count}, shapes=shapes, what=what)
            windows_of = {tuple(window) for window in part.tolist()}
            expect(
                np.array_equal(part, whole[here]) or not windows_of <= {tuple(window) for window in whole.tolist()},
                f"The {kind} of batch {number} are windows of the text, but not those whose turn it is. Give them in order.",
            )
            close(part, whole[here], "B T", what=what)
            expect(np.shares_memory(part, whole), "A batch is a copy of its windows. A slice of an array is a view.")


def test_documented_batch(answer):
    """context length 4, stride 4, batch size 8 give [8, 4]"""
    first = deal(answer, *cut(answer, TEXT, 4, 4), 8)[:1]
    expect(first, "batches gives no batch, though 13 windows fill one of 8.")
    inputs, targets = pair(*first, "A batch")
    close(inputs, TEXT[:32].reshape(8, 4), "B T", what="The first batch of inputs")
    close(targets, TEXT[1:33].reshape(8, 4), "B T", what="The first batch of targets")


@pytest.mark.parametrize("size", [14, 0, -1], ids="batch_size {}".format)
def test_refuses_batch_sizes(answer, size):
    """a batch size that is below 1, or that no batch can reach, is a ValueError"""
    inputs, targets = windows(4, 4)
    otherwise = f"batch_size {size} with {len(inputs)} windows gives no batch: raise a ValueError that says so."
    refuses(lambda: list(answer.batches(inputs, targets, size)), of=(ValueError,), otherwise=otherwise)
