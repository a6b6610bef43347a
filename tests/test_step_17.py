"""What step 17 must do: `greedy`, and `generate`, which goes on with a text."""

import json
from collections.abc import Iterator
from itertools import islice

import numpy as np
from max.experimental import functional as F
from max.experimental import nn
from max.experimental.tensor import Tensor

from solutions import solution_17
from solutions.solution_01 import GPT2Config
from solutions.solution_14 import GPT2LMHeadModel
from tests.known import gpt2, mistakes_in
from tutor.checkpoint import REFERENCE
from tutor.grading import Wrong, build, equal, expect, numpy, refuses, tensor, whole_number

V, N_POSITIONS = 50, 8
END = 50256  # GPT-2's <|endoftext|>, a token like others to `generate`
CONFIG = GPT2Config(vocab_size=V, n_positions=N_POSITIONS, n_embd=5, n_layer=1, n_head=1)
RANDOM = np.random.default_rng(17)
SCORES = RANDOM.standard_normal((V, V), np.float32)
SHARES = np.tril(RANDOM.standard_normal((N_POSITIONS, N_POSITIONS), np.float32))


def not_there(name):
    """Say that `generate` wants something that it has no use for, and that this model does not have."""
    needed = "It needs two things of it: its logits, by a call, and its config, for n_positions."
    raise Wrong(f"generate asks the model for `{name}`. {needed}")


class Body:
    """Stands for the body of a GPT-2: its `wpe` says how many positions there are, as the config does."""

    def __init__(self):
        with F.lazy():
            self.wpe = nn.Embedding(N_POSITIONS, dim=CONFIG.n_embd)

    def __getattr__(self, name):
        not_there(f"transformer.{name}")

    def __call__(self, tokens):
        raise Wrong("generate calls `model.transformer`, which gives vectors. Call the whole model: it gives logits.")


class Model:
    """Stands for a GPT-2: the logits at a position depend on all tokens up to it and on where they stand."""

    def __init__(self):
        self.config, self.transformer, self.lengths = CONFIG, Body(), []

    def __getattr__(self, name):
        not_there(name)

    def __call__(self, tokens):
        """The logits [1, T, V] for tokens [1, T]."""
        expect(isinstance(tokens, Tensor), "The model wants a MAX tensor of token IDs: `Tensor(array)` makes one.")
        shape = [int(size) for size in tokens.shape]
        batch = "The model wants tokens of shape [1, T]: a batch of one text."
        expect(len(shape) == 2 and shape[0] == 1, batch, found=shape)
        T = shape[1]
        expect(T > 0, "The model was asked to score an empty text: a ValueError should come before that.")
        whole = "The model wants token IDs, whole numbers. `Tensor` of a list holds float32: `Tensor(np.array(…))` keeps them whole."
        expect(tokens.dtype.is_integral(), whole, found=str(tokens.dtype))
        too_long = "The model was given more tokens than it has positions: cut the text to its last n_positions tokens."
        expect(T <= N_POSITIONS, too_long, expected=f"at most {N_POSITIONS}", found=f"{T}")
        self.lengths.append(T)
        return tensor(SHARES[:T, :T]) @ F.gather(tensor(SCORES), tokens, axis=0)  # [T, T] @ [1, T, V]

    forward = __call__

    @property
    def parameters(self):
        """The parameters by name, as far as there are any."""
        return iter([("transformer.wpe.weight", self.transformer.wpe.weight)])


class Deaf(Model):
    """Stands for a GPT-2 that takes tokens of any number, and always says the same."""

    def __call__(self, tokens):
        """The logits [1, T, V] for tokens [1, T]."""
        return tensor(SCORES[np.newaxis, : int(tokens.shape[1])])

    forward = __call__


def logits(ids):
    """What the stand-in scores, [T, V]."""
    return SHARES[: len(ids), : len(ids)] @ SCORES[ids]


def follow(tokens, count, choose=solution_17.greedy, generate=gpt2.generate):
    """The `count` tokens that come after `tokens`, with known mistakes as another `generate`."""
    return generate(logits, list(tokens), count, N_POSITIONS, choose)


def written(answer, model, start, count, *choose):
    """All that the learner's `generate` gives, as a list."""
    result = answer.generate(model, start, count, *choose)
    kind = f"a {type(result).__name__}"
    stream = "generate should give its tokens one by one, by `yield`, so that they can be shown as they come."
    expect(isinstance(result, Iterator), stream, found=kind)
    try:
        tokens = list(islice(result, count + 20))
    except Exception as error:
        beyond = "The model was given a token that it has no scores for: argmax over all positions at once gives such numbers. "
        expect("out of bounds" not in str(error), beyond + "Take the logits of the last position first.")
        raise
    expect(len(tokens) < count + 20, "generate goes on after max_new_tokens tokens, perhaps without end.")
    return [whole_number(token, "What generate yields, the ID of a token,") for token in tokens]


def chosen_from(function, *args, **options):
    """The tokens that a function gives which goes on with a text, and all the logits that they were chosen from."""
    seen = []

    def choose(scores):
        seen.append(numpy(scores))
        return solution_17.greedy(scores)

    return function(*args, choose, **options), seen


def same_scores(some, others):
    """Whether tokens were chosen from the same logits."""
    return len(some) == len(others) and all(
        np.shape(a) == np.shape(b) and np.allclose(a, b, atol=1e-4) for a, b in zip(some, others)
    )


