"""Checkpoints: read like the safetensors library reads them, refused when they lie, and loaded without a second copy.

What step 15's own checks say in short is tried here at length, on the solution, and every other damage on the commands.
"""

import json
import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import ml_dtypes
import numpy as np
import pytest
import safetensors
from safetensors.numpy import save_file
from tokenizers import ByteLevelBPETokenizer

from solutions import solution_15
from solutions.solution_01 import GPT2Config
from solutions.solution_02 import read_tokenizer
from solutions.solution_14 import GPT2LMHeadModel
from solutions.solution_15 import load_checkpoint, read_safetensors
from tutor import checkpoint
from tutor.__main__ import parser
from tutor.checkpoint import CheckpointError
from tutor.commands import explore, generate, weights
from tutor.course import ROOT
from tutor.engine import kernels
from tutor.grading import build, numpy, on_max

TINY = (checkpoint.TINY / "model.safetensors").read_bytes()
HEADER_LENGTH = int.from_bytes(TINY[:8], "little")
HEADER = json.loads(TINY[8 : 8 + HEADER_LENGTH])
NUMPY = {"F32": np.float32, "F16": np.float16, "BF16": ml_dtypes.bfloat16, "U8": np.uint8, "BOOL": np.bool_}
TENSORS = {
    name: np.frombuffer(facts["data"], NUMPY[facts["dtype"]]).reshape(facts["shape"])
    for name, facts in safetensors.deserialize(TINY)
}


def library(data):
    """What the safetensors library makes of a file, float32 where it holds floating-point numbers; None if it refuses."""
    try:
        found = safetensors.deserialize(data)
    except safetensors.SafetensorError:
        return None
    arrays = {
        name: np.frombuffer(facts["data"], NUMPY[facts["dtype"]]).reshape(facts["shape"]) for name, facts in found
    }
    return {name: array if array.dtype.kind in "bu" else array.astype(np.float32) for name, array in arrays.items()}


def same(found, expected):
    """Whether two dicts of tensors are equal, bit by bit."""
    return found.keys() == expected.keys() and all(
        found[name].shape == array.shape
        and found[name].dtype == array.dtype
        and found[name].tobytes() == array.tobytes()
        for name, array in expected.items()
    )


def with_header(header, data=TINY[8 + HEADER_LENGTH :]):
    """A safetensors file with this header: a dict, or bytes."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


# ---------------------------------------------------------------- reading


def test_reads_what_the_library_writes(tmp_path):
    """All dtypes of GPT-2's files, shapes of 0 to 4 axes, tensors of no numbers, names of any letters."""
    rng = np.random.default_rng(0)
    tensors = {}
    for i, dtype in enumerate([np.float32, np.float16, ml_dtypes.bfloat16, np.uint8, np.bool_] * 3):
        shape = [int(size) for size in rng.integers(1, 5, i % 5)]
        tensors[f"ü.{i}/x"] = np.array(100 * rng.standard_normal(shape)).astype(dtype)
    tensors["empty"] = np.zeros((3, 0, 2), np.float32)
    tensors["extremes"] = np.array([np.inf, -np.inf, np.nan, 1e-40, 3e38, -0.0], np.float32)
    tensors["half extremes"] = np.array([np.inf, np.nan, 6e-8, 65504], np.float16)
    tensors["brain extremes"] = np.array([np.inf, np.nan, 1e-40, 3e38], ml_dtypes.bfloat16)
    path = tmp_path / "model.safetensors"
    save_file(tensors, path, metadata={"format": "pt"})
    assert same(read_safetensors(path), library(path.read_bytes()))


def test_reads_the_tiny_model():
    assert same(read_safetensors(checkpoint.TINY / "model.safetensors"), library(TINY))


# ---------------------------------------------------------------- what the solution refuses


def cuts():
    """Places at which a file may end early."""
    somewhere = np.random.default_rng(0).integers(0, len(TINY), 100)
    return [*range(12), HEADER_LENGTH, HEADER_LENGTH + 7, HEADER_LENGTH + 8, len(TINY) - 1, *somewhere]


NOT_JSON = {
    "a header longer than the file": struct.pack("<Q", len(TINY)) + TINY[8:],
    "a header of 2**63 bytes": struct.pack("<Q", 2**63) + TINY[8:],
    "a header of no bytes": struct.pack("<Q", 0) + TINY[8:],
    "a header not of UTF-8": with_header(b'{"\xff": 1}'),
    "a header that is no JSON": with_header(b"{'wte': 1}"),
}


