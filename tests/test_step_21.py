"""What step 21 must do: `pad`, `places`, `past_mask`, `Caches`, and a block and a step for texts of different lengths.

No server is needed: each text must get what it gets alone, whoever else is in the batch.
"""

from functools import partial

import numpy as np
import pytest
from max.experimental.tensor import Tensor

from solutions.solution_12 import Block
from solutions.solution_14 import GPT2LMHeadModel
from tests.known import gpt2, mistakes_in
from tests.known.gpt2 import Part, inside, with_prefix
from tutor.grading import KEPT, build, close, equal, expect, has_shape, numpy, on_max, reload

NEW = "n_layer 2 T B H D"


@pytest.fixture(scope="module")
def random(random_model):
    """A random model of two layers, six heads, ten positions."""
    return random_model("epsilon")


def pair(found, what, first, second):
    """Check that something is a pair, and return it."""
    expect(found is not None, f"{what} gives None: is a `return` missing at the end?")
    two = isinstance(found, tuple | list) and len(found) == 2
    expect(two, f"{what} should give two things: {first} and {second}.", found=f"a {type(found).__name__}")
    return found


def whole_numbers(array, what):
    """Check that an array holds whole numbers, as IDs, positions and rows do."""
    expect(isinstance(array, np.ndarray), f"{what} should be a NumPy array.", found=f"a {type(array).__name__}")
    says = f"{what} should be whole numbers of 64 bits, np.int64: MAX looks up rows by them."
    expect(array.dtype == np.int64, says, expected="int64", found=str(array.dtype))


# ---------------------------------------------------------------- the batch


def test_pad(answer):
    """texts of different lengths become one array, and the padding is not counted"""
    for texts in ([[5, 6, 50256], [8], [9, 4]], [[3], [2], [1]], [[7, 8]]):
        given = [list(text) for text in texts]
        found = pair(answer.pad(given), "pad", "the tokens", "the counts")
        longer = "pad changes the texts, which belong to its caller: `+=`, append and extend work on the list itself."
        expect(given == texts, longer, expected=texts, found=given)
        names = ("B T", 0, "The array of tokens"), ("B", 1, "The array of counts")
        short = "The texts are cut to the length of the shortest one. Make room for the longest, and pad the others."
        expect(np.shape(found[0]) != (len(texts), 1) or max(map(len, texts)) == 1, short)
        for one, array, (axes, which, what) in zip(found, gpt2.pad(texts), names):
            suspects = mistakes_in(gpt2.pad, lambda formula: formula(texts)[which])
            close(one, array, axes, suspects=suspects, what=f"{what} that pad gives")
            whole_numbers(one, f"{what} that pad gives")
    texts = (3, 1), np.array([2]), range(3)
    try:
        found, _ = answer.pad(texts)
    except (TypeError, AttributeError, ValueError) as error:
        says = "pad works for lists alone. Any sequence of IDs is a text: a tuple, a range, an array of NumPy."
        expect(False, says, found=f"{type(error).__name__}: {error}")
    what = "The array of tokens that pad gives for a tuple, an array and a range"
    close(found, gpt2.pad([[*text] for text in texts])[0], "B T", what=what)


def test_places(answer):
    """each text has positions that go on from its own past, and a last token of its own"""
    for given in (np.array([3, 1, 2, 5]), np.array([2, 4, 3, 1])), (np.array([1, 1, 1]), np.array([5, 0, 7])):
        copies = [one.copy() for one in given]
        found = pair(answer.places(*copies), "places", "the positions", "the last rows")
        changed = "places changes the {}, which belong to its caller: `+=` and `-=` work on the array itself."
        for name, one, copy in zip(("counts", "lengths"), given, copies):
            expect(np.array_equal(one, copy), changed.format(name), expected=one.tolist(), found=copy.tolist())
        names = ("B T", 0, "The array of positions"), ("B", 1, "The array of last rows")
        for one, array, (axes, which, what) in zip(found, gpt2.places(*given), names):
            suspects = mistakes_in(gpt2.places, lambda formula: formula(*given)[which])
            close(one, array, axes, suspects=suspects, what=f"{what} that places gives")
            whole_numbers(one, f"{what} that places gives")


