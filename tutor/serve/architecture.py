"""The course's GPT-2 as an architecture of MAX Serve.

MAX Serve speaks HTTP, turns text into tokens, chooses the requests that take part in the next step, and samples. It asks
for one thing: the logits of the next token of each text in a batch. Here step 21 computes them, in one compiled graph.

MAX keeps a book of its own on the pages of its cache, which this model does not use: a page holds one number.
"""

import os
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from max.driver import Buffer
from max.dtype import DType
from max.graph import DeviceRef
from max.graph.weights import WeightsFormat
from max.nn.kv_cache import MHAKVCacheParams
from max.pipelines.context import TextContext
from max.pipelines.kv_cache.memory_planner import PagedMemoryPlanner
from max.pipelines.lib import SupportedArchitecture, TextTokenizer
from max.pipelines.lib.interfaces import (
    ArchConfigWithBoundedMaxSeqLen,
    ArchConfigWithKVCache,
    ModelInputs,
    ModelOutputs,
    PipelineModelWithKVCache,
)
from max.pipelines.modeling.types import PipelineTask

MINE = "GPT2_MINE"
"""The environment variable that says which steps' pieces are the learner's: "05,06"."""
if numbers := os.environ.get(MINE):
    from tutor.runner.mine import use

    use(map(int, numbers.split(",")))

from solutions.solution_15 import load_checkpoint  # noqa: E402
from solutions.solution_21 import Caches  # noqa: E402
from tutor.engine.decoder import use_columns  # noqa: E402
from tutor.serve.step import Step, input_types, next_logits  # noqa: E402


@dataclass
class Config(ArchConfigWithBoundedMaxSeqLen, ArchConfigWithKVCache):
    """What MAX Serve asks before there is a model: how long a text may be, and what its cache is like."""

    DEFAULT_ENCODING = "float32"
    devices = (DeviceRef.CPU(),)
    max_seq_len: int

    @classmethod
    def initialize(cls, pipeline_config: Any, model_config: Any = None, *, max_seq_len: int) -> Self:
        """Keep n_positions, or less where `max serve --max-length` says so."""
        return cls(max_seq_len)

    def get_kv_params(self) -> MHAKVCacheParams:
        """The smallest cache that MAX can have: nothing is kept in it."""
        return self.construct_kv_params()

    @classmethod
    def construct_kv_params(cls, *_: Any) -> MHAKVCacheParams:
        """The same, as the model asks for it."""
        return MHAKVCacheParams(
            dtype=DType.float32, n_kv_heads=1, head_dim=1, num_layers=1, devices=cls.devices, page_size=128
        )


@dataclass(kw_only=True)
class Batch(ModelInputs):
    """The requests that take part in a step, as MAX Serve keeps them."""

    contexts: Sequence[TextContext]


class GPT2(PipelineModelWithKVCache[TextContext]):
    """What MAX Serve calls: `execute` for each step, `release` when a request has ended."""

    model_config_cls = Config

    def __init__(self, pipeline_config: Any, *args: Any, **kwargs: Any):
        """Load the checkpoint by step 15, and compile one graph for batches of all sizes."""
        super().__init__(pipeline_config, *args, **kwargs)
        model = load_checkpoint(pipeline_config.model.model_path)
        use_columns(model)
        self.step = Step(model).compile(*input_types(model.config))
        self.caches = Caches(model.config)

    def _prepare_initial_token_inputs(
        self, replica_batches: Sequence[Sequence[TextContext]], kv_cache_inputs: Any = None, return_n_logits: int = 1
    ) -> Batch:
        """Everything that `execute` needs stands in the contexts."""
        (contexts,) = replica_batches
        return Batch(contexts=contexts, kv_cache_inputs=kv_cache_inputs)

    def execute(self, model_inputs: Batch) -> ModelOutputs:
        """The logits of the next token of each text, [B, V], for MAX Serve to choose from."""
        requests = [context.request_id for context in model_inputs.contexts]
        logits = Buffer.from_numpy(self.logits(requests, model_inputs.contexts))
        return ModelOutputs(logits=logits, next_token_logits=logits)

    def logits(self, requests: Sequence[Hashable], contexts: Sequence[TextContext]) -> np.ndarray:
        """The same as an array; the keys and values of the new tokens are kept until `release`."""
        return next_logits(self.step, self.caches, requests, [context.tokens.active for context in contexts])

    def release(self, request_id: Hashable) -> None:
        """Forget a request that has ended, was cancelled, or must begin again."""
        self.caches.release(request_id)


ARCHITECTURES = [
    SupportedArchitecture(
        name="GPT2LMHeadModel",  # as config.json has it
        task=PipelineTask.TEXT_GENERATION,
        example_repo_ids=["openai-community/gpt2"],
        default_encoding="float32",
        supported_encodings={"float32"},
        default_weights_format=WeightsFormat.safetensors,
        config=Config,
        pipeline_model=GPT2,
        tokenizer=TextTokenizer,
        context_type=TextContext,
        memory_planner=PagedMemoryPlanner,
        required_arguments={"enable_prefix_caching": False},
        supports_overlap_scheduler=False,
        supports_device_graph_capture=False,
    )
]
