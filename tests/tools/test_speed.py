"""Whom `bench --decode` times, they write the same text, Hugging Face's: the tiny model, and one of GPT-2's size.

In the environment `bench` only. The engine writes 100 tokens after each of ten prompts; the slow ways, which take up to
seconds for a token, some after some of them.
"""

import numpy as np
import pytest

pytest.importorskip(
    "ctranslate2", reason="needs the environment bench, which has PyTorch, transformers and CTranslate2"
)

import torch
from transformers import GPT2LMHeadModel

from solutions import solution_17
from solutions.solution_15 import load_checkpoint
from tutor.checkpoint import TINY
from tutor.commands import speed
from tutor.engine import decoder

pytestmark = pytest.mark.usefixtures("kernels_ready")

TOKENS = 100


def prompts(vocab_size, longest):
    """Ten prompts of random tokens, of one token to `longest`."""
    rng = np.random.default_rng(0)
    return [rng.integers(vocab_size, size=size).tolist() for size in np.linspace(1, longest, 10).astype(int)]


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """The folder of a random model of GPT-2's size."""
    return speed.random_gpt2(tmp_path_factory.mktemp("gpt2"))


@pytest.fixture(params=["tiny", "large"], scope="module")
def case(request):
    """A folder, its prompts, and the text of each by Hugging Face."""
    folder = TINY if request.param == "tiny" else request.getfixturevalue("large")
    model = GPT2LMHeadModel.from_pretrained(folder)
    texts = prompts(model.config.vocab_size, 28)
    write = speed.hugging_face(folder)
    return request.param, folder, [(prompt, list(write(prompt, TOKENS))) for prompt in texts]


def slow(folder, monkeypatch):
    """The engine on a machine that has compiled nothing."""
    monkeypatch.setattr(decoder.Graph, "load", lambda graph, model: None)
    monkeypatch.setattr(decoder.Graph, "compile", lambda graph: None)
    return speed.engine(folder)


def test_a_choice_is_no_rounding(case):
    """The best logit is clearly above the next, so that equal texts say something; and no text repeats itself."""
    _, folder, texts = case
    model, gaps = GPT2LMHeadModel.from_pretrained(folder).eval(), []
    for prompt, new in texts:
        with torch.inference_mode():
            logits = model(torch.tensor([prompt + new[:-1]])).logits[0, len(prompt) - 1 :]
        best, second = logits.topk(2).values.T
        gaps += (best - second).tolist()
        assert len(set(new)) > 20
    print(f"smallest gap {min(gaps):.2g}, median {np.median(gaps):.2g}")
    assert min(gaps) > 1e-4


def test_compiled(case):
    _, folder, texts = case
    write = speed.engine(folder)
    for prompt, new in texts:
        assert list(write(prompt, TOKENS)) == new


def test_by_the_interpreter(case, monkeypatch):
    size, folder, texts = case
    write, (some, count) = slow(folder, monkeypatch), (3, 40) if size == "tiny" else (2, 6)
    for prompt, new in texts[:some]:
        assert list(write(prompt, count)) == new[:count]


def test_plain(case):
    """The whole text through steps 14 and 17 for each token."""
    size, folder, texts = case
    model, (some, count) = load_checkpoint(folder), (3, 12) if size == "tiny" else (1, 3)
    for prompt, new in texts[:some]:
        assert list(solution_17.generate(model, prompt, count)) == new[:count]


def test_beyond_the_positions():
    """As Hugging Face does when it is given the last n_positions tokens each time."""
    model, tokens = GPT2LMHeadModel.from_pretrained(TINY).eval(), prompts(1000, 120)[-1]
    text = list(tokens)
    for _ in range(20):
        with torch.inference_mode():
            text.append(int(model(torch.tensor([text[-128:]])).logits[0, -1].argmax()))
    assert list(speed.engine(TINY)(tokens, 20)) == text[len(tokens) :]


def test_the_others_write_it_too():
    """Who is compared does the same work."""
    prompt = prompts(1000, 28)[4]
    texts = {name: list(write(prompt, 40)) for name, write in speed.writers(TINY).items() if "int8" not in name}
    assert len(texts) == 3 and len({tuple(text) for text in texts.values()}) == 1


def test_what_a_run_measures(monkeypatch):
    """Seconds of each writer, at each context, and of a prompt; nobody is left out."""
    names = {"one": None, "other": None}
    monkeypatch.setattr(speed, "writers", lambda folder: names)
    monkeypatch.setattr(speed, "timed", lambda write, prompt: (10.0 * len(prompt), 1.0 * len(prompt)))
    monkeypatch.setattr(speed.time, "sleep", lambda seconds: None)
    expected = {"token 32": 32, "token 96": 96, "prompt 96": 960}
    assert speed.measure(TINY, (32, 96), 2) == dict.fromkeys(names, expected)
