"""What step 22 must do: pair words with neighbours, and move their rows until they predict them.

The expected losses, gradients and tables are those of PyTorch's autograd and SGD: see tests/reference/README.md.
"""

import numpy as np
import pytest

from solutions import solution_22
from solutions.solution_16 import analogy, cosine_similarity
from tests.known import mistakes_in
from tutor.checkpoint import REFERENCE
from tutor.grading import Wrong, close, equal, expect, has_shape
from tutor.training import first_tables, read_text

GIVEN = dict(np.load(REFERENCE / "skip_gram.npz"))
WTE, HEAD, IDS, NEIGHBOURS = (GIVEN[name] for name in ("wte", "head", "ids", "neighbours"))
STEP = 0.3
"""The rate of a single update, whose square and root are other numbers than its half and its double."""
ROWS, RATE, N, V = WTE[IDS], float(GIVEN["rate"]), len(IDS), len(WTE)
SEEN = np.isin(np.arange(V), IDS)
SIZES = {"T": 12, "V": V, "C": WTE.shape[1], "N": N}


def call(function, *args, gives):
    """Call one of the step's functions with its own copies of the arrays, check that it leaves them and gives two."""
    copies = [np.array(arg) if isinstance(arg, np.ndarray) else arg for arg in args]
    with np.errstate(all="ignore"):
        found = function(*copies)
    what, names = function.__name__, function.__code__.co_varnames if hasattr(function, "__code__") else ()
    for name, copy, arg in zip(names, copies, args):
        advice = f"Work on a copy: {name}.copy()." if name == "chances" else "It should only read it."
        expect(np.array_equal(copy, arg), f"{what} changes `{name}`, which belongs to its caller. {advice}")
    expect(found is not None, f"{what} gives None: is a `return` missing at the end?")
    several = isinstance(found, tuple | list)
    kind = f"a {type(found).__name__}" + (f" of {len(found)}" if several else "")
    expect(several and len(found) == 2, f"{what} should give two things: {gives}.", found=kind)
    return found


@pytest.mark.parametrize("window", [1, 2, 3, 20])
def test_skip_grams(answer, window):
    """skip_grams pairs each word with all that stand at most `window` places before or after it"""
    text = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]) * 10_000  # too large for 16 bits
    found = call(answer.skip_grams, text, window, gives="ids and neighbours")
    ids, neighbours = (np.asarray(side) for side in found)
    flat = ids.ndim == neighbours.ndim == 1 and len(ids) == len(neighbours)
    both = "ids and neighbours should be two flat arrays of the same length, [N]: a pair at each place."
    expect(flat, both, found=f"shapes {list(ids.shape)} and {list(neighbours.shape)}")
    small = f"ids and neighbours of type {ids.dtype} have no room for all of the tokens. Leave them in the type that they come in."
    expect(ids.dtype.itemsize > 2, small)
    whole, types = ids.dtype.kind in "iu" and neighbours.dtype.kind in "iu", f"{ids.dtype}, {neighbours.dtype}"
    expect(whole, "ids and neighbours should hold whole numbers, the IDs of words.", found=types)
    places = range(len(text))
    near = [(here, there) for here in places for there in places if 0 < abs(here - there) <= window]
    right = sorted((int(text[here]), int(text[there])) for here, there in near)

    def pairs_in(found):
        return sorted(zip(*(side.tolist() for side in found)))

    suspects = mistakes_in(solution_22.skip_grams, lambda skip_grams: pairs_in(skip_grams(text, window)))
    what = f"The sorted list of pairs for a window of {window}"
    equal(pairs_in((ids, neighbours)), right, suspects=suspects, what=what)


def run_forward(answer, rows, head):
    """What `forward` gives for the pairs: the loss and the chances."""
    found = call(answer.forward, rows, head, NEIGHBOURS, gives="the loss and the chances")
    swapped = np.ndim(found[0]) == 2 and np.ndim(found[1]) == 0
    expect(not swapped, "forward gives the chances first. The loss comes first, then the chances.")
    return found