def test_past_mask(answer):
    """padding of the past is hidden from each text, and where nothing is past one place is left that nobody sees"""
    for lengths in np.array([2, 0, 5, 3]), np.array([0, 0]):
        mask = answer.past_mask(lengths.copy())
        empty = "Where no text has a past, the mask is empty. At least one place stays, and it is hidden."
        expect(lengths.any() or np.size(mask) > 0, empty)
        truth = "The mask says True or False. It is added to the scores: 0 where a text has a token, -inf where it has none."
        expect(getattr(mask, "dtype", None) != np.bool_, truth)
        suspects = mistakes_in(gpt2.past_mask, lambda formula: formula(lengths))
        shapes = {"B P": "a mask for scores [B, H, T, P] has one row for all heads and tokens of a text."}
        hidden = np.where(mask <= -1e9, -np.inf, mask) if isinstance(mask, np.ndarray) else mask  # which does as well
        close(hidden, gpt2.past_mask(lengths), "B 1 1 P", suspects=suspects, shapes=shapes, what="What past_mask gives")
        expect(isinstance(mask, np.ndarray), "The mask should be a NumPy array.", found=f"a {type(mask).__name__}")
        expect(mask.dtype == np.float32, "The mask should be float32, as the scores are.", found=str(mask.dtype))


# ---------------------------------------------------------------- the caches


def rows_of(config, T, B, seed=0):
    """Random keys and values of T tokens of B texts."""
    D = config.n_embd // config.n_head
    return np.random.default_rng(seed).standard_normal((config.n_layer, 2, T, B, config.n_head, D), np.float32)


def past_of(caches, requests, random, right, when):
    """Check what is kept of some requests: `right` has for each its rows, [n_layer, 2, P, H, D]."""
    config = random.config
    past, lengths = pair(caches.past(list(requests)), "`past`", "the keys and values", "the lengths")
    counts = [rows.shape[2] for rows in right]
    found = numpy(lengths)
    expect(np.shape(found) == (len(right),), f"`past` should give a length for each request {when}.", found=found)
    equal(np.asarray(found).tolist(), counts, what=f"The lengths that `past` gives {when}")
    whole_numbers(found, "The lengths that `past` gives")
    blocks = f"`past` should give a pair for each block {when}."
    turns = "`past` should give a list of pairs. What `yield`, `zip` or brackets without a list make is used up after one turn."
    expect(isinstance(past, list | tuple), turns, found=f"a {type(past).__name__}")
    expect(len(past) == config.n_layer, blocks, expected=f"{config.n_layer} pairs", found=f"{len(past)}")
    P, H, D = max([*counts, 1]), config.n_head, config.n_embd // config.n_head
    for layer, (keys, values) in enumerate(past):
        tensors = isinstance(keys, Tensor) and isinstance(values, Tensor)
        expect(tensors, "MAX wants tensors of what is past: Tensor.from_dlpack makes one of an array.")
        for which, (one, name) in enumerate(((keys, "keys"), (values, "values"))):
            what = f"What `past` gives as {name} of block {layer}, {when},"
            shapes = {"P B H D": "the texts come first: [B, H, P, D].", "B P H D": "H and P are exchanged."}
            array = has_shape(one, (len(right), H, P, D), "B H P D", shapes=shapes, sizes=random.sizes, what=what)
            kind = f"{what} should be float32, as the model computes: np.zeros makes float64 unless told."
            expect(array.dtype == np.float32, kind, found=str(array.dtype))
            wanted = np.zeros_like(array)
            for b, rows in enumerate(right):
                wanted[b, :, : rows.shape[2]] = rows[layer, which].swapaxes(0, 1)
            for b in range(len(right)):
                mine = array[b, :, : counts[b]]
                others = [wanted[c, :, : counts[b]] for c in range(len(right)) if c != b and counts[c] >= counts[b] > 0]
                read = f"A request is given the past of another one {when}: the rows stand in another order than the names."
                expect(not any(np.allclose(mine, other) for other in others), read)
            exchanged = np.zeros_like(array)
            for b, rows in enumerate(right):
                exchanged[b, :, : rows.shape[2]] = rows[layer, 1 - which].swapaxes(0, 1)
            suspects = [(exchanged, "Keys and values are exchanged in `past`: the keys come first.")]
            if wanted.any():
                turned = np.zeros_like(array)
                for b, rows in enumerate(right):
                    turned[b, :, P - rows.shape[2] :] = rows[layer, which].swapaxes(0, 1)
                suspects.append((turned, "The padding comes before the past. It belongs after it."))
            close(array, wanted, "B H P D", suspects=suspects, what=what)


def cut(rows, b, count):
    """The first rows of one text of a batch, [n_layer, 2, P, H, D]."""
    return rows[:, :, :count, b]