@pytest.mark.parametrize("data", [*(TINY[:cut] for cut in cuts()), *NOT_JSON.values()], ids=lambda data: f"{len(data)}")
def test_cut_short_or_no_json(tmp_path, data):
    """The loader's part: a file that ends early, wherever it ends, and a header that is none."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=re.escape(str(path))) as error:
        read_safetensors(path)
    assert "\n" not in str(error.value) and len(str(error.value)) < 400


# ---------------------------------------------------------------- what the commands refuse

NAME = "transformer.h.1.attn.c_proj.weight"
BEGIN, END = HEADER[NAME]["data_offsets"]
LIES = [
    {"data_offsets": [BEGIN + 10**9, END + 10**9]},  # past the end of the file
    {"data_offsets": [BEGIN, END + 4]},
    {"data_offsets": [BEGIN + 4, END + 4]},  # over the next tensor
    {"data_offsets": [BEGIN - 4, END - 4]},
    {"data_offsets": [END, BEGIN]},
    {"data_offsets": [-4, END - BEGIN - 4]},
    {"data_offsets": [0, END - BEGIN]},  # the bytes of another tensor
    {"data_offsets": [float(BEGIN), END]},
    {"data_offsets": [BEGIN]},
    {"data_offsets": "ab"},
    {"data_offsets": None},
    {"shape": [64, 65]},
    {"shape": [64]},
    {"shape": [2**40, 2**40]},
    {"shape": [-64, -64]},
    {"shape": [64.0, 64]},
    {"shape": [True, 4096]},
    {"shape": 4096},
    {"shape": {"64": 64}},
    {"shape": None},
    {"dtype": "F64"},
    {"dtype": "I32"},
    {"dtype": "U8", "shape": [64, 256]},
    {"dtype": "f32"},
    {"dtype": ["F32"]},
    {"dtype": {"F32": None}},  # which the library takes
    {"dtype": None},
    {"dtype": "F16"},
]
NO_ENTRIES = [1, "F32", None, [], {}, list(HEADER[NAME].values())]  # the library takes the last one
NO_ENTRIES += [{key: value for key, value in HEADER[NAME].items() if key != gone} for gone in HEADER[NAME]]
DAMAGED = {
    **NOT_JSON,
    "nothing": b"",
    "data cut short": TINY[:-1000],
    "a header cut short": TINY[: HEADER_LENGTH // 2],
    "a byte too many": TINY + b"x",
    "a list for a header": with_header(b"[1, 2]"),
    "a number for a header": with_header(b"1.5"),
    "null for a header": with_header(b"null"),
    "a header nested a million deep": with_header(b"[" * 1_000_000),
    "a hole": with_header({name: entry for name, entry in HEADER.items() if name != NAME}),
    "a note that is no text": with_header(HEADER | {"__metadata__": {"format": 1}}),
    **{f"{lie}": with_header(HEADER | {NAME: HEADER[NAME] | lie}) for lie in LIES},
    **{f"the entry {entry}": with_header(HEADER | {NAME: entry}) for entry in NO_ENTRIES},
}


def of(place):
    """The option that names a checkpoint; none for the default one."""
    return ["--checkpoint", place] if place else []


def run_generate(place):
    return generate.main(parser().parse_args(["generate", "The", *of(place)]))


def run_explore(place):
    return explore.main(parser().parse_args(["explore", "king", *of(place)]))


def run_weights(_):
    return weights.main(parser().parse_args(["weights"]))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the tiny GPT-2, which is also the default checkpoint and what `weights` has fetched as gpt2."""
    copy = tmp_path / "openai-community" / "gpt2"
    shutil.copytree(checkpoint.TINY, copy)
    monkeypatch.setattr(checkpoint, "TINY", copy)
    monkeypatch.setattr(checkpoint, "WEIGHTS", tmp_path)
    monkeypatch.setattr(weights, "WEIGHTS", tmp_path)
    monkeypatch.setenv("COLUMNS", "2000")
    return copy


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_commands_refuse_damaged_files(folder, monkeypatch, capsys, data):
    """Each command, wherever its checkpoint lies, in one sentence that names the file, before a loader sees it."""
    monkeypatch.setattr(solution_15, "read_safetensors", lambda path: pytest.fail("a loader was given the file"))
    file = folder / "model.safetensors"
    file.write_bytes(data)
    for run, place, code in (
        (run_generate, str(folder), 2),
        (run_generate, "gpt2", 2),
        (run_generate, None, 2),
        (run_explore, str(folder), 2),
        (run_explore, "gpt2", 2),
        (run_explore, None, 2),
        (run_weights, None, 1),
    ):
        assert run(place) == code
        told = "".join(capsys.readouterr())
        assert str(file) in told and len(told.splitlines()) == 1 and len(told) < 600, (run, place, told)


