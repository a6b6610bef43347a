"""What step 04 must do: `LookupTable`, an embedding in NumPy, by lookup and by one-hot product."""

import time

import numpy as np
import pytest
from tutor.checks import close, refuses

IDS = np.array([2, 3, 5, 1])


def test_keeps_the_table(step, toy):
    """weight is the table"""
    close(step.LookupTable(toy["123"]).weight, toy["123"], "V C", what="weight")


@pytest.mark.parametrize("seed", ["123", "124"])
def test_lookup(step, toy, seed):
    """lookup gives the rows of IDs 2, 3, 5 and 1: ID 3 is the fourth row"""
    table = toy[seed]

    def suspects():
        yield table[IDS - 1], "Each ID gives the row before its own: numbering starts at 0, so ID 3 is the fourth row."
        yield table[np.minimum(IDS + 1, 5)], "Each ID gives the row after its own: numbering starts at 0."

    shapes = {"C 4": "a column was picked for each ID, not a row.", "V 4": "a column was picked for each ID, not a row."}
    close(step.LookupTable(table).lookup(IDS), table[IDS], "4 C", suspects=suspects, shapes=shapes, sizes={"V": 6}, what="lookup")


def test_lookup_square(step):
    """lookup picks rows of a square table too, where columns would fit"""
    table = np.arange(36.0).reshape(6, 6)
    suspects = [(table[:, IDS].T, "The columns of the IDs are picked, not their rows.")]
    close(step.LookupTable(table).lookup(IDS), table[IDS], "IDs C", suspects=suspects, what="lookup")


def test_lookup_of_batches(step, toy):
    """IDs of shape [B, T] give rows of shape [B, T, C]"""
    ids = np.array([[2, 3, 5, 1], [0, 0, 4, 2]])
    close(step.LookupTable(toy["123"]).lookup(ids), toy["123"][ids], "B T C", what="lookup")


def test_one_hot(step, toy):
    """one_hot gives vectors with a single 1, at the place of the ID"""
    right = np.eye(6)[IDS]
    shapes = {"V 4": "the vectors stand in columns: each ID should give a row."}
    close(step.LookupTable(toy["123"]).one_hot(IDS), right, "4 V", shapes=shapes, what="one_hot")
    ids = np.array([[2, 3, 5, 1], [0, 0, 4, 2]])
    close(step.LookupTable(toy["123"]).one_hot(ids), np.eye(6)[ids], "B T V", what="one_hot of [B, T] IDs")


def test_multiply(step, toy):
    """multiply, one-hot vectors times the table, gives what lookup gives"""
    table = toy["124"]
    suspects = [(np.eye(6)[IDS - 1] @ table, "Each ID gives the row before its own: numbering starts at 0.")]
    close(step.LookupTable(table).multiply(IDS), table[IDS], "4 C", suspects=suspects, sizes={"V": 6}, what="multiply")


def test_lookup_is_faster(step, record_property):
    """a lookup and a product, timed on 5,000 tokens of 64 numbers"""
    table = step.LookupTable(np.ones((5000, 64), np.float32))
    ids = np.arange(0, 5000, 50)
    seconds = {}
    for way in (table.lookup, table.multiply):
        runs = []
        for _ in range(5):
            start = time.perf_counter()
            way(ids)
            runs.append(time.perf_counter() - start)
        seconds[way.__name__] = min(runs)
    record_property("note", f"the product took {seconds['multiply'] / seconds['lookup']:,.0f} times as long as the lookup")


@pytest.mark.parametrize("way", ["lookup", "one_hot", "multiply"])
@pytest.mark.parametrize("bad", [6, -1, 2.0], ids=["6", "-1", "2.0"])
def test_refuses_unknown_ids(step, toy, way, bad):
    """an ID without a row is an IndexError"""
    why = {6: "the rows go from 0 to 5", -1: "NumPy counts from the end, and no token has a negative ID", 2.0: "an ID is a whole number"}
    table = step.LookupTable(toy["123"])
    otherwise = f"{way} takes the ID {bad}, which has no row: {why[bad]}."
    refuses(getattr(table, way), np.array([1, bad]), of=(IndexError,), otherwise=otherwise)