def test_new_requests(answer, random):
    """a request that is new has an empty past, of one place that nobody fills"""
    caches = answer.Caches(random.config)
    expect(hasattr(caches, "of"), "The caches have no `of`: `__init__` makes self.of, a dictionary.")
    nothing = rows_of(random.config, 0, 1)[:, :, :, 0]
    names = ["1", 1, (1, "a")]
    past_of(caches, names, random, [nothing] * 3, "when nothing is kept")
    each = "`of` should hold a cache for each request that was asked for, under its own name, which need not be a text."
    expect(set(caches.of) == {*names}, each, expected=f"{names}", found=f"{[*caches.of]}")
    other = answer.Caches(random.config)
    expect(len(other.of) == 0, "All Caches share their requests. Make `of` in __init__.")


def test_each_its_own(answer, random):
    """each request keeps its own rows, and none of padding, whoever takes part and in whatever order"""
    caches, first, second = (
        answer.Caches(random.config),
        rows_of(random.config, 4, 3),
        rows_of(random.config, 3, 2, seed=1),
    )
    caches.past(["a", "b", "c"])
    caches.append(["a", "b", "c"], first.copy(), np.array([2, 4, 1]))
    kept = {name: cut(first, b, count) for b, (name, count) in enumerate(zip("abc", (2, 4, 1)))}
    padded = "Padding is kept as if it were text. Of the T rows a request has only its own: counts says how many."
    expect(not all(cache.length == 4 for cache in caches.of.values()), padded)
    past_of(caches, "abc", random, [kept[name] for name in "abc"], "after three prompts")
    past_of(caches, "ca", random, [kept["c"], kept["a"]], "when two of three take part, in another order")
    caches.append(["c", "a"], second.copy(), np.array([3, 2]))
    expect(caches.of["b"].length == 4, "A request that takes no part in a step is given rows all the same.")
    for b, (name, count) in enumerate(zip("ca", (3, 2))):
        kept[name] = np.concatenate([kept[name], cut(second, b, count)], axis=2)
    past_of(caches, "bca", random, [kept[name] for name in "bca"], "after two of three went on")


def test_release(answer, random):
    """what has ended is forgotten, and its name begins anew"""
    caches, rows = answer.Caches(random.config), rows_of(random.config, 3, 2)
    caches.past(["a", "b"])
    caches.append(["a", "b"], rows.copy(), np.array([3, 2]))
    caches.release("a")
    gone = (
        "A request that was released is still there. It takes memory, and would take part again: take it out of `of`."
    )
    expect("a" not in caches.of, gone)
    expect("b" in caches.of, "To release one request takes others away too.")
    try:
        caches.release("a")
    except KeyError:
        expect(False, "To release a request that is not there is an error. A client may give up before its first step.")
    nothing = rows_of(random.config, 0, 1)[:, :, :, 0]
    past_of(caches, "ba", random, [cut(rows, 1, 2), nothing], "after one was released and came again")


# ---------------------------------------------------------------- the model


def test_batch_block(answer, random):
    """in a block each text looks at its own past, and its new tokens come out with their keys and values"""
    config, rng = random.config, np.random.default_rng(3)
    block = build(Block, config, weights=inside(random.weights, "h.0"))
    B, T, P, H, D = 3, 2, 4, config.n_head, config.n_embd // config.n_head
    x = rng.standard_normal((B, T, config.n_embd), np.float32)
    past_k, past_v = rng.standard_normal((2, B, H, P, D), np.float32)
    past_k[0] *= 1000  # large keys, of the first text alone
    given = x, past_k, past_v, gpt2.past_mask(np.array([4, 1, 0]))
    formula = Part(gpt2.batch_block, **random.numpy.h[0].keywords)
    found, new = pair(on_max(answer.batch_block, block, *given), "batch_block", "its result", "the keys and values")
    sizes = random.sizes | {"B": B, "T": T, "P": P}
    right, kept = formula(*given)
    mine = partial(on_max, answer.batch_block, block)
    large = (
        "Where keys are large, e to the power of a score is infinite. F.softmax takes the largest of a row off first."
    )
    what = "What batch_block makes of x"
    found = has_shape(found, right.shape, "B T C", sizes=sizes, what=what)
    suspects = mistakes_in(formula, lambda formula: formula(*given)[0][1:], mine)
    close(found[1:], right[1:], "B T C", suspects=suspects, what=what)
    close(found, right, "B T C", suspects=[(found, large)], what=what)
    shapes = {
        "2 B H T D": "bring the positions first: [2, T, B, H, D], as the cache keeps them.",
        "2 B T H D": "B and T are exchanged. A position comes before the texts of the batch.",
    }
    suspects = mistakes_in(formula, lambda formula: formula(*given)[1], mine)
    close(new, kept, "2 T B H D", sizes=sizes, suspects=suspects, shapes=shapes, what="What batch_block keeps")


