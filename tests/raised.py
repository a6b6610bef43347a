"""Who raised an error: a `raise` statement, or Python itself."""

import dis
from types import TracebackType


def on_purpose(error: BaseException) -> str:
    """The file whose own `raise` statement raised an error; nothing where Python, NumPy or a library did.

    A ValueError that a learner raises refuses what came in. One that `int("x")` or `for a, b in words` raises is a
    mistake somewhere else, and its line says more than any guess.
    """
    trace = error.__traceback__
    while trace.tb_next:
        trace = trace.tb_next
    return trace.tb_frame.f_code.co_filename if _stands_at(trace) == "RAISE_VARARGS" else ""


def _stands_at(trace: TracebackType) -> str:
    """The name of the instruction that a frame came to in a traceback."""
    instructions = dis.get_instructions(trace.tb_frame.f_code)
    return next((one.opname for one in instructions if one.offset == trace.tb_lasti), "")
