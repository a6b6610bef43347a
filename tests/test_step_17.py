"""What step 17 must do: `greedy`, and `generate`, which goes on with a text."""

import json
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
from conftest import REFERENCE
from max.experimental import functional as F
from max.experimental.tensor import Tensor
from tutor.checks import build, equal, expect, numpy, refuses, tensor

from solutions.solution_14 import GPT2LMHeadModel

V, N_POSITIONS = 50, 8
RANDOM = np.random.default_rng(17)
SCORES = RANDOM.standard_normal((V, V), np.float32)
SHARES = np.tril(RANDOM.standard_normal((N_POSITIONS, N_POSITIONS), np.float32))


class Model:
    """Stands for a GPT-2: the logits at a position depend on all tokens up to it and on where they stand."""

    def __init__(self):
        weight = tensor(np.zeros((N_POSITIONS, 4), np.float32))
        self.transformer = SimpleNamespace(wpe=SimpleNamespace(weight=weight))
        self.lengths = []

    def __call__(self, tokens):
        """The logits [1, T, V] for tokens [1, T]."""
        expect(isinstance(tokens, Tensor), "The model wants a MAX tensor of token IDs: `Tensor(array)` makes one.")
        shape = [int(size) for size in tokens.shape]
        expect(
            len(shape) == 2 and shape[0] == 1,
            "The model wants tokens of shape [1, T]: a batch with one text.",
            found=shape,
        )
        T = shape[1]
        expect(T > 0, "The model was asked to score an empty text: a ValueError should come before that.")
        expect(tokens.dtype.is_integral(), "The model wants token IDs, whole numbers.", found=str(tokens.dtype))
        too_long = "The model was given more tokens than it has positions: cut the text to its last n_positions tokens."
        expect(T <= N_POSITIONS, too_long, expected=f"at most {N_POSITIONS}", found=f"{T}")
        self.lengths.append(T)
        return tensor(SHARES[:T, :T]) @ F.gather(tensor(SCORES), tokens, axis=0)  # [T, T] @ [1, T, V]


def logits(ids):
    """What the stand-in scores, [T, V]."""
    return SHARES[: len(ids), : len(ids)] @ SCORES[ids]


def follow(
    tokens, count, pick=lambda scores: int(scores[-1].argmax()), window=lambda ids: ids[-N_POSITIONS:], grow=list.append
):
    """The `count` tokens that come after `tokens`, with known mistakes as options."""
    tokens, new = list(tokens), []
    for _ in range(count):
        new.append(pick(logits(window(tokens))))
        grow(tokens, new[-1])
    return new


def written(step, *args, **options):
    """All that the learner's `generate` gives, as a list."""
    result = step.generate(*args, **options)
    expect(
        isinstance(result, Iterator),
        "generate should give its tokens one by one, by `yield`, so that they can be shown as they come.",
        found=f"a {type(result).__name__}",
    )
    try:
        tokens = list(result)
    except Exception as error:
        beyond = "The model was given a token that it has no scores for: argmax over all positions at once gives such numbers. "
        expect("out of bounds" not in str(error), beyond + "Take the logits of the last position first.")
        raise
    whole = all(isinstance(token, int | np.integer) for token in tokens)
    expect(whole, "generate should yield token IDs, whole numbers.", found=repr(tokens[:1]))
    return [int(token) for token in tokens]


def test_greedy(step):
    """greedy gives the token with the highest logit, the first of several"""
    lowest = "That is the token with the lowest logit: argmin where argmax belongs."
    farthest = "That is the token whose logit is farthest from 0. The highest is wanted."
    for scores, sentence in (
        (np.array([0.1, 2.0, -1.0]), lowest),
        (np.array([-3.0, 0.1, 2.0]), farthest),
        (SCORES[7], lowest),
    ):
        suspects = [(int(scores.argmin()), sentence)]
        found = step.greedy(scores.copy())
        expect(found is None or np.ndim(found) == 0, "greedy should give one token ID.", found=repr(found))
        if found is not None:
            expect(
                not isinstance(found, float | np.floating),
                "greedy gives the logit itself: `argmax` gives its place.",
                found=float(found),
            )
        equal(
            found if found is None else int(found), int(scores.argmax()), suspects=suspects, what="The choice of greedy"
        )
    suspects = [(3, "Of several highest logits the last one is taken. The first one is wanted.")]
    found = int(step.greedy(np.array([0.0, 2.0, 1.0, 2.0])))
    equal(found, 1, suspects=suspects, what="The choice of greedy between two highest logits")


