"""`train`: the same seed trains the same table, Ctrl-C keeps what there is, a slip gets a sentence, and `explore` reads it."""

import os
import pty
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from solutions.solution_22 import skip_grams
from tutor.__main__ import parser
from tutor.commands import train
from tutor.course import ROOT, STEPS
from tutor.training import BATCH, MOST, NoTable, load, read_text, save

STORY = train.TEXT.read_text()
QUICK = "--passes", "1"


def command(*args, folder=ROOT, **options):
    """The process of a command of the course."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    environment = os.environ | {"COLUMNS": "120"}
    return subprocess.Popen([sys.executable, "-m", "tutor", *args], cwd=folder, env=environment, text=True, **pipes)


def run(*args, folder=ROOT):
    """Run a command to its end: exit code, standard output, standard error."""
    process = command(*args, folder=folder)
    out, err = process.communicate(timeout=120)
    assert "Traceback" not in err
    return process.returncode, out, err


def text_of(path):
    """The words in an SVG."""
    return {text.text for text in ET.parse(path).iter("{http://www.w3.org/2000/svg}text")}


@pytest.fixture(scope="module")
def trained():
    """The training that the command does without options, to its end."""
    training = train.begin(STORY, parser().parse_args(["train"]))
    for _ in training:
        continue
    return training


# ---------------------------------------------------------------- what it learns


@pytest.mark.parametrize(("a", "b"), [("king", "queen"), ("cat", "dog"), ("man", "woman"), ("kitten", "puppy")])
def test_words_that_are_used_alike_come_together(trained, a, b):
    first, last = (train.cosine(trained, table, a, b) for table in (trained.frames[0], trained.wte))
    assert first < 0.4 and last > 0.75


@pytest.mark.parametrize(("a", "b"), [("paper", "water"), ("cat", "paper"), ("king", "paper"), ("Monday", "cat")])
def test_others_stay_apart(trained, a, b):
    assert train.cosine(trained, trained.wte, a, b) < 0.6


def test_the_loss_falls_towards_its_floor_and_not_below(trained):
    ids, neighbours = skip_grams(trained.tokens, 2)
    counts = np.zeros((len(trained.words),) * 2)
    np.add.at(counts, (ids, neighbours), 1)
    floor = -np.log((counts / counts.sum(axis=1, keepdims=True))[ids, neighbours]).mean()
    assert abs(trained.losses[0] - np.log(len(trained.words))) < 0.05
    assert floor < trained.loss(-1) < 3.6 < trained.loss(0)


def test_frames(trained):
    """Before the first step, after each quarter of a pass, and none is the table itself, which goes on moving."""
    assert len(trained.frames) == 1 + len(trained.losses) // (trained.batches // 4)
    assert len(trained.losses) == trained.passes * trained.batches == 20 * -(-trained.pairs // BATCH)
    points = train.ways(trained, ["king", "queen", "paper", "water"])
    assert points.shape == (len(trained.frames) + 1, 4, 2)
    spread = np.linalg.norm(points - points.mean(axis=1, keepdims=True), axis=-1).mean(axis=1)
    assert spread[-1] > 3 * spread[0]


# ---------------------------------------------------------------- the command


def test_the_same_seed_trains_the_same_table(tmp_path):
    """Bit for bit, picture included; another seed another one; and explore reads it."""
    one, again, other = (tmp_path / f"{name}.npz" for name in ("one", "again", "other"))
    for path, seed in ((one, "5"), (again, "5"), (other, "6")):
        code, out, _ = run("train", *QUICK, "--seed", seed, "--output", str(path))
        assert (
            code == 0
            and f"seed {seed}" in out
            and re.search(r"cat and dog +cosine +-?0\.\d\d before, +0\.\d\d now", out)
        )
        assert f"The table is in {path}, the picture in {path.with_suffix('.svg')}." in out
    assert one.read_bytes() == again.read_bytes() != other.read_bytes()
    assert one.with_suffix(".svg").read_bytes() == again.with_suffix(".svg").read_bytes()
    words, vectors = load(one)
    assert vectors.shape == (len(words), 16) and vectors.dtype == np.float32
    code, out, _ = run("explore", "--embeddings", str(one), "king", "queen", "Monday")
    assert code == 0 and out.count("nearest to") == 3
    code, out, _ = run("explore", "--embeddings", str(one), "king - man + woman", "--count", "1")
    assert code == 0 and re.match(r"king - man \+ woman is nearest to \S+ 0\.\d\d\n", out)
    code, out, _ = run("explore", "--embeddings", str(one), "--picture", str(tmp_path / "map.svg"))
    assert code == 0 and {"king", "queen"} <= text_of(tmp_path / "map.svg")


def test_options(tmp_path):
    """A text of one's own, and words of one's own in the picture."""
    text, output = tmp_path / "text.txt", tmp_path / "new" / "table.npz"
    text.write_text(
        "The red fox sees a hen. The grey fox sees a duck. " * 30 + " ".join(f"rare{i}" for i in range(MOST))
    )
    options = ("--size", "4", "--window", "1", "--rate", "0.5")
    code, out, _ = run("train", "fox", "hen", "duck", "--text", str(text), "--output", str(output), *QUICK, *options)
    assert code == 0 and f"{MOST} words (the {MOST} most frequent), " in out
    words, vectors = load(output)
    assert vectors.shape == (MOST, 4) and words[0] in ("The", "fox", "sees", "a", ".")
    shown = text_of(output.with_suffix(".svg"))
    assert {"fox", "hen", "duck"} <= shown and "sees" not in shown


def test_stopped(tmp_path):
    """Ctrl-C ends the training, not what comes after it: table and picture are those of the last step."""
    path = tmp_path / "part.npz"
    process = command("train", "--passes", "100000", "--output", str(path), start_new_session=True)
    assert "pairs of neighbours" in process.stdout.readline()
    time.sleep(2)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in err
    assert re.search(r"stopped after \d+\.\d of 100000 passes", out)
    assert len(load(path)[0]) > 300 and "king" in text_of(path.with_suffix(".svg"))


def test_in_a_terminal(tmp_path):
    """The bar and the curve are drawn over and over while it runs."""
    ours, theirs = pty.openpty()
    process = command("train", "--passes", "4", "--output", str(tmp_path / "t.npz"), stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # Linux says so when the other side is closed
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    assert process.wait(timeout=60) == 0
    text = shown.decode()
    assert re.search(r"pass 1 of 4", text) and text.count("█") > 30 and "loss 5.8" in text


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["--text", "nowhere.txt"], 2, "nowhere.txt cannot be read: No such file or directory."),
        (["--text", sys.executable], 2, "is no text: some of its bytes are not UTF-8."),
        (["--text", os.devnull], 2, "A text of 0 words is too short to learn from."),
        (["--output", "table.csv"], 2, "The table is written to an .npz file, not table.csv."),
        (["zebra", "king", "queen"], 2, "'zebra' is not among the words of this text that are trained."),
        (["king", "queen"], 2, "The picture needs three words or more."),
        (["--passes", "0"], 2, "Argument --passes: 0 should be at least 1."),
        (["--rate", "-1"], 2, "Argument --rate: -1 should be at least 0."),
        (["--rate", "1000"], 1, "A learning rate of 1000 is too large here"),
        (["--output", f"{os.devnull}/x.npz"], 2, f"The folder {os.devnull} cannot be made"),
    ],
)
def test_a_slip_gets_a_sentence(args, code, says):
    found, _, err = run("train", *args)
    assert found == code and says in " ".join(err.split())


def test_mine(layout):
    """With --mine the learner's own step trains, if it passes; with --all-mine whatever there is."""
    stub, solution = STEPS[22].stub.name, STEPS[22].solution.read_text()
    target = layout / "steps" / stub
    code, _, err = run("train", *QUICK, "--mine", "--output", "t.npz", folder=layout)
    assert code == 0 and "yours: none  from the solutions: 22" in err
    target.write_text(solution + '\nprint("mine")\n')
    code, out, err = run("train", *QUICK, "--mine", "--output", "t.npz", folder=layout)
    assert code == 0 and "yours: 22" in err and "mine\n" in out
    target.write_text(solution.replace("yield loss", "yield loss + None"))
    code, _, err = run("train", *QUICK, "--mine", "--output", "t.npz", folder=layout)
    assert code == 0 and "yours does not pass: 22" in err
    code, _, err = run("train", *QUICK, "--all-mine", "--output", "t.npz", folder=layout)
    said = " ".join(err.split())
    assert code == 1 and "Look at steps/step_22.py" in said and "have not passed: 22" in said


