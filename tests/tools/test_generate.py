"""`generate`: the text is Hugging Face's, comes as it is made, and every prompt gets text or a reason why not."""

import json
import os
import re
import signal
import subprocess
import sys
from argparse import Namespace

import numpy as np
import pytest

from solutions.solution_02 import END_OF_TEXT, decode, encode, read_tokenizer
from tutor import checkpoint
from tutor.checkpoint import REFERENCE
from tutor.commands import generate
from tutor.course import ROOT
from tutor.engine import kernels
from tutor.grading import on_max
from tutor.screen import terminal

pytestmark = pytest.mark.usefixtures("kernels_ready")

GENERATED = json.loads((REFERENCE / "generated.json").read_text())
N_POSITIONS = 128
STATISTICS = r"(\d+) tokens in \d+\.\d\d s, \d+\.\d per second; (.+)\n"


def start(*args, **options):
    """The process of `generate`."""
    words = [sys.executable, "-m", "tutor", "generate", *args]
    return subprocess.Popen(
        words, cwd=ROOT, env=os.environ | {"COLUMNS": "200"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    )


def run(*args, **options):
    """Run `generate` to its end: exit code, standard output, standard error."""
    process = start(*args, **options)
    out, err = (stream.decode() for stream in process.communicate(timeout=300))
    assert "Traceback" not in err
    return process.returncode, out, err


def beginning(process):
    """What there is of the text of "The queen" when more than the prompt has come."""
    text = b""
    while len(text) <= len("The queen"):
        piece = os.read(process.stdout.fileno(), 4096)
        assert piece, f"it ended early: {process.communicate()[1].decode()}"
        text += piece
    return text


# ---------------------------------------------------------------- the same text as Hugging Face's


@pytest.mark.parametrize("text", GENERATED, ids=lambda text: text["prompt"])
def test_greedy_text_of_hugging_face(text, tiny_model):
    """Greedy choices along Hugging Face's text are that text: 100 tokens, by one forward pass."""
    ids = text["prompt_ids"] + text["ids"]
    assert len(text["ids"]) == 100 and len(ids) <= N_POSITIONS
    logits = on_max(tiny_model, np.array([ids[:-1]]))
    assert logits[0, len(text["prompt_ids"]) - 1 :].argmax(axis=-1).tolist() == text["ids"]


@pytest.fixture(scope="module")
def tiny_model():
    """The tiny GPT-2, by the loader of step 15."""
    from solutions.solution_15 import load_checkpoint

    return load_checkpoint(checkpoint.TINY)


def test_greedy():
    """The command writes that text, up to its <|endoftext|>, and says how fast it was."""
    end = read_tokenizer(checkpoint.TINY).ids[END_OF_TEXT]
    text = min((text for text in GENERATED if end in text["ids"]), key=lambda text: text["ids"].index(end))
    code, out, err = run(text["prompt"], "--greedy")
    assert code == 0 and out == text["text"].partition(END_OF_TEXT)[0] + "\n"
    count, how = re.fullmatch(STATISTICS, err).groups()
    assert int(count) == text["ids"].index(end) and how == "greedy (the text came to its end)"


# ---------------------------------------------------------------- sampling


def test_seed():
    """The same seed writes the same text, another one another; without one the seed is told and can be used again."""
    first, again, other = (run("The", "--tokens", "6", "--seed", seed)[1] for seed in ("1", "1", "2"))
    assert first == again != other
    _, out, err = run("The", "--tokens", "6", "--temperature", "1.5")
    seed = re.search(r"seed (\d+)", err)[1]
    assert run("The", "--tokens", "6", "--temperature", "1.5", "--seed", seed)[1] == out


@pytest.mark.parametrize("option", [["--temperature", "0"], ["--top-k", "1"], ["--top-p", "0"]], ids=" ".join)
def test_options_that_leave_the_best_token(option):
    greedy = run("The kitten", "--tokens", "6", "--greedy")[1]
    assert run("The kitten", "--tokens", "6", "--seed", "3", *option)[1] == greedy


@pytest.mark.parametrize(
    "option",
    [
        ["--temperature", "-1"],
        ["--temperature", "nan"],
        ["--top-k", "-1"],
        ["--top-k", "2.5"],
        ["--top-p", "1.1"],
        ["--tokens", "0"],
        ["--seed", "x"],
        ["--weights", "q4"],
        ["--temperature", "1", "--greedy"],
        [],
    ],
    ids=" ".join,
)
def test_bad_options(option):
    """One line says which option is wrong and why."""
    code, out, err = run(*(["The", *option] if option else []))
    assert code == 2 and not out
    assert f"argument {option[0]}" in err.lower() if option else "required: prompt" in err


# ---------------------------------------------------------------- prompts


@pytest.mark.parametrize(
    ("prompt", "says"),
    {
        "empty": ("", "The prompt is empty, so the model begins a text of its own."),
        "spaces": ("   ", ""),
        "newlines": ("\n\n", ""),
        "too long": ("The queen rules the land. " * 40, "The prompt has 241 tokens. The model looks at the last 128 of them."),
        "emoji": ("The 👩‍👩‍👧 and the 🙂", ""),
        "end of text inside": (f"The king.{END_OF_TEXT}The queen", ""),
        "only end of text": (END_OF_TEXT, ""),
        "a control character": ("The\x07\x1b[31m", ""),
    }.values(),
)  # fmt: skip
def test_prompts(prompt, says):
    """Each prompt is printed as it is, and some text after it."""
    code, out, err = run(prompt, "--tokens", "3", "--greedy")
    assert code == 0 and out.startswith(prompt) and out.endswith("\n")
    assert re.fullmatch((re.escape(says) + "\n" if says else "") + STATISTICS, err)
    if END_OF_TEXT not in prompt and prompt.strip():
        assert len(out) > len(prompt) + 1


def test_words_without_quotes():
    assert run("The", "queen", "--tokens", "2", "--greedy")[1] == run("The queen", "--tokens", "2", "--greedy")[1]


def test_a_prompt_that_is_no_text():
    code, out, err = run(b"The \xff queen")
    assert code == 2 and not out and "The prompt is not UTF-8" in err


def test_the_context_is_the_end_of_a_long_prompt(tiny_model):
    """What comes after a long prompt is what comes after its last n_positions tokens."""
    tokenizer = read_tokenizer(checkpoint.TINY)
    prompt = (REFERENCE / "story.txt").read_text()[:1500]
    ids = encode(prompt, tokenizer)
    assert len(ids) > 2 * N_POSITIONS
    logits = on_max(tiny_model, np.array([ids[-N_POSITIONS:]]))
    following = decode([int(logits[0, -1].argmax())], tokenizer)
    assert run(prompt, "--tokens", "1", "--greedy")[1] == f"{prompt}{following}\n"


# ---------------------------------------------------------------- as it comes


def test_streams():
    """The first tokens can be read while the rest is being made."""
    process = start("The queen", "--greedy", "--tokens", "100")
    begun = beginning(process)
    assert process.poll() is None and len(begun) < 100
    process.kill()
    process.communicate()


def test_no_half_characters():
    """A character of several tokens comes when its last byte has; what is no character comes as U+FFFD in the end."""
    tokenizer = read_tokenizer(checkpoint.TINY)
    for text in ("a🙂b", "€", "日本語", "e\u0301", "👩‍👩‍👧"):
        ids = encode(text, tokenizer)
        assert len(ids) > len(text.encode()) // 2  # nearly a token for each byte
        pieces = list(generate.as_it_comes(ids, lambda ids: decode(ids, tokenizer)))
        assert "".join(pieces) == text and "\ufffd" not in "".join(pieces)
        half = list(generate.as_it_comes(ids[:-1], lambda ids: decode(ids, tokenizer)))
        assert "\ufffd" not in "".join(half[:-1]) and "".join(half) == decode(ids[:-1], tokenizer)
    strange = encode("🙂", tokenizer)[:2] + encode("no", tokenizer)
    pieces = list(generate.as_it_comes(strange, lambda ids: decode(ids, tokenizer)))
    assert "".join(pieces) == decode(strange, tokenizer) == "\ufffdno"


def test_into_head():
    """`generate … | head -1` ends without a word about pipes."""
    line = f"{sys.executable} -m tutor generate 'The king.\nThe queen' --tokens 30 | head -1"
    done = subprocess.run(["sh", "-c", line], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "The king.\n" and not done.stderr


def test_ctrl_c():
    """Ctrl-C ends the line, says how far it came, and is no error."""
    process = start("The queen", "--greedy")
    beginning(process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and out.endswith(b"\n") and b"Traceback" not in err
    assert re.fullmatch(STATISTICS, err.decode())[2] == "greedy (stopped)"


def test_ctrl_c_before_the_text():
    process = start("The queen")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode in (130, -signal.SIGINT)


# ---------------------------------------------------------------- what can go wrong


def test_kernels_that_cannot_be_compiled(monkeypatch, capsys):
    """Whatever is missing is compiled first; if that fails, there is a sentence."""
    asked = []

    def fail(batches, what, screen, compilation):
        asked.extend(batches)
        raise kernels.CompileError("no room on the disk")

    monkeypatch.setattr(terminal, "compile_kernels", fail)
    monkeypatch.setattr(kernels, "missing", lambda batches: ["transformer"])
    code = generate.main(Namespace(checkpoint=None, prompt=["The"], mine=None))
    assert code == 1 and asked == ["transformer"]
    assert "no room on the disk" in capsys.readouterr().err


def test_an_empty_prompt_where_no_token_ends_a_text(tmp_path):
    """A vocabulary of somebody's own may lack <|endoftext|>: other prompts work, and the empty one has its sentence."""
    for file in checkpoint.FILES:
        (tmp_path / file).write_bytes((checkpoint.TINY / file).read_bytes())
    (tmp_path / "vocab.json").write_text((tmp_path / "vocab.json").read_text().replace(END_OF_TEXT, "<|end|>"))
    assert run("The", "--tokens", "2", "--checkpoint", str(tmp_path))[0] == 0
    code, out, err = run("", "--checkpoint", str(tmp_path))
    assert code == 1 and not out and err.startswith("The prompt is empty")


def test_a_damaged_checkpoint(tmp_path):
    """One sentence that names the file, and nothing else; tests/tools/test_checkpoints.py has each kind of damage."""
    for file in checkpoint.FILES:
        (tmp_path / file).write_bytes((checkpoint.TINY / file).read_bytes())
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    code, out, err = run("The", "--checkpoint", str(tmp_path))
    assert code == 2 and not out and len(err.splitlines()) == 1 and f"{path} is cut short" in err
