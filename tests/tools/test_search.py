"""The search for a mistake: what it finds, in which words, and when it says nothing."""

import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests import known
from tests.known import gpt2, made, measure, mistakes_in, search, trace
from tests.known.gpt2 import Part
from tests.reference.randoms import CASES, random_weights
from tutor.course import STEPS
from tutor.grading import load_answer

RANDOM = np.random.default_rng(11)
X = RANDOM.standard_normal((4, 5, 18), np.float32)


@pytest.fixture(autouse=True)
def the_search_ends_well():
    """What a learner never sees, an error of the search itself, fails the test."""
    yield
    assert known.failed == []


@pytest.fixture(scope="module")
def body():
    """A random GPT-2 in NumPy."""
    config = CASES["epsilon"].config
    weights = random_weights(config, CASES["epsilon"].seed)
    return gpt2.gpt2(weights, config["n_head"], config["layer_norm_epsilon"]).transformer


@pytest.fixture(autouse=True)
def all_the_time(monkeypatch):
    """Each test is a verdict of its own."""
    monkeypatch.setattr(search, "spent", 0.0)


def told(part, found, given=X, mine=None):
    """What is said where `found` came out, of the learner's code `mine`."""
    right = part(given)

    def fits(result):
        return np.shape(result) == found.shape and np.allclose(result, found) and not np.allclose(result, right)

    return mistakes_in(part, lambda part: part(given), mine)(fits)


def test_another_order(body):
    norm = body.ln_f
    mean, root = X.mean(-1, keepdims=True), np.sqrt(X.var(-1, keepdims=True) + norm.epsilon)
    sentence = told(norm, (mean - X) / root * norm.weight + norm.bias)
    assert sentence.startswith(
        "Your numbers are what comes out when `(x - mean) / root` is written as `(mean - x) / root`"
    )
    assert "mean is `F.mean(x, axis)`" in sentence


def test_a_call_around_another(body):
    block = body.h[0]
    middle = X + block.attn(block.ln_1(block.ln_1(X)))
    sentence = told(block, middle + block.mlp(block.ln_2(middle)))
    assert "`attn(ln_1(x))` is written as `attn(ln_1(ln_1(x)))`" in sentence


def test_a_known_sentence_comes_first(body):
    block = body.h[0]
    middle = block.attn(block.ln_1(X))
    assert told(block, middle + block.mlp(block.ln_2(middle))).startswith("x is not added to what attn gives")


def test_of_several_lines_the_last_is_told(body):
    """Negated queries and negated keys give the same numbers, and meet in one line."""
    attn = body.h[0].attn
    negated = Part(gpt2.multi_head_attention, **attn.keywords | {"c_attn": turned(attn.c_attn)})
    sentence = told(attn, negated(X))
    assert "`attention(q, k, v)` is written as `attention(-q, k, v)`" in sentence
    assert sentence.endswith("The same may come from what goes into it.")


def turned(c_attn):
    """c_attn with the signs of its queries turned."""
    sign = np.repeat(np.float32([-1, 1, 1]), 18)
    return Part(gpt2.linear, weight=c_attn.weight * sign, bias=c_attn.bias * sign)


def test_one_number_is_too_little():
    """Many changes give 2; none of them is told."""
    assert mistakes_in(gpt2.lookup, lambda lookup: int(lookup(np.array(1), np.arange(4))))(lambda x: x == 3) == ""


def test_a_loop_without_end_is_ended():
    tree = search.tree("def f(n):\n    while n > 0:\n        n = n - 1\n    return n\n")
    scope = {"_tick": search.Ticks()}
    exec(compile(search.ast.Module([tree], []), "f", "exec"), scope)
    with pytest.raises(RecursionError):
        scope["f"](1)


def test_it_takes_half_a_second(body):
    """Also where nothing explains the numbers; known mistakes come on top, alone and by two."""
    known, seconds = len(list(made(gpt2.model))), search.SECONDS
    start = time.process_time()
    assert told(body, np.float32(RANDOM.standard_normal((4, 5, 18))), np.zeros((4, 5), int)) == ""
    assert time.process_time() - start < seconds + 0.003 * known**2 / 2


def follow(tmp_path, body):
    """What is said of a learner's norm whose lines are these."""
    path = tmp_path / "step_98.py"
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    path.write_text(f"import numpy as np\n\n\ndef norm(x):\n{lines}")
    answer, right = load_answer(path), Part(gpt2.layer_norm, weight=np.arange(18.0), bias=np.ones(18), epsilon=0.01)
    return told(right, answer.norm(X), mine=answer.norm)


NORM = """\
mean = x.mean(-1, keepdims=True)
variance = ((x - mean) ** 2).mean(-1, keepdims=True)
normal = (x - mean) / np.sqrt(variance + 0.01)
return normal * np.arange(18.0) + 1"""


@pytest.mark.parametrize(
    ("find", "put", "sentence"),
    [
        ("0.01", "0.17", "`F.sqrt(variance + epsilon)` is written as `F.sqrt(variance + epsilon + 0.16)`"),
        (
            "+ 1",
            "+ 1 + normal**3",
            "`normal * np.arange(18.0) + 1` in line 8 gives what belongs here. What is done to it",
        ),
        (
            "** 2)",
            "** 4 * 3)",
            "numbers are right as far as `x - mean` in line 6. What the formula makes next, `(x - me",
        ),
        ("variance + 0.01)", "variance * 1.3 + x[:1, :1] + 20)", "What the formula makes next, `"),
        ("+ 1", "+ 1 + np.random.rand()", "Your numbers change from call to call"),
    ],
)
def test_what_no_change_explains_is_followed(tmp_path, find, put, sentence):
    assert sentence in follow(tmp_path, NORM.replace(find, put))


def test_another_way_to_the_same_value_is_right(tmp_path):
    """E[x²] - E[x]² is not in the formula, and what is made of it is."""
    other = NORM.replace("((x - mean) ** 2).mean(-1, keepdims=True)", "x.var(-1, keepdims=True)")
    sentence = follow(tmp_path, other.replace("return normal", "return normal * np.abs(normal) "))
    assert "as far as `(x - mean) / np.sqrt(variance + 0.01)` in line 7" in sentence


def test_what_is_done_to_the_right_result(tmp_path):
    sentence = follow(tmp_path, NORM.replace("return", "y =") + "\nreturn np.where(y > 0, y, x)")
    assert (
        sentence
        == "`normal * np.arange(18.0) + 1` in line 8 gives what belongs here. What is done to it after that is too much."
    )


def test_the_code_is_as_it_was(tmp_path):
    """A learner's functions note nothing when they have been followed."""
    path = tmp_path / "step_99.py"
    path.write_text("class A:\n    def f(self, x):\n        return x + 1\n")
    answer = load_answer(path)
    with trace.noted(sys.modules["step_99"]) as notes:
        answer.A().f(np.arange(5))
    answer.A().f(np.arange(5))
    assert [(one.code, one.line, one.value.tolist()) for one in notes] == [("x + 1", 3, [1, 2, 3, 4, 5])]


def test_held_out_answers_can_be_made():
    """Each edit of held_out.toml stands once in its file, and the result compiles."""
    answers = [answer for written in measure.HELD_OUT for answer in measure.wrong_answers(written, list(STEPS))]
    assert len(answers) >= 290
    for number, name, text, _ in answers:
        compile(text, str(Path(f"{number} {name}")), "exec")
