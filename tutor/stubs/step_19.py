"""Step 19: the model as one compiled graph."""

import statistics
import time
from collections.abc import Callable

from max.driver import CPU
from max.dtype import DType
from max.experimental.tensor import Tensor
from max.graph import TensorType

from solutions.solution_14 import GPT2LMHeadModel


def compile_model(model: GPT2LMHeadModel) -> Callable[[Tensor], Tensor]:
    """Turn a model into machine code, once for texts of all lengths.

    The graph is made before there is a text, so the two sizes of a batch are symbols in it, "batch"
    and "seq". The weights that the model has now go in; those that it is given later do not.

    Args:
        model: a model with its weights loaded, on the CPU.

    Returns:
        What the model was: it takes token IDs, int64 [B, T], and gives the logits, [B, T, V].
    """
    raise NotImplementedError("describe the tokens, [batch, seq], and compile the model for them")


def seconds_per_call(run: Callable[[Tensor], Tensor], tokens: Tensor, repeats: int = 5) -> float:
    """Time a model, compiled or not, on a batch of texts.

    A result may be a promise that MAX keeps when somebody asks for the numbers; here they are asked
    for. The first call is not counted: whatever is made once, such as a graph, is made in it.

    Args:
        run: takes token IDs and gives a tensor.
        tokens: token IDs, [B, T].
        repeats: how many calls to time.

    Returns:
        The median of the times, in seconds: one call that was disturbed does not move it.
    """
    raise NotImplementedError("call once, then time some calls and give the median")
