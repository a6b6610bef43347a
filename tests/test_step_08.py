"""What step 08 must do: `attention`, causal scaled dot-product attention."""

import numpy as np
import numpy_gpt2
import pytest
from known_mistakes import suspects
from tutor.checks import close, has_shape, on_max

SIZES = {"H": 4, "D": 16}  # with B = 2 and T = 7


@pytest.fixture(scope="module")
def one_head(pieces):
    """q, k, v [B, T, D] of one head, and what PyTorch's attention makes of them."""
    return [pieces[f"attention/{name}"][:, 1] for name in ("q", "k", "v", "output")]


@pytest.fixture(scope="module")
def found(step, one_head):
    """What the learner's attention makes of them."""
    return on_max(step.attention, *one_head[:3], sizes={"B": 2, "T": 7} | SIZES)


def test_shape(found):
    """each token gets one vector of D numbers: [B, T, D] -> [B, T, D]"""
    has_shape(found, [2, 7, 16], "B T D", sizes=SIZES, what="attention")


def test_one_head(found, one_head):
    """the numbers are those of PyTorch's attention"""
    *qkv, right = one_head

    def mistakes():
        yield from suspects(lambda wrong: numpy_gpt2.attention(*qkv, wrong), "attention")()
        q, k, v = qkv
        scale = numpy_gpt2.scale_of(found, q, k, v)
        says = f"The scores are divided by {scale:.5g}. It is √D, the root of the size of one key: here 4."
        yield numpy_gpt2.attention(q * np.float32(4 / scale), k, v), says

    close(found, right, "B T D", suspects=mistakes, what="attention")


def test_heads_side_by_side(step, pieces):
    """heads side by side, [B, H, T, D], do not disturb each other"""
    *qkv, right = (pieces[f"attention/{name}"] for name in ("q", "k", "v", "output"))
    what = "attention on [B, H, T, D]"
    mistakes = suspects(lambda wrong: numpy_gpt2.attention(*qkv, wrong), "attention")
    found = on_max(step.attention, *qkv, sizes={"B": 2, "T": 7} | SIZES)
    close(found, right, "B H T D", sizes=SIZES, suspects=mistakes, what=what)


def test_one_token(step, one_head):
    """a token alone gets its own value"""
    q, k, v, _ = (array[:, :1] for array in one_head)
    found = on_max(step.attention, q, k, v, sizes={"B": 2} | SIZES)
    close(found, v, "B T D", sizes=SIZES, what="attention on one token")
