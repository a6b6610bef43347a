"""What step 07 must do: `causal_mask`, which hides the future from each token."""

from functools import partial

import numpy as np
import pytest
from max.experimental import functional as F
from max.graph import Dim

from tests.known import mistakes_in
from tests.known.gpt2 import causal_mask
from tutor.grading import Wrong, close, expect, has_shape, on_max

T = 7


@pytest.fixture(scope="module")
def mask(answer):
    """The learner's mask of 7 tokens."""
    sizes = {"T + 1": T + 1, "n_positions": 1024}
    found = on_max(answer.causal_mask, T)
    expect(not isinstance(found, list), "causal_mask gives a list of Python: make it a tensor.")
    if isinstance(found, np.ndarray) and found.ndim == 2:
        expect(
            np.shape(on_max(answer.causal_mask, T - 3)) != found.shape,
            f"The mask is {list(found.shape)} whatever the length. Make it [length, length].",
        )
    found = has_shape(found, [T, T], "query key", sizes=sizes, what="The mask")
    expect(
        found.dtype in (np.float32, bool),
        f"The mask holds {found.dtype}, and it is added to scores of float32: make it float32. "
        "Tensor.full does so by itself, np.full with dtype=np.float32.",
    )
    return found


def with_infinities(mask):
    """The mask with -inf in place of negative numbers, which do as well if they are large."""
    return np.where(mask < 0, -np.inf, mask) if mask.dtype == np.float32 else mask


def softmax_of_sum(answer, scores):
    """What the learner's mask makes of scores [B, H, T, T]."""
    return on_max(lambda scores: F.softmax(scores + answer.causal_mask(T)), scores)


def test_shape(mask):
    """the mask is [T, T]: a row for each token that asks, a column for each that it looks at"""


def test_who_sees_whom(answer, mask, expected):
    """a token sees itself and what came before it: 0 there, below 0 elsewhere"""
    seen = expected["batch/h.0.attn.weights"][0].max(0) > 0  # by the tokens of Hugging Face's GPT-2
    mistakes = mistakes_in(causal_mask, lambda causal_mask: causal_mask(T), partial(on_max, answer.causal_mask))
    right = np.where(seen, 0.0, -np.inf)
    close(with_infinities(mask), right, "query key", suspects=mistakes, what="The mask")


def test_large_scores(answer, mask, expected):
    """the future stays hidden where scores are large: its weight is exactly 0"""
    future = expected["batch/h.0.attn.weights"] == 0
    found = softmax_of_sum(answer, np.where(future, np.float32(1e6), np.float32(-1e6)))
    expect(
        not found[future].any(),
        "Where scores lie between -1,000,000 and 1,000,000, the future gets some weight: "
        f"{mask.min():.5g} is not enough. -inf always is.",
    )


def test_softmax(answer, mask, expected):
    """added to Hugging Face's scores, it gives Hugging Face's weights after the softmax"""
    found = softmax_of_sum(answer, expected["batch/h.0.attn.scores"])
    right = expected["batch/h.0.attn.weights"]
    close(found, right, "B H query key", what="The softmax of scores + mask")


def test_every_length(answer):
    """it works for one token, which sees itself, and for 1,024"""
    for length in (1, 1024):
        found = with_infinities(np.asarray(on_max(answer.causal_mask, length)))
        close(found, causal_mask(length), "query key", what=f"The mask of {length}")


def test_length_from_a_shape(answer):
    """it takes a length that comes from a tensor's shape, as attention (step 08) gives it"""
    try:
        found = on_max(answer.causal_mask, Dim(T))
    except NotImplementedError:
        raise
    except Exception as error:
        on_max(answer.causal_mask, T)  # if that fails too, it says why
        raise Wrong(
            "causal_mask takes a whole number, but no size of a tensor's shape, which is what attention (step 08) will give "
            "it. Such a size is a Dim. MAX's functions take it as it is; for NumPy and Python write int(length).",
            found=f"{type(error).__name__}: {error}".splitlines()[0],
        ) from error
    close(with_infinities(np.asarray(found)), causal_mask(T), "query key", what="The mask")
