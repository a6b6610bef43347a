"""What step 20 must do: `KVCache`, the two ways through a block, and `decode_step`, which scores the next token."""

from functools import partial

import numpy as np
import pytest
from max.experimental.tensor import Tensor

from solutions.solution_12 import Block
from solutions.solution_14 import GPT2LMHeadModel
from tests.known import gpt2, mistakes_in
from tests.known.gpt2 import Part, inside, with_prefix
from tutor.grading import KEPT, build, close, expect, has_shape, numpy, on_max, refuses, reload

NEW = "n_layer 2 T B H D"


@pytest.fixture(scope="module")
def random(random_model):
    """A random model of 13 positions, B = 2, T = 13, three layers."""
    return random_model("full-length")


def pair(found, what, second):
    """Check that something is a pair, and return it."""
    expect(found is not None, f"{what} gives None: is a `return` missing at the end?")
    two = isinstance(found, tuple | list) and len(found) == 2
    expect(two, f"{what} should give two tensors: its result, and {second}.", found=f"a {type(found).__name__}")
    return found


# ---------------------------------------------------------------- the cache


def rows_of(random, T, seed=0):
    """Random keys and values of T tokens."""
    config, B = random.config, random["input_ids"].shape[0]
    D = config.n_embd // config.n_head
    return np.random.default_rng(seed).standard_normal((config.n_layer, 2, T, B, config.n_head, D), np.float32)


def holds(cache, rows, what):
    """Check that the past of a cache is `rows`."""
    past = cache.past()
    expect(past is not None, f"`past` gives None {what}. It gives None only as long as nothing is kept.")
    turns = "`past` should give a list. What `yield`, `zip` or brackets without a list make is used up after one turn."
    expect(isinstance(past, list | tuple), turns, found=f"a {type(past).__name__}")
    count, layers = len(past), len(rows)
    expect(count == layers, "`past` should give a pair for each block.", expected=f"{layers} pairs", found=f"{count}")
    for layer, (found, right) in enumerate(zip(past, rows)):
        pair(found, "`past` for each block", "the values")
        numbers = f"MAX wants tensors of what is past, {what}: Tensor.from_dlpack makes one of an array."
        expect(all(isinstance(one, Tensor) for one in found), numbers, found=f"a {type(found[0]).__name__}")
        found = [numpy(one) for one in found]
        exchanged = "Keys and values are exchanged in `past`: the keys come first."
        whole = f"The whole cache comes as past, with the rows that nothing was put into. Only `length` of them are filled, {what}."
        for one, other, array, name in zip(found, right[::-1], right, ("keys", "values")):
            longer = one.ndim == array.ndim and len(one) > len(array) and np.allclose(one[: len(array)], array)
            expect(not longer, whole, expected=f"{len(array)} rows", found=f"{len(one)}")
            shapes = {
                "B P H D": "B and P are exchanged. The cache grows along P, its third axis.",
                "P H D": "the texts of a batch share their rows. Each has rows of its own.",
            }
            label = f"What `past` gives as {name} of block {layer}, {what},"
            suspects = [(other, exchanged)] + [
                (wrong[i], f"`past` gives block {layer} the rows of another block.") for wrong in rows for i in (0, 1)
            ]
            if len(array) > 1:
                again = np.concatenate([array[-1:], array[1:-1], array[-1:] * 0])
                suspects.append(
                    (again, "The new rows stand where the first ones were. They belong after the filled ones.")
                )
            close(one, array, "P B H D", suspects=suspects, shapes=shapes, what=label)


def new_cache(answer, random):
    """The learner's cache for the texts of that model."""
    B = len(random["input_ids"])
    cache = answer.KVCache(random.config, B)
    for name in ("rows", "length"):
        expect(hasattr(cache, name), f"The cache has no `{name}`. `__init__` makes self.rows and self.length.")
    config = random.config
    shape = config.n_layer, 2, config.n_positions, B, config.n_head, config.n_embd // config.n_head
    sizes = random.sizes | {"n_layer": config.n_layer}
    has_shape(cache.rows, shape, "n_layer 2 n_positions B H D", sizes=sizes, what="`rows` of the cache")
    kind = "`rows` should hold float32, as the model computes: np.zeros makes float64 unless told."
    expect(cache.rows.dtype == np.float32, kind, found=str(cache.rows.dtype))
    expect(cache.length == 0, "A new cache has length 0: nothing is kept yet.", found=cache.length)
    return cache


