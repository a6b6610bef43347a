"""The file by the safetensors library, bfloat16 by ml_dtypes."""

import json
from pathlib import Path

import ml_dtypes
import numpy as np
from max.experimental import functional as F
from max.experimental.tensor import Tensor
from safetensors import SafetensorError, deserialize

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
    try:
        found = deserialize(Path(path).read_bytes())
    except SafetensorError as error:
        raise ValueError(f"{path}: {error}") from error
    kinds = {"BF16": ml_dtypes.bfloat16, "U8": np.uint8, "BOOL": bool}
    tensors = {}
    for name, facts in found:
        kind = facts["dtype"]
        array = np.frombuffer(facts["data"], kinds.get(kind) or DTYPES[kind]).reshape(facts["shape"])
        tensors[name] = array.astype(np.float32) if "F" in kind else array
    return tensors


def to_parameters(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    conv1d = "attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight"
    head = tensors.pop("lm_head.weight", None)
    parameters = {}
    for name in list(tensors):
        array = tensors.pop(name)
        name = "transformer." + name.removeprefix("transformer.")
        if not name.endswith((".attn.bias", ".attn.masked_bias")):
            parameters[name] = np.ascontiguousarray(array.T) if name.endswith(conv1d) else array
    if head is not None and not np.array_equal(head, parameters.setdefault("transformer.wte.weight", head)):
        raise ValueError("lm_head.weight is not equal to wte.weight; this GPT-2 has one for both")
    return parameters


def load_checkpoint(directory: str | Path) -> GPT2LMHeadModel:
    config = json.loads(Path(directory, "config.json").read_text())
    if any(config.get(key, values[0]) not in values for key, values in KINDS.items()):
        raise ValueError(f"config.json says another thing than {KINDS}")
    with F.lazy():  # the random weights that a new model has are never computed
        model = GPT2LMHeadModel(GPT2Config.from_json(f"{directory}/config.json"))
    weights = to_parameters(read_safetensors(f"{directory}/model.safetensors"))
    found = {name: list(array.shape) for name, array in weights.items()}
    asked = {name: [int(size) for size in value.shape] for name, value in model.parameters}
    for name in sorted(found.keys() | asked.keys()):
        has, needs = found.get(name, "nothing"), asked.get(name, "nothing")
        if has != needs:
            raise ValueError(f"{directory} has {has} for {name}, where its config needs {needs}")
    model.load_state_dict({name: Tensor.from_dlpack(array) for name, array in weights.items()})
    return model
