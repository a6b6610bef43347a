"""The engine: text by keys and values that are kept is the text of the whole model, compiled and by the interpreter.

What is compiled here are graphs of the tiny model and the product of int8, and only where this machine lacks them.
"""

import json
import subprocess
import sys
from argparse import Namespace

import numpy as np
import pytest
from max.driver import CPU
from max.dtype import DType
from max.graph import TensorType

from solutions import solution_17, solution_20
from solutions.solution_01 import GPT2Config
from solutions.solution_02 import decode, read_tokenizer
from solutions.solution_15 import load_checkpoint
from tutor import checkpoint, progress
from tutor.checkpoint import REFERENCE
from tutor.commands import generate
from tutor.course import ROOT, STEPS
from tutor.engine import decoder, int8, kernels
from tutor.grading import on_max
from tutor.screen.terminal import console

pytestmark = pytest.mark.usefixtures("kernels_ready")

GENERATED = json.loads((REFERENCE / "generated.json").read_text())
N_POSITIONS = 128


@pytest.fixture(scope="module")
def model():
    """The tiny model as step 15 loads it, which nothing has made fast."""
    return load_checkpoint(checkpoint.TINY)


def fast_one():
    """A tiny model made fast."""
    model = load_checkpoint(checkpoint.TINY)
    return decoder.Fast(model, model.config, solution_20)


@pytest.fixture
def slow(monkeypatch):
    """A tiny model made fast on a machine that has compiled nothing."""
    monkeypatch.setattr(decoder.Graph, "load", lambda graph, model: None)
    return fast_one()


@pytest.fixture(scope="module")
def compiled():
    """A tiny model made fast on a machine that has the graph of a token: compiled now if it has not, a minute or two."""
    fast = fast_one()
    fast.graphs["token"].compile()
    return fast


def written(fast, tokens, count):
    """The greedy text that comes after some tokens."""
    with decoder.nothing_lazy():
        return list(solution_17.generate(fast, tokens, count))


# ---------------------------------------------------------------- the same text


@pytest.mark.parametrize("text", GENERATED, ids=lambda text: text["prompt"])
def test_compiled_text_is_hugging_faces(compiled, text):
    """100 tokens from each of ten prompts, one text after the other."""
    assert written(compiled, text["prompt_ids"], 100) == text["ids"]


@pytest.mark.parametrize("text", GENERATED[:3], ids=lambda text: text["prompt"])
def test_interpreted_text_is_hugging_faces(slow, text):
    assert written(slow, text["prompt_ids"], 12) == text["ids"][:12]


def test_compiled_prompt(compiled):
    """The graph of a prompt gives the logits that the interpreter gives."""
    if not compiled.graphs["prompt"].file.exists():
        pytest.skip("this machine has not compiled the graph of a prompt, two minutes more: `generate` does")
    text = GENERATED[0]["prompt_ids"] + GENERATED[0]["ids"]
    for length in (2, 3, 60, 100):
        assert written(compiled, text[:length], 1) == [text[length]]


def test_logits(slow, compiled, model):
    """At some positions of a text the logits are those of the whole model, by both ways."""
    text = GENERATED[1]["prompt_ids"] + GENERATED[1]["ids"][:20]
    right = on_max(model, np.array([text]))
    for fast in (slow, compiled):
        for length in (3, 4, 5):
            found = fast.forward(decoder.Tensor.from_dlpack(np.array([text[:length]]))).to_numpy()
            assert found.shape == (1, length, 1000)
            np.testing.assert_allclose(found[0, -1], right[0, length - 1], rtol=1e-4, atol=1e-4)


def test_beyond_the_positions(compiled, model):
    """A text that is longer than the model can see goes on by its last n_positions tokens, as before."""
    text = (GENERATED[0]["prompt_ids"] + GENERATED[0]["ids"]) * 2
    start = text[: N_POSITIONS - 2]
    found, tokens = written(compiled, start, 5), list(start)
    for token in found:
        assert token == on_max(model, np.array([tokens[-N_POSITIONS:]]))[0, -1].argmax()
        tokens.append(token)


