"""The product of vectors with a matrix of int8, which MAX has not: it reads a quarter of what float32 has it read.

MAX compiles this file into the graphs that use it; __init__.py, beside it, says where they do.
"""

import extensibility
from extensibility import InputTensor, OutputTensor
from max.algorithm import sync_parallelize
from max.runtime.asyncrt import parallelism_level
from std.sys.info import simd_width_of

comptime FLOAT = DType.float32
comptime LANES = simd_width_of[FLOAT]()
"""How many float32 numbers the processor multiplies at once: 4, 8 or 16."""
comptime ROWS = 8
"""How many rows of the matrix are read side by side: each has a sum of its own, so that none waits for another."""
comptime SMALL = 1 << 18
"""How many multiplications are a part at least."""


@extensibility.register("int8_product")
struct Int8Product:
    """`x` [T, K] by the matrix whose row n is `rows[n] * scale[n]`, [N, K]: `y` [T, N]. K is a multiple of 16."""

    @staticmethod
    def execute[
        target: StaticString
    ](
        y: OutputTensor[dtype=FLOAT, rank=2, ...],
        x: InputTensor[dtype=FLOAT, rank=2, ...],
        rows: InputTensor[dtype=DType.int8, rank=2, ...],
        scale: InputTensor[dtype=FLOAT, rank=1, ...],
    ) raises:
        var T = x.dim_size(0)
        var N = rows.dim_size(0)
        var K = rows.dim_size(1)
        var y_at = y.unsafe_ptr()
        var x_at = x.unsafe_ptr()
        var rows_at = rows.unsafe_ptr()
        var scale_at = scale.unsafe_ptr()
        # Four parts for each thread, so that nobody waits for long; what is small is not worth a second thread.
        var parts = max(1, min(4 * parallelism_level(None), T * N * K // SMALL))

        def tile[height: Int](n: Int) {imm}:
            """Rows n to n + height, by each of the vectors."""
            for t in range(T):
                var sums = Array[SIMD[FLOAT, LANES], height](fill=0)
                for k in range(0, K, LANES):
                    var vector = x_at.unsafe_load[width=LANES](t * K + k)
                    comptime for i in range(height):
                        var row = rows_at.unsafe_load[width=LANES]((n + i) * K + k).cast[FLOAT]()
                        sums[i] = row.fma(vector, sums[i])
                comptime for i in range(height):
                    y_at.unsafe_store(t * N + n + i, sums[i].reduce_add() * scale_at.unsafe_load(n + i))

        def part(i: Int) {imm}:
            """The rows of one part, which a thread does by itself."""
            var n = i * N // parts
            var end = (i + 1) * N // parts
            while n + ROWS <= end:
                tile[ROWS](n)
                n += ROWS
            while n < end:
                tile[1](n)
                n += 1

        sync_parallelize(part, parts)
