"""The expected outputs of the checks, all computed by Hugging Face or PyTorch.

Every function returns the arrays of one file under tests/reference, by key.
"""

import numpy as np
import torch
from tokenizers import Tokenizer
from torch.nn import functional as F
from transformers import GPT2Config, GPT2LMHeadModel
from transformers.activations import NewGELUActivation

from .capture import capture
from .randoms import CASES, random_weights
from .toy import TOY_IDS, TOY_TABLES

Arrays = dict[str, np.ndarray]

# What a file about the whole length of the model, or about a random model, keeps of `capture`.
_WHOLE = ["input_ids", "embeddings", "h.0", "h.1", "h.2", "ln_f", "logits"]
_RANDOM = ["input_ids", "embeddings", "ln_f", "logits"]
_RANDOM += [f"h.0{part}" for part in ("", ".ln_1", ".attn", ".ln_2", ".mlp")]

SENTENCE = "The queen rules the land. She"  # seven tokens


def _named(group: str, arrays: Arrays, keep: list[str] | None = None) -> Arrays:
    return {f"{group}/{key}": arrays[key] for key in keep or arrays}


def expected(model: GPT2LMHeadModel, tokenizer: Tokenizer, story: str) -> Arrays:
    """expected.npz: the tiny model on [2, 7], on one token, and on its whole context length."""
    words = tokenizer.encode(SENTENCE).ids
    last = model.config.vocab_size - 1
    # No token of the second row is in the first; it has the first and the last of the vocabulary,
    # and one token twice, which only its position tells apart.
    mixed = [last, *tokenizer.encode(" two kittens").ids, 0]
    mixed += tokenizer.encode(" river").ids * 2 + tokenizer.encode(" Monday").ids
    batch = np.array([words, mixed[:7]])
    single = np.array([tokenizer.encode(" king").ids])
    full = np.array([tokenizer.encode(story).ids[: model.config.n_positions]])
    return (
        _named("batch", capture(model, batch))
        | _named("single", capture(model, single))
        | _named("full", capture(model, full), _WHOLE)
    )


def random_models() -> Arrays:
    """random.npz: models of other sizes, with the weights of `random_weights`."""
    arrays: Arrays = {}
    for name, case in CASES.items():
        config = GPT2Config(
            **case.config,
            bos_token_id=None,
            eos_token_id=None,
            attn_implementation="eager",
        )
        model = GPT2LMHeadModel(config).eval()
        weights = random_weights(case.config, case.seed)
        state = {key: torch.from_numpy(array) for key, array in weights.items()}
        model.transformer.load_state_dict(state)
        ids = np.random.RandomState(case.seed).randint(config.vocab_size, size=case.shape)
        ids[-1, -1] = config.vocab_size - 1
        arrays |= _named(name, capture(model, ids), _RANDOM)
    return arrays


def pieces() -> Arrays:
    """pieces.npz: attention, GELU and LayerNorm by PyTorch and Hugging Face, with no model."""
    rng = np.random.RandomState(0)

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32)

    q, k, v = (torch.from_numpy(normal(2, 4, 7, 16)) for _ in range(3))
    attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    unmasked = F.scaled_dot_product_attention(q, k, v)

    x = np.linspace(-6, 6, 241, dtype=np.float32)

    rows = 3 * normal(2, 5, 24) + 2
    rows[:, 3] = 1e-3 * (normal(2, 24) + 2)  # variance near 1e-6, less than epsilon
    rows[:, 4] = 1e-2 * (normal(2, 24) + 2)  # variance near 1e-4
    weight, bias = 1 + 0.5 * normal(24), normal(24)
    tensors = [torch.from_numpy(array) for array in (rows, weight, bias)]
    normed = F.layer_norm(tensors[0], (24,), *tensors[1:], eps=1e-5)
    return {
        "attention/q": q.numpy(),
        "attention/k": k.numpy(),
        "attention/v": v.numpy(),
        "attention/output": attended.numpy(),
        "attention/output_unmasked": unmasked.numpy(),
        "gelu/x": x,
        "gelu/output": NewGELUActivation()(torch.from_numpy(x)).numpy(),
        "layer_norm/x": rows,
        "layer_norm/weight": weight,
        "layer_norm/bias": bias,
        "layer_norm/output": normed.numpy(),
    }


def toy() -> Arrays:
    """toy.npz: the two small tables of PyTorch and the rows that `TOY_IDS` look up."""
    arrays: Arrays = {"ids": np.array(TOY_IDS)}
    for seed, printed in TOY_TABLES.items():
        torch.manual_seed(seed)
        table = torch.nn.Embedding(6, 3)
        weight = table.weight.detach().numpy()
        if not np.array_equal(weight.round(4), np.float32(printed)):
            raise ValueError(f"PyTorch's table of seed {seed} is not the one in toy.py.")
        arrays[f"seed_{seed}/weight"] = weight
        arrays[f"seed_{seed}/rows"] = table(torch.tensor(TOY_IDS)).detach().numpy()
    return arrays
