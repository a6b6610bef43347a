"""What every part of Hugging Face's GPT-2 gives, caught by hooks while it runs."""

from unittest import mock

import numpy as np
import torch
from transformers import GPT2LMHeadModel
from transformers.models.gpt2 import modeling_gpt2

# Hugging Face's module on the left, our key on the right; `{}` is the number of a layer.
_OUTPUTS = {
    "wte": "wte",
    "wpe": "wpe",
    "drop": "embeddings",  # dropout is 0: the sum of the two as it enters the first block
    "h.{}.ln_1": "h.{}.ln_1",
    "h.{}.attn.c_attn": "h.{}.attn.c_attn",
    "h.{}.attn": "h.{}.attn",
    "h.{}.ln_2": "h.{}.ln_2",
    "h.{}.mlp.c_fc": "h.{}.mlp.c_fc",
    "h.{}.mlp.act": "h.{}.mlp.act",
    "h.{}.mlp": "h.{}.mlp",
    "h.{}": "h.{}",
    "ln_f": "ln_f",
}


def capture(model: GPT2LMHeadModel, input_ids: np.ndarray) -> dict[str, np.ndarray]:
    """Run `model` on token IDs [B, T]; every intermediate result by key, in float32.

    The keys and shapes are those of the table in tests/reference/README.md. The model must use
    the "eager" attention, the only one that computes the attention weights as such.
    """
    caught: dict[str, torch.Tensor] = {}
    eager = modeling_gpt2.eager_attention_forward

    def attention(module, query, key, value, attention_mask, **options):
        name = f"h.{module.layer_idx}.attn"
        caught[f"{name}.q"], caught[f"{name}.k"], caught[f"{name}.v"] = query, key, value
        with mock.patch("torch.nn.functional.softmax", wraps=torch.nn.functional.softmax) as soft:
            eager(module, query, key, value, None, **options)
        caught[f"{name}.scores"] = soft.call_args.args[0]  # scaled, and not masked
        output, weights = eager(module, query, key, value, attention_mask, **options)
        caught[f"{name}.weights"] = weights
        return output, weights

    def keep_output(key):
        return lambda module, args, output: caught.update({key: output[0] if isinstance(output, tuple) else output})

    def keep_input(key):
        return lambda module, args: caught.update({key: args[0]})

    body = model.transformer
    handles = []
    for path, key in _OUTPUTS.items():
        for layer in range(model.config.n_layer if "{}" in path else 1):
            module = body.get_submodule(path.format(layer))
            handles.append(module.register_forward_hook(keep_output(key.format(layer))))
    for layer in range(model.config.n_layer):
        module = body.get_submodule(f"h.{layer}.attn.c_proj")
        handles.append(module.register_forward_pre_hook(keep_input(f"h.{layer}.attn.heads")))
    try:
        patch = mock.patch.object(modeling_gpt2, "eager_attention_forward", attention)
        with patch, torch.inference_mode():
            logits = model(torch.from_numpy(input_ids), use_cache=False).logits
    finally:
        for handle in handles:
            handle.remove()
    caught["wpe"] = caught["wpe"][0]  # [1, T, C], the same for every row of a batch
    arrays = {"input_ids": input_ids}
    arrays |= {key: np.ascontiguousarray(caught[key].numpy()) for key in caught}
    return arrays | {"logits": logits.numpy()}
