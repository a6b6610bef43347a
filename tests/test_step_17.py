"""What step 17 must do: `greedy`, and `generate`, which goes on with a text."""

import json
from collections.abc import Iterator
from itertools import islice

import numpy as np
from max.experimental import functional as F
from max.experimental import nn
from max.experimental.tensor import Tensor

from solutions.solution_01 import GPT2Config
from solutions.solution_14 import GPT2LMHeadModel
from tutor.checkpoint import REFERENCE
from tutor.grading import Wrong, build, equal, expect, numpy, refuses, tensor, whole_number

V, N_POSITIONS = 50, 8
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


def logits(ids):
    """What the stand-in scores, [T, V]."""
    return SHARES[: len(ids), : len(ids)] @ SCORES[ids]


def best(scores):
    """The token with the highest logit at the last position."""
    return int(scores[-1].argmax())


def follow(tokens, count, pick=best, window=lambda ids: ids[-N_POSITIONS:], grow=list.append):
    """The `count` tokens that come after `tokens`, with known mistakes as options."""
    tokens, new = list(tokens), []
    for _ in range(count):
        new.append(pick(logits(window(tokens))))
        grow(tokens, new[-1])
    return new


def written(step, model, start, count, *choose):
    """All that the learner's `generate` gives, as a list."""
    result = step.generate(model, start, count, *choose)
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


def test_greedy(step):
    """greedy gives the token with the highest logit, the first of several"""
    for scores in (SCORES[0], np.array([-3.0, 0.1, 2.0]), np.array([0.0, 2.0, 1.0, 2.0])):
        found = step.greedy(scores.copy())
        value = isinstance(found, float | np.floating) and np.isclose(found, scores.max())
        expect(not value, "greedy gives the logit itself: `argmax` gives its place.", found=found)
        suspects = [
            (int(abs(scores).argmax()), "That is the token whose logit is farthest from 0. The highest is wanted."),
            (int(scores.argmin()), "That is the token with the lowest logit: argmin where argmax belongs."),
            (3, "Of several highest logits the last one is taken. The first one is wanted."),
        ]
        what = "The choice of greedy, the ID of a token,"
        equal(whole_number(found, what), int(scores.argmax()), suspects=suspects, what=what)


def test_generate(step):
    """generate scores the text, takes the last position, appends the choice, and again"""
    start, count, model = [4, 9, 2], 4, Model()
    given, T, right = list(start), len(start), follow(start, count)

    def at(position):
        return follow(start, count, lambda scores: int(scores[max(position, -len(scores))].argmax()))

    def seeing(window):
        return follow(start, count, window=window)

    def growing(grow):
        return follow(start, count, grow=grow)

    found = written(step, model, given, count)
    stuck = "The logits come from the place where the prompt ended. The text grows, and the last position with it."
    if model.lengths == [T] * count:
        stuck = "The same token comes again and again: the new token is not appended to the text."
    forgotten = "The model is given the last token only. It needs the whole text: it keeps nothing from call to call."
    suspects = [
        (at(0), "The logits of the first position are used. Those of the last one are for the next token."),
        (at(-2), "The logits of the last position but one are used: they are for a token that is known already."),
        (at(T - 1), stuck),
        (seeing(lambda ids: ids[-1:]), forgotten),
        (seeing(lambda ids: ids if ids == start else ids[-1:]), forgotten),
        (seeing(lambda ids: ids[-T:]), "The model is given as many tokens as the prompt had. The text may grow up to n_positions."),
        (seeing(lambda ids: ids[-5:]), "The text is cut to n_embd tokens. The model sees n_positions of them: a row of wpe for each."),
        (seeing(lambda ids: ids[::-1]), "The model is given the text back to front."),
        (growing(lambda ids, new: ids.insert(0, new)), "The new token is put in front of the text. It belongs at the end."),
        (growing(lambda ids, new: ids.extend([new, new])), "The new token is appended twice."),
        ([0] * count, "It is token 0 each time. Is `choose` given a tensor? NumPy sees one single thing in it: `to_numpy()` makes an array."),
        (right[: count - T], "max_new_tokens counts the prompt too. It should count the new tokens only."),
        (right[:-1], "One token too few comes."),
        (follow(start, count + 1), "One token too many comes: max_new_tokens of them are wanted."),
        (start + right, "The prompt comes too. Only the new tokens should."),
        (start[-1:] + right[:-1], "The last token of the prompt comes too. Only the new tokens should."),
    ]  # fmt: skip
    equal(found, right, suspects=suspects, what="The list of new tokens")
    changed = "The caller's own list of tokens has changed: work on a copy, `list(tokens)`."
    expect(given == start, changed, expected=start, found=given)
    equal(written(step, Model(), np.array(start), 1), right[:1], what="The list of one new token after an array of IDs")
    equal(written(step, Model(), start, 0), [], what="The list of no new tokens")


def test_long_texts(step):
    """the model sees the last n_positions tokens of a long text"""
    first = "The model is given the first n_positions tokens. The newest are among the last ones."
    shorter = "The model is given one token less than it could look at: n_positions of them fit."
    cut = "The prompt is cut at its end. It is the oldest tokens that should go."
    ended = "The text ends when the model's positions do. It should go on, with the oldest tokens left out."
    for start in ([4, 9, 2, 0], list(range(11, 21))):
        suspects = [
            (follow(start, 5, window=lambda ids: ids[:N_POSITIONS]), first),
            (follow(start, 5, window=lambda ids: ids[1 - N_POSITIONS :]), shorter),
            (follow(start[:N_POSITIONS], 5), cut),
            *((follow(start, max(0, places - len(start))), ended) for places in (N_POSITIONS, N_POSITIONS + 1)),
        ]
        equal(written(step, Model(), start, 5), follow(start, 5), suspects=suspects, what="The list of new tokens")


def test_streams(step):
    """each token comes as soon as it is chosen"""
    model = Model()
    next(step.generate(model, [1, 2], 5))
    late = "The first token comes after the model was asked several times: yield each token inside the loop, as it is chosen."
    passes = f"{len(model.lengths)}"
    expect(len(model.lengths) == 1, late, expected="1 forward pass before the first token", found=passes)


def test_choose(step):
    """choose picks each token, from the logits of the next one, a NumPy array [V]"""
    seen = []

    def worst(scores):
        seen.append(scores)
        return int(np.argmin(numpy(scores)))

    found = written(step, Model(), [5, 6], 3, worst)
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
    right = follow([5, 6], 3, lambda scores: int(scores[-1].argmin()))
    equal(found, right, suspects=suspects, what="The list of new tokens")
    zeros = written(step, Model(), [5, 6], 3, lambda scores: 0)
    equal(zeros, [0, 0, 0], what="The list of tokens from a `choose` that always picks 0")


def test_refuses_nothing(step):
    """a text of no tokens is a ValueError"""
    otherwise = "generate takes an empty text. It should raise a ValueError: there is no token to go on from."
    refuses(lambda: written(step, Model(), [], 1), of=(ValueError,), otherwise=otherwise)


def test_hugging_face(step, tiny):
    """on the tiny GPT-2 the greedy text is Hugging Face's"""
    text = json.loads((REFERENCE / "generated.json").read_text())[0]
    weights = {f"transformer.{name}": array for name, array in tiny.weights.items()}
    model = build(GPT2LMHeadModel, tiny.config, weights=weights)
    found = written(step, model, text["prompt_ids"], 2)
    equal(found, text["ids"][:2], what=f"The list of tokens after {text['prompt']!r}")
