"""What step 08 must do: `attention`, causal scaled dot-product attention."""

from functools import partial

import numpy as np
import pytest

from tests.known import gpt2, mistakes_in
from tutor.grading import Wrong, close, expect, has_shape, on_max

SIZES = {"H": 4, "D": 16}  # with B = 2 and T = 7


@pytest.fixture(scope="module")
def one_head(pieces):
    """q, k, v [B, T, D] of one head, and what PyTorch's attention makes of them."""
    return [pieces[f"attention/{name}"][:, 1] for name in ("q", "k", "v", "output")]


@pytest.fixture(scope="module")
def found(answer, one_head):
    """What the learner's attention makes of them."""
    try:
        return on_max(answer.attention, *one_head[:3], sizes={"B": 2, "T": 7} | SIZES)
    except NotImplementedError:
        raise
    except Exception:
        square = [array[..., :7] for array in one_head[:3]]  # where T = D, `*` fits too, and its numbers show it
        try:
            result = on_max(answer.attention, *square, sizes={"B": 2, "T": 7} | SIZES)
        except Exception:
            result = None
        for wrong, sentence in elementwise(*square):
            expect(np.shape(result) != wrong.shape or not np.allclose(result, wrong, 1e-4, 1e-5), sentence)
        raise


def elementwise(q, k, v):
    """What attention gives with `*` in place of `@`, and the sentence for it."""
    turned = k.swapaxes(-1, -2)
    mask, root = gpt2.causal_mask(q.shape[-2]), np.float32(q.shape[-1] ** 0.5)
    for scores, first in ((q @ turned, False), (q * turned, True), (q * k, True)):
        weights = gpt2.softmax(scores / root + mask)
        for result, second in ((weights @ v, False), (weights * v, True)):
            products = ["q @ k.transpose(-1, -2)"] * first + ["weights @ v"] * second
            if products:
                yield result, f"`*` multiplies number by number. The matrix product is `@`: {' and '.join(products)}."


def test_shape(found):
    """each token gets one vector of D numbers: [B, T, D] -> [B, T, D]"""
    has_shape(found, [2, 7, 16], "B T D", sizes=SIZES, what="attention")


def test_one_head(answer, found, one_head):
    """the numbers are those of PyTorch's attention"""
    *qkv, right = one_head

    def mistakes(fits):
        short = [array[..., :11] for array in qkv]  # 16 is twice a root of √D too, and 11 is not
        mine = partial(on_max, answer.attention)
        given = mine(*short)
        search = mistakes_in(gpt2.attention, lambda attention: (attention(*qkv), attention(*short)), mine)
        return search(lambda wrong: fits(wrong[0]) and np.allclose(wrong[1], given, 1e-4, 1e-5, equal_nan=True))

    close(found, right, "B T D", suspects=mistakes, what="attention")


def test_heads_side_by_side(answer, pieces):
    """heads side by side, [B, H, T, D], do not disturb each other"""
    qkv = [pieces[f"attention/{name}"] for name in ("q", "k", "v")]
    what = "attention on [B, H, T, D]"
    mine = partial(on_max, answer.attention, sizes={"B": 2, "T": 7} | SIZES)
    mistakes = mistakes_in(gpt2.attention, lambda attention: attention(*qkv), mine)
    one_by_one = on_max(answer.attention, *(array.reshape(8, 7, 16) for array in qkv), sizes={"T": 7, "D": 16})
    right = has_shape(one_by_one, [8, 7, 16], "B·H T D", what="attention").reshape(qkv[0].shape)
    close(mine(*qkv), right, "B H T D", sizes=SIZES, suspects=mistakes, what=what)


def test_large_scores(answer, one_head):
    """scores around 200 give weights too, in a text by itself, [T, D]"""
    ends = 30, 30, 0  # one number more for each token: D is 17, whose root is no whole number, and q · k is 900 more
    qkv = [np.pad(array[0], ((0, 0), (0, 1)), constant_values=end) for array, end in zip(one_head, ends)]
    found = on_max(answer.attention, *qkv, sizes={"T": 7, "D": 17})
    powers = "Scores above 100 give nan: e to that power is infinite, and infinity / infinity is no number. F.softmax takes the "
    powers += "largest score of a row from all of it first."
    mistakes = mistakes_in(gpt2.attention, lambda attention: attention(*qkv), partial(on_max, answer.attention))

    def suspects(fits):
        return powers if np.isnan(found).any() else mistakes(fits)

    right = gpt2.attention(*qkv)
    close(found, right, "T D", sizes={"D": 17}, suspects=suspects, what="attention with large scores")


def test_larger_scores_later(answer, one_head):
    """a token that scores a million more than all before it stays hidden from them"""
    v = one_head[2][0]
    q, k = np.full((7, 17), np.float32(1000)), np.repeat(np.float32([range(0, 7000, 1000)]).T, 17, axis=1)
    found = on_max(answer.attention, q, k, v, sizes={"T": 7, "D": 17})
    # Powers that are masked after the largest score of all was taken off are 0 / 0 here: nothing of a later token is in that.
    found = np.where(np.isnan(found), v, found) if np.shape(found) == v.shape else found
    seen = "Later tokens that score far higher are seen: the mask takes too little off their scores. -inf is always enough."
    suspects = [(np.broadcast_to(v[-1], v.shape), seen)]
    close(found, v, "T D", suspects=suspects, what="attention, where each token scores far higher than all before it,")


def test_one_token(answer, one_head):
    """a token alone gets its own value"""
    q, k, v, _ = (array[:, :1] for array in one_head)
    try:
        found = on_max(answer.attention, q, k, v, sizes={"B": 2} | SIZES)
    except NotImplementedError:
        raise
    except Exception as error:
        on_max(answer.attention, *one_head[:3], sizes={"B": 2, "T": 7} | SIZES)  # if that fails too, it says why
        raise Wrong(
            "attention works on 7 tokens, but not on 1. Is a 7 written somewhere, as in causal_mask(7)? Take T from the shape."
        ) from error
    close(found, v, "B T D", sizes=SIZES, what="attention on one token")
