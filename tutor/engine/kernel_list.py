"""Which compiled kernels the course needs, in three batches. A change of BATCHES has every machine compile them anew."""

import importlib
from collections.abc import Callable

BATCHES = {
    # a kernel is its kind, its operation in MAX's dialect "mo" where the kind has several, its dtypes, and its rank;
    # what only moves numbers knows just their size: uint8, uint32 or uint64
    "embeddings": (
        "gather GatherOp uint32 int64",
        "move BroadcastToOp uint32",
        "binary AddOp float32",
        "range int64",
    ),
    "transformer": (
        "matmul float32",
        "move TransposeOp uint32",
        "rearrange SplitOp uint32 -",
        "band_part uint32",
        "reduce ReduceSoftmaxOp float32",
        "layer_norm float32",
        "unary GeluTanhOp float32",
        "binary DivOp float32",
    ),
    "variants": (
        *(f"binary {op} float32" for op in ("MulOp", "SubOp", "PowOp", "MaxOp")),
        *(f"binary {op} int32" for op in ("GreaterOp", "GreaterEqualOp")),
        *(f"binary {op} int64" for op in ("SubOp", "GreaterOp", "GreaterEqualOp", "EqualOp")),
        *(f"binary {op} float32" for op in ("GreaterOp", "GreaterEqualOp", "EqualOp", "NotEqualOp")),
        "unary NotOp bool",
        *(f"unary {op} float32" for op in ("NegativeOp", "ExpOp", "LogOp", "SqrtOp", "RsqrtOp", "TanhOp", "SigmoidOp")),
        *(f"unary {op} float32" for op in ("ErfOp", "ReluOp", "GeluOp", "GeluQuickOp", "SiluOp")),
        *(f"reduce Reduce{op}Op float32" for op in ("Mean", "Add", "Max", "Logsoftmax", "ArgMax")),
        "range float32",
        "select float32",
        "gather GatherOp uint32 int32",
        "cast bool float32",
        "cast float32 bool",
        "cast int64 float32",
        "move BroadcastToOp uint8",
        "move BroadcastToOp uint64",
        "rearrange ConcatOp uint32 -",
        *(f"rearrange SliceOp uint32 {rank}" for rank in (2, 3, 4, 5)),
        "random RandomNormalOp float32",
        "binary AddOp uint64",  # moves the seed of the random numbers on
    ),
}
KINDS = {
    # where max._interpreter_ops makes a kernel of a kind
    "band_part": "band_part_gc.band_part_model",
    "binary": "elementwise_binary_gc.binary_model",
    "cast": "cast_gc.cast_model",
    "gather": "gather_gc.gather_model",
    "layer_norm": "layer_norm_gc.layer_norm_model",
    "matmul": "matmul_gc.matmul_model",
    "move": "data_movement_gc.model",
    "random": "random_gc.random_model",
    "range": "range_gc.range_model",
    "rearrange": "shape_rearrange_gc.model",
    "reduce": "reduce_axis_gc.reduce_model",
    "select": "select_gc.select_model",
    "unary": "unary_elementwise_gc.unary_model",
}


def call(kernel: str) -> Callable[[], object]:
    """The call into MAX that asks for one compiled kernel, a line of BATCHES."""
    from max._core.dialects import mo
    from max.driver import CPU
    from max.dtype import DType

    kind, *words = kernel.split()
    module, function = KINDS[kind].split(".")
    ask = getattr(importlib.import_module(f"max._interpreter_ops.{module}"), function)
    operation = [getattr(mo, word) for word in words if word.endswith("Op")]
    rest = [int(word) if word.isdecimal() else getattr(DType, word, None) for word in words[len(operation) :]]
    return lambda: ask(*operation, CPU(), *rest)
