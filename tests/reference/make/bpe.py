"""A byte-level BPE tokenizer in GPT-2's format, learned from the grammar's text.

GPT-2's `vocab.json` numbers the 256 bytes first, then one token per merge of `merges.txt` in the
order of the merges, and `<|endoftext|>` last. Ours does the same, a fiftieth of its size.
"""

import json
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from .grammar import END_OF_TEXT

VOCAB_SIZE = 1000
VOCAB_FILE, MERGES_FILE = "vocab.json", "merges.txt"


def train(text: str, folder: Path) -> None:
    """Learn the merges from `text` and write `vocab.json` and `merges.txt` to `folder`.

    Raises:
        ValueError: where the text has too few different words for `VOCAB_SIZE` tokens.
    """
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    learner.train_from_iterator(
        text.split(END_OF_TEXT),
        trainers.BpeTrainer(
            vocab_size=VOCAB_SIZE - 1,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    learner.model.save(str(folder))  # writes both files, merges.txt with its "#version" line
    vocab = json.loads((folder / VOCAB_FILE).read_text())
    vocab = dict(sorted(vocab.items(), key=lambda item: item[1])) | {END_OF_TEXT: len(vocab)}
    if len(vocab) != VOCAB_SIZE:
        raise ValueError(f"The text gives {len(vocab)} tokens, not {VOCAB_SIZE}.")
    (folder / VOCAB_FILE).write_text(json.dumps(vocab))


def load(folder: Path) -> Tokenizer:
    """The tokenizer of the two files in `folder`, with `<|endoftext|>` as a special token."""
    tokenizer = Tokenizer(models.BPE.from_file(str(folder / VOCAB_FILE), str(folder / MERGES_FILE)))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([END_OF_TEXT])
    return tokenizer
