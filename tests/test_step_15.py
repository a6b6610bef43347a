"""What step 15 must do: read a safetensors file, fit its tensors to the model, and load a checkpoint."""

import json
import re

import numpy as np
import pytest
from safetensors.numpy import save_file

from solutions.solution_01 import GPT2Config
from solutions.solution_14 import GPT2LMHeadModel
from tutor.checkpoint import REFERENCE
from tutor.grading import Wrong, build, close, equal, expect, numpy, on_max, on_purpose

TINY = REFERENCE / "tiny-gpt2"
SMALL = {"vocab_size": 7, "n_positions": 5, "n_embd": 4, "n_layer": 1, "n_head": 2, "layer_norm_epsilon": 0.01}
CONV1D = {"attn.c_attn": (4, 12), "attn.c_proj": (4, 4), "mlp.c_fc": (4, 16), "mlp.c_proj": (16, 4)}  # [in, out]
RANDOM = np.random.default_rng(15)


def accepts(function, *args, otherwise):
    """What a call with good input gives. `otherwise` is the diagnosis if the learner's code refuses it."""
    try:
        return function(*args)
    except ValueError as error:
        if on_purpose(error) != function.__code__.co_filename:
            raise  # an error of Python's own: its line says more
        raise Wrong(otherwise, found=without_folders(error)) from None


def says(function, what, *names):
    """Check that a call is a ValueError whose message has all of `names` in it."""
    try:
        with np.errstate(all="ignore"):
            result = function()
    except (NotImplementedError, Wrong):
        raise
    except ValueError as error:
        for name in names:
            unnamed = f"The error for {what} does not name {name}: whoever reads it cannot know where to look."
            expect(name in str(error), unnamed, found=without_folders(error))
    except Exception as error:
        kind = type(error).__name__
        diagnosis = f"For {what} there is a {kind}. A ValueError that says what is wrong belongs there."
        raise Wrong(diagnosis, found=f"{kind}: {without_folders(error)}") from None
    else:
        taken = f"{what[0].upper()}{what[1:]} is taken as if all were well. It should be a ValueError."
        raise Wrong(taken, found=f"no error, but a {type(result).__name__}")


def without_folders(error):
    """The message of an error with the names of files alone, since theirs are folders that no learner knows."""
    return re.sub(r"/\S*/", "", str(error))


# ---------------------------------------------------------------- the file


