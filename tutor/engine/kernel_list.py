"""Which compiled kernels the course needs, in three batches. A change of this file has every machine compile them anew."""

from collections.abc import Callable


def calls() -> dict[str, list[Callable]]:
    """For each batch, the calls into MAX that ask for one compiled kernel each."""
    from max._core.dialects import mo
    from max._interpreter_ops import (
        band_part_gc,
        cast_gc,
        data_movement_gc,
        elementwise_binary_gc,
        gather_gc,
        layer_norm_gc,
        matmul_gc,
        random_gc,
        range_gc,
        reduce_axis_gc,
        select_gc,
        shape_rearrange_gc,
        unary_elementwise_gc,
    )
    from max.driver import CPU
    from max.dtype import DType

    cpu, f32, i32, i64, boolean = CPU(), DType.float32, DType.int32, DType.int64, DType.bool
    byte, word, long = DType.uint8, DType.uint32, DType.uint64  # what moves numbers knows only their size

    def move(op, size=word):
        return lambda: data_movement_gc.model(op, cpu, size)

    def rearrange(op, rank=None):
        return lambda: shape_rearrange_gc.model(op, cpu, word, rank)

    def binary(op, dtype=f32):
        return lambda: elementwise_binary_gc.binary_model(op, cpu, dtype)

    def unary(op, dtype=f32):
        return lambda: unary_elementwise_gc.unary_model(op, cpu, dtype)

    def reduce(op):
        return lambda: reduce_axis_gc.reduce_model(op, cpu, f32)

    def cast(source, target):
        return lambda: cast_gc.cast_model(cpu, source, target)

    return {
        "embeddings": [
            lambda: gather_gc.gather_model(mo.GatherOp, cpu, word, i64),
            move(mo.BroadcastToOp),
            binary(mo.AddOp),
            lambda: range_gc.range_model(cpu, i64),
        ],
        "transformer": [
            lambda: matmul_gc.matmul_model(cpu, f32),
            move(mo.TransposeOp),
            rearrange(mo.SplitOp),
            lambda: band_part_gc.band_part_model(cpu, word),
            reduce(mo.ReduceSoftmaxOp),
            lambda: layer_norm_gc.layer_norm_model(cpu, f32),
            unary(mo.GeluTanhOp),
            binary(mo.DivOp),
        ],
        "variants": [
            binary(mo.MulOp),
            binary(mo.SubOp),
            binary(mo.SubOp, i64),
            binary(mo.PowOp),
            binary(mo.MaxOp),
            *(binary(op, i32) for op in (mo.GreaterOp, mo.GreaterEqualOp)),
            *(binary(op, i64) for op in (mo.GreaterOp, mo.GreaterEqualOp, mo.EqualOp)),
            *(binary(op) for op in (mo.GreaterOp, mo.GreaterEqualOp, mo.EqualOp, mo.NotEqualOp)),
            unary(mo.NotOp, boolean),
            unary(mo.NegativeOp),
            unary(mo.ExpOp),
            unary(mo.LogOp),
            unary(mo.SqrtOp),
            unary(mo.RsqrtOp),
            unary(mo.TanhOp),
            unary(mo.SigmoidOp),
            unary(mo.ErfOp),
            unary(mo.ReluOp),
            unary(mo.GeluOp),
            unary(mo.GeluQuickOp),
            unary(mo.SiluOp),
            reduce(mo.ReduceMeanOp),
            reduce(mo.ReduceAddOp),
            reduce(mo.ReduceMaxOp),
            reduce(mo.ReduceLogsoftmaxOp),
            reduce(mo.ReduceArgMaxOp),
            lambda: range_gc.range_model(cpu, f32),
            lambda: select_gc.select_model(cpu, f32),
            lambda: gather_gc.gather_model(mo.GatherOp, cpu, word, i32),
            cast(boolean, f32),
            cast(f32, boolean),
            cast(i64, f32),
            move(mo.BroadcastToOp, byte),
            move(mo.BroadcastToOp, long),
            rearrange(mo.ConcatOp),
            *(rearrange(mo.SliceOp, rank) for rank in (2, 3, 4, 5)),
            lambda: random_gc.random_model(mo.RandomNormalOp, cpu, f32),
            binary(mo.AddOp, long),  # moves the seed of the random numbers on
        ],
    }
