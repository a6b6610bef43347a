"""Text and probabilities by Hugging Face's `generate`: greedy continuations, sampling settings."""

from itertools import product

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import GenerationConfig, GPT2LMHeadModel

from .grammar import END_OF_TEXT

PROMPTS = [
    "The queen",
    "The king and the",
    "Once",
    "Monday",
    "The kitten",
    "Anna",
    "Count with me: two",
    '"Where is',
    "The capital of France",
    "Today is Friday.",
]
NEW_TOKENS = 100


def greedy(model: GPT2LMHeadModel, tokenizer: Tokenizer, prompt: str) -> dict:
    """The most likely continuation of `prompt`, 100 tokens long.

    "margin" is the least distance between the two highest logits on the way: with a margin far
    above the rounding error of float32, every right implementation writes the same text.
    """
    ids = torch.tensor([tokenizer.encode(prompt).ids])
    made = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=NEW_TOKENS,
        do_sample=False,
        eos_token_id=None,  # go on after <|endoftext|>
        pad_token_id=tokenizer.token_to_id(END_OF_TEXT),
        return_dict_in_generate=True,
        output_logits=True,
    )
    best = torch.stack(made.logits).topk(2).values
    sequence = made.sequences[0].tolist()
    return {
        "prompt": prompt,
        "prompt_ids": ids[0].tolist(),
        "ids": sequence[ids.shape[1] :],
        "text": tokenizer.decode(sequence, skip_special_tokens=False),
        "margin": round((best[..., 0] - best[..., 1]).min().item(), 4),
    }


def samples(model: GPT2LMHeadModel, tokenizer: Tokenizer, temperature: float, count: int, seed: int) -> list[str]:
    """`count` texts sampled from the whole vocabulary, each as long as the model allows."""
    torch.manual_seed(seed)
    end = tokenizer.token_to_id(END_OF_TEXT)
    ids = torch.full((count, 1), end)
    made = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_length=model.config.n_positions,
        do_sample=True,
        temperature=temperature,
        top_k=0,
        top_p=1.0,
        eos_token_id=None,
        pad_token_id=end,
    )
    return [tokenizer.decode(row[1:], skip_special_tokens=False) for row in made.tolist()]


def warpers(model: GPT2LMHeadModel, temperature: float, top_k: int, top_p: float):
    """What `generate` puts between the logits and the softmax for these settings, in its order."""
    settings = GenerationConfig(do_sample=True, temperature=temperature, top_k=top_k, top_p=top_p, num_beams=1)
    return model._get_logits_processor(settings)


def _ambiguous(logits: np.ndarray, kept: np.ndarray, case: tuple[float, int, float]) -> bool:
    """Whether a correct implementation might keep other tokens than `kept`, a mask [V].

    Top-p may cut between equal logits, where the order of a sort decides, or so close to the sum
    `top_p` that rounding does.
    """
    if np.intersect1d(logits[kept], logits[~kept]).size:
        return True
    temperature, top_k, top_p = case
    ranked = np.sort(logits.astype(np.float64))[::-1]
    if top_k:
        ranked = ranked[ranked >= ranked[min(top_k, len(ranked)) - 1]]
    chances = np.exp((ranked - ranked[0]) / temperature)
    sums = np.cumsum(chances / chances.sum())
    return bool(0 < top_p < 1 and (np.abs(sums - top_p) < 1e-5).any())


def _cases(model: GPT2LMHeadModel, rows: np.ndarray, grid: list[tuple]) -> dict[str, np.ndarray]:
    cases, probabilities = [], []
    for (row, logits), case in product(enumerate(rows), grid):
        none = torch.zeros(1, 1, dtype=torch.long)  # the text so far, which no warper looks at
        warped = warpers(model, *case)(none, torch.from_numpy(logits)[None])
        if not _ambiguous(logits, np.isfinite(warped[0].numpy()), case):
            cases.append((row, *case))
            probabilities.append(warped.softmax(dim=-1)[0].numpy())
    return {"logits": rows, "cases": np.array(cases), "probabilities": np.array(probabilities)}


def sampling(model: GPT2LMHeadModel, tokenizer: Tokenizer) -> dict[str, np.ndarray]:
    """sampling.npz: the probabilities of the next token after temperature, top-k and top-p.

    Each of "cases" is (row of "logits", temperature, top_k, top_p), where top_k 0 turns top-k off.
    """
    rng = np.random.RandomState(0)
    crafted = np.array(
        [
            2 * rng.standard_normal(12),
            rng.permutation([3, 3, 2, 2, 2, 1, 1, 0, 0, 0, -1, -2]),  # exact ties
            rng.permutation(np.r_[12.0, 0.1 * rng.standard_normal(11)]),  # one peak
            0.1 * rng.standard_normal(12),  # nearly flat
            np.zeros(12),
        ],
        dtype=np.float32,
    )
    ids = torch.tensor([tokenizer.encode("The").ids])
    with torch.inference_mode():
        real = model(ids).logits[0, -1:].numpy()

    temperatures, sums = (0.25, 0.7, 1.0, 2.0), (0.0, 0.5, 0.9, 1.0)
    grids = {
        "crafted": list(product(temperatures, (0, 1, 3, 12, 20), sums)),
        "model": list(product((0.7, 1.0), (0, 1, 40, 1000, 1005), (0.0, 0.9, 1.0))),
    }
    arrays = {}
    for group, rows in (("crafted", crafted), ("model", real)):
        for key, array in _cases(model, rows, grids[group]).items():
            arrays[f"{group}/{key}"] = array
    return arrays
