"""What step 04 must do: `LookupTable`, an embedding in NumPy, by lookup and by one-hot product."""

import time

import numpy as np
import pytest

from tests.known import gpt2, mistakes_in
from tests.reference.randoms import ids_of_every_shape
from tutor.grading import close, expect, look_at, refused, refuses

IDS = np.array([2, 3, 5, 1])
BATCH = np.array([[2, 3, 5, 1], [0, 0, 4, 2]])


def make(answer, weight):
    """A LookupTable of its own copy of `weight`, so that a step that changes it does not change what is expected."""
    try:
        return answer.LookupTable(weight.copy())
    except TypeError as error:
        unnamed = "LookupTable has no `__init__` that could take the table: is it misspelled?"
        expect("takes no arguments" not in str(error), f"{unnamed} The name has two underscores on both sides.")
        raise


def call(way, ids, columns):
    """Call `lookup`, `one_hot` or `multiply` with IDs that all have a row in a table of so many columns."""
    look_at(way)
    name, last, given = way.__name__, max(ids.ravel().tolist(), default=-1), ids.copy()
    refusal = f"{name} refuses {ids.tolist()}, but all of these IDs have a row."
    if ids.dtype != np.int64:
        refusal += f" They are of type {ids.dtype}, whole numbers too, and of shape {list(ids.shape)}."
    try:
        found = way(ids)
    except IndexError as error:
        refused(error, refusal)
        by_column = f"with size {columns}" in str(error)
        column = f"The IDs are taken to number the table's {columns} columns. They number its rows, one for each token."
        expect(not by_column or columns > last, column, found=str(error))
        shifted = f"{name} takes the row after each ID's own: ID {last} has row {last}, since numbering starts at 0."
        expect(f"index {last + 1} is out of bounds" not in str(error), shifted, found=str(error))
        one_axis = "IDs may have any shape, here [B, T]. len(ids) counts their first axis only: it is B."
        expect(ids.ndim < 2 or "could not be broadcast" not in str(error), one_axis, found=str(error))
        raise
    except (TypeError, ValueError) as error:
        expect(
            ids.ndim == 1 and ids.size,
            f"{name} works for IDs [T]. They may have any shape, here {list(ids.shape)}.",
            found=str(error),
        )
        raise
    expect(np.array_equal(ids, given), f"{name} changes the IDs, which belong to its caller. It should only read them.")
    expect(not isinstance(found, list), f"{name} gives a list. It should give an array of NumPy.")
    return found


def same_type(found, weight, what):
    """Check that rows of a table were not given in a type that holds less."""
    kind = np.asarray(found).dtype
    less = kind != weight.dtype and kind.kind in "biuf" and not np.can_cast(weight.dtype, kind)
    expect(
        not less, f"{what} holds numbers of type {kind}, and the table {weight.dtype}: digits are lost. Keep the type."
    )


def test_keeps_the_table(answer, toy):
    """weight is the table"""
    table = make(answer, toy["123"])
    look_at(type(table).__init__)
    expect(
        hasattr(table, "weight"), "LookupTable has no attribute `weight`. In __init__, keep the table as self.weight."
    )
    same_type(table.weight, toy["123"], "weight")
    close(table.weight, toy["123"], "V C", what="weight")


@pytest.mark.parametrize("seed", ["123", "124"])
def test_lookup(answer, toy, seed):
    """lookup gives the rows of IDs 2, 3, 5 and 1: ID 3 is the fourth row"""
    table = toy[seed]
    shapes = dict.fromkeys(("C T", "V T"), "a column was picked for each ID, not a row.")
    lookup_table = make(answer, table)
    mine = lambda ids, _: lookup_table.lookup(ids)  # noqa: E731
    suspects = mistakes_in(gpt2.lookup, lambda lookup: lookup(IDS, table), mine)
    before = np.array(lookup_table.weight)
    found = call(lookup_table.lookup, IDS, 3)
    expect(
        np.array_equal(lookup_table.weight, before), "lookup changes the table, self.weight. It should only read it."
    )
    same_type(found, table, "The result of lookup")
    close(found, table[IDS], "T C", suspects=suspects, shapes=shapes, sizes={"V": 6}, what="The result of lookup")


def test_lookup_square(answer):
    """lookup picks rows of a square table too, where columns would fit"""
    table = np.arange(36.0).reshape(6, 6)
    columns = "The columns of the IDs are picked, not their rows."
    found = np.asarray(call(make(answer, table).lookup, IDS, 6))
    expect(found.shape != (6, 4) or (found != table[:, IDS]).any(), columns)
    same_type(found, table, "The result of lookup")
    close(found, table[IDS], "T C", suspects=[(table[:, IDS].T, columns)], what="The result of lookup")


