"""What step 06 must do: `GPT2Model`, first half: token embeddings plus position embeddings."""

from functools import partial

import numpy as np

from solutions.solution_01 import GPT2Config
from tests.known import gpt2, mistakes_in
from tests.known.gpt2 import Part
from tutor.grading import Wrong, build, close, expect, kept, load, look_at, on_max, refuse_gpt2_sizes, reload, shapes_of

CONFIG = GPT2Config(vocab_size=13, n_positions=10, n_embd=6, n_layer=1, n_head=2)
IDS = np.array([[4, 6, 1, 0, 3], [5, 1, 6, 6, 2]])  # B=2, T=5; small enough to be looked up in either table
RANDOM = np.random.default_rng(6)
WEIGHTS = {
    "wte.weight": RANDOM.standard_normal((13, 6), np.float32),
    "wpe.weight": RANDOM.standard_normal((10, 6), np.float32),
}
TABLES = {name[:3]: Part(gpt2.lookup, weight=weight) for name, weight in WEIGHTS.items()}


def embed(model):
    """What the model gives for IDS. If it fails there, a text of another length may show why."""
    try:
        return on_max(model, IDS)
    except NotImplementedError:
        raise
    except Exception:
        B, (wte, wpe) = len(IDS), WEIGHTS.values()
        for T, rows, sentence in (
            (
                B,
                wpe[:B],
                "It works for 2 texts of 2 tokens, not for 2 of 5: do the positions count the texts? T is tokens.shape[1].",
            ),
            (
                CONFIG.n_positions,
                wpe,
                "It works for n_positions tokens, not for 5: look up as many positions as there are tokens.",
            ),
            (
                B,
                wpe[0],
                "There is a position too few: T - 1 of them. Tensor.arange(T) ends at T - 1 by itself, and so has T numbers.",
            ),
        ):
            ids = np.resize(IDS, (B, T))
            try:
                found, result = on_max(model, ids), wte[ids] + rows
                matches = found.shape == result.shape and np.allclose(found, result, 1e-4, 1e-5)
            except Exception:
                continue
            expect(not matches, sentence)
        raise


def with_weights(answer):
    """The learner's GPT2Model of the small configuration, with its random weights."""
    model = build(answer.GPT2Model, CONFIG)
    advice = "Take the sizes from it: config.vocab_size, config.n_positions and config.n_embd."
    refuse_gpt2_sizes(model, {50257, 1024, 768}, advice, WEIGHTS)
    load(model, WEIGHTS)
    return model


def absent(model, name, names):
    """What to say where the parameter `name` is not among the `names` that the model has."""
    attribute = name[:3]
    if inner := [other for other in names if other.startswith(f"{attribute}.")]:
        return (
            f"GPT2Model has no parameter `{name}`: yours is called `{inner[0]}`, as self.{attribute} is not the table but a "
            f"layer that holds it. Make self.{attribute} MAX's embedding layer itself, nn.Embedding."
        )
    if attribute in names:
        return (
            f"GPT2Model has no parameter `{name}`: self.{attribute} is a tensor. Make it MAX's embedding layer, nn.Embedding, "
            "whose table is called `weight`."
        )
    if hasattr(model, attribute):
        kind = type(getattr(model, attribute)).__name__
        return f"GPT2Model has no parameter `{name}`: self.{attribute} is of type {kind}, not MAX's embedding layer."
    return f"GPT2Model has no parameter `{name}`. In __init__, make self.{attribute}."


def test_shapes_of_the_tables(answer):
    """wte is [vocab_size, n_embd], wpe is [n_positions, n_embd]"""
    model = build(answer.GPT2Model, GPT2Config())
    look_at(type(model).__init__)
    shapes = shapes_of(model)
    right = {"wte.weight": [50257, 768], "wpe.weight": [1024, 768]}
    expect(
        shapes != {"wte.weight": right["wpe.weight"], "wpe.weight": right["wte.weight"]},
        "wte and wpe are swapped: t is for tokens, p for positions.",
    )
    for name in right:
        if name not in shapes:
            raise Wrong(absent(model, name, list(shapes)), expected=name, found=", ".join(shapes))
        expect(shapes[name] == right[name], f"`{name}` has the wrong shape.", expected=right[name], found=shapes[name])
    extra = [name for name in shapes if name not in right]
    expect(
        not extra,
        "GPT2Model should have the parameters of wte and wpe alone. It also has "
        f"{' and '.join(f'`{name}`' for name in extra)}: each tensor or layer that is kept as an attribute becomes a "
        "parameter. Make the positions in forward.",
    )


def test_sum(answer):
    """the output is the token's embedding plus its position's"""
    model = with_weights(answer)
    right = WEIGHTS["wte.weight"][IDS] + WEIGHTS["wpe.weight"][: IDS.shape[1]]
    sizes = {"n_positions": 10, "V": 13, "2C": 12}
    shapes = {
        "T C": "is anything looked up for the tokens? Their embeddings have B.",
        "B T 2C": "the two embeddings stand side by side. GPT-2 adds them.",
    }
    mistakes = mistakes_in(Part(gpt2.embed, **TABLES), lambda embed: embed(IDS), partial(on_max, model))
    close(embed(model), right, "B T C", suspects=mistakes, sizes=sizes, shapes=shapes, what="The input embedding")


def test_word_order(answer):
    """ "dog bites man" and "man bites dog" differ"""
    model = with_weights(answer)
    dog_bites_man, man_bites_dog = on_max(model, np.array([[3, 5, 8], [8, 5, 3]]))
    expect(
        not np.allclose(dog_bites_man[0], man_bites_dog[2]),
        "A token gets the same vector at the first place as at the last: the order of words is lost.",
    )


def test_every_length(answer):
    """one token works, and so do n_positions of them"""
    model = with_weights(answer)
    for T in (1, CONFIG.n_positions):
        ids = np.arange(3 * T).reshape(3, T) % CONFIG.vocab_size
        right = WEIGHTS["wte.weight"][ids] + WEIGHTS["wpe.weight"][:T]
        close(on_max(model, ids), right, "B T C", what=f"The input embedding of {T} token{'s' * (T > 1)}")


def test_hugging_face(answer, expected, tiny):
    """the tiny GPT-2's input embeddings equal Hugging Face's"""
    weights, ids = {name: tiny.weights[name] for name in WEIGHTS}, expected["batch/input_ids"]
    model = build(answer.GPT2Model, tiny.config)
    reload(model, weights, lambda: on_max(model, ids))
    stale = kept(lambda: build(answer.GPT2Model, tiny.config, weights=weights), ids)
    close(on_max(model, ids), expected["batch/embeddings"], "B T C", suspects=stale, what="The input embedding")