def model_of(model):
    """A GPT-2 with the weights of Hugging Face's `model`."""
    return build(GPT2LMHeadModel, model.config, weights=with_prefix(model.weights))


def one_step(answer, model, caches, **texts):
    """What batch_step is given for the new tokens of some requests, by their names, and what it gives."""
    tokens, counts = answer.pad(list(texts.values()))
    past, lengths = caches.past([*texts])
    given = tokens, *answer.places(counts, lengths), answer.past_mask(lengths), past
    results = pair(on_max(answer.batch_step, model, *given), "batch_step", "the logits", "the new keys and values")
    caches.append([*texts], results[1], counts)
    return given, *results


class Serving:
    """Steps of some requests with the learner's pieces; what each gets is compared with what it gets alone."""

    def __init__(self, answer, random):
        self.answer, self.random = answer, random
        self.model, caches = build(GPT2LMHeadModel, random.config), answer.Caches(random.config)
        reload(self.model, with_prefix(random.weights), lambda: one_step(answer, self.model, caches, other=[8]))
        self.caches = answer.Caches(random.config)
        self.texts: dict[str, list[int]] = {}

    def step(self, **new):
        """Send new tokens of some requests, by their names."""
        answer, requests = self.answer, list(new)
        for name, tokens in new.items():
            self.texts[name] = self.texts.get(name, []) + tokens
        (*given, past), found, rows = one_step(answer, self.model, self.caches, **new)
        body, config = self.random.numpy, self.random.config
        arrays = [tuple(numpy(one) for one in two) for two in past]
        formula = Part(gpt2.batch_step, **body.keywords)

        def mine(*given, model=self.model):
            return on_max(answer.batch_step, model, *given[:4], past)[0]

        def stale(fits):
            anew = mine(*given, model=model_of(self.random))
            return "" if fits(anew) else KEPT.format("batch_step")

        suspects = [stale, mistakes_in(formula, lambda formula: formula(*given, arrays), mine)]
        alone = [body(np.array([self.texts[name]]))[0, -1] @ body.wte.weight.T for name in requests]
        sizes = self.random.sizes | {"B": len(requests), "T": given[0].shape[1]}
        what = f"What batch_step gives for texts of {', '.join(str(len(self.texts[name])) for name in requests)} tokens"
        shapes = {"B T V": "all positions have logits. Only each text's last one's are asked for."}
        close(found, np.stack(alone), "B V", sizes=sizes, suspects=suspects, shapes=shapes, what=what)
        shape = config.n_layer, 2, sizes["T"], len(requests), config.n_head, config.n_embd // config.n_head
        has_shape(rows, shape, NEW, sizes=sizes | {"n_layer": config.n_layer}, what="What batch_step keeps")


def test_as_alone(answer, random):
    """requests come, go on and end in one batch, and each gets the logits that it gets alone"""
    serving = Serving(answer, random)
    serving.step(a=[5, 17, 33], b=[8], c=[20, 2, 41, 60, 7])
    serving.step(c=[11], a=[3])
    serving.caches.release("c")
    serving.step(d=[1, 50])
    serving.step(a=[9], d=[30], b=[44])


def test_tiny_gpt2(answer, tiny, expected):
    """the tiny GPT-2 gives Hugging Face's logits for its last token, 128, beside a text that has just begun"""
    model, caches = model_of(tiny), answer.Caches(tiny.config)
    ids = expected["full/input_ids"][0].tolist()
    body = gpt2.gpt2(tiny.weights, tiny.config.n_head, tiny.config.layer_norm_epsilon).transformer
    caches.past(["long"])
    caches.append(["long"], gpt2.all_keys_and_values(body, np.array([ids[:-1]])), np.array([len(ids) - 1]))
    _, logits, _ = one_step(answer, model, caches, short=ids[:6], long=ids[-1:])
    right = expected["full/logits"][0][[5, -1]]
    close(logits, right, "B V", what="What batch_step gives for texts of 6 and 128 tokens")