def test_commands_take_whole_files(folder, capsys):
    """The copy as it is, and one whose masks are whole numbers, which no one reads."""
    masks = {"h.0.attn.bias": np.ones((1, 1, 8, 8), np.uint8), "h.0.attn.masked_bias": np.array(True)}
    for extra in ({}, masks):
        save_file({**TENSORS, **extra}, folder / "model.safetensors")
        assert checkpoint.find(None) == checkpoint.find("gpt2") == checkpoint.find(str(folder)) == folder
        assert run_weights(None) == 0 and str(folder) in capsys.readouterr().out


def test_random_damage(folder):
    """Any header with some bytes changed is refused, or read just as the library reads it."""
    rng = np.random.default_rng(15)
    path, read = folder / "model.safetensors", 0
    for _ in range(400):
        damaged = bytearray(TINY)
        for place in rng.integers(0, 8 + HEADER_LENGTH, rng.integers(1, 4)):
            damaged[place] = rng.choice(np.frombuffer(b'0123456789{}[]",:abcF \x00\xff', np.uint8))
        path.write_bytes(damaged)
        try:
            checkpoint.find(None)
        except CheckpointError as error:
            assert str(path) in str(error)
            continue
        expected = library(bytes(damaged))
        assert expected is not None and same(read_safetensors(path), expected)
        read += 1
    assert 0 < read < 400  # letters of names may change


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({NAME: None}, [NAME, "nothing", "[64, 64]"]),
        ({"h.0.ln_3.bias": np.zeros(64, np.float32)}, ["h.0.ln_3.bias", "[64]", "nothing"]),
        ({NAME: np.zeros((64, 65), np.float32)}, [NAME, "[65, 64]", "[64, 64]"]),
        ({"lm_head.weight": np.zeros((1000, 64), np.float32)}, ["lm_head.weight is not equal"]),
    ],
    ids=["missing", "extra", "misshapen", "another head"],
)
def test_generate_refuses_what_does_not_fit(folder, monkeypatch, capsys, changes, names):
    """A file that is whole, and not that of the config beside it: the loader's sentence, and nothing else."""
    monkeypatch.setattr(kernels, "missing", lambda batches: [])  # nothing is computed
    tensors = {name: array for name, array in {**TENSORS, **changes}.items() if array is not None}
    save_file(tensors, folder / "model.safetensors")
    assert run_generate(None) == 1
    out, err = capsys.readouterr()
    assert not out and all(name in err for name in names) and len(err.strip().splitlines()) == 1, err


@pytest.mark.parametrize("name", checkpoint.FILES)
def test_files_that_may_not_be_read(name):
    """Named like damaged ones."""
    with TemporaryDirectory() as place:
        folder = Path(place, "gpt2")
        shutil.copytree(checkpoint.TINY, folder)
        Path(place).chmod(0o755)
        (folder / name).chmod(0)
        root = os.geteuid() == 0  # may read everything
        try:
            os.seteuid(65534) if root else None
            with pytest.raises(CheckpointError, match=re.escape(f"{folder / name} cannot be read: Permission denied.")):
                checkpoint.find(str(folder))
        finally:
            os.seteuid(0) if root else None


# ---------------------------------------------------------------- into the model