def test_another_text(slow):
    """A text that does not go on where the last one ended is begun anew, and so is the same one."""
    first, second = GENERATED[2], GENERATED[3]
    for text in (first, second, first):
        assert written(slow, text["prompt_ids"], 2) == text["ids"][:2]


def test_a_graph_that_appears_in_mid_text(compiled, monkeypatch):
    """The text goes on by the compiled graph as soon as it is there."""
    load, asked = decoder.Graph.load, []

    def late(graph, model):
        asked.append(graph)
        return load(graph, model) if len(asked) > 4 else None

    monkeypatch.setattr(decoder.Graph, "load", late)
    text = GENERATED[4]
    assert written(fast_one(), text["prompt_ids"], 30) == text["ids"][:30]
    assert len(asked) == 5


# ---------------------------------------------------------------- what is kept


def test_the_same_graph_has_the_same_file_in_every_process(compiled):
    code = "from tests.tools.test_decoder import fast_one; print(*[g.file for g in fast_one().graphs.values()])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(graph.file) for graph in compiled.graphs.values()]


def test_another_block_has_another_file(compiled, monkeypatch):
    """What is computed names the file: a block that does something else is never taken for one that is compiled."""
    token_block = solution_20.token_block
    monkeypatch.setattr(solution_20, "token_block", lambda block, x, k, v: token_block(block, x * 2, k, v))
    assert fast_one().graphs["token"].file != compiled.graphs["token"].file


def test_a_damaged_file_is_forgotten(monkeypatch, tmp_path):
    fast = fast_one()
    for graph in fast.graphs.values():
        graph.file = tmp_path / graph.file.name
        graph.file.write_bytes(b"no graph")
    assert written(fast, GENERATED[0]["prompt_ids"], 2) == GENERATED[0]["ids"][:2]
    assert len(fast.missing()) == 2


def test_no_weights_are_read_to_compile(tmp_path, monkeypatch):
    """A config is enough, and graphs that come out otherwise than they were asked for are refused."""
    (tmp_path / "config.json").write_text((checkpoint.TINY / "config.json").read_text())
    compiled = []
    monkeypatch.setattr(decoder.Graph, "compile", lambda graph: compiled.append(graph.file.name))
    files = [graph.file.name for graph in fast_one().graphs.values()]
    decoder.compile_missing(tmp_path, files)
    assert compiled == files
    with pytest.raises(ValueError, match="cannot be kept"):
        decoder.compile_missing(tmp_path, ["token-0.mef"])


def test_rows_and_weights_are_all_that_it_keeps(compiled):
    """The cache has room for one text, and no weight is there twice."""
    config = GPT2Config.from_json(checkpoint.TINY / "config.json")
    D = config.n_embd // config.n_head
    assert compiled._cache.rows.shape == (config.n_layer, 2, config.n_positions, 1, config.n_head, D)
    names = [name for name, _ in compiled.parameters]
    assert len(names) == len(set(names)) == 2 + 12 * config.n_layer + 2


# ---------------------------------------------------------------- weights of int8


@pytest.fixture(scope="module")
def small():
    """A tiny model with weights of int8: its two graphs are compiled now if they have not been, two minutes."""
    fast = fast_one()
    decoder.compile_missing(checkpoint.TINY, fast.missing("int8"))
    fast.shrink()
    return fast


def test_each_row_is_rounded_by_its_own_scale():
    """The number farthest from 0 becomes 127 or -127, and no number moves by more than half a step; 0 stays 0."""
    weight = np.random.default_rng(0).normal(size=(5, 32)).astype(np.float32)
    weight[1:4] *= [[1e-3], [1e3], [0]]
    rows, scale = (tensor.to_numpy() for tensor in int8.rounded(decoder.Tensor.from_dlpack(weight)))
    assert rows.dtype == np.int8 and abs(rows).max(axis=1).tolist() == [127, 127, 127, 0, 127]
    assert (abs(rows * scale[:, None] - weight) <= scale[:, None] * 0.501).all()


