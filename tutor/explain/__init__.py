"""What an exception from a learner's file means, in plain words."""

from tutor.explain.failure import culprit, failure, stopped

__all__ = ["culprit", "failure", "stopped"]