def test_chances(answer):
    """forward gives the chance of every word to be the neighbour: a softmax of rows @ head.T"""
    shapes = {
        "V N": "the words stand in columns. Each pair has a row: rows @ head.T.",
        "N": "those are the chances of the right neighbours alone. All words have one.",
        "N N": "the chances are picked for all neighbours in each row. Give those of all words.",
    }
    suspects = mistakes_in(solution_22.forward, lambda forward: forward(ROWS, HEAD, NEIGHBOURS)[1], answer.forward)
    _, chances = run_forward(answer, ROWS, HEAD)
    what = "The array of chances"
    close(chances, GIVEN["chances"], "N V", suspects=suspects, sizes=SIZES, shapes=shapes, what=what)


def test_loss(answer):
    """forward gives the loss: the mean of -log p, where p is the chance of the right neighbour"""
    loss, _ = run_forward(answer, ROWS, HEAD)
    expect(np.shape(loss) != (N,), "The loss has a number for each pair. Take their mean.")

    def loss_of(forward):  # nan where the chances are wrong too: then a loss that fits does so by accident
        loss, chances = forward(ROWS, HEAD, NEIGHBOURS)
        return loss if np.allclose(chances, GIVEN["chances"], rtol=1e-4) else np.nan

    close(loss, GIVEN["loss"], suspects=mistakes_in(solution_22.forward, loss_of), what="The loss")


def test_large_logits(answer):
    """forward takes logits around 1,000 too, and around -1,000"""
    rows = np.hstack([ROWS, np.resize([1, -1], (N, 1))])  # logits around 1,000 in one row, and -1,000 in the next
    head = np.hstack([HEAD, np.full((V, 1), 1000.0)])
    found = dict(zip(("loss", "chances"), run_forward(answer, rows, head)))
    for name, i in (("chances", 1), ("loss", 0)):
        suspects = mistakes_in(solution_22.forward, lambda forward: forward(rows, head, NEIGHBOURS)[i])
        close(found[name], GIVEN[name], suspects=suspects, what=f"The {name} for logits around 1,000")


def run_backward(answer, rows=ROWS, head=HEAD):
    """What `backward` gives: the gradients of the rows and of the head."""
    gives = "the gradients of the rows and of the head"
    found = call(answer.backward, rows, head, NEIGHBOURS, GIVEN["chances"], gives=gives)
    swapped = np.shape(found[0]) == head.shape and np.shape(found[1]) == rows.shape
    expect(not swapped, "backward gives the gradient of the head first. That of the rows comes first.")
    return found


def compare_gradient(answer, i, name, axes, **shapes):
    """Compare the gradient of the rows, 0, or of the head, 1, with PyTorch's."""
    on = "Multiply on: d_logits @ head for the rows, d_logits.T @ rows for the head."
    shapes |= {"V": "a sum too many.", "N V": f"those are the gradients of the logits. {on}"}
    given = ROWS, HEAD, NEIGHBOURS, GIVEN["chances"]
    suspects = mistakes_in(solution_22.backward, lambda backward: backward(*map(np.copy, given))[i], answer.backward)
    right, what = GIVEN[f"d_{name}"], f"The gradient of the {name}"
    close(run_backward(answer)[i], right, axes, suspects=suspects, sizes=SIZES, shapes=shapes, what=what)


def test_gradient_of_the_rows(answer):
    """backward gives the gradient of each row that was looked up: PyTorch's"""
    every = "that is a gradient for every row of a table. Give one for each pair; `update` adds them up."
    compare_gradient(answer, 0, "rows", "N C", **{"V C": every})


def test_gradient_of_the_head(answer):
    """backward gives the gradient of the head: PyTorch's"""
    compare_gradient(answer, 1, "head", "V C")


