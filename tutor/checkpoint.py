"""Checkpoints on this machine: where they lie, and whether the course's GPT-2 can be made from one."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import shorten

from safetensors import SafetensorError, safe_open

from tutor.course import ROOT, command, shown

REFERENCE = ROOT / "tests" / "reference"
TINY = REFERENCE / "tiny-gpt2"
WEIGHTS = ROOT / "weights"
TOKENIZER = "vocab.json", "merges.txt"
ONE_FOR_BOTH = "tokenizer.json"
"""What transformers 5 writes in place of these two."""
FILES = "config.json", *TOKENIZER, "model.safetensors"
KEYS = {
    # a key of config.json, and the values with which it describes the GPT-2 of the course, its default first
    "model_type": ("gpt2",),
    "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "add_cross_attention": (False,),
    "tie_word_embeddings": (True,),
}
FLOATS = "F32", "F16", "BF16"
MASKS = ".attn.bias", ".attn.masked_bias"
"""How the names of the causal masks in old files end; they may be made of U8 or BOOL too, since no one uses them."""


class CheckpointError(Exception):
    """A checkpoint that is not there, or is of another kind than the course's; the message is one sentence."""


def hub_name(name: str) -> str:
    """A model's full name on the hub: "gpt2" is "openai-community/gpt2"."""
    return name if "/" in name else f"openai-community/{name}"


def find(name: str | None) -> Path:
    """The folder of a checkpoint.

    Args:
        name: the path of a folder, or the name of a model on the hub that `weights` has fetched, or None
            for the tiny GPT-2 that comes with the course.

    Raises:
        CheckpointError: it is not there, or `verify` refuses it.
    """
    if name is None:
        verify(TINY)
        return TINY
    if folder := next(filter(Path.is_dir, (Path(name), WEIGHTS / hub_name(name))), None):
        verify(folder)
        return folder
    if Path(name).exists():
        raise CheckpointError(f"{name} is a file. A checkpoint is a folder with {', '.join(FILES)}.")
    if name.count("/") > 1 or name.startswith((".", "/", "~")):
        raise CheckpointError(f"There is no folder {name}.")
    fetch = command("weights" if name == "gpt2" else f"weights {name}")
    raise CheckpointError(
        f"{name} is not a folder here, nor in {shown(WEIGHTS)}: `{fetch}` fetches a model from the hub."
    )


def missing(folder: Path) -> str | None:
    """The first of its files that a checkpoint lacks, if there is one; tokenizer.json stands for those of the tokenizer."""
    stands_for = TOKENIZER if (folder / ONE_FOR_BOTH).is_file() else ()
    return next((file for file in FILES if file not in stands_for and not (folder / file).is_file()), None)


@contextmanager
def tokenizer_of(folder: Path) -> Iterator[Path]:
    """Where a checkpoint's vocab.json and merges.txt lie; if it has tokenizer.json alone, they are made of that meanwhile.

    Raises:
        CheckpointError: tokenizer.json is damaged, or is that of another tokenizer than GPT-2's.
    """
    if all((folder / name).is_file() for name in TOKENIZER):
        yield folder
        return
    file = folder / ONE_FOR_BOTH
    try:
        whole = json.loads(file.read_text(encoding="utf-8"))
        model, cut = whole["model"], {"use_regex": True} | whole["pre_tokenizer"]
        gpt2 = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}
        if model.get("type", "BPE") != "BPE" or whole["normalizer"] or not gpt2.items() <= cut.items():
            raise CheckpointError(f"{file} describes another tokenizer than GPT-2's.")
        ids = model["vocab"] | {token["content"]: token["id"] for token in whole["added_tokens"]}
        merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CheckpointError(f"{file} is damaged, or is no file of a GPT-2 tokenizer.") from None
    with TemporaryDirectory() as place:
        for name, text in zip(TOKENIZER, (json.dumps(ids), "\n".join(merges))):
            Path(place, name).write_text(text, encoding="utf-8")
        yield Path(place)