def test_empty(answer, random):
    """an empty cache has room for n_positions tokens, and no past"""
    cache = new_cache(answer, random)
    expect(cache.past() is None, "An empty cache has no past: `past` gives None as long as nothing is kept.")
    other = answer.KVCache(random.config)
    one = "A cache is for one text unless it is told how many."
    expect(other.rows.shape[3] == 1, one, expected="B = 1", found=f"B = {other.rows.shape[3]}")


def test_append(answer, random):
    """what is appended comes back as the past, in order, and is the cache's own"""
    cache, first, second, third = new_cache(answer, random), *(rows_of(random, T, seed=T) for T in (4, 1, 3))
    given = first.copy()
    cache.append(given)
    expect(cache.length == 4, "After 4 tokens the cache has another length.", expected=4, found=cache.length)
    given[:] = 0
    holds(cache, first, "after a prompt of 4 tokens")
    cache.append(second)
    expect(
        cache.length == 5, "After 4 tokens and one more the cache has another length.", expected=5, found=cache.length
    )
    holds(cache, np.concatenate([first, second], axis=2), "after one token more")
    cache.append(third)
    holds(cache, np.concatenate([first, second, third], axis=2), "after three more at once")


def test_full(answer, random):
    """a cache takes n_positions tokens; one more is a ValueError"""
    cache, n_positions = new_cache(answer, random), random.config.n_positions
    rows = rows_of(random, n_positions)
    cache.append(rows[:, :, :-1])
    otherwise = "A full cache takes more tokens. It should raise a ValueError: the model has no positions for them."
    refuses(lambda: cache.append(rows[:, :, -2:]), of=(ValueError,), otherwise=otherwise)
    kept = "A cache that has refused tokens has another length than before: look whether they fit first."
    expect(cache.length == n_positions - 1, kept, expected=n_positions - 1, found=cache.length)
    cache.append(rows[:, :, -1:])  # the last that fits
    holds(cache, rows, "when it is full")
    refuses(lambda: cache.append(rows[:, :, -1:]), of=(ValueError,), otherwise=otherwise)


def test_two_texts(answer, random):
    """length 0 makes it empty again, and two caches share nothing"""
    cache, other = new_cache(answer, random), new_cache(answer, random)
    cache.append(rows_of(random, 5))
    expect(
        other.past() is None,
        "Two caches share their rows: what one text keeps turns up in another. Make them in __init__.",
    )
    cache.length = 0
    again = (
        "With length 0 the cache still gives a past, that of the text before. `length` says how many rows are filled."
    )
    expect(cache.past() is None, again)
    cache.append(rows_of(random, 2, seed=2))
    holds(cache, rows_of(random, 2, seed=2), "after a second, shorter text")


# ---------------------------------------------------------------- the block


def test_prompt_block(answer, random):
    """a prompt goes through a block as before, and its keys and values come too, [2, T, B, H, D]"""
    block = build(Block, random.config, weights=inside(random.weights, "h.0"))
    found, new = pair(on_max(answer.prompt_block, block, random["embeddings"]), "prompt_block", "the keys and values")
    close(found, random["h.0"], "B T C", sizes=random.sizes, what="What prompt_block makes of x")
    right = gpt2.keys_and_values(random.numpy.h[0], random["embeddings"])
    shapes = {"2 B T H D": "B and T are exchanged. A position comes before the texts of the batch."}
    suspects = [(right[::-1], "The keys and values of a prompt are exchanged: the keys come first.")]
    plain = np.split(random.numpy.h[0].attn.c_attn(random["embeddings"]), 3, axis=-1)[1:]
    raw = np.stack([part.reshape(*part.shape[:2], right.shape[-2], -1).swapaxes(0, 1) for part in plain])
    suspects.append((raw, "The keys and values are made of x itself. Attention makes them of ln_1(x)."))
    queries = np.split(random.numpy.h[0].attn.c_attn(random.numpy.h[0].ln_1(random["embeddings"])), 3, axis=-1)[:2]
    raw = np.stack([part.reshape(*part.shape[:2], right.shape[-2], -1).swapaxes(0, 1) for part in queries])
    suspects.append((raw, "Queries and keys are kept. Keys and values are what later tokens ask for."))
    what = "What prompt_block keeps"
    close(new, right, "2 T B H D", sizes=random.sizes, shapes=shapes, suspects=suspects, what=what)