def test_gradient_by_trial(answer):
    """each number that is made a little larger changes the loss as its gradient says"""
    tables = {"rows": ROWS.astype(np.float64), "head": HEAD.astype(np.float64)}
    for (name, table), gradient in zip(tables.items(), run_backward(answer, **tables)):
        measured = np.zeros_like(table)
        for place in np.ndindex(table.shape):
            losses = []
            for change in (1e-5, -2e-5):
                table[place] += change
                losses.append(float(answer.forward(*tables.values(), NEIGHBOURS)[0]))
            table[place] += 1e-5
            measured[place] = (losses[0] - losses[1]) / 2e-5
        small = "compared with what small changes do to the loss of your forward,"
        close(gradient, measured, what=f"The gradient of the {name}, {small}")


def updated(update):
    """The table after `update`."""
    table, ids, gradient = WTE.copy(), IDS.copy(), GIVEN["d_rows"].copy()
    given = update(table, ids, gradient, STEP)
    expect(np.array_equal(ids, IDS), "update changes `ids`, which belongs to its caller. It should only read it.")
    kept = "which belongs to its caller. Write rate * gradient, which makes a new array."
    expect(np.array_equal(gradient, GIVEN["d_rows"]), f"update changes `gradient`, {kept}")
    same = np.array_equal(table, WTE)
    new = (
        "update gives a new table and leaves the one that came in as it was. Move its rows in place: "
        "np.subtract.at(table, …) does, and so does table -= …, but table = table - … makes a new one."
    )
    expect(given is None or not same, new)
    expect(not same, "update leaves the table as it was. Move its rows in place: table = table - … makes a new one.")
    return table


def test_update(answer):
    """update takes rate times the gradient off the rows that were looked up; repeated IDs add up"""
    table, right, what = updated(answer.update), WTE - STEP * GIVEN["d_wte"], "The table after update"
    has_shape(table, right.shape, "V C", what=what)

    def hide(table):  # what became of the rows that were not looked up is told apart
        return np.where(SEEN[:, np.newaxis], table, WTE)

    suspects = mistakes_in(solution_22.update, lambda update: hide(updated(update)), answer.update)
    close(hide(table), right, "V C", suspects=suspects, what=what)


def test_rows_that_were_not_looked_up(answer):
    """rows that no ID looked up stay as they are, bit for bit"""
    table = updated(answer.update)
    changed = np.flatnonzero((table != WTE).any(axis=-1) & ~SEEN)
    if not len(changed):
        return
    row, others, before = changed[0], table[~SEEN], WTE[~SEEN]
    factor = float(np.vdot(others, before) / np.vdot(before, before))
    if np.allclose(others, factor * before, rtol=1e-6):
        why = f"All its numbers are multiplied by {factor:.4g}."
    else:
        suspects = mistakes_in(solution_22.update, lambda update: updated(update)[~SEEN])
        why = suspects(lambda wrong: (wrong != before).any() and np.allclose(others, wrong, rtol=1e-6))
    sentence = f"Row {row} is not among the IDs, and update changes it. {why}".strip()
    in_words = (" ".join(f"{number:.6g}" for number in one[row]) for one in (WTE, table))
    raise Wrong(sentence, **dict(zip(("expected", "found"), in_words)))


def start(answer, wte, head, pairs, passes, batch_size, rate, seed=0):
    """What `train` gives for pairs, to go through."""
    losses = answer.train(wte, head, *pairs, passes, batch_size, rate, np.random.default_rng(seed))
    none = "train gives None. It should give the loss of each batch, with `yield loss` inside its loop."
    expect(losses is not None, none)
    expect(np.ndim(losses) > 0 or hasattr(losses, "__iter__"), "train should give the loss of each batch: yield it.")
    return losses


