"""What the tests of the steps are written with: run a learner's code, compare, and say what is wrong.

A check that fails raises `Wrong`, which carries what the verdict shows: a diagnosis in a sentence or two, what was
expected and found, and where to look. Nothing here reads the learner's source: a diagnosis comes from comparing
their numbers and shapes with what known mistakes give.
"""

from tutor.engine import setup as setup  # MAX, made quick for eager use
from tutor.grading.answer import Answer, Wrong, article, load_answer, look_at, on_purpose, refused
from tutor.grading.compare import close, equal, expect, has_shape, named, numpy, refuses, whole_number
from tutor.grading.modules import KEPT, build, kept, load, on_max, refuse_gpt2_sizes, reload, shapes_of, tensor

__all__ = [
    "KEPT",
    "Answer",
    "Wrong",
    "article",
    "build",
    "close",
    "equal",
    "expect",
    "has_shape",
    "kept",
    "load",
    "load_answer",
    "look_at",
    "named",
    "numpy",
    "on_max",
    "on_purpose",
    "refuse_gpt2_sizes",
    "refused",
    "refuses",
    "reload",
    "shapes_of",
    "tensor",
    "whole_number",
]