def save(folder, tensors, config=None):
    """Write a checkpoint with the tiny model's config, or with changes to it."""
    folder.mkdir(exist_ok=True)
    values = json.loads((checkpoint.TINY / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(values | (config or {})))
    for file in ("vocab.json", "merges.txt"):
        (folder / file).write_bytes((checkpoint.TINY / file).read_bytes())
    save_file(tensors, folder / "model.safetensors")
    return folder


def parameters(model):
    """A model's parameters as arrays."""
    return {name: numpy(value) for name, value in model.parameters}


@pytest.mark.parametrize("dtype", [np.float32, np.float16, ml_dtypes.bfloat16], ids=["F32", "F16", "BF16"])
def test_halves(tmp_path, dtype, tiny, expected):
    """A checkpoint in another type gives the model whose weights are rounded to that type."""
    rounded = {name: array.astype(dtype) for name, array in TENSORS.items()}
    model = load_checkpoint(save(tmp_path / "half", rounded))
    other = build(
        GPT2LMHeadModel, tiny.config, weights={name: array.astype(np.float32) for name, array in rounded.items()}
    )
    found, right = parameters(model), parameters(other)
    assert all(np.array_equal(found[name], right[name]) for name in right)
    logits = on_max(model, expected["batch/input_ids"])
    assert np.allclose(logits, on_max(other, expected["batch/input_ids"]), rtol=1e-4, atol=1e-5)
    if dtype is np.float32:
        assert np.allclose(logits, expected["batch/logits"], rtol=1e-4, atol=1e-5)


def test_names(tmp_path):
    """OpenAI's names, those of save_pretrained, masks of old files and a stored head all give the same model."""
    bare = {name.removeprefix("transformer."): array for name, array in TENSORS.items()}
    masks = {}
    for layer in range(3):
        masks[f"h.{layer}.attn.bias"] = np.tril(np.ones((1, 1, 128, 128), np.float32))
        masks[f"h.{layer}.attn.masked_bias"] = np.array(-1e4, np.float32)
    booleans = {name: array.astype(bool) if array.ndim else array for name, array in masks.items()}
    head = {"lm_head.weight": TENSORS["transformer.wte.weight"].copy()}
    right = parameters(load_checkpoint(checkpoint.TINY))
    for i, tensors in enumerate(
        [
            bare,
            bare | masks,
            bare | booleans,
            TENSORS | head,
            bare | head,
            {f"transformer.{n}": a for n, a in (bare | booleans).items()},
        ]
    ):
        found = parameters(load_checkpoint(save(tmp_path / str(i), tensors)))
        assert found.keys() == right.keys() and all(np.array_equal(found[name], right[name]) for name in right)


@pytest.mark.parametrize("name", sorted(TENSORS))
def test_each_tensor_is_needed(tmp_path, name):
    """Every single one: without it, or with a number more, the error names it."""
    tensors = {other: array for other, array in TENSORS.items() if other != name}
    with pytest.raises(ValueError, match=re.escape(name)):
        load_checkpoint(save(tmp_path / "missing", tensors))
    longer = np.zeros([TENSORS[name].shape[0] + 1, *TENSORS[name].shape[1:]], np.float32)
    with pytest.raises(ValueError, match=re.escape(name)):
        load_checkpoint(save(tmp_path / "longer", tensors | {name: longer}))


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"n_layer": 4}, "transformer.h.3."),
        ({"n_layer": 2}, "transformer.h.2."),
        ({"n_embd": 32}, "transformer.h.0.attn.c_attn."),
        ({"n_positions": 64}, "transformer.wpe.weight"),
        ({"vocab_size": 1024}, "transformer.wte.weight"),
    ],
    ids=str,
)
def test_configs_that_disagree(tmp_path, config, name):
    with pytest.raises(ValueError, match=re.escape(name)):
        load_checkpoint(save(tmp_path / "config", TENSORS, config))


def test_a_head_that_differs(tmp_path):
    head = TENSORS["transformer.wte.weight"].copy()
    head[7, 3] += 1e-3
    with pytest.raises(ValueError, match=r"lm_head\.weight"):
        load_checkpoint(save(tmp_path / "head", TENSORS | {"lm_head.weight": head}))


def test_a_head_alone(tmp_path):
    """As safetensors.torch.save_model writes a tied model, the table has the head's name, and a note the other."""
    tensors = {name: array for name, array in TENSORS.items() if "wte" not in name}
    save(tmp_path, tensors | {"lm_head.weight": TENSORS["transformer.wte.weight"]})
    assert checkpoint.find(str(tmp_path)) == tmp_path
    found, right = parameters(load_checkpoint(tmp_path)), parameters(load_checkpoint(checkpoint.TINY))
    assert found.keys() == right.keys() and all(np.array_equal(found[name], right[name]) for name in right)
    assert np.array_equal(explore.Embeddings(tmp_path).table, TENSORS["transformer.wte.weight"])


def test_the_loader_refuses_the_kinds_that_the_commands_refuse():
    assert solution_15.KINDS == checkpoint.KEYS