def test_generate(step):
    """generate scores the text, takes the last position, appends the choice, and again"""
    start, model = [4, 9, 2], Model()
    T, count, right = len(start), 4, follow(start, 4)

    def at(position):
        return lambda scores: int(scores[max(position, -len(scores))].argmax())

    def suspects():
        if model.lengths == [T] * count:
            yield (
                follow(start, count, grow=lambda *_: None),
                "The same token comes again and again: the new token is not appended to the text.",
            )
        yield (
            follow(start, count, at(0)),
            "The logits of the first position are used. Those of the last one are for the next token.",
        )
        yield (
            follow(start, count, at(-2)),
            "The logits of the last position but one are used: they are for a token that is known already.",
        )
        yield (
            follow(start, count, at(T - 1)),
            "The logits come from the place where the prompt ended. The text grows, and the last position with it.",
        )
        forgotten = (
            "The model is given the last token only. It needs the whole text: it keeps nothing from call to call."
        )
        yield follow(start, count, window=lambda ids: ids[-1:]), forgotten
        yield follow(start, count, window=lambda ids: ids if ids == start else ids[-1:]), forgotten
        yield (
            follow(start, count, window=lambda ids: ids[-T:]),
            "The model is given as many tokens as the prompt had. The text may grow up to n_positions.",
        )
        yield (
            follow(start, count, window=lambda ids: ids[-4:]),
            "The text is cut to the columns of wpe. It has a row for each position.",
        )
        yield (
            follow(start, count, grow=lambda ids, new: ids.insert(0, new)),
            "The new token is put in front of the text. It belongs at the end.",
        )
        yield right[: count - T], "max_new_tokens counts the prompt too. It should count the new tokens only."
        yield right[:-1], "One token too few comes."
        yield follow(start, count + 1), "One token too many comes: max_new_tokens of them are wanted."
        yield start + right, "The prompt comes too. Only the new tokens should."
        yield start[-1:] + right[:-1], "The last token of the prompt comes too. Only the new tokens should."

    given = list(start)
    equal(written(step, model, given, count), right, suspects=suspects(), what="The list of new tokens")
    expect(
        given == start,
        "The caller's own list of tokens has changed: work on a copy, `list(tokens)`.",
        expected=start,
        found=given,
    )
    equal(written(step, Model(), np.array(start), 1), right[:1], what="The list of one new token after an array of IDs")
    equal(written(step, Model(), start, 0), [], what="The list of no new tokens")


def test_long_texts(step):
    """the model sees the last n_positions tokens of a long text"""
    for start in ([4, 9, 2, 0], list(range(11, 21))):

        def suspects():
            yield (
                follow(start, 5, window=lambda ids: ids[:N_POSITIONS]),
                "The model is given the first n_positions tokens. The newest are among the last ones.",
            )
            yield (
                follow(start, 5, window=lambda ids: ids[1 - N_POSITIONS :]),
                "The model is given one token less than it could look at: n_positions of them fit.",
            )
            yield (
                follow(start[:N_POSITIONS], 5),
                "The prompt is cut at its end. It is the oldest tokens that should go.",
            )
            for places in (N_POSITIONS, N_POSITIONS + 1):
                ended = "The text ends when the model's positions do. It should go on, with the oldest tokens left out."
                yield follow(start, max(0, places - len(start))), ended

        equal(written(step, Model(), start, 5), follow(start, 5), suspects=suspects(), what="The list of new tokens")


def test_streams(step):
    """each token comes as soon as it is chosen"""
    model = Model()
    next(step.generate(model, [1, 2], 5))
    expect(
        len(model.lengths) == 1,
        "The first token comes after the model was asked several times: yield each token inside the loop, as it is chosen.",
        expected="1 forward pass before the first token",
        found=f"{len(model.lengths)}",
    )


def test_choose(step):
    """choose picks each token, from the logits of the next one, a NumPy array [V]"""
    seen = []

    def worst(scores):
        seen.append(scores)
        return int(np.argmin(numpy(scores)))

    found = written(step, Model(), [5, 6], 3, worst)
    expect(seen, "`choose` is never called: it should pick each token.")
    expect(
        isinstance(seen[0], np.ndarray),
        "`choose` should be given a NumPy array: a tensor's `to_numpy()` makes one.",
        found=type(seen[0]).__name__,
    )
    expect(
        seen[0].shape == (V,),
        "`choose` should be given the logits of one position, [V].",
        expected=[V],
        found=list(seen[0].shape),
    )
    expect(
        np.allclose(seen[0], logits([5, 6])[-1], atol=1e-4),
        "`choose` should be given the logits as they are, those of the last position.",
    )
    suspects = [(follow([5, 6], 3), "`choose` is called, and what it picks is not used.")]
    equal(
        found,
        follow([5, 6], 3, lambda scores: int(scores[-1].argmin())),
        suspects=suspects,
        what="The list of new tokens",
    )


def test_refuses_nothing(step):
    """a text of no tokens is a ValueError"""
    otherwise = "generate takes an empty text. It should raise a ValueError: there is no token to go on from."
    refuses(lambda: written(step, Model(), [], 1), of=(ValueError,), otherwise=otherwise)


def test_hugging_face(step, tiny):
    """on the tiny GPT-2 the greedy text is Hugging Face's"""
    text = json.loads((REFERENCE / "generated.json").read_text())[0]
    weights = {f"transformer.{name}": array for name, array in tiny.weights.items()}
    model = build(GPT2LMHeadModel, tiny.config, weights=weights)
    equal(
        written(step, model, text["prompt_ids"], 2),
        text["ids"][:2],
        what=f"The list of tokens after {text['prompt']!r}",
    )