# ---------------------------------------------------------------- the text, the curve and the file


def test_read_text():
    words, tokens = read_text("A cat, a cat.\n<|endoftext|>A dog's 12")
    assert [words[token] for token in tokens] == [
        "A",
        "cat",
        ",",
        "a",
        "cat",
        ".",
        "<|endoftext|>",
        "A",
        "dog",
        "'",
        "s",
        "12",
    ]
    assert set(words[:2]) == {"A", "cat"}
    words, tokens = read_text("b a b c b a", most=2)
    assert words == ["b", "a"] and tokens.tolist() == [0, 1, 0, 0, 1]


def test_curve():
    """Each column is as high as its loss, in eighths of a line, from the least loss to the largest."""
    assert train.curve([3.0, 2.0, 1.0], width=3, height=2) == ["  3.00 │█▁", "  1.00 │██▁"]
    assert train.curve([1.0], width=3, height=1) == ["  1.00 │▁"]
    lines = train.curve(np.linspace(5, 1, 1000).tolist(), width=40, height=8)
    assert [len(line) for line in lines] == sorted(len(line) for line in lines) and len(lines[-1]) == 48


def test_only_a_table_is_read(tmp_path):
    """What `explore` is given as a table and is none, is named."""
    good, path = tmp_path / "good.npz", tmp_path / "bad.npz"
    save(good, ["a", "b"], np.eye(2))
    assert load(good)[0] == ["a", "b"]
    with pytest.raises(NoTable, match="There is no file"):
        load(path)
    words, vectors = np.array(["a", "b"]), np.eye(2, dtype=np.float32)
    for arrays in (
        {"words": words},
        {"words": words, "vectors": vectors[:1]},
        {"words": words, "vectors": vectors * np.nan},
        {"words": np.array(["a", 1], object), "vectors": vectors},
        {"words": words, "vectors": vectors[0]},
        {"words": np.arange(2), "vectors": vectors},
    ):
        np.savez(path, **arrays)
        with pytest.raises(NoTable, match="is no table of embeddings"):
            load(path)
    for content in (b"", b"PK\x03\x04", b"king queen", good.read_bytes()[:200]):
        path.write_bytes(content)
        with pytest.raises(NoTable, match="is no table of embeddings"):
            load(path)
    code, _, err = run("explore", "--embeddings", str(path), "king")
    assert code == 2 and "is no table of embeddings" in " ".join(err.split())
    code, _, err = run("explore", "--embeddings", str(good), "king")
    assert code == 2 and "'king' is not among the 2 words of" in " ".join(err.split())
    code, _, err = run("explore", "--embeddings", str(good), "--checkpoint", "gpt2", "king")
    assert code == 2 and "not allowed with argument" in err
