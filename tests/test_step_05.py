"""What step 05 must do: `Embedding`, the table of token embeddings."""

from functools import partial

import numpy as np
from max.experimental import functional as F

from solutions.solution_01 import GPT2Config
from tests.known import mistakes_in
from tests.known.gpt2 import Part, embedding, lookup
from tutor.grading import Wrong, build, close, expect, kept, load, on_max, refuse_gpt2_sizes, refuses, shapes_of, tensor

IDS = np.array([[2, 3, 5, 1], [0, 3, 3, 4]])  # B=2, T=4; a table of 6 rows and 3 columns is not square
TOY = GPT2Config(vocab_size=6, n_positions=4, n_embd=3, n_layer=1, n_head=1)


def with_table(answer, table):
    """The learner's Embedding of the small configuration, with this table."""
    model = build(answer.Embedding, TOY)
    advice = "Take both sizes from it: config.vocab_size and config.n_embd."
    refuse_gpt2_sizes(model, {50257, 768}, advice, {"wte.weight": table})
    load(model, {"wte.weight": table})
    return model


def test_shape_of_the_table(answer):
    """wte has a row for each of GPT-2's 50,257 tokens and 768 columns"""
    model = build(answer.Embedding, GPT2Config())
    expect(hasattr(model, "wte"), "Embedding has no attribute `wte`. In __init__, keep the layer as `self.wte`.")
    shapes = shapes_of(model)
    expect(
        "wte.weight" in shapes,
        "Embedding has no parameter `wte.weight`: `wte` should be MAX's embedding layer.",
        found=shapes,
    )
    expect(
        shapes["wte.weight"] != [768, 50257],
        "The table lies on its side: its rows are the tokens, its columns the n_embd numbers of each.",
    )
    expect(
        shapes == {"wte.weight": [50257, 768]},
        "The table has the wrong shape. It takes its sizes from the config: [vocab_size, n_embd].",
        expected={"wte.weight": [50257, 768]},
        found=shapes,
    )


def test_lookup(answer, toy):
    """a token ID gives the row with that number: ID 3 the fourth row"""
    model = with_table(answer, toy["123"])
    mine, formula = partial(on_max, model), Part(embedding, wte=Part(lookup, weight=toy["123"]))
    mistakes = mistakes_in(formula, lambda embedding: embedding(IDS), mine)
    close(mine(IDS), toy["123"][IDS], "B T C", suspects=mistakes, what="The embedding", sizes={"V": 6})
    load(model, {"wte.weight": toy["124"]})
    stale = kept(lambda: with_table(answer, toy["124"]), IDS)
    close(on_max(model, IDS), toy["124"][IDS], "B T C", suspects=stale, what="The embedding by another table")


def test_full_size(answer):
    """in the full-size table, ID 1000 gives row 1000"""
    table = np.zeros((50257, 768), np.float32)  # pages of zeros cost nothing until they are written
    table[1000], table[50256] = np.arange(768), -1.0
    model = build(answer.Embedding, GPT2Config(), weights={"wte.weight": table})
    ids = np.array([[1000, 999, 50256]])
    close(on_max(model, ids), table[ids], "B T C", what="The embedding")


def test_refuses_floats(answer, toy):
    """IDs that are not whole numbers are an error"""
    model = with_table(answer, toy["123"])
    refuses(
        model,
        IDS.astype(np.float32) + 0.5,
        on=on_max,
        otherwise="IDs of a float type give embeddings, where an error belongs: token 2.5 does not exist.",
    )
    try:
        with F.lazy():
            model(tensor(IDS.astype(np.int32)))
    except Exception as error:
        sentence = "IDs of type int32 are refused. They are whole numbers too: refuse what dtype.is_integral() denies."
        raise Wrong(sentence, found=f"{type(error).__name__}: {error}".splitlines()[0]) from error
