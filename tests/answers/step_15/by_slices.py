"""The whole file in memory, tensors as slices of it; shapes and dtypes left to MAX."""

import json
import struct
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
    data = Path(path).read_bytes()
    if len(data) < 8 or len(data) < 8 + int.from_bytes(data[:8], "little"):
        raise ValueError(f"{path} is cut short")
    (length,) = struct.unpack("<Q", data[:8])
    body = memoryview(data)[8 + length :]
    try:
        header = json.loads(data[8 : 8 + length].decode())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    tensors = {}
    for name in sorted(set(header) - {"__metadata__"}):
        kind, (start, stop) = header[name]["dtype"], header[name]["data_offsets"]
        if stop > len(body):
            raise ValueError(f"{path}: the data end before {name} does")
        numbers = np.frombuffer(body[start:stop], DTYPES[kind])
        if kind == "BF16":
            numbers = (numbers.astype("u4") * 65536).view("f4")
        elif kind == "F16":
            numbers = numbers.astype("f4")
        tensors[name] = numbers.reshape(header[name]["shape"])
    return tensors


def to_parameters(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    tensors = dict(tensors)
    if not {"wte.weight", "transformer.wte.weight"} & tensors.keys() and "lm_head.weight" in tensors:
        tensors["wte.weight"] = tensors["lm_head.weight"]
    parameters = {}
    for name, array in tensors.items():
        *prefix, last = name.removeprefix("transformer.").split(".")
        if prefix[-1] == "attn" or prefix == ["lm_head"]:
            continue
        if last == "weight" and prefix[-1].startswith("c_"):
            array = array.transpose().copy()
        parameters[".".join(["transformer", *prefix, last])] = array
    if "lm_head.weight" in tensors:
        if (tensors["lm_head.weight"] != parameters["transformer.wte.weight"]).any():
            raise ValueError("lm_head.weight is another table than wte.weight")
    return parameters


def load_checkpoint(directory: str | Path) -> GPT2LMHeadModel:
    with open(f"{directory}/config.json") as file:
        keys = json.load(file)
    others = [key for key, values in KINDS.items() if key in keys and keys[key] not in values]
    if others:
        raise ValueError(f"{directory} is of another kind: {', '.join(others)}")
    config = GPT2Config.from_json(f"{directory}/config.json")
    with F.lazy():
        model = GPT2LMHeadModel(config)
    weights = to_parameters(read_safetensors(f"{directory}/model.safetensors"))
    try:
        model.load_state_dict({name: Tensor(array) for name, array in weights.items()})
    except KeyError as error:
        raise ValueError(f"{directory}: {error}") from error
    return model
