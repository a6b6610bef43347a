"""Step 15: a trained checkpoint, from its file into the model."""

import json
from pathlib import Path

import numpy as np
from max.experimental import functional as F
from max.experimental.tensor import Tensor

from solutions.solution_01 import GPT2Config
from solutions.solution_14 import GPT2LMHeadModel

# How NumPy reads the types of a file. It has no bfloat16, whose 16 bits are the upper half of a
# float32. U8 and BOOL are those of the masks in old files.
DTYPES = {"F32": "<f4", "F16": "<f2", "BF16": "<u2", "U8": "u1", "BOOL": "?"}

# Keys of a config.json that make another model than this GPT-2, and the values with which they do
# not. The first one holds where a key is left out.
KINDS = {
    "model_type": ("gpt2",),
    "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "add_cross_attention": (False,),
    "tie_word_embeddings": (True,),
}


def read_safetensors(path: str | Path) -> dict[str, np.ndarray]:
    """Read a safetensors file: the length of the header, the header in JSON, then all numbers.

    The length is a whole number of 8 bytes, the lowest first. The header has an entry for each
    tensor, {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, with offsets counted from
    the end of the header, and perhaps a "__metadata__", which is not a tensor. In the data of a
    tensor, row follows row.

    Returns:
        The tensors by name: F32, F16 and BF16 as float32, U8 and BOOL as they are.

    Raises:
        ValueError: the file is cut short, or its header is not JSON. The message names the file.
    """
    raise NotImplementedError("read the header, then the tensors that it lists")


def to_parameters(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Turn the tensors of a GPT-2 checkpoint into the parameters of GPT2LMHeadModel.

    - OpenAI's file has names such as "h.0.ln_1.weight"; `save_pretrained` writes them with the
      "transformer." in front that GPT2LMHeadModel's parameters have too.
    - Left out are the causal masks of old files, "h.0.attn.bias" and "h.0.attn.masked_bias" in each
      layer, and "lm_head.weight", which is wte.weight once more, or stands in a file for both.
    - The four matrices of each block are Conv1D's, [in, out]; MAX's Linear has [out, in].

    Args:
        tensors: what `read_safetensors` gives; taken out one by one, none is in memory twice.

    Raises:
        ValueError: "lm_head.weight" is not equal to the wte.weight that takes its place here.
    """
    raise NotImplementedError("rename, leave out and transpose, so that the tensors fit the model")


def load_checkpoint(directory: str | Path) -> GPT2LMHeadModel:
    """Make the model that a checkpoint is of, with the checkpoint's weights as float32.

    Args:
        directory: the folder with Hugging Face's config.json and model.safetensors.

    Raises:
        ValueError: the config is that of another model, by one of KINDS; or a tensor is missing, is
            one too many, or has another shape than the config gives it. The message names the key or
            the tensor. And what the functions that this one calls refuse.
    """
    raise NotImplementedError("make the model under F.lazy(), load its weights, name what does not fit")