def test_greedy(answer):
    """greedy gives the token with the highest logit, the first of several"""
    several = [SCORES[0], np.array([-3.0, 0.1, 2.0]), np.array([0.0, 2.0, 1.0, 2.0])]
    found = [answer.greedy(scores.copy()) for scores in several]
    for choice, scores in zip(found, several):
        value = isinstance(choice, float | np.floating) and np.isclose(choice, scores.max())
        expect(not value, "greedy gives the logit itself: `argmax` gives its place.", found=choice)
    what = "The choice of greedy, the ID of a token,"
    found = [whole_number(choice, what) for choice in found]
    suspects = mistakes_in(solution_17.greedy, lambda greedy: [greedy(scores) for scores in several])
    right = [int(scores.argmax()) for scores in several]
    equal(found, right, suspects=suspects, what="The list of greedy's choices from three lists of logits")


def test_generate(answer):
    """generate scores the text, takes the last position, appends the choice, and again"""
    start, count, model = [4, 9, 2], 4, Model()
    given, T, right = list(start), len(start), follow(start, count)
    found = written(answer, model, given, count)
    again = "The same token comes again and again: the new token is not appended to the text."
    expect(found == right or model.lengths != [T] * count or len(set(found)) > 1, again, expected=right, found=found)
    suspects = mistakes_in(gpt2.generate, lambda generate: chosen_from(follow, start, count, generate=generate))

    def explain(fits):
        scored = chosen_from(written, answer, Model(), start, count)  # tokens alone may be the same by accident
        return suspects(lambda wrong: fits(wrong[0]) and same_scores(wrong[1], scored[1]))

    equal(found, right, suspects=explain, what="The list of new tokens")
    changed = "The caller's own list of tokens has changed: work on a copy, `list(tokens)`."
    expect(given == start, changed, expected=start, found=given)
    equal(written(answer, Model(), tuple(start), 1), right[:1], what="The list of one new token after a tuple of IDs")
    equal(written(answer, Model(), start, 0), [], what="The list of no new tokens")


def test_long_texts(answer):
    """the model sees the last n_positions tokens of a long text"""
    for start in ([4, 9, 2, 0], list(range(11, 21))):
        suspects = mistakes_in(gpt2.generate, lambda generate: follow(start, 5, generate=generate))
        equal(written(answer, Model(), start, 5), follow(start, 5), suspects=suspects, what="The list of new tokens")


def test_streams(answer):
    """each token comes as soon as it is chosen"""
    model = Model()
    next(answer.generate(model, [1, 2], 5))
    late = "The first token comes after the model was asked several times: yield each token inside the loop, as it is chosen."
    passes = f"{len(model.lengths)}"
    expect(len(model.lengths) == 1, late, expected="1 forward pass before the first token", found=passes)


def test_choose(answer):
    """choose picks each token, from the logits of the next one, a NumPy array [V]"""
    seen = []

    def worst(scores):
        seen.append(scores)
        return int(np.argmin(numpy(scores)))

    found = written(answer, Model(), [5, 6], 3, worst)
    expect(seen, "`choose` is never called: it should pick each token.")
    kind = type(seen[0]).__name__
    array = "`choose` should be given a NumPy array: a tensor's `to_numpy()` makes one."
    expect(isinstance(seen[0], np.ndarray), array, found=kind)
    shape = list(seen[0].shape)
    expect(shape == [V], "`choose` should be given the logits of one position, [V].", expected=[V], found=shape)
    as_they_are = np.allclose(seen[0], logits([5, 6])[-1], atol=1e-4)
    expect(as_they_are, "`choose` should be given the logits as they are, those of the last position.")
    expect(len(seen) == 3, "`choose` should be called once for each token: it may draw by chance.", found=len(seen))
    suspects = [(follow([5, 6], 3), "`choose` is called, and what it picks is not used.")]
    right = follow([5, 6], 3, np.argmin)
    equal(found, right, suspects=suspects, what="The list of new tokens")
    zeros = written(answer, Model(), [5, 6], 3, lambda scores: 0)
    equal(zeros, [0, 0, 0], what="The list of tokens from a `choose` that always picks 0")


def test_refuses_nothing(answer):
    """a text of no tokens is a ValueError"""
    otherwise = "generate takes an empty text. It should raise a ValueError: there is no token to go on from."
    refuses(lambda: written(answer, Model(), [], 1), of=(ValueError,), otherwise=otherwise)


def test_hugging_face(answer, tiny):
    """on the tiny GPT-2 the greedy text is Hugging Face's"""
    text = json.loads((REFERENCE / "generated.json").read_text())[0]
    weights = {f"transformer.{name}": array for name, array in tiny.weights.items()}
    model = build(GPT2LMHeadModel, tiny.config, weights=weights)
    found = written(answer, model, text["prompt_ids"], 2)
    equal(found, text["ids"][:2], what=f"The list of tokens after {text['prompt']!r}")
    for token in (END, V - 1):
        stops = "generate stops at a token that it takes for the end of a text. It knows no vocabulary: who calls it decides."
        count = len(written(answer, Deaf(), [5], 3, lambda _, token=token: token))
        expect(count == 3, stops, expected="3 tokens", found=f"{count} with {token} among them")