def trained(answer, passes, batch_size, rate, seed=0, dtype=np.float32):
    """Both tables after a training, and its losses."""
    wte, head, pairs = WTE.astype(dtype), HEAD.astype(dtype), (IDS.copy(), NEIGHBOURS.copy())
    with np.errstate(all="ignore"):
        losses = [float(loss) for loss in start(answer, wte, head, pairs, passes, batch_size, rate, seed)]
    own = "train puts the caller's own ids or neighbours into another order. Leave them, and look pairs up: ids[batch]."
    expect(np.array_equal(pairs, (IDS, NEIGHBOURS)), own)
    full, batches = N // batch_size, -(-N // batch_size)
    right, found = passes * batches, len(losses)
    sentences = {
        found: "One loss comes out for each batch of each pass.",
        batches: "Only one pass is made. Go through all pairs `passes` times.",
        passes: "A loss comes out for each pass. One should come for each batch: `yield` belongs in the inner loop.",
        passes * full: "The last batch of a pass, which is not full, is left out. It has the rest of the pairs.",
    }
    few = "few" if found < right else "many"
    expect(found == right, f"train gives too {few} losses. {sentences[found]}", expected=right, found=found)
    return wte, head, losses


def run(train, *settings):
    """wte and below it the head after a formula's training, and the losses."""
    wte, head = WTE.copy(), HEAD.copy()
    losses = list(train(wte, head, IDS, NEIGHBOURS, *settings, np.random.default_rng(0)))
    return np.vstack([wte, head]), losses


def test_order(answer):
    """each pass takes every pair once, in an order of its own that the seed decides"""
    pairs = list(zip(IDS.tolist(), NEIGHBOURS.tolist()))
    _, _, losses = trained(answer, 3, 1, 0.0, dtype=np.float64)  # nothing moves, so each loss tells its pair
    tables = WTE.astype(np.float64), HEAD.astype(np.float64)
    costs = -np.log(solution_22.forward(*tables, np.arange(V))[1])  # of each word with each neighbour
    taken = [tuple(int(i) for i in np.unravel_index(abs(costs - loss).argmin(), costs.shape)) for loss in losses]
    foreign = [pair for pair in taken if pair not in pairs]
    if foreign:
        words = "Word {} comes with neighbour {}, and the text has no such pair".format(*foreign[0])
        pair = "Take both in the same one: ids[batch] and neighbours[batch]."
        known = mistakes_in(solution_22.train, lambda train: sorted(run(train, 3, 1, 0.0)[1]))
        why = known(lambda wrong: np.allclose(sorted(losses), wrong, rtol=1e-4))
        raise Wrong(why or f"{words}: ids and neighbours are put in order apart. {pair}")
    passes = [taken[at : at + N] for at in range(0, 3 * N, N)]
    doubles = "In a pass some pairs come twice, and others not at all. rng.permutation(N) has each number once."
    expect(all(sorted(one) == sorted(pairs) for one in passes), doubles)
    still = "The pairs come in the order in which they stand. Each pass should have a new one: rng.permutation(N)."
    expect(passes[0] != pairs, still)
    expect(passes[0] != passes[1], "All passes have the same order. Each should have a new one.")


def test_train(answer):
    """train makes steps in both tables, as PyTorch's SGD does"""
    settings = int(GIVEN["steps"]), N, RATE
    wte, head, losses = trained(answer, *settings)
    copies = "Both tables are as they were. train moves the ones that come in, in place: not copies, and not new ones."
    expect(not (np.array_equal(wte, WTE) and np.array_equal(head, HEAD)), copies)
    suspects = mistakes_in(solution_22.train, lambda train: run(train, *settings)[0])
    right = np.vstack([GIVEN["wte_after"], GIVEN["head_after"]])
    what = f"wte and below it the head, after {len(losses)} steps,"
    close(np.vstack([wte, head]), right, suspects=suspects, what=what)
    suspects = mistakes_in(solution_22.train, lambda train: run(train, *settings)[1][0])
    close(losses[0], GIVEN["loss"], suspects=suspects, what="The first loss of train")
    tables = np.vstack(trained(answer, int(GIVEN["steps"]), N + 2, RATE)[:2])
    rest = "A batch that is not full moves the tables by another step. Its loss is the mean over its own pairs, as many as there are."
    close(tables, right, suspects=[(tables, rest)], what=f"{what} each of a batch that has room for two more pairs,")