# ---------------------------------------------------------------- folders


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "holds no config.json"),
        ({"model.safetensors": None}, "holds no model.safetensors"),
        ({"model.safetensors": None, "model.safetensors.index.json": "{}"}, "spread over several files"),
        ({"model.safetensors": None, "pytorch_model.bin": ""}, "are in pytorch_model.bin"),
        ({"vocab.json": None}, "holds no vocab.json"),
        ({"merges.txt": None}, "holds no merges.txt"),
        ({"config.json": "{"}, "not a config of a GPT-2"),
        ({"config.json": "[]"}, "not a config of a GPT-2"),
        ({"config.json": "{}"}, "not a config of a GPT-2"),
        ({"model_type": "llama"}, "has model_type 'llama'"),
        ({"activation_function": "relu"}, "has activation_function 'relu'"),
        ({"scale_attn_by_inverse_layer_idx": True}, "has scale_attn_by_inverse_layer_idx True"),
        ({"tie_word_embeddings": False}, "has tie_word_embeddings False"),
        ({"n_inner": 100}, "has n_inner 100"),
    ],
    ids=str,
)
def test_folders_of_another_kind(tmp_path, files, says):
    """One sentence that names the folder, before anything is loaded."""
    if files:
        keys = {name: value for name, value in files.items() if "." not in name}
        save(tmp_path, TENSORS, keys)
    for name, text in files.items():
        if "." in name:
            (tmp_path / name).unlink(missing_ok=True) if text is None else (tmp_path / name).write_text(text)
    with pytest.raises(CheckpointError, match=re.escape(says)) as error:
        checkpoint.find(str(tmp_path))
    assert str(tmp_path) in str(error.value)


def test_folders_that_are_right(tmp_path):
    assert checkpoint.find(None) == checkpoint.TINY
    assert checkpoint.find(str(save(tmp_path, TENSORS, {"n_inner": 256}))) == tmp_path


def only_tokenizer_json(folder):
    """A checkpoint as transformers 5 writes it, with tokenizer.json in place of vocab.json and merges.txt."""
    shutil.copytree(checkpoint.TINY, folder)
    both = [str(folder / name) for name in checkpoint.TOKENIZER]
    tokenizer = ByteLevelBPETokenizer.from_file(*both)
    tokenizer.add_special_tokens(["<|endoftext|>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    for name in both:
        os.remove(name)
    return folder


def test_tokenizer_json_alone(tmp_path, monkeypatch, capsys):
    """It gives the tokenizer of the two files, to each command, and the folder stays as it is."""
    folder = only_tokenizer_json(tmp_path / "openai-community" / "gpt2")
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    with checkpoint.tokenizer_of(checkpoint.find(str(folder))) as place:
        assert read_tokenizer(place) == read_tokenizer(checkpoint.TINY)
    assert not place.exists()
    assert explore.Embeddings(folder).tokenizer == read_tokenizer(checkpoint.TINY)
    monkeypatch.setattr(weights, "WEIGHTS", tmp_path)
    assert run_weights(None) == 0 and str(folder) in "".join(capsys.readouterr().out.split("\n"))
    assert before == {file.name: file.read_bytes() for file in folder.iterdir()}
    older = json.loads(before["tokenizer.json"])  # which had merges as texts, and kinds left out
    older["model"]["merges"] = [" ".join(pair) for pair in older["model"]["merges"]]
    del older["model"]["type"], older["pre_tokenizer"]["use_regex"]
    (folder / "tokenizer.json").write_text(json.dumps(older))
    with checkpoint.tokenizer_of(checkpoint.find(str(folder))) as place:
        assert read_tokenizer(place) == read_tokenizer(checkpoint.TINY)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda whole: whole["model"].update(type="Unigram"), "describes another tokenizer"),
        (lambda whole: whole["pre_tokenizer"].update(add_prefix_space=True), "describes another tokenizer"),
        (lambda whole: whole["pre_tokenizer"].update(use_regex=False), "describes another tokenizer"),
        (lambda whole: whole.update(normalizer={"type": "NFC"}), "describes another tokenizer"),
        (lambda whole: whole.pop("model"), "tokenizer.json is damaged"),
        (lambda whole: whole.update(pre_tokenizer=None), "tokenizer.json is damaged"),
        (lambda whole: whole["model"].update(vocab=[]), "tokenizer.json is damaged"),
        (lambda whole: whole["model"]["vocab"].update(a=5000), "has the ID 5000"),
        (lambda whole: whole["model"]["merges"].clear(), "are not whole"),
    ],
)
def test_tokenizer_json_of_another_kind(tmp_path, change, says):
    folder = only_tokenizer_json(tmp_path / "other")
    whole = json.loads((folder / "tokenizer.json").read_text())
    change(whole)
    (folder / "tokenizer.json").write_text(json.dumps(whole))
    with pytest.raises(CheckpointError, match=re.escape(says)) as error:
        checkpoint.find(str(folder))
    assert str(folder) in str(error.value)