def write(path, header, data):
    """Write a safetensors file with any header, a true one or not."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def read(answer, path):
    """What read_safetensors gives for a file that is whole."""
    refused = "A whole file is refused. Is the length read with the lowest byte first, and `__metadata__` passed over?"
    try:
        tensors = accepts(answer.read_safetensors, path, otherwise=refused)
    except (KeyError, ValueError) as error:
        note = (
            "`__metadata__` is read like the entry of a tensor. It is a note of whoever wrote the file: pass it over."
        )
        expect(error.args[0] not in ("dtype", "shape", "data_offsets"), note)
        count = "There are more or fewer numbers than the shape has. The offsets count bytes, np.fromfile numbers."
        expect("cannot reshape" not in str(error), count, found=str(error))
        raise
    kind = type(tensors).__name__
    expect(isinstance(tensors, dict), "read_safetensors should give a dict: the tensors by name.", found=kind)
    return tensors


def entry(dtype, shape, begin, end):
    """What the header says of one tensor."""
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def test_reads_tensors(answer, tmp_path):
    """read_safetensors gives each tensor by its name, with its shape and its numbers"""
    table, row, number = RANDOM.standard_normal((2, 3), np.float32), np.float32([7, 8, 9, 10]), np.float32(0.5)
    header = {
        "__metadata__": {"format": "pt"},
        "row": entry("F32", [4], 24, 40),  # the order of the header need not be that of the data
        "table": entry("F32", [2, 3], 0, 24),
        "number": entry("F32", [], 40, 44),
    }
    data = table.tobytes() + row.tobytes() + number.tobytes()
    path = write(tmp_path / "model.safetensors", header, data)
    tensors = read(answer, path)
    note = "`__metadata__` is among the tensors. It is a note of whoever wrote the file."
    expect("__metadata__" not in tensors, note)
    equal(sorted(tensors), ["number", "row", "table"], what="The list of names")
    raw = path.read_bytes()
    begin = len(raw) - len(data)

    def read_from(start):
        return np.frombuffer(raw[start : start + 24], np.float32).reshape(2, 3)

    in_turn = "The data are taken in the order of the header, or of the names. The offsets say where each tensor lies."
    suspects = [
        (read_from(0), "The numbers are read from the start of the file. The offsets count from the end of the header."),
        (read_from(8), "The numbers are read from the start of the header. The offsets count from its end."),
        (read_from(begin - 8), "The 8 bytes of the length are not counted: the data begin 8 bytes later."),
        *((read_from(begin + before), in_turn) for before in (16, 20, 4)),
        (table.ravel().reshape((2, 3), order="F"), "The numbers are put in columns. In the file row follows row."),
        (table.astype(">f4").view("<f4"), "The bytes of each number are read in reverse: the lowest comes first."),
        (table.view(np.int32), "The bits of F32 are taken for whole numbers. They are floating-point numbers."),
    ]  # fmt: skip
    with np.errstate(all="ignore"):
        close(tensors["table"], table, "rows columns", suspects=suspects, what="The tensor `table`")
        close(tensors["row"], row, "columns", what="The tensor `row`")
        close(tensors["number"], number, what="The tensor `number`, of shape [],")


def test_reads_halves(answer, tmp_path):
    """float16 and bfloat16 become float32"""
    both = np.float32([[1.5, -2, 0.15625], [3, -0.0078125, 100]])  # numbers that both types hold exactly
    wide = both * np.float32(2.0**100)  # and those that only bfloat16 has
    for dtype, exact in {"F16": both, "BF16": both, "BF16 of large numbers": wide}.items():
        dtype, _, large = dtype.partition(" ")
        bits = (exact.view(np.uint32) >> 16).astype(np.uint16)  # bfloat16 is the upper half of float32
        data = exact.astype(np.float16).tobytes() if dtype == "F16" else bits.tobytes()
        path = write(tmp_path / "half.safetensors", {"half": entry(dtype, [2, 3], 0, 12)}, data)
        found = read(answer, path)["half"]
        words = np.frombuffer(data, np.uint16).reshape(2, 3)
        suspects = [
            (np.copysign(np.inf, exact) if large else None, "BF16 goes through float16, which has no number above 65,504. Only float32 has all of bfloat16's."),
            (words.astype(np.float32), f"The bits of {dtype} are taken for whole numbers."),
            (words.view(np.float16).astype(np.float32), f"{dtype} is read as float16. Its 16 bits are the upper half of a float32."),
            ((words.astype(np.uint32) << 16).view(np.float32), f"{dtype} is read as bfloat16. It is float16, which NumPy knows."),
            (words.astype(np.uint32).view(np.float32), f"The bits of {dtype} are put in the lower half of a float32. They are its upper half: shift by 16."),
            (np.zeros((2, 3)), f"All bits of {dtype} are lost: a number of 16 bits that is shifted by 16 is 0. Make it 32 bits wide first."),
            ((words.astype(np.uint32) << 8).view(np.float32), f"The bits of {dtype} are shifted by 8. They are the upper half of a float32: shift by 16."),
            ((words.astype(np.uint32) << 16).astype(np.float32), f"The shifted bits of {dtype} are taken for a whole number. They are those of a float32: `.view(np.float32)` sees them so."),
        ]  # fmt: skip
        with np.errstate(all="ignore"):
            close(found, exact, "rows columns", suspects=suspects, what=f"A tensor of {dtype}", atol=0)
        kind = np.asarray(found).dtype
        expect(kind == np.float32, f"A tensor of {dtype} should become float32.", found=str(kind))


def test_reads_masks(answer, tmp_path):
    """U8 and BOOL, of which old files have their masks, stay as they are"""
    masks = {"U8": np.tril(np.full((3, 4), 7, np.uint8)), "BOOL": np.tril(np.ones((3, 4), bool))}
    header = {dtype.lower(): entry(dtype, [3, 4], 12 * i, 12 * i + 12) for i, dtype in enumerate(masks)}
    path = write(tmp_path / "masks.safetensors", header, b"".join(mask.tobytes() for mask in masks.values()))
    tensors = read(answer, path)
    for dtype, mask in masks.items():
        gone = f"A tensor of {dtype} is gone. Whether one is of use to the model, to_parameters decides, by its name."
        expect(dtype.lower() in tensors, gone, found=sorted(tensors))
        found = np.asarray(tensors[dtype.lower()])
        expect(found.dtype == mask.dtype, f"A tensor of {dtype} should stay as it is.", found=str(found.dtype))
        close(found, mask, "rows columns", what=f"A tensor of {dtype}", atol=0)


WHOLE = json.dumps({"wte": entry("F32", [2, 3], 0, 24)}).encode()
DAMAGED = {
    # what is wrong: the length that the file claims for its header, the header, and the bytes of data after it
    "data cut short": (len(WHOLE), WHOLE, 20),
    "a header that is not JSON": (60, b"{'wte': 1}" + b" " * 50, 24),
    "a header cut short": (len(WHOLE), WHOLE[:40], 0),
    "a header longer than the file": (2**62, b"{}", 0),
    "a length that is above 0 in its upper four bytes": (len(WHOLE) + 2**56, WHOLE, 24),
}


@pytest.mark.parametrize("name", [*DAMAGED, "nothing in it"])
def test_refuses_damaged_files(answer, tmp_path, name):
    """a file that is cut short, or has no JSON for a header, is a ValueError that names it"""
    path = tmp_path / "damaged.safetensors"
    length, header, count = DAMAGED.get(name, (0, b"", 0))
    path.write_bytes(length.to_bytes(8, "little") + header + bytes(count) if name in DAMAGED else b"")
    says(lambda: answer.read_safetensors(path), f"a file with {name}", path.name)


# ---------------------------------------------------------------- names and layout


def small_checkpoint(n_layer=1):
    """The tensors of a small GPT-2 under OpenAI's names, in Conv1D's layout."""
    shapes = {"wte.weight": [7, 4], "wpe.weight": [5, 4], "ln_f.weight": [4], "ln_f.bias": [4]}
    for layer in (f"h.{i}" for i in range(n_layer)):
        for name in ("ln_1", "ln_2"):
            shapes |= {f"{layer}.{name}.weight": [4], f"{layer}.{name}.bias": [4]}
        for name, (size_in, size_out) in CONV1D.items():
            shapes |= {f"{layer}.{name}.weight": [size_in, size_out], f"{layer}.{name}.bias": [size_out]}
    return {name: RANDOM.standard_normal(shape, np.float32) for name, shape in shapes.items()}


def save(folder, tensors, config):
    """Write a checkpoint."""
    (folder / "config.json").write_text(json.dumps(config))
    save_file(tensors, folder / "model.safetensors")


def compare(answer, given, tensors, refused="The tensors of a whole checkpoint are refused."):
    """Compare what to_parameters makes of `given` with what is right for these tensors, name by name."""
    try:
        found = accepts(answer.to_parameters, dict(given), otherwise=refused)
    except KeyError as error:
        head = "to_parameters takes every file to have an lm_head.weight. Most have none."
        expect(error.args[0] != "lm_head.weight", head)
        later = "lm_head.weight may stand before wte.weight, or without it: compare them when all names have been seen."
        expect(not str(error.args[0]).endswith("wte.weight"), later)
        raise
    kind = type(found).__name__
    expect(isinstance(found, dict), "to_parameters should give a dict: the parameters by name.", found=kind)
    for name in found:
        bare = "Parameters of GPT2LMHeadModel are called `transformer.` and so on: OpenAI's names lack that."
        expect(name not in tensors, bare, found=name)
        twice = "Names that have `transformer.` in front already get it twice."
        expect(not name.startswith("transformer.transformer."), twice, found=name)
        mask = "The causal masks of old files are among the parameters: leave attn.bias and attn.masked_bias out."
        expect(not name.endswith((".attn.bias", ".attn.masked_bias")), mask, found=name)
        head = "lm_head.weight is among the parameters. The model has wte.weight for it."
        expect("lm_head" not in name, head, found=name)
    names = {f"transformer.{name}" for name in tensors}
    if gone := sorted(names - found.keys()):
        why = "is gone, with the masks most likely: `c_attn.bias` ends in `attn.bias` too. A mask is `.attn.bias`."
        why = why if all(name.endswith("bias") for name in gone) else "is missing."
        raise Wrong(f"The parameter {gone[0]} {why}", found=f"{len(found)} of {len(names)} parameters")
    if extra := sorted(found.keys() - names):
        raise Wrong(f"{extra[0]} is not a parameter of GPT2LMHeadModel.")
    for name, array in tensors.items():
        value, short = numpy(found[f"transformer.{name}"]), re.sub(r"^h\.\d+\.", "", name)
        as_it_is, turned = np.array_equal(value, array), np.array_equal(value, array.T)
        for other, numbers in () if as_it_is or turned else tensors.items():
            why = " Sorted as text, h.10 comes before h.2." if other.endswith(short) else ""
            same = any(np.array_equal(value, way) for way in (numbers, numbers.T))
            expect(not same, f"{name} has the numbers of {other}.{why}")
        if short.removesuffix(".weight") not in CONV1D:
            table = "It is a table, not a Conv1D matrix: it stays as it is."
            expect(as_it_is or not turned, f"{short} is transposed. {table}", found=list(value.shape))
            close(value, array, what=f"The parameter {short}")
            continue
        square = (
            "It is square, so no shape tells, and every result would be wrong. "
            if short == "attn.c_proj.weight"
            else ""
        )
        kept = f"{short} is not transposed. {square}Conv1D keeps [in, out], MAX's Linear [out, in]."
        expect(turned or not as_it_is, kept, found=list(value.shape))
        reshaped = f"{short} is reshaped, which leaves its numbers in their old order. A transpose, `.T`, swaps rows and columns."
        suspects = [(array.reshape(array.shape[::-1]), reshaped)]
        close(value, array.T, suspects=suspects, what=f"The parameter {short}")


def test_names_and_layout(answer):
    """to_parameters gives the model's names, and transposes the matrices of Conv1D"""
    tensors = small_checkpoint(n_layer=11)  # h.10 stands before h.2, as text
    compare(answer, tensors, tensors)


