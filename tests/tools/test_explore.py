"""`explore`: the numbers behind what the chapters say of meaning, the words that make no question, the picture."""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from safetensors.numpy import save_file

from solutions.solution_02 import encode
from tests.reference.make.claims import ANALOGIES, APART, FAR, NEARER
from tutor.checkpoint import FILES, REFERENCE, TINY
from tutor.commands import explore
from tutor.course import ROOT


def run(*words, folder=ROOT):
    """Run `explore`: exit code, standard output, standard error."""
    environment = os.environ | {"COLUMNS": "120"}
    done = subprocess.run(
        [sys.executable, "-m", "tutor", "explore", *words], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def embeddings():
    """Those of the tiny GPT-2."""
    return explore.Embeddings(TINY)


def cosine(embeddings, a, b):
    """The cosine of two words, by NumPy."""
    a, b = (embeddings.table[embeddings.id(word)].astype(np.float64) for word in (a, b))
    return a @ b / (a @ a * (b @ b)) ** 0.5


# ---------------------------------------------------------------- what chapters 04 to 06 say


@pytest.mark.parametrize(("word", "near", "far"), NEARER)
def test_near_and_far(embeddings, word, near, far):
    """Words that go together lie nearer than others: cat by kitten, not by paper."""
    row, *others = (embeddings.table[embeddings.id(each)] for each in (word, near, far))
    to_near, to_far = (float(embeddings.step.cosine_similarity(row, other)) for other in others)
    assert to_near > to_far + 0.1
    assert np.isclose(to_near, cosine(embeddings, word, near), atol=1e-5)


@pytest.mark.parametrize(("a", "b"), APART)
def test_apart(embeddings, a, b):
    """Paper is far from water."""
    assert cosine(embeddings, a, b) < FAR


@pytest.mark.parametrize(("a", "b", "c", "right"), ANALOGIES)
def test_analogies(embeddings, a, b, c, right):
    """king - man + woman lands next to queen."""
    ((row, _),) = embeddings.step.analogy(*map(embeddings.id, (a, b, c)), embeddings.table, 1)
    assert embeddings.name(row) == right


def test_ids_carry_no_meaning(embeddings):
    """Training decides what lies near what, not the numbers of the tokens: IDs next to each other are no neighbours."""
    near = np.mean([cosine(embeddings, *pair) for pair in (("king", "queen"), ("man", "woman"), ("cat", "dog"))])
    story = (REFERENCE / "story.txt").read_text()
    rows = embeddings.table[sorted(set(encode(story, embeddings.tokenizer)))].astype(np.float64)  # tokens that do occur
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    next_to_each_other = np.mean(np.vecdot(rows[:-1], rows[1:]))
    assert near > 0.7 and abs(next_to_each_other) < 0.15


# ---------------------------------------------------------------- the command


def test_words(embeddings):
    code, out, _ = run("king", "queen", "paper")
    assert code == 0
    assert f"{cosine(embeddings, 'king', 'queen'):.2f}" in out
    assert re.search(r"nearest to king: queen 0\.\d\d, ", out) and "nearest to paper:" in out


def test_analogy():
    for words in (
        ["king", "-", "man", "+", "woman"],
        ["king", "+", "woman", "-", "man"],
        ["king - man + woman"],
        ["king − man + woman"],
    ):
        code, out, _ = run(*words, "--count", "2")
        assert code == 0 and re.match(r"king - man \+ woman is nearest to queen 0\.\d\d, \S+ -?0\.\d\d\n", out)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "Say which words to compare"),
        ([" "], "Say which words to compare"),
        (["zebra"], "'zebra' is not a single token in this vocabulary"),
        (["king", "-", "zebra", "+", "woman"], "'zebra' is not a single token"),
        (["king-man+woman"], "Signs stand between spaces"),
        (["king", "--checkpoint", str(ROOT / "README.md")], "README.md is a file. A checkpoint is a folder"),
        (["king", "-", "man"], "An analogy has three words"),
        (["king", "+", "man", "+", "woman"], "An analogy has three words"),
        (["king", "-", "man", "+"], "An analogy has three words"),
        (["-", "king", "man", "+", "woman"], "An analogy has three words"),
        (["king", "queen", "--picture", "x.jpg"], "A picture is an .svg or a .png file, not x.jpg."),
        (["king", "--checkpoint", "nowhere/at/all"], "There is no folder nowhere/at/all."),
    ],
)
def test_bad_questions(words, says):
    code, _, err = run(*words)
    assert code == 2 and says in err


