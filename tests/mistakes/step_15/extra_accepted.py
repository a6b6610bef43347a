"""A tensor that the model has no place for passed over.

Diagnosis: A checkpoint with a tensor too many is taken as if all were well
"""

import json
import math
import os
import re
from pathlib import Path
from typing import BinaryIO

import numpy as np
from max.experimental import functional as F
from max.experimental.tensor import Tensor

from solutions.solution_01 import GPT2Config
from solutions.solution_14 import GPT2LMHeadModel

# The types of numbers in GPT-2's checkpoints, and how NumPy reads them. It has no bfloat16, whose
# 16 bits are the upper half of a float32. The last two types are those of the masks in old files.
DTYPES = {"F32": "<f4", "F16": "<f2", "BF16": "<u2", "U8": "u1", "BOOL": "?"}


def read_safetensors(path: str | Path) -> dict[str, np.ndarray]:
    """Read a safetensors file: the length of the header, the header in JSON, then all numbers.

    The length is a whole number of 8 bytes, the lowest first. The header has an entry for each
    tensor, {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, with offsets counted from
    the end of the header, and perhaps a "__metadata__", which is not a tensor. In the data of a
    tensor, row follows row.

    Returns:
        The tensors by name: F32, F16 and BF16 as float32, U8 and BOOL as they are.

    Raises:
        ValueError: the file is cut short, or its header is not JSON, or an entry cannot be true: it
            lacks its dtype, shape or data_offsets, the dtype is unknown, an offset is below 0 or
            past the end of the file, or the bytes are more or fewer than the shape needs. The
            message names the file, and the tensor if the fault lies with one.
    """
    with open(path, "rb") as file:
        room = os.fstat(file.fileno()).st_size - 8
        length = int.from_bytes(file.read(8), "little")
        if not 0 < length <= room:
            raise ValueError(f"{path} is not a safetensors file, or is cut short in its header")
        try:
            header = json.loads(file.read(length))
        except (ValueError, RecursionError):
            header = None
        if not isinstance(header, dict):
            raise ValueError(f"{path} is not a safetensors file: its header is not a JSON object")
        entries = _entries(header, room - length, path)
        return {name: _read_tensor(file, dtype, shape) for name, dtype, shape in entries}


def _entries(header: dict, room: int, path: str | Path) -> list[tuple[str, str, list[int]]]:
    """The name, dtype and shape of each tensor in the order of the file, if the header is true.

    The tensors lie side by side from the first byte of the data to the last, [0, room].
    """
    entries = []
    for name in header.keys() - {"__metadata__"}:
        where = f"{name} in {path}"
        try:
            dtype, shape = str(header[name]["dtype"]), list(header[name]["shape"])
            begin, end = header[name]["data_offsets"]
            whole = all(type(number) is int and number >= 0 for number in (*shape, begin, end))
        except (KeyError, TypeError, ValueError):
            whole = False
        if not whole:
            raise ValueError(f"{where} has an entry without sense: {str(header[name])[:80]}")
        if dtype not in DTYPES:
            raise ValueError(f"{where} has the dtype {dtype}, known are {', '.join(DTYPES)}")
        needed = math.prod(shape) * np.dtype(DTYPES[dtype]).itemsize
        if end - begin != needed:
            raise ValueError(f"{where} has {end - begin} bytes, and {shape} needs {needed}")
        entries.append((begin, end, name, dtype, shape))
    entries.sort()
    position = 0
    for begin, end, name, _, _ in entries:
        if begin != position:
            raise ValueError(f"{name} in {path} does not begin where the tensor before it ends")
        if end > room:
            raise ValueError(f"{name} in {path} is cut short: it needs {end - room} bytes more")
        position = end
    if position != room:
        raise ValueError(f"{path} ends with {room - position} bytes that belong to no tensor")
    return [(name, dtype, shape) for _, _, name, dtype, shape in entries]


def _read_tensor(file: BinaryIO, dtype: str, shape: list[int]) -> np.ndarray:
    """Read the numbers of the next tensor in the file; floating-point numbers become float32."""
    numbers = np.fromfile(file, DTYPES[dtype], math.prod(shape)).reshape(shape)
    if dtype == "BF16":
        numbers = numbers.astype(np.uint32)
        numbers <<= 16  # the lower half of the float32 is zeros
        return numbers.view(np.float32)
    return numbers.astype(np.float32, copy=False) if dtype == "F16" else numbers


def to_parameters(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Turn the tensors of a GPT-2 checkpoint into the parameters of GPT2LMHeadModel.

    - OpenAI's file has names such as "h.0.ln_1.weight"; `save_pretrained` writes them with the
      "transformer." in front that GPT2LMHeadModel's parameters have too.
    - Old files hold the causal mask of each layer, "h.0.attn.bias" and "h.0.attn.masked_bias". They
      are not parameters: both are left out.
    - "lm_head.weight" is left out as well: it is wte.weight once more.
    - The four matrices of each block are Conv1D's, [in, out]; MAX's Linear has [out, in].

    Args:
        tensors: as `read_safetensors` gives them. They are taken out of the dict one by one, so
            that no matrix has to be in memory twice.

    Raises:
        ValueError: "lm_head.weight" is not equal to the wte.weight that takes its place here.
    """
    conv1d = "attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight"
    head = tensors.pop("lm_head.weight", None)
    parameters = {}
    for name in list(tensors):
        array = tensors.pop(name)
        name = "transformer." + name.removeprefix("transformer.")
        if re.search(r"\.h\.\d+\.attn\.(masked_)?bias$", name):
            continue
        parameters[name] = np.ascontiguousarray(array.T) if name.endswith(conv1d) else array
    if head is not None and not np.array_equal(head, parameters.get("transformer.wte.weight")):
        raise ValueError(
            "lm_head.weight is not equal to wte.weight, and this GPT-2 uses one for both"
        )
    return parameters


def load_checkpoint(directory: str | Path) -> GPT2LMHeadModel:
    """Make the model that a checkpoint is of, with the checkpoint's weights.

    Args:
        directory: the folder with Hugging Face's config.json and model.safetensors.

    Raises:
        ValueError: a tensor is missing, is one too many, has another shape than the config gives
            it, or is not made of floating-point numbers. The message names it.
    """
    directory = Path(directory)
    with F.lazy():  # the random weights that a new model has are never computed
        model = GPT2LMHeadModel(GPT2Config.from_json(directory / "config.json"))
    weights = to_parameters(read_safetensors(directory / "model.safetensors"))
    shapes = {name: [int(size) for size in value.shape] for name, value in model.parameters}
    for name in sorted(shapes.keys() | weights.keys()):
        where = f"{name} in {directory}"
        if name not in weights:
            raise ValueError(f"{where} is missing: its config asks for it")
        if name not in shapes:
            continue
        if list(weights[name].shape) != shapes[name]:
            shape = list(weights[name].shape)
            raise ValueError(f"{where} has the shape {shape}, its config asks for {shapes[name]}")
        if weights[name].dtype != np.float32:
            raise ValueError(f"{where} is made of {weights[name].dtype}, not of floats")
    model.load_state_dict(
        {name: Tensor.from_dlpack(array) for name, array in weights.items() if name in shapes}
    )
    return model
