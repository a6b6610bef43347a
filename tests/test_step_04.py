"""What step 04 must do: `LookupTable`, an embedding in NumPy, by lookup and by one-hot product."""

import time

import numpy as np
import pytest
from tutor.checks import Answer, close, expect, refuses

IDS = np.array([2, 3, 5, 1])
BATCH = np.array([[2, 3, 5, 1], [0, 0, 4, 2]])


def call(way, ids, columns):
    """Call `lookup`, `one_hot` or `multiply` with IDs that all have a row in a table of so many columns."""
    Answer.look_at(way)
    try:
        return way(ids)
    except IndexError as error:
        by_column = f"with size {columns}" in str(error)
        column = f"The IDs are taken to number the table's {columns} columns. They number its rows, one for each token."
        row = f"The IDs 0 to 5 have a row each, but {way.__name__} refuses some of {ids.tolist()}."
        expect(False, column if by_column else row, found=str(error))


def test_keeps_the_table(step, toy):
    """weight is the table"""
    table = step.LookupTable(toy["123"])
    expect(
        hasattr(table, "weight"), "LookupTable has no attribute `weight`. In __init__, keep the table as self.weight."
    )
    close(table.weight, toy["123"], "V C", what="weight")


@pytest.mark.parametrize("seed", ["123", "124"])
def test_lookup(step, toy, seed):
    """lookup gives the rows of IDs 2, 3, 5 and 1: ID 3 is the fourth row"""
    table = toy[seed]
    suspects = [
        (table[IDS - 1], "Each ID gives the row before its own: numbering starts at 0, so ID 3 is the fourth row."),
        (table[(IDS + 1) % 6], "Each ID gives the row after its own: numbering starts at 0."),
        (table[np.sort(IDS)], "The rows come in the order of the table. They should come in the order of the IDs."),
    ]
    shapes = {axes: "a column was picked for each ID, not a row." for axes in ("C T", "V T")}
    found = call(step.LookupTable(table).lookup, IDS, 3)
    close(found, table[IDS], "T C", suspects=suspects, shapes=shapes, sizes={"V": 6}, what="The result of lookup")


def test_lookup_square(step):
    """lookup picks rows of a square table too, where columns would fit"""
    table = np.arange(36.0).reshape(6, 6)
    columns = "The columns of the IDs are picked, not their rows."
    found = np.asarray(call(step.LookupTable(table).lookup, IDS, 6))
    expect(found.shape != (6, 4) or (found != table[:, IDS]).any(), columns)
    close(found, table[IDS], "T C", suspects=[(table[:, IDS].T, columns)], what="The result of lookup")


def test_lookup_of_batches(step, toy):
    """IDs of shape [B, T] give rows of shape [B, T, C]"""
    found = call(step.LookupTable(toy["123"]).lookup, BATCH, 3)
    shapes = {"8 C": "the IDs were flattened. `weight[ids]` takes IDs of any shape."}
    close(found, toy["123"][BATCH], "B T C", shapes=shapes, what="The result of lookup")


def test_one_hot(step, toy):
    """one_hot gives vectors with a single 1, at the place of the ID"""
    table = step.LookupTable(toy["123"])
    right = np.eye(6)[IDS]
    suspects = [
        (np.eye(6)[IDS - 1], "The 1 stands one place too early: numbering starts at 0."),
        (np.eye(6)[(IDS + 1) % 6], "The 1 stands one place too late: numbering starts at 0."),
        (np.eye(7)[IDS + 1, :6], "The 1 stands one place too late: numbering starts at 0."),
        (np.tile(right.max(0), (4, 1)), "Each vector has a 1 for every ID. It should have one, for its own."),
        (1 - right, "Zeros and ones are exchanged."),
        (right * IDS[:, np.newaxis], "The ID itself stands in the vector. It should be a 1, at the place of the ID."),
    ]
    shapes = {
        "V T": "the vectors stand in columns: each ID should give a row.",
        "T C": "a vector should have a place for each token.",
    }
    found = call(table.one_hot, IDS, 3)
    close(found, right, "T V", suspects=suspects, shapes=shapes, sizes={"C": 3}, what="The result of one_hot")
    kind = np.asarray(found).dtype
    expect(kind == np.float32, f"one_hot gives {kind}. It should be the type of the table: weight.dtype, here float32.")
    close(call(table.one_hot, BATCH, 3), np.eye(6)[BATCH], "B T V", what="The result of one_hot for [B, T] IDs")


def test_multiply(step, toy):
    """multiply, one-hot vectors times the table, gives what lookup gives"""
    table = toy["124"]
    suspects = [(table[IDS - 1], "Each ID gives the row before its own: numbering starts at 0.")]
    shapes = {"T V C": "the products are not added up. `@` multiplies and adds, `*` only multiplies."}
    found = call(step.LookupTable(table).multiply, IDS, 3)
    close(found, table[IDS], "T C", suspects=suspects, shapes=shapes, sizes={"V": 6}, what="The result of multiply")
    close(
        call(step.LookupTable(table).multiply, BATCH, 3),
        table[BATCH],
        "B T C",
        what="The result of multiply for [B, T] IDs",
    )
    table = np.where(np.arange(6)[:, np.newaxis] == 4, np.nan, table)  # no ID names row 4, but 0 × nan is nan
    expect(
        np.isnan(call(step.LookupTable(table).multiply, IDS, 3)).all(),
        "multiply picks rows, as lookup does. Here it should multiply the one-hot vectors with the whole table.",
    )


def test_lookup_is_faster(step, record_property):
    """100 tokens of a table of 5,000: lookup and product give the same, and are timed"""
    rows = np.random.default_rng(0).standard_normal((5000, 64), np.float32)
    table, ids = step.LookupTable(rows), np.arange(0, 5000, 50)
    close(call(table.multiply, ids, 64), rows[ids], "T C", what="The product of 100 tokens")
    seconds = {}
    for way in (table.lookup, table.multiply):
        runs = []
        for _ in range(5):
            start = time.perf_counter()
            way(ids)
            runs.append(time.perf_counter() - start)
        seconds[way.__name__] = min(runs)
    record_property(
        "note", f"the product took {seconds['multiply'] / seconds['lookup']:,.0f} times as long as the lookup"
    )


@pytest.mark.parametrize("way", ["lookup", "one_hot", "multiply"])
@pytest.mark.parametrize("bad", [6, -1, 2.0], ids=["6", "-1", "2.0"])
def test_refuses_unknown_ids(step, toy, way, bad):
    """an ID without a row is an IndexError"""
    why = {
        6: "the rows go from 0 to 5",
        -1: "NumPy counts from the end, and no token has a negative ID",
        2.0: "an ID is a whole number",
    }
    table = step.LookupTable(toy["123"])
    otherwise = f"{way} takes the ID {bad}, which has no row: {why[bad]}."
    refuses(getattr(table, way), np.array([1, bad]), of=(IndexError,), otherwise=otherwise)