def verify(folder: Path) -> None:
    """Look at the files of a checkpoint, at the weights' header in place of their numbers.

    Raises:
        CheckpointError: a file is missing, damaged or cannot be read, or is not that of a GPT-2 as the course builds it.
    """
    try:
        config = _refuse_other_kinds(folder)
        with tokenizer_of(folder) as place:
            _refuse_other_tokenizers(place, folder, config)
        _refuse_other_weights(folder / "model.safetensors")
    except OSError as error:
        raise CheckpointError(f"{error.filename or folder} cannot be read: {error.strerror or error}.") from None


def _refuse_other_kinds(folder: Path) -> dict:
    """Say which file is missing, or what the config has that the course's GPT-2 has not; the config if all is well."""
    if file := missing(folder):
        if file == "model.safetensors" and (folder / f"{file}.index.json").is_file():
            raise CheckpointError(
                f"The weights in {folder} are spread over several files; this course reads one, {file}."
            )
        if file == "model.safetensors" and (folder / "pytorch_model.bin").is_file():
            raise CheckpointError(f"The weights in {folder} are in pytorch_model.bin; this course reads {file}.")
        raise CheckpointError(f"{folder} holds no {file}, so it is not a whole checkpoint.")
    try:
        config = json.loads((folder / "config.json").read_text())
        n_inner = config.get("n_inner") or 4 * config["n_embd"]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CheckpointError(f"{folder / 'config.json'} is not a config of a GPT-2.") from None
    for key, values in KEYS.items():
        if config.get(key, values[0]) not in values:
            raise CheckpointError(f"{folder} has {key} {config[key]!r}; the GPT-2 of this course has {values[0]!r}.")
    if n_inner != 4 * config["n_embd"]:
        raise CheckpointError(f"{folder} has n_inner {n_inner}; the GPT-2 of this course has 4 × n_embd.")
    return config


def _refuse_other_tokenizers(place: Path, folder: Path, config: dict) -> None:
    """Say what is wrong with the two tokenizer files of `folder`, which lie in `place`, if something is: text would come
    out changed, or not at all."""
    file = place / "vocab.json"
    try:
        ids = json.loads(file.read_text(encoding="utf-8"))
        largest = max(ids.values())
        file = place / "merges.txt"
        lines = file.read_text(encoding="utf-8").split("\n")
    except (ValueError, TypeError, AttributeError):
        raise CheckpointError(f"{folder / file.name} is damaged, or is no file of a GPT-2 tokenizer.") from None
    made = {"".join(line.split()) for line in lines if not line.startswith("#version")}
    if largest >= config.get("vocab_size", 50257):
        raise CheckpointError(
            f"The vocabulary in {folder} has the ID {largest}, for which config.json leaves no row in wte."
        )
    for token in ids:  # is a byte, or made by a merge, or has a name like <|endoftext|>
        if len(token) > 1 and token not in made and not (token[0] in "<[" and token[-1] in ">]"):
            raise CheckpointError(f"The merges in {folder} are not whole: none makes {token!r} of its vocabulary.")


def _refuse_other_weights(file: Path) -> None:
    """Say what is wrong with a file of weights, if something is, so that a loader meets none that lies."""
    try:
        with file.open("rb") as stream, safe_open(file, "numpy"):  # the library has looked at each entry of the header
            header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
        dtypes = {name: entry["dtype"] for name, entry in header.items() if name != "__metadata__"}
    except (SafetensorError, TypeError) as error:  # a TypeError: the library takes a list for an entry too
        reason = shorten(str(error).removeprefix("Error while deserializing header: "), 200, placeholder=" …")
        raise CheckpointError(f"{file} is cut short, damaged, or no safetensors file ({reason}).") from None
    for name, dtype in dtypes.items():
        known = (*FLOATS, "U8", "BOOL") if name.endswith(MASKS) else FLOATS
        if dtype not in known:
            raise CheckpointError(f"{name} in {file} is made of {dtype}; this course reads {', '.join(known)}.")