def test_token_block(answer, random):
    """one more token gets what it gets in the whole text, and its key and value come too, [2, 1, B, H, D]"""
    model = random.numpy
    block = build(Block, random.config, weights=inside(random.weights, "h.0"))
    rows = gpt2.keys_and_values(model.h[0], random["embeddings"])
    formula = Part(gpt2.token_block, **model.h[0].keywords)
    P = 5
    x = random["embeddings"][:, P : P + 1]
    past_k, past_v = rows[:, :P].copy()
    past_k[:, 0] *= 1000  # large keys, of the first text alone
    found, new = pair(on_max(answer.token_block, block, x, past_k, past_v), "token_block", "its key and value")
    mine = partial(on_max, answer.token_block, block)
    right = np.concatenate([formula(x, past_k, past_v)[0][:1], random["h.0"][1:, P : P + 1]])
    large = "Where keys are large, e to the power of a score is infinite. F.softmax takes the largest of all scores off first."
    sizes, what = random.sizes | {"P": P}, "What token_block makes of x"
    found = has_shape(found, right.shape, "B 1 C", sizes=sizes, what=what)
    suspects = mistakes_in(formula, lambda formula: formula(x, past_k, past_v)[0][1:], mine)
    close(found[1:], right[1:], "B 1 C", suspects=suspects, what=what)
    close(found, right, "B 1 C", suspects=[(found, large)], what=what)
    suspects = mistakes_in(formula, lambda formula: formula(x, past_k, past_v)[1], mine)
    shapes = {
        "2 B 1 H D": "B and the position are exchanged. A position comes before the texts of the batch.",
        "2 P B H D": "those are the rows of the past. Only the token's own are new.",
    }
    right = rows[:, P : P + 1]
    close(new, right, "2 1 B H D", sizes=sizes, shapes=shapes, suspects=suspects, what="What token_block keeps")


# ---------------------------------------------------------------- the model


def model_of(model):
    """A GPT-2 with the weights of Hugging Face's `model`."""
    return build(GPT2LMHeadModel, model.config, weights=with_prefix(model.weights))


def decoded(answer, model, tokens, past):
    """The logits and the new rows that decode_step gives."""
    return pair(on_max(answer.decode_step, model, tokens, past), "decode_step", "the new keys and values")


@pytest.fixture(scope="module")
def two_layers(random_model):
    """A random model of two layers, B = 4, T = 5."""
    return random_model("epsilon")


@pytest.fixture(scope="module")
def model(answer, two_layers):
    """A GPT-2 with its weights, which comes from a step with others."""
    model = build(GPT2LMHeadModel, two_layers.config)
    first = two_layers["input_ids"][:1, :1]
    reload(model, with_prefix(two_layers.weights), lambda: decoded(answer, model, first, None))
    return model


@pytest.fixture(scope="module")
def prompt(answer, model, two_layers):
    """What decode_step gives for the first three tokens of the texts."""
    return decoded(answer, model, two_layers["input_ids"][:, :3], None)