def test_names_of_save_pretrained(answer):
    """names with `transformer.` in front are the same"""
    tensors = small_checkpoint()
    compare(answer, {f"transformer.{name}": array for name, array in tensors.items()}, tensors)


def test_masks_of_old_files(answer):
    """the masks of old files are left out, in every layer, and c_attn.bias is not"""
    tensors, masks = small_checkpoint(), {}
    for layer in (0, 3, 11):
        masks |= {
            f"h.{layer}.attn.bias": np.ones((1, 1, 5, 5), np.float32),
            f"h.{layer}.attn.masked_bias": np.float32(-1e4),
        }
    for prefix in ("", "transformer."):
        compare(answer, {prefix + name: array for name, array in {**tensors, **masks}.items()}, tensors)


def test_tied_head(answer):
    """lm_head.weight is left out where it equals wte.weight, refused where not, and is that where it is alone"""
    tensors = small_checkpoint()
    body = {f"transformer.{name}": array for name, array in tensors.items()}
    same, other = ({"lm_head.weight": tensors["wte.weight"] + more} for more in (0, 0.01))
    for given in (same | body, body | same):  # the head may come first or last
        equals = "An lm_head.weight that is equal to wte.weight is refused. It should be left out."
        compare(answer, given, tensors, equals)
    says(lambda: answer.to_parameters(body | other), "an lm_head.weight that differs from wte.weight", "lm_head.weight")
    alone = "An lm_head.weight without a wte.weight is refused. A file may hold the table under this name alone: it is both."
    bare = {f"transformer.{name}": array for name, array in tensors.items() if name != "wte.weight"}
    compare(answer, same | bare, tensors, alone)