# ---------------------------------------------------------------- memory

LOAD = """
import sys
from solutions.solution_15 import load_checkpoint
def peak():
    return 1024 * int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
before = peak()
model = load_checkpoint(sys.argv[1])
print(before, peak())
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the peak of a process's memory is read from /proc")
@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16"])
def test_memory(tmp_path, dtype, record_property):
    """Loading GPT-2 124M takes less than 1.2 times its 498 MB of float32 weights, beyond what MAX takes to start."""
    config = GPT2Config()
    with_shapes = build(GPT2LMHeadModel, config)
    header, position = {}, 0
    for name, value in sorted(with_shapes.parameters):  # Hugging Face's order: wte, the largest, comes last
        shape = [int(size) for size in value.shape]
        shape = shape[::-1] if re.search(r"c_(attn|proj|fc)\.weight$", name) else shape
        size = int(np.prod(shape)) * {"F32": 4}.get(dtype, 2)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [position, position + size]}
        position += size
    (tmp_path / "config.json").write_text(json.dumps(vars(config)))
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.write(with_header(header, b""))
        file.truncate(file.tell() + position)  # zeros, which take no room on the disk
    done = subprocess.run([sys.executable, "-c", LOAD, tmp_path], cwd=ROOT, capture_output=True, text=True, check=True)
    before, peak = map(int, done.stdout.split())
    weights = 4 * sum(int(np.prod(entry["shape"])) for entry in header.values())
    assert weights == 497_759_232
    record_property("ratio", (peak - before) / weights)
    print(
        f"{dtype}: {before / 1e6:.0f} MB before, {peak / 1e6:.0f} MB at most, {(peak - before) / weights:.3f} times the weights"
    )
    assert peak - before < 1.2 * weights


# ---------------------------------------------------------------- against Hugging Face


@pytest.mark.parametrize("size", ["tiny", "full"])
def test_hugging_face(tmp_path, size, record_property):
    """Checkpoints that Hugging Face writes: the same logits, and the same 100 tokens of greedy text, also at full size."""
    torch = pytest.importorskip(
        "torch", reason="torch is not in this environment: this compares with Hugging Face itself"
    )
    transformers = pytest.importorskip(
        "transformers", reason="transformers is not in this environment: this compares with Hugging Face itself"
    )
    from solutions.solution_17 import generate

    torch.manual_seed(15)
    sizes = {"n_embd": 48, "n_head": 3, "n_layer": 2, "n_positions": 128, "vocab_size": 211} if size == "tiny" else {}
    theirs = transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes)).eval()
    with torch.no_grad():
        for name, weight in theirs.named_parameters():  # fresh weights are too tame: biases of 0, norms of 1
            weight += torch.randn_like(weight) * (0.1 if "ln" in name or "bias" in name else 0.02)
    theirs.save_pretrained(tmp_path)
    ours = load_checkpoint(tmp_path)
    rng = np.random.default_rng(0)
    ids = rng.integers(0, theirs.config.vocab_size, (2, 33))
    with torch.inference_mode():
        right = theirs(torch.from_numpy(ids)).logits.numpy()
    found = on_max(ours, ids)
    prompt = ids[:1, :7]
    made = theirs.generate(
        torch.from_numpy(prompt),
        attention_mask=torch.ones(1, 7, dtype=torch.long),
        max_new_tokens=100,
        do_sample=False,
        eos_token_id=None,
        pad_token_id=0,
    )
    text = list(generate(ours, prompt[0].tolist(), 100))
    print(f"{size}: largest difference of a logit {np.abs(found - right).max():.2g}, of {np.abs(right).max():.3g}")
    assert np.allclose(found, right, rtol=1e-4, atol=1e-4)  # twelve layers of float32 sums in another order
    assert text == made[0, 7:].tolist()