def test_prompt(answer, model, prompt, two_layers):
    """a prompt at once: logits [B, V] of the token after it, and all its keys and values"""
    (logits, new), random = prompt, two_layers
    shapes = {
        "B T V": "all positions have logits. Only the last one's are asked for.",
        "B C": "those are vectors, not logits.",
    }
    first = "Those are the logits of the first position. The last one's are for the next token."
    ids, whole = random["input_ids"][:, :3], Part(gpt2.logits, transformer=random.numpy, wte=random.numpy.wte)
    mine = lambda ids: decoded(answer, model, ids, None)[0][:, np.newaxis]  # noqa: E731
    mistakes = mistakes_in(whole, lambda formula: formula(ids)[:, -1], mine)

    def stale(fits):
        anew, _ = decoded(answer, model_of(random), ids, None)
        return "" if fits(anew) else KEPT.format("decode_step")

    body = Part(gpt2.model, **random.numpy.keywords | {"ln_f": lambda x: x})
    no_norm = body(ids)[:, -1] @ random.weights["wte.weight"].T, "ln_f is missing: it comes before the logits."
    suspects = [(random["logits"][:, 0], first), no_norm, stale, mistakes]
    sizes, what = random.sizes | {"T": 3}, "decode_step's result"
    close(logits, random["logits"][:, 2], "B V", sizes=sizes, shapes=shapes, suspects=suspects, what=what)
    rows = gpt2.all_keys_and_values(random.numpy, ids)
    suspects = [(rows[::-1], "The blocks come in reverse order.")]
    close(new, rows, NEW, sizes=sizes, suspects=suspects, what="What decode_step keeps of a prompt")


def go_on(answer, model, random, new, positions):
    """Check the logits at some positions, token by token, each after the keys and values of all before it."""
    formula, ids = Part(gpt2.decode_step, **random.numpy.keywords), random["input_ids"]
    cache, rows = answer.KVCache(random.config, len(ids)), gpt2.all_keys_and_values(random.numpy, ids)
    for P in positions:
        cache.append(new)
        holds(cache, rows[:, :, :P], f"after {P} tokens")
        past = [tuple(numpy(one) for one in pair) for pair in cache.past()]
        tensors = cache.past()
        logits, new = decoded(answer, model, ids[:, P : P + 1], tensors)
        mine = lambda tokens, _: decoded(answer, model, tokens, tensors)[0]  # noqa: E731
        suspects = mistakes_in(formula, lambda formula: formula(ids[:, P : P + 1], past), mine)
        what = f"decode_step's result after {P} tokens"
        close(logits, random["logits"][:, P], "B V", sizes=random.sizes, suspects=suspects, what=what)
        right = random.config.n_layer, 2, 1, *past[0][0].shape[1:]
        has_shape(new, right, NEW, sizes=random.sizes, what="What decode_step keeps of a token")


def test_prompt_then_tokens(answer, model, prompt, two_layers):
    """a prompt at once and then a token: the logits are those of Hugging Face's whole text"""
    go_on(answer, model, two_layers, prompt[1], range(3, 4))


def test_every_position(answer, random_model):
    """token by token, from the first one on: the same logits, at every position that follows"""
    random = random_model("small")
    model = model_of(random)
    go_on(answer, model, random, decoded(answer, model, random["input_ids"][:, :1], None)[1], range(1, 4))


def test_tiny_gpt2(answer, tiny, expected):
    """the tiny GPT-2 gives Hugging Face's logits for token 128, the last that it can take; then the cache is full"""
    ids, cache = expected["full/input_ids"], answer.KVCache(tiny.config)
    body = gpt2.gpt2(tiny.weights, tiny.config.n_head, tiny.config.layer_norm_epsilon).transformer
    rows = gpt2.all_keys_and_values(body, ids)
    cache.append(rows[:, :, :-1])
    logits, new = decoded(answer, model_of(tiny), ids[:, -1:], cache.past())
    close(logits, expected["full/logits"][:, -1], "B V", what="decode_step's result after 127 tokens")
    close(new, rows[:, :, -1:], NEW, what="What decode_step keeps of a token")
    cache.append(new)
    otherwise = "A full cache takes more tokens. It should raise a ValueError: the model has no positions for them."
    refuses(lambda: cache.append(new), of=(ValueError,), otherwise=otherwise)