# ---------------------------------------------------------------- the checkpoint


def test_hugging_face(answer, expected, tiny):
    """load_checkpoint makes the tiny GPT-2, and its logits are Hugging Face's"""
    whole = "The tiny GPT-2 is whole, and load_checkpoint refuses it. "
    whole += "Is the model made by the checkpoint's own config.json, and do the tensors go through to_parameters?"
    model = accepts(answer.load_checkpoint, TINY, otherwise=whole)
    kind = type(model).__name__
    expect(isinstance(model, GPT2LMHeadModel), "load_checkpoint should give a GPT2LMHeadModel.", found=kind)

    def suspects():
        """The first parameter that is wrong, and how, as the reason why the logits are."""
        weights = {f"transformer.{name}": array for name, array in tiny.weights.items()}
        reference = build(GPT2LMHeadModel, tiny.config, weights=weights)
        right = {name: numpy(value) for name, value in reference.parameters}
        for name, value in model.parameters:
            value, reason = (
                numpy(value),
                "does not hold the checkpoint's numbers: are the weights loaded into the model?",
            )
            if np.array_equal(value, right[name].T) and value.ndim == 2:
                reason = "is not transposed: Conv1D keeps [in, out], MAX's Linear [out, in]. It is square, so no shape tells."
            if not np.array_equal(value, right[name]):
                yield found, f"The logits are wrong, since {name} {reason}"

    found = on_max(model, expected["batch/input_ids"])
    close(found, expected["batch/logits"], "B T V", suspects=suspects(), what="The logits")