class Product(decoder.nn.Module):
    """The operation alone, for matrices of all sizes."""

    def forward(self, x, rows, scale):
        """[2, in] by int8 [out, in] and scales, [out] -> [2, out]."""
        return int8.Small(rows, scale).product(x)


def test_int8_product():
    """Every row meets every vector: rows that fill no tile and parts of unequal size are no exception."""
    x, rows, scale = ((DType.float32, [2, "in"]), (DType.int8, ["out", "in"]), (DType.float32, ["out"]))
    run = Product().compile(*(TensorType(dtype, shape, device=CPU()) for dtype, shape in (x, rows, scale)))
    rng = np.random.default_rng(0)
    for size, out in ((16, 1), (16, 5), (64, 24), (768, 1003), (3072, 771)):
        x, scale = (rng.normal(size=shape).astype(np.float32) for shape in ((2, size), out))
        rows = rng.integers(-127, 128, size=(out, size), dtype=np.int8)
        found = run(*map(decoder.Tensor.from_dlpack, (x, rows, scale))).to_numpy()
        np.testing.assert_allclose(found, x @ (rows * scale[:, None]).T, rtol=1e-4, atol=1e-2)


def test_int8_logits(small, model):
    """A prompt's are those of float32. A token's are near, and are those of the rounded weights, so that a wrong row or
    scale shows."""
    rough, text = load_checkpoint(checkpoint.TINY), GENERATED[1]["prompt_ids"] + GENERATED[1]["ids"][:20]
    weights = dict(rough.parameters)
    for name, weight in weights.items():
        if len(weight.shape) == 2 and "wpe" not in name:
            rows, scale = (tensor.to_numpy() for tensor in int8.rounded(weight))
            weights[name] = decoder.Tensor.from_dlpack(rows * scale[:, None])
    rough.load_state_dict(weights)
    cache = solution_20.KVCache(model.config)
    for length in (3, 4, 5, 16, 17):
        is_prompt = length in (3, 16)
        cache.length = 0 if is_prompt else cache.length
        ids = np.array([text[cache.length : length]])
        exact, right = (on_max(solution_20.decode_step, one, ids, cache.past()) for one in (model, rough))
        logits, rows = exact if is_prompt else right
        cache.append(rows)
        found = small.forward(decoder.Tensor.from_dlpack(np.array([text[:length]]))).to_numpy()[0, -1]
        np.testing.assert_allclose(found, logits[0], rtol=1e-4, atol=1e-4)
        assert abs(found - exact[0][0]).max() < 0.5


def test_int8_is_all_that_it_keeps(small):
    """No matrix that one token meets is float32, but for the positions, of which one row is looked up."""
    kinds = {name: weight.dtype.name for name, weight in small.parameters if len(weight.shape) == 2}
    assert {name for name, kind in kinds.items() if kind != "int8"} == {"transformer.wpe.weight"}
    assert len(kinds) == 2 + 4 * small.config.n_layer


def test_int8_for_pieces_that_it_does_not_go_with(monkeypatch):
    """Who multiplies with the table the other way round gets a sentence in place of graphs."""
    decode_step = solution_20.decode_step

    def other(model, tokens, past):
        logits, new = decode_step(model, tokens, past)
        return logits + 0 * logits @ model.transformer.wte.weight @ model.transformer.wte.weight.T, new

    monkeypatch.setattr(solution_20, "decode_step", other)
    with pytest.raises(ValueError, match="int8 do not go with these pieces"):
        decoder.compile_missing(checkpoint.TINY, fast_one().missing("int8"))


def test_a_damaged_file_of_int8(monkeypatch, tmp_path):
    fast = fast_one()
    for graph in fast.small.values():
        graph.file = tmp_path / graph.file.name
        graph.file.write_bytes(b"no graph")
    with pytest.raises(ValueError, match="was damaged, and is gone"):
        fast.shrink()
    assert len(fast.missing("int8")) == 2