def test_one_by_one(answer):
    """train gives each loss as soon as its step is done, before the next one"""
    wte, head = WTE.copy(), HEAD.copy()
    losses = start(answer, wte, head, (IDS.copy(), NEIGHBOURS.copy()), 3, N, RATE)
    at_the_end = "train gives all losses at the end. With `yield` each comes as soon as its step is done."
    expect(hasattr(losses, "__next__"), at_the_end, found=f"a {type(losses).__name__}")
    next(losses)
    early = "The first loss comes before its step is done. `yield` comes last in the loop."
    expect(not np.array_equal(wte, WTE), early)
    close(wte, WTE - RATE * GIVEN["d_wte"], "V C", what="wte after the first loss, that is after one step,")


def test_batches(answer):
    """the last batch of a pass has the rest of the pairs, and the same seed gives the same tables"""
    first, again, other = (trained(answer, 4, 3, RATE, seed) for seed in (1, 1, 2))
    same = np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])
    source = "The order should come from `rng`, not from `np.random`."
    expect(same, f"The same seed gives other tables the second time. {source}")
    source = "It should come from `rng`, not from a generator of your own."
    expect(first[2] != other[2], f"Another seed gives the same order. {source}")


def test_story(answer, record_property):
    """trained on the story for two passes, rows of words that are used alike point the same way"""
    words, text = read_text((REFERENCE / "story.txt").read_text())
    cut = len(text) * 9 // 10
    (ids, neighbours), (new_ids, new_neighbours) = (answer.skip_grams(part, 2) for part in (text[:cut], text[cut:]))
    wte, head = (table.astype(np.float32) for table in first_tables(len(words), 16, np.random.default_rng(0)))
    unseen = ~np.isin(np.arange(len(words)), ids)

    def cosine(a, b):
        return float(cosine_similarity(*(wte[words.index(word)] for word in (a, b))))

    before, start_wte = cosine("cat", "dog"), wte.copy()
    new = [answer.forward(wte[new_ids], head, new_neighbours)[0]]
    losses = list(answer.train(wte, head, ids, neighbours, 2, 32, 2.0, np.random.default_rng(0)))
    new.append(answer.forward(wte[new_ids], head, new_neighbours)[0])
    first, second = (np.mean(part) for part in np.array_split(losses, 2))
    falls = "The mean loss of the second pass should be below that of the first, and below 4.2."
    expect(second < min(first, 4.2), falls, found=f"{first:.2f}, then {second:.2f}")
    falls = "The loss should fall below 4.3 on the end of the story too, which train has not seen."
    expect(new[1] < 4.3 < 5.8 < new[0], falls, found=f"{new[0]:.2f} before, {new[1]:.2f} after")
    still = np.array_equal(wte[unseen], start_wte[unseen])
    expect(still, "Words that are in no pair have moved. A step moves only the rows that were looked up.")
    for a, b, above in (("cat", "dog", 0.65), ("king", "queen", 0.75)):
        expect(cosine(a, b) > above, f"After two passes {a} and {b} should have a cosine above {above}.", found=f"{cosine(a, b):.2f}")  # fmt: skip
    paper = "After two passes paper and water should have a cosine below 0.65."
    expect(cosine("paper", "water") < 0.65, paper, found=f"{cosine('paper', 'water'):.2f}")
    nearest = [words[row] for row, _ in analogy(*map(words.index, ("king", "man", "woman")), wte, 3)]
    three = "After two passes the queen should be among the three words nearest to king - man + woman."
    expect("queen" in nearest, three, found=nearest)
    record_property("note", f"cat and dog from {before:.2f} to {cosine('cat', 'dog'):.2f}")
