"""The solutions of steps 09 to 14 on GPT-2s of random sizes: B = 1, T = 1 and T = n_positions too.

Expected numbers come from Hugging Face (tests/reference/random.npz).
"""

import pytest
from max.driver import CPU
from max.dtype import DType
from max.graph import TensorType

from solutions.solution_09 import MultiHeadAttention
from solutions.solution_10 import LayerNorm
from solutions.solution_11 import MLP
from solutions.solution_12 import Block
from solutions.solution_13 import GPT2Model
from solutions.solution_14 import GPT2LMHeadModel
from tests.known.gpt2 import inside
from tests.reference.randoms import CASES
from tutor.grading import build, close, on_max

pytestmark = pytest.mark.usefixtures("kernels_ready")


@pytest.fixture(params=list(CASES))
def model(request, random_model):
    """Each random model in turn."""
    return random_model(request.param)


def test_the_cases_cover_the_edges():
    assert len({(case.config["n_head"], case.config["n_embd"]) for case in CASES.values()}) >= 4
    assert any(case.shape[0] == 1 for case in CASES.values())
    assert any(case.shape[1] == 1 for case in CASES.values())
    assert any(case.shape[1] == case.config["n_positions"] for case in CASES.values())


@pytest.mark.parametrize(
    ("cls", "path", "before"),
    [
        (MultiHeadAttention, "h.0.attn", "h.0.ln_1"),
        (MLP, "h.0.mlp", "h.0.ln_2"),
        (Block, "h.0", "embeddings"),
    ],
)
def test_layer(model, cls, path, before):
    piece = build(cls, model.config, weights=inside(model.weights, path))
    close(on_max(piece, model[before]), model[path], "B T C", sizes=model.sizes)


def test_layer_norm(model):
    sizes = model.config.n_embd, model.config.layer_norm_epsilon
    norm = build(LayerNorm, *sizes, weights=inside(model.weights, "h.0.ln_1"))
    close(on_max(norm, model["embeddings"]), model["h.0.ln_1"], "B T C")


def test_body(model):
    body = build(GPT2Model, model.config, weights=model.weights)
    close(on_max(body, model["input_ids"]), model["ln_f"], "B T C", sizes=model.sizes)


def test_logits(model):
    weights = {f"transformer.{name}": array for name, array in model.weights.items()}
    whole = build(GPT2LMHeadModel, model.config, weights=weights)
    close(on_max(whole, model["input_ids"]), model["logits"], "B T V", sizes=model.sizes)


def test_symbolic_sizes(random_model):
    """The whole model can be traced for any B and T, which a later step compiles."""
    whole = build(GPT2LMHeadModel, random_model("small").config)
    tokens = TensorType(DType.int64, ["batch", "seq"], device=CPU())
    graph = str(whole.trace(tokens))
    assert "-> !mo.tensor<[batch, seq, 101], f32>" in graph