def test_lookup_of_batches(answer, toy):
    """IDs of shape [B, T] give rows of shape [B, T, C]"""
    lookup_table = make(answer, toy["123"])
    found = call(lookup_table.lookup, BATCH, 3)
    shapes = {"8 C": "the IDs were flattened. `weight[ids]` takes IDs of any shape."}
    mine = lambda ids, _: lookup_table.lookup(ids)  # noqa: E731
    suspects = mistakes_in(gpt2.lookup, lambda lookup: lookup(BATCH, toy["123"]), mine)
    close(found, toy["123"][BATCH], "B T C", suspects=suspects, shapes=shapes, what="The result of lookup")


def test_one_hot(answer, toy):
    """one_hot gives vectors with a single 1, at the place of the ID"""
    table = make(answer, toy["123"])
    right = np.eye(6)[IDS]
    mine = lambda ids, _: table.one_hot(ids)  # noqa: E731
    suspects = mistakes_in(gpt2.one_hot, lambda one_hot: one_hot(IDS, toy["123"]), mine)
    shapes = {
        "V T": "the vectors stand in columns. Each ID should give a row.",
        "T C": "a vector should have a place for each token.",
    }
    found = call(table.one_hot, IDS, 3)
    close(found, right, "T V", suspects=suspects, shapes=shapes, sizes={"C": 3}, what="The result of one_hot")
    kind = np.asarray(found).dtype
    expect(kind == np.float32, f"one_hot gives {kind}. It should be the type of the table: weight.dtype, here float32.")
    found = call(table.one_hot, BATCH, 3)
    shapes = dict.fromkeys(("B V", "B B V"), "len(ids) counts the first axis only, and IDs may have any shape.")
    close(found, np.eye(6)[BATCH], "B T V", shapes=shapes, what="The result of one_hot for [B, T] IDs")


def test_multiply(answer, toy):
    """multiply, one-hot vectors times the table, gives what lookup gives"""
    table = toy["124"]
    mine = lambda ids, table: make(answer, table).multiply(ids)  # noqa: E731
    suspects = mistakes_in(gpt2.multiply, lambda multiply: multiply(IDS, table), mine)
    shapes = {"T V C": "the products are not added up. `@` multiplies and adds, `*` only multiplies."}
    found = call(make(answer, table).multiply, IDS, 3)
    same_type(found, table, "The result of multiply")
    close(found, table[IDS], "T C", suspects=suspects, shapes=shapes, sizes={"V": 6}, what="The result of multiply")
    close(
        call(make(answer, table).multiply, BATCH, 3),
        table[BATCH],
        "B T C",
        what="The result of multiply for [B, T] IDs",
    )
    table = np.where(np.arange(6)[:, np.newaxis] == 4, np.nan, table)  # no ID names row 4, but 0 × nan is nan
    expect(
        np.isnan(call(make(answer, table).multiply, IDS, 3)).all(),
        "multiply picks rows, as lookup does. Here it should multiply the one-hot vectors with the whole table.",
    )


@pytest.mark.parametrize("way", ["lookup", "one_hot", "multiply"])
def test_any_shape(answer, toy, way):
    """IDs of any shape and whole type will do: one without an axis, none, three axes"""
    table = toy["123"].astype(np.float64)
    made = make(answer, table)
    for ids in ids_of_every_shape(6):
        right = (np.eye(6) if way == "one_hot" else table)[ids]
        what = f"The result of {way} for an array of {ids.dtype} of shape {list(ids.shape)}"
        found = call(getattr(made, way), ids, 3)
        close(found, right, what=what)
        same_type(found, table, what)


def test_lookup_is_faster(answer, record_property):
    """100 tokens of a table of 5,000: lookup and product give the same, and are timed"""
    rows = np.random.default_rng(0).standard_normal((5000, 64), np.float32)
    table, ids = make(answer, rows), np.arange(0, 5000, 50)
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


WITHOUT_ROW = [(way, bad) for bad in (6, -1, 2.0, True) for way in ("lookup", "one_hot", "multiply")]


@pytest.mark.parametrize(("way", "bad"), WITHOUT_ROW, ids=[f"{way} of {bad}" for way, bad in WITHOUT_ROW])
def test_refuses_unknown_ids(answer, toy, way, bad):
    """an ID without a row is an IndexError"""
    why = {
        6: "the rows go from 0 to 5",
        -1: "NumPy counts from the end, and no token has a negative ID",
        2.0: "an ID is a whole number",
        True: "True and False say which rows to keep, and number none",
    }
    method = getattr(make(answer, toy["123"]), way)
    look_at(method)
    otherwise = f"{way} takes the ID {bad}, which has no row: {why[bad]}."
    ids = np.array([type(bad)(1), bad])
    refuses(method, ids, of=(IndexError,), otherwise=otherwise)