OTHER_KINDS = [
    ("activation_function", "relu"),
    ("activation_function", "gelu"),
    ("scale_attn_weights", False),
    ("scale_attn_by_inverse_layer_idx", True),
    ("add_cross_attention", True),
    ("tie_word_embeddings", False),
    ("model_type", "imagegpt"),
]
"""What a config.json may say of a model that computes something else: a key, and its value."""
SAME = {"activation_function": "gelu_pytorch_tanh", "scale_attn_weights": True, "tie_word_embeddings": True, "n_ctx": 5}
"""What a config.json may say too, and the model is the same."""


def test_config(answer, tmp_path):
    """the model is made by the config.json of its folder, a path or its name"""
    for folder in (tmp_path, str(tmp_path)):
        save(tmp_path, small_checkpoint(), SMALL | SAME)
        refused = (
            "A whole checkpoint is refused. Is the model made by its own config.json, and is each value of KINDS taken?"
        )
        try:
            model = accepts(answer.load_checkpoint, folder, otherwise=refused)
        except TypeError as error:
            path = "The folder may come as a str, to which `/` adds nothing: `Path(directory)` makes a path of either."
            expect("for /: 'str'" not in str(error), path)
            raise
        except KeyError as error:
            left_out = "A config.json may leave keys of KINDS out. Then the first of the values holds: config.get(key, values[0])."
            expect(error.args[0] not in dict(OTHER_KINDS), left_out, found=f"KeyError: {error}")
            raise
        for name, right in SMALL.items():
            suspects = [
                (getattr(GPT2Config(), name), f"The model has the default of {name}. It should be the config.json's.")
            ]
            equal(getattr(model.config, name), right, suspects=suspects, what=f"{name} of the model")


C_ATTN = "h.0.attn.c_attn.weight"
UNFIT = {
    # what is wrong: the changes to the tensors, those to the config, and the tensor or the key that the error must name
    "without a tensor": ({"h.0.ln_2.bias": None}, {}, "h.0.ln_2.bias"),
    "with a tensor too many": ({"h.0.ln_3.bias": np.zeros(4, np.float32)}, {}, "h.0.ln_3.bias"),
    "with a tensor of another shape": ({C_ATTN: np.zeros((4, 8), np.float32)}, {}, C_ATTN),
    "with more layers in its config": ({}, {"n_layer": 2}, "h.1."),
    "with other positions in its config": ({}, {"n_positions": 6}, "wpe.weight"),
    **{f"with {key} {value} in its config": ({}, {key: value}, key) for key, value in OTHER_KINDS},
}


@pytest.mark.parametrize("name", UNFIT)
def test_refuses_what_does_not_fit(answer, tmp_path, name):
    """a checkpoint that does not fit its config, or is of another model, is a ValueError that names what is wrong"""
    changes, config, culprit = UNFIT[name]
    tensors = {key: array for key, array in (small_checkpoint() | changes).items() if array is not None}
    save(tmp_path, tensors, SMALL | config)
    says(lambda: answer.load_checkpoint(str(tmp_path)), f"a checkpoint {name}", culprit)
