"""The two README files under tests/reference, written from what was measured."""

import platform
from pathlib import Path

import numpy as np
import tokenizers
import torch
import transformers

from . import claims, grammar, training
from .claims import Embeddings
from .quality import Share
from .randoms import CASES

TEMPLATES = Path(__file__).parent / "templates"


def _shapes(arrays: dict[str, np.ndarray]) -> str:
    lines = ["| key | shape | dtype |", "|---|---|---|"]
    lines += [f"| `{key}` | {list(array.shape)} | {array.dtype} |" for key, array in arrays.items()]
    return "\n".join(lines)


def _parts(expected: dict[str, np.ndarray]) -> str:
    """The parts of the first layer, with the letters of the dimensions, which all differ."""
    batch, length = expected["batch/input_ids"].shape
    c = training.CONFIG
    letters = {batch: "B", length: "T", c.n_head: "H", c.n_embd // c.n_head: "D"}
    letters |= {c.n_embd: "C", 3 * c.n_embd: "3C", 4 * c.n_embd: "4C", c.vocab_size: "V"}
    lines = ["| key | shape | |", "|---|---|---|"]
    for key, array in expected.items():
        group, part = key.split("/")
        if group == "batch" and not part.startswith(("h.1", "h.2")):
            shape = ", ".join(letters[size] for size in array.shape)
            lines.append(f"| `{key}` | [{shape}] | {list(array.shape)} |")
    return "\n".join(lines)


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "tokenizers": tokenizers.__version__,
        "numpy": np.__version__,
    }


def model_card(embeddings: Embeddings, shares: dict[str, Share], noun_weights: np.ndarray, **measured: float) -> str:
    """The model card; `measured` fills the remaining names of the template."""
    layer, head = np.unravel_index(noun_weights.argmax(), noun_weights.shape)
    rows = [
        f"| {name} | {s.right_sentences:,} of {s.sentences:,} ({s.of_sentences:.2%}) "
        f"| {s.right_paragraphs:,} of {s.paragraphs:,} ({s.of_paragraphs:.2%}) |"
        for name, s in shares.items()
    ]
    template = (TEMPLATES / "model_card.md").read_text()
    return template.format(
        c=training.CONFIG,
        t=training,
        g=grammar,
        merges=training.CONFIG.vocab_size - 257,
        table=claims.table(embeddings),
        shares="\n".join(rows),
        layer=layer,
        head=head,
        weight=noun_weights.max(),
        **_versions(),
        **measured,
    )


def reference_readme(files: dict[str, dict[str, np.ndarray]], **facts: object) -> str:
    """The description of the files; `files` holds the arrays of each .npz by its name."""
    columns = ["n_layer", "n_head", "n_embd", "vocab_size", "n_positions", "layer_norm_epsilon"]
    cases = [
        " | ".join(
            [f"| `{name}`", *(str(case.config[column]) for column in columns)]
            + [str(case.seed), "{}, {} |".format(*case.shape)]
        )
        for name, case in CASES.items()
    ]
    first = next(iter(CASES))
    parts = [key.split("/")[1] for key in files["random"] if key.startswith(f"{first}/")]
    template = (TEMPLATES / "reference.md").read_text()
    return template.format(
        expected=_parts(files["expected"]),
        whole=", ".join(f"`{k[5:]}`" for k in files["expected"] if k.startswith("full/")),
        pieces=_shapes(files["pieces"]),
        sampling=_shapes(files["sampling"]),
        skip_gram=_shapes(files["skip_gram"]),
        toy=_shapes(files["toy"]),
        random=", ".join(f"`{part}`" for part in parts),
        cases="\n".join(cases),
        **_versions(),
        **facts,
    )
