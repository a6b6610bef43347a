"""Step 18's probabilities against Hugging Face's own logits processors, on a wider grid than the stored one."""

from itertools import product

import numpy as np
import pytest

from solutions.solution_18 import probabilities

torch = pytest.importorskip("torch", reason="torch is not in this environment: this compares with Hugging Face itself")
transformers = pytest.importorskip(
    "transformers", reason="transformers is not in this environment: this compares with Hugging Face itself"
)

RANDOM = np.random.default_rng(18)
LOGITS = {
    "GPT-2's vocabulary": 3 * RANDOM.standard_normal(50257),
    "few": 2 * RANDOM.standard_normal(7),
    "one": np.array([0.3]),
    "ties": RANDOM.integers(-2, 3, 40).astype(float),
    "all equal": np.full(16, 1.25),
    "one peak": np.r_[60.0, RANDOM.standard_normal(20)],
    "large": 1000 + 5 * RANDOM.standard_normal(30),
    "with -inf": np.r_[RANDOM.standard_normal(5), -np.inf, -np.inf],
}
TEMPERATURES = 0.05, 0.5, 1.0, 1.7, 50.0
TOP_K = 0, 1, 2, 5, 39, 40, 100_000
TOP_P = 0.0, 1e-6, 0.3, 0.5, 0.95, 1 - 1e-6, 1.0


MODEL = transformers.GPT2LMHeadModel(
    transformers.GPT2Config(n_embd=4, n_head=1, n_layer=1, vocab_size=2, n_positions=1)
)


def hugging_face(logits, temperature, top_k, top_p):
    """The distribution that `generate` draws from with these settings."""
    settings = transformers.GenerationConfig(
        do_sample=True, temperature=temperature, top_k=top_k, top_p=top_p, num_beams=1
    )
    processors = MODEL._get_logits_processor(settings)
    return processors(torch.zeros(1, 1, dtype=torch.long), torch.from_numpy(logits)[None]).softmax(-1)[0].numpy()


@pytest.mark.parametrize("name", LOGITS)
def test_distributions(name):
    """Equal for every setting, edges and ties too, in float64."""
    logits, undecided = LOGITS[name], 0
    for settings in product(TEMPERATURES, TOP_K, TOP_P):
        right, found = hugging_face(logits, *settings), probabilities(logits, *settings)
        if (found > 0).sum() != (right > 0).sum():  # the sum equals top_p but for rounding
            kept = np.sort(np.maximum(found, right))[::-1]
            assert abs((kept / kept.sum()).cumsum() - settings[2]).min() < 1e-9, settings
            undecided += 1
            continue
        if np.intersect1d(logits[right > 0], logits[right == 0]).size:  # of equal tokens, any may stay under top-p
            found, right = np.sort(found), np.sort(right)
        assert np.allclose(found, right, rtol=1e-9, atol=1e-15), settings
    assert undecided <= 3


def test_temperature_0():
    """Hugging Face refuses it, and calls the same thing greedy: the first of the best tokens."""
    for logits in LOGITS.values():
        best = int(torch.from_numpy(logits).argmax())
        assert np.array_equal(probabilities(logits, temperature=0), np.arange(len(logits)) == best)
