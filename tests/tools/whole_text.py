"""For measuring: the same architecture without a cache, so that each step goes through the whole text again."""

import dataclasses

from solutions.solution_21 import Caches
from tutor.serve import architecture
from tutor.serve.step import next_logits


class WholeText(architecture.GPT2):
    """GPT-2 by the same graph, which keeps nothing from one step to the next."""

    def logits(self, requests, contexts):
        """The logits of the next token of each text, [B, V]."""
        return next_logits(
            self.step, Caches(self.caches.config), requests, [context.tokens.all for context in contexts]
        )


ARCHITECTURES = [dataclasses.replace(architecture.ARCHITECTURES[0], pipeline_model=WholeText)]