@pytest.mark.parametrize("changed", ["mojo", "py"])
def test_each_source_names_the_file_of_int8(changed, monkeypatch, tmp_path):
    """Another operation, or another use of it, is another graph."""
    here = fast_one().small["token"].file
    assert fast_one().small["token"].file == here
    for kind in ("mojo", "py"):
        source = (int8.FOLDER / f"__init__.{kind}").read_text()
        (tmp_path / f"__init__.{kind}").write_text("another one" if kind == changed else source)
    monkeypatch.setattr(int8, "FOLDER", tmp_path)
    assert fast_one().small["token"].file != here


# ---------------------------------------------------------------- when `generate` compiles


class Screen:
    """A screen that keeps what is printed."""

    def __init__(self, is_terminal):
        self.is_terminal, self.lines = is_terminal, []

    def print(self, line, **options):
        self.lines.append(line)


def asked(fast, mine, terminal, compiles):
    """Whether `generate` would compile, and what it says."""
    screen = Screen(terminal)
    found = generate.compiling(fast, Namespace(fast=compiles, weights="float32"), checkpoint.TINY, mine, screen)
    return found is not None, " ".join(screen.lines)


def test_when_it_compiles(monkeypatch):
    fast = fast_one()
    monkeypatch.setattr(fast, "missing", lambda weights: ["token-1.mef"])
    assert asked(None, [], True, True) == (False, "")
    compiles, says = asked(fast, [], True, False)
    assert compiles and "once per machine" in says and f"{decoder.SECONDS} s" in says
    assert asked(fast, [], False, False) == (False, "")  # a script does not wait
    assert asked(fast, [], False, True)[0]
    compiles, says = asked(fast, [12], True, False)
    assert not compiles and "--fast compiles them" in says
    assert asked(fast, [12], True, True)[0]
    monkeypatch.setattr(fast, "missing", lambda weights: [])
    assert asked(fast, [], True, True) == (False, "")


def test_pieces_that_have_not_passed_write_the_slow_way(model, monkeypatch):
    """What a learner tries out is seen in the text: the whole model runs, and no piece of it is taken from elsewhere."""
    monkeypatch.setattr(progress, "has_passed", lambda step: step != STEPS[8])
    screen = Screen(True)
    assert generate.remembering(model, [7, 8, 9], screen) is None
    assert not screen.lines  # nobody has heard of a fast way yet
    assert generate.remembering(model, [7, 8, 9, 20], screen) is None
    assert "Not passed yet: 08." in screen.lines[0]


def test_pieces_that_do_not_go_with_it(monkeypatch):
    """A sentence, and the slow way."""
    model = load_checkpoint(checkpoint.TINY)
    model.transformer.h[0].attn.__dict__.pop("n_head")
    screen = Screen(True)
    assert generate.remembering(model, [], screen) is None
    assert "The fast way cannot be taken" in screen.lines[0] and "n_head" in screen.lines[0]


@pytest.mark.parametrize("weights", ["float32", "int8"])
def test_a_compilation_that_fails(weights, monkeypatch, capsys):
    """The text comes all the same, by float32, then a sentence, and no error."""
    failing = kernels.Compilation({"model": 1}, ("tests.tools.no_such_module",))
    monkeypatch.setattr(decoder, "compilation_of", lambda *args: failing)
    monkeypatch.setattr(decoder.Graph, "load", lambda graph, model: None)
    monkeypatch.setattr(decoder.Fast, "missing", lambda fast, weights: ["token-1.mef"])
    arguments = {"prompt": [GENERATED[0]["prompt"]], "checkpoint": None, "mine": None, "tokens": 2, "greedy": True}
    options = Namespace(**arguments, fast=True, weights=weights)
    generate.write(arguments["prompt"][0], options, checkpoint.TINY, [], console(stderr=True))
    out, err = capsys.readouterr()
    tokenizer = read_tokenizer(checkpoint.TINY)
    text = decode(GENERATED[0]["prompt_ids"] + GENERATED[0]["ids"][:2], tokenizer)
    assert out == text + "\n"
    assert ("written with float32" in err) == (weights == "int8")
    assert "It stays as slow as it was" in err and "no_such_module" in err
