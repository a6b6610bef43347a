"""Training of the tiny GPT-2: Hugging Face's own model, AdamW, a cosine schedule, fixed seeds.

The recipe is that of GPT-3 (Brown et al. 2020, appendix B) in small: AdamW with betas 0.9 and 0.95
and weight decay 0.1, gradients clipped at 1, a linear warm-up, then a cosine, here down to nothing.
One thread and deterministic kernels, so that one machine gives the same bytes every time.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from .bpe import VOCAB_SIZE

SEED = 1
STEPS = 2500
BATCH_SIZE = 32
LEARNING_RATE = 4e-3
WEIGHT_DECAY = 0.1
WARM_UP = 100
BETAS = (0.9, 0.95)
CLIP = 1.0

CONFIG = GPT2Config(
    vocab_size=VOCAB_SIZE,
    n_positions=128,
    n_embd=64,
    n_layer=3,
    n_head=4,
    resid_pdrop=0.0,
    embd_pdrop=0.0,
    attn_pdrop=0.0,
    bos_token_id=VOCAB_SIZE - 1,
    eos_token_id=VOCAB_SIZE - 1,
)


def _rate(step: int) -> float:
    """The learning rate of a step: up over `WARM_UP` steps, then down a cosine to nothing."""
    if step < WARM_UP:
        return LEARNING_RATE * (step + 1) / WARM_UP
    along = (step - WARM_UP) / (STEPS - WARM_UP)
    return LEARNING_RATE * (1 + math.cos(math.pi * along)) / 2


def _windows(tokens: np.ndarray, starts: np.ndarray) -> torch.Tensor:
    """Token IDs [len(starts), n_positions] from each start on."""
    return torch.from_numpy(tokens[starts[:, None] + np.arange(CONFIG.n_positions)])


def _starts(tokens: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """Where the windows of a batch begin: half at the start of a document, half anywhere."""
    last = len(tokens) - CONFIG.n_positions
    documents = np.flatnonzero(tokens[:last] == CONFIG.eos_token_id) + 1
    half = BATCH_SIZE // 2
    return np.concatenate([rng.choice(documents, half), rng.randint(last, size=half)])


def mean_loss(model: GPT2LMHeadModel, tokens: np.ndarray) -> float:
    """Cross-entropy per token, in nats, over `tokens` in windows that follow one another."""
    starts = np.arange(0, len(tokens) - CONFIG.n_positions, CONFIG.n_positions)
    with torch.inference_mode():
        total = sum(
            model(input_ids=ids, labels=ids).loss.item() * len(ids)
            for ids in _windows(tokens, starts).split(BATCH_SIZE)
        )
    return total / len(starts)


def train(tokens: np.ndarray, report: Callable[[int, float], None]) -> GPT2LMHeadModel:
    """Train on a stream of token IDs, int64 [N]; `report` gets each step and its loss."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(SEED)
    rng = np.random.RandomState(SEED)
    model = GPT2LMHeadModel(CONFIG)
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() == 1]  # biases and norms do not decay
    optimizer = torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": WEIGHT_DECAY},
            {"params": vectors, "weight_decay": 0},
        ],
        betas=BETAS,
    )
    model.train()
    for step in range(STEPS):
        ids = _windows(tokens, _starts(tokens, rng))
        for group in optimizer.param_groups:
            group["lr"] = _rate(step)
        loss = model(input_ids=ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        report(step, loss.item())
    return model.eval()
