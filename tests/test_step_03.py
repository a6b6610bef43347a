"""What step 03 must do: cut a long text into inputs and targets, and those into batches."""

import numpy as np
import pytest
from tutor.checks import close, equal, expect, refuses

TEXT = np.arange(100, 153)  # 53 tokens that tell their place


def windows(length, stride, shift=1):
    """The inputs and targets written out: `shift` is how far the targets are moved."""
    starts = range(0, len(TEXT) - length, stride)
    fitting = [start for start in starts if start + length + shift <= len(TEXT)]
    return [np.array([TEXT[start + by : start + by + length] for start in fitting]) for by in (0, shift)]


@pytest.mark.parametrize(("length", "stride"), [(4, 4), (4, 1), (3, 5), (1, 1), (52, 4), (7, 3)])
def test_windows(step, length, stride):
    """inputs are windows of the text, targets the same moved on by one"""
    inputs, targets = step.sliding_windows(TEXT, length, stride)
    right_inputs, right_targets = windows(length, stride)

    def wrong_inputs():
        yield windows(stride, length)[0], "Stride and context length are swapped: the context length is how long a window is."
        yield windows(length, 1)[0], "Each window starts one token after the last. The stride says how far apart they start."
        yield windows(length, length)[0], "The windows stand side by side. The stride says how far apart they start."

    def wrong_targets():
        yield right_inputs, "The targets are the inputs themselves. A target is the token that comes next."
        yield right_inputs + 2, "The targets are moved by two: one token is skipped between an input and its target."
        yield right_inputs - 1, "The targets are moved back: each is the token before its input, not the one after."

    shapes = {"T B": "did you build the windows as columns?"}
    close(inputs, right_inputs, "windows T", suspects=wrong_inputs, shapes=shapes, what="The array of inputs")
    close(targets, right_targets, "windows T", suspects=wrong_targets, what="The array of targets")


def test_windows_share_memory(step):
    """the windows are views: no number of the text is copied"""
    for array in step.sliding_windows(TEXT, 4, 4):
        expect(
            np.shares_memory(array, TEXT),
            "The windows are copies of the text: with stride 1 that takes T times its memory. `sliding_window_view` gives views.",
        )


def test_takes_a_list(step):
    """a plain list of token IDs will do"""
    inputs, _ = step.sliding_windows(TEXT.tolist(), 4, 4)
    close(inputs, windows(4, 4)[0], "windows T", what="The array of inputs")


@pytest.mark.parametrize("text", [TEXT[:4], TEXT[:1], TEXT[:0]], ids=len)
def test_refuses_short_texts(step, text):
    """a text without room for one window and the token after it is a ValueError"""
    otherwise = f"A text of {len(text)} tokens is too short for windows of 4 and a target after them: raise a ValueError."
    refuses(step.sliding_windows, text, 4, 4, of=(ValueError,), otherwise=otherwise)


@pytest.mark.parametrize("sizes", [(0, 4), (4, 0), (-4, 4), (4, -1)])
def test_refuses_sizes(step, sizes):
    """a context length or stride below 1 is a ValueError"""
    refuses(step.sliding_windows, TEXT, *sizes, of=(ValueError,), otherwise="context_length, stride = %d, %d: raise a ValueError." % sizes)


def test_batches(step):
    """batches hold batch_size windows, in order, each with its targets"""
    inputs, targets = windows(4, 4)
    found = list(step.batches(inputs, targets, 5))
    suspects = [(3, "The last windows, too few for a batch, are given too: leave them out."), (len(inputs), "Each window comes alone.")]
    equal(len(found), len(inputs) // 5, suspects=suspects, what=f"The number of batches of 5 from {len(inputs)} windows")
    for number, batch in enumerate(found):
        expect(len(batch) == 2, "A batch is a pair: the inputs and their targets.", found=len(batch))
        for kind, part, whole in zip(("inputs", "targets"), batch, (inputs, targets)):
            right = whole[5 * number : 5 * number + 5]
            suspects = [(whole[number::2][:5], "The windows are dealt out like cards: neighbours belong in one batch.")]
            close(part, right, "B T", suspects=suspects, what=f"The {kind} of batch {number}")


def test_documented_batch(step):
    """context length 4, stride 4, batch size 8 give [8, 4]"""
    inputs, targets = next(iter(step.batches(*step.sliding_windows(TEXT, 4, 4), 8)))
    close(inputs, TEXT[:32].reshape(8, 4), "B T", what="The first batch of inputs")
    close(targets, TEXT[1:33].reshape(8, 4), "B T", what="The first batch of targets")


@pytest.mark.parametrize("size", [14, 0, -1])
def test_refuses_batch_sizes(step, size):
    """a batch size that is below 1, or that no batch can reach, is a ValueError"""
    inputs, targets = windows(4, 4)
    otherwise = f"batch_size {size} with {len(inputs)} windows gives no batch: raise a ValueError that says so."
    refuses(lambda: list(step.batches(inputs, targets, size)), of=(ValueError,), otherwise=otherwise)