def test_many_words():
    """A table that does not fit is left out, not squeezed until nothing can be read."""
    words = explore.WORDS.split()
    _, narrow, _ = run(*words)
    assert "too wide" in narrow and narrow.count("nearest to") == len(words)


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("vocab.json", b"{}", "vocab.json is damaged"),
        ("vocab.json", b"[1]", "vocab.json is damaged"),
        ("vocab.json", b'{"a": 0,\n', "vocab.json is damaged"),
        ("vocab.json", b'{"a": 1000}', "has the ID 1000, for which config.json leaves no row"),
        ("merges.txt", b"\xff\xfe", "merges.txt is damaged"),
        ("merges.txt", (TINY / "merges.txt").read_bytes()[:100], "are not whole: none makes"),
    ],
)
def test_a_damaged_tokenizer(tmp_path, file, content, says):
    """Named by the file, before a text comes out changed: with half of the merges it would, without an error."""
    for name in FILES:
        (tmp_path / name).write_bytes((TINY / name).read_bytes())
    (tmp_path / file).write_bytes(content)
    code, _, err = run("king", "queen", "--checkpoint", str(tmp_path))
    assert code == 2 and says in " ".join(err.split())


def test_a_checkpoint_without_a_table(tmp_path):
    for file in FILES:
        (tmp_path / file).write_bytes((TINY / file).read_bytes())
    save_file({"wpe.weight": np.zeros((2, 2), np.float32)}, tmp_path / "model.safetensors")
    code, _, err = run("king", "queen", "--checkpoint", str(tmp_path))
    assert code == 1 and "holds no table of token embeddings, wte.weight" in err


def test_unknown_option():
    code, _, err = run("king", "--count", "0")
    assert code == 2 and "0 should be at least 1" in err


# ---------------------------------------------------------------- the picture


def test_picture(tmp_path):
    """An SVG holds each word as text and its axes' names; the same words give the same file."""
    paths = [tmp_path / "one.svg", tmp_path / "two.svg", tmp_path / "three.png"]
    for path in paths:
        code, out, _ = run("king", "queen", "cat", "paper", "--picture", str(path))
        assert code == 0 and f"The picture is in {path}." in out
    words = {text.text for text in ET.parse(paths[0]).iter("{http://www.w3.org/2000/svg}text")}
    assert {"king", "queen", "cat", "paper", "Token embeddings"} <= words
    assert any("principal component" in text for text in words)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[2].read_bytes().startswith(b"\x89PNG")


def test_picture_of_the_default_words(tmp_path, embeddings):
    """Without words it draws a list of its own, as many as the vocabulary has, and no label lies over another."""
    code, _, _ = run("--picture", str(tmp_path / "default.svg"))
    assert code == 0
    words = {text.text for text in ET.parse(tmp_path / "default.svg").iter("{http://www.w3.org/2000/svg}text")}
    assert len(words & set(explore.WORDS.split())) > 15


def test_picture_that_cannot_be_written(tmp_path):
    code, _, err = run("king", "queen", "cat", "--picture", str(tmp_path / "none" / "x.svg"))
    assert code == 1 and "No such file or directory" in err
    code, _, err = run("king", "queen", "--picture", str(tmp_path / "x.svg"))
    assert code == 2 and "A picture needs three words" in err


def test_plane():
    """The plane is that of the largest variance: distances in it are as large as a plane can show them."""
    rng = np.random.default_rng(0)
    flat = rng.standard_normal((30, 2)) @ rng.standard_normal((2, 10))  # points that do lie in a plane
    points, shares = explore.plane(flat)
    assert np.isclose(shares.sum(), 1)
    between = np.linalg.norm(flat[:, None] - flat, axis=-1)
    assert np.allclose(np.linalg.norm(points[:, None] - points, axis=-1), between)
    assert np.allclose(
        explore.plane(-flat)[0], points
    )  # no sign of its own: the farthest point lies at the positive end


def test_real_vocabulary(tmp_path):
    """On GPT-2's own vocabulary, with random rows, every word of the picture is one token."""
    files = next(
        (
            folder
            for folder in (ROOT / "weights" / "openai-community" / "gpt2", ROOT.parent / "shared" / "gpt2")
            if (folder / "vocab.json").exists()
        ),
        None,
    )
    if files is None:
        pytest.skip("GPT-2's vocab.json and merges.txt are not on this machine: `weights` fetches them")
    for name in ("vocab.json", "merges.txt"):
        (tmp_path / name).symlink_to(files / name)
    save_file(
        {"wte.weight": np.random.default_rng(0).standard_normal((50257, 8), np.float32)}, tmp_path / "model.safetensors"
    )
    real = explore.Embeddings(tmp_path)
    assert real.known(explore.WORDS.split()) == explore.WORDS.split()
