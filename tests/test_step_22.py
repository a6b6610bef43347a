"""What step 22 must do: pair words with neighbours, and move their rows until they predict them.

The expected losses, gradients and tables are those of PyTorch's autograd and SGD: see tests/reference/README.md.
"""

from itertools import product

import numpy as np
import pytest

from tutor.checkpoint import REFERENCE
from tutor.grading import Wrong, close, equal, expect, has_shape
from tutor.training import first_tables, read_text

GIVEN = dict(np.load(REFERENCE / "skip_gram.npz"))
WTE, HEAD, IDS, NEIGHBOURS = (GIVEN[name] for name in ("wte", "head", "ids", "neighbours"))
ROWS, RATE, N, V = WTE[IDS], float(GIVEN["rate"]), len(IDS), len(WTE)
SEEN = np.isin(np.arange(V), IDS)
SIZES = {"T": 12, "V": V, "C": WTE.shape[1], "N": N}


def call(function, *args):
    """Call one of the step's functions with its own copies of the arrays, and check that it leaves them as they are."""
    copies = [np.array(arg) if isinstance(arg, np.ndarray) else arg for arg in args]
    with np.errstate(all="ignore"):
        found = function(*copies)
    names = function.__code__.co_varnames if hasattr(function, "__code__") else ()
    for name, copy, arg in zip(names, copies, args):
        same = not isinstance(arg, np.ndarray) or np.array_equal(copy, arg, equal_nan=True)
        advice = f"Work on a copy: {name}.copy()." if name == "chances" else "It should only read it."
        expect(same, f"{function.__name__} changes `{name}`, which belongs to its caller. {advice}")
    return found


def two(found, names, what):
    """Check that a function gave two things, and return them."""
    expect(found is not None, f"{what} gives None: is a `return` missing at the end?")
    pair = isinstance(found, tuple | list) and len(found) == 2
    kind = f"a {type(found).__name__}" + (f" of {len(found)}" if isinstance(found, tuple | list) else "")
    expect(pair, f"{what} should give two things: {names}.", found=kind)
    return found


# ---------------------------------------------------------------- pairs


def pairs_of(text, distances, around=False):
    """The pairs of each word with those that stand at the distances from it, sorted; `around` goes on past the ends."""
    places = product(range(len(text)), distances)
    inside = [(here, here + far) for here, far in places if around or 0 <= here + far < len(text)]
    return sorted((int(text[here]), int(text[there % len(text)])) for here, there in inside)


@pytest.mark.parametrize("window", [1, 2, 3])
def test_skip_grams(step, window):
    """skip_grams pairs each word with all that stand at most `window` places before or after it"""
    text = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8])
    found = two(call(step.skip_grams, text, window), "ids and neighbours", "skip_grams")
    ids, neighbours = (np.asarray(side) for side in found)
    flat = ids.ndim == neighbours.ndim == 1 and len(ids) == len(neighbours)
    shapes = f"shapes {list(ids.shape)} and {list(neighbours.shape)}"
    expect(
        flat,
        "ids and neighbours should be two flat arrays of the same length, [N]: a pair at each place.",
        found=shapes,
    )
    whole = ids.dtype.kind in "iu" and neighbours.dtype.kind in "iu"
    expect(
        whole,
        "ids and neighbours should hold whole numbers, the IDs of words.",
        found=f"{ids.dtype}, {neighbours.dtype}",
    )
    after, before = range(1, window + 1), range(-window, 0)
    both, places = [*before, *after], np.arange(len(text))
    suspects = [
        (pairs_of(text, after), "Only the neighbours after a word are there. Those before it count too."),
        (pairs_of(text, before), "Only the neighbours before a word are there. Those after it count too."),
        (pairs_of(text, [0, *both]), "Each word is paired with itself too. It is no neighbour of its own."),
        (pairs_of(text, [0, *after]), "Each word is paired with itself, and not with the words before it."),
        (pairs_of(text, {far for far in both if abs(far) < window}), "The window is one place too narrow: a neighbour may stand `window` places away."),
        (pairs_of(text, [-window - 1, *both, window + 1]), "The window is one place too wide: a neighbour stands at most `window` places away."),
        (pairs_of(text, [-window, window]), "Only the words exactly `window` places away are there. The nearer ones are neighbours too."),
        (pairs_of(text, both, around=True), "The last words are paired with the first ones, as if the text were a ring. np.roll does that; use slices."),
        (pairs_of(text, after, around=True), "The last words are paired with the first ones, as if the text were a ring. np.roll does that; use slices."),
        (pairs_of(places, both), "Those are the places of words in the text. The pairs hold the words' IDs: tokens[place]."),
        (sorted(pairs_of(text, both) * 2), "Every pair is there twice. Two words that are near each other make two pairs: one for each of them."),
    ]  # fmt: skip
    listed = sorted(zip(ids.tolist(), neighbours.tolist()))
    equal(listed, pairs_of(text, both), suspects=suspects, what=f"The sorted list of pairs for a window of {window}")


# ---------------------------------------------------------------- forward


def softmax(logits):
    """Shares of e to the power of each logit, along the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def run_forward(step, rows, head):
    """What `forward` gives for the pairs: the loss and the chances."""
    found = two(call(step.forward, rows, head, NEIGHBOURS), "the loss and the chances", "forward")
    swapped = np.ndim(found[0]) == 2 and np.ndim(found[1]) == 0
    expect(not swapped, "forward gives the chances first. The loss comes first, then the chances.")
    return found


def wrong_chances():
    """What known mistakes give for the chances."""
    logits = ROWS @ HEAD.T
    shifted = [logits, *(logits - logits.max(axis, keepdims=True) for axis in (-1, 0, None))]  # against overflow
    alone = "The chances of a word do not sum to 1: e to the power of each logit is not divided by the sum."
    pairs = "The softmax runs over the pairs, axis 0. The chances of each word's neighbours sum to 1: axis -1."
    every = "All chances together sum to 1. Those of each pair should: sum over axis -1, keepdims=True."
    return [
        (logits, "Those are the logits. A softmax makes chances of them: e to the power of each, divided by the sum."),
        (np.log(softmax(logits)), "Those are the logarithms of the chances."),
        (softmax(logits / WTE.shape[1] ** 0.5), "The logits are divided by √C, as in attention. Here they are rows @ head.T as it is."),
        (softmax(softmax(logits)), "The softmax is taken twice. Once is enough."),
        (1 / (1 + np.exp(-logits)), "The chances of a word do not sum to 1: there is a sigmoid in place of the softmax."),
        *((np.exp(one), alone) for one in shifted),
        *((np.exp(one) / np.exp(one).sum(0), pairs) for one in shifted),
        *((np.exp(one) / np.exp(one).sum(), every) for one in shifted),
    ]  # fmt: skip


def test_chances(step):
    """forward gives the chance of every word to be the neighbour: a softmax of rows @ head.T"""
    shapes = {
        "V N": "the words stand in columns. Each pair has a row: rows @ head.T.",
        "N": "those are the chances of the right neighbours alone. All words have one.",
        "N N": "the chances are picked for all neighbours in each row. Give those of all words.",
    }
    _, chances = run_forward(step, ROWS, HEAD)
    close(
        chances,
        GIVEN["chances"],
        "N V",
        suspects=wrong_chances,
        sizes=SIZES,
        shapes=shapes,
        what="The array of chances",
    )


def wrong_losses():
    """What known mistakes give for the loss."""
    chances, at = GIVEN["chances"].astype(np.float64), np.arange(N)
    p = chances[at, NEIGHBOURS]
    return [
        (-np.log(p).sum(), "The loss is a sum over the pairs. It should be their mean, which stays the same for more pairs."),
        (np.log(p).mean(), "The sign is missing: the logarithm of a chance is negative, and the loss is the mean of -log p."),
        (-np.log2(p).mean(), "The logarithm is the one to base 2. The loss takes the natural one: np.log."),
        (-np.log10(p).mean(), "The logarithm is the one to base 10. The loss takes the natural one: np.log."),
        (p.mean(), "The logarithm is missing: the loss is the mean of -log p."),
        (-p.mean(), "The logarithm is missing: the loss is the mean of -log p."),
        (1 - p.mean(), "The loss is 1 - p, in the mean. It should be -log p: a chance of nearly 0 costs much more than one of 0.1."),
        ((1 - p).sum(), "The loss is 1 - p. It should be -log p, and the mean over the pairs."),
        (-np.log(p.mean()), "The mean is taken before the logarithm. Take the logarithm of each chance first: the mean of -log p."),
        (-np.log(p).sum() / chances.size, "The loss is divided by N · V. It is a mean over the N pairs: of each, one chance counts."),
        (-np.log(p).sum() / V, "The loss is divided by V, the size of the vocabulary. It is a mean over the N pairs."),
        (-np.log(chances).mean(), "The loss takes the chances of all words. Of each pair only the chance of its own neighbour counts."),
        (-np.log(chances[:, NEIGHBOURS]).mean(), "The loss takes the chances of all neighbours for each word. Pair n has neighbour n: chances[np.arange(N), neighbours]."),
        (-(chances * np.log(chances)).sum(-1).mean(), "That is how unsure the chances are (their entropy). The loss takes -log of the chance of the neighbour that was there."),
        (-(ROWS @ HEAD.T)[at, NEIGHBOURS].mean(), "The loss takes the logits of the neighbours. It should take their chances, after the softmax."),
        (-np.log(chances[at, IDS]).mean(), "The loss takes the chance of the word itself. It should take that of its neighbour."),
    ]  # fmt: skip


def test_loss(step):
    """forward gives the loss: the mean of -log p, where p is the chance of the right neighbour"""
    loss, _ = run_forward(step, ROWS, HEAD)
    expect(np.shape(loss) != (N,), "The loss has a number for each pair. Take their mean.")
    close(loss, GIVEN["loss"], suspects=wrong_losses, what="The loss")


def test_large_logits(step):
    """forward takes logits around 1,000 too"""
    rows, head = (
        np.hstack([table, column]) for table, column in ((ROWS, np.ones((N, 1))), (HEAD, np.full((V, 1), 1000.0)))
    )
    loss, chances = run_forward(step, rows.astype(np.float64), head.astype(np.float64))
    lost = "Logits of 1,000 overflow: e to that power is infinite. Take the largest logit of each pair from all of its logits first."
    suspects = [(np.full((N, V), np.nan), lost)]
    close(chances, GIVEN["chances"], "N V", suspects=suspects, what="The array of chances for logits around 1,000")
    close(loss, GIVEN["loss"], suspects=[(np.nan, lost), (np.inf, lost)], what="The loss for logits around 1,000")


# ---------------------------------------------------------------- backward


def run_backward(step, rows=ROWS, head=HEAD, chances=GIVEN["chances"]):
    """What `backward` gives: the gradients of the rows and of the head."""
    found = two(
        call(step.backward, rows, head, NEIGHBOURS, chances), "the gradients of the rows and of the head", "backward"
    )
    swapped = np.shape(found[0]) == head.shape and np.shape(found[1]) == rows.shape
    expect(not swapped, "backward gives the gradient of the head first. That of the rows comes first.")
    return found


def wrong_d_logits():
    """What known mistakes give for the gradient of the logits."""
    chances, right = GIVEN["chances"].astype(np.float64), np.eye(V)[NEIGHBOURS]
    every = np.isin(np.arange(V), NEIGHBOURS)
    loss = "The gradient of a logit is (p - 1) / N for the right neighbour and p / N for the others"
    return [
        (chances - right, f"The division by N is missing. The loss is a mean over N pairs, so each counts for 1 / N. {loss}."),
        ((right - chances) / N, f"The sign is turned round. {loss}."),
        (right - chances, f"The sign is turned round, and the division by N is missing. {loss}."),
        (chances / N, f"The 1 of the right neighbour is not taken off. {loss}."),
        (chances, f"The 1 of the right neighbour is not taken off, and the division by N is missing. {loss}."),
        (-right / N, f"Only the right neighbour has a gradient. {loss}: a softmax ties all chances together."),
        ((chances - 1) / N, f"The 1 is taken off every chance. {loss}."),
        ((chances - right) / V, f"It is divided by V. {loss}, with the number of pairs N."),
        ((chances - right) / right.size, f"It is divided by N · V. {loss}."),
        (chances - right / N, f"Only the 1 is divided by N. {loss}."),
        (chances / N - right, f"Only the chances are divided by N. {loss}."),
        ((chances + right) / N, f"The 1 of the right neighbour is added. {loss}."),
        ((chances - np.eye(V)[IDS]) / N, f"The 1 is taken off at the word itself. {loss}."),
        ((chances - every) / N, f"The 1 is taken off for all neighbours in every pair. Pair n has neighbour n: d[np.arange(N), neighbours] -= 1. {loss}."),
        (-right / N / chances, f"That is the gradient of the chances. The logits come before the softmax. {loss}."),
        (chances * (chances - right) / N, f"The chances are multiplied in once more. {loss}."),
    ]  # fmt: skip


SHAPES = {
    "V": "a sum too many.",
    "N V": "those are the gradients of the logits. Multiply on: d_logits @ head for the rows, d_logits.T @ rows for the head.",
}


def test_gradient_of_the_rows(step):
    """backward gives the gradient of each row that was looked up: PyTorch's"""
    d_rows, _ = run_backward(step)
    suspects = [(d @ HEAD, sentence) for d, sentence in wrong_d_logits()]
    shapes = SHAPES | {
        "V C": "that is a gradient for every row of a table. Give one for each pair; `update` adds them up."
    }
    close(
        d_rows, GIVEN["d_rows"], "N C", suspects=suspects, sizes=SIZES, shapes=shapes, what="The gradient of the rows"
    )


def test_gradient_of_the_head(step):
    """backward gives the gradient of the head: PyTorch's"""
    _, d_head = run_backward(step)
    suspects = [(d.T @ ROWS, sentence) for d, sentence in wrong_d_logits()]
    close(
        d_head, GIVEN["d_head"], "V C", suspects=suspects, sizes=SIZES, shapes=SHAPES, what="The gradient of the head"
    )


def test_gradient_by_trial(step):
    """each number that is made a little larger changes the loss as its gradient says"""
    tables = {"rows": ROWS.astype(np.float64), "head": HEAD.astype(np.float64)}

    def loss():
        return float(step.forward(tables["rows"], tables["head"], NEIGHBOURS)[0])

    gradients = run_backward(step, **tables, chances=softmax(tables["rows"] @ tables["head"].T))
    for (name, table), gradient in zip(tables.items(), gradients):
        measured = np.zeros_like(table)
        for place in np.ndindex(table.shape):
            kept = table[place]
            table[place] = kept + 1e-5
            more = loss()
            table[place] = kept - 1e-5
            measured[place] = (more - loss()) / 2e-5
            table[place] = kept
        close(
            gradient,
            measured,
            what=f"The gradient of the {name}, compared with what small changes do to the loss of your forward,",
        )


# ---------------------------------------------------------------- update


def added(factors):
    """The table after each gradient has been added to its row, times a factor."""
    table = WTE.astype(np.float64)
    np.add.at(table, IDS, np.asarray(factors)[..., np.newaxis] * GIVEN["d_rows"])
    return table


def wrong_tables():
    """What known mistakes give for the table after `update`."""
    counts = np.bincount(IDS, minlength=V)[IDS]
    last, last_plus, first, rows, put, often = (WTE.copy() for _ in range(6))
    last[IDS] -= RATE * GIVEN["d_rows"]
    last_plus[IDS] += RATE * GIVEN["d_rows"]
    put[IDS] = -RATE * GIVEN["d_rows"]
    first[IDS[::-1]] -= RATE * GIVEN["d_rows"][::-1]
    rows[:N] -= RATE * GIVEN["d_rows"]
    np.subtract.at(often, IDS, RATE * GIVEN["d_wte"][IDS])
    adds = "np.subtract.at adds up what belongs to the same row."
    return [
        (last, f"Of an ID that is there several times only the last gradient counts: that is what table[ids] -= … does. {adds}"),
        (first, f"Of an ID that is there several times only the first gradient counts. All of them add up. {adds}"),
        (last_plus, f"The rows move along the gradient, which makes the loss larger, and of an ID that is there several times only the last gradient counts. {adds}"),
        (added(RATE), "The rows move along the gradient, which makes the loss larger. Move them against it: take it off."),
        (added(-1), "The learning rate has no effect. Multiply the gradient by it."),
        (added(1), "The learning rate has no effect, and the rows move along the gradient. Take off rate times the gradient."),
        (added(-RATE / counts), f"Of an ID that is there several times the mean of the gradients counts. They should add up. {adds}"),
        (added(-RATE / N), "The gradients are divided by the number of pairs once more. `backward` has done that."),
        (added(-1 / RATE), "The gradients are divided by the learning rate. Multiply by it."),
        (put, "The rows are replaced by the step. It should be taken off what they hold."),
        (rows, f"The gradients go to the first {N} rows of the table. Each belongs to the row of its ID."),
        (often, "The sum of an ID's gradients is taken off as often as the ID is there. Once is enough."),
    ]  # fmt: skip


def updated(step):
    """The table after `update`."""
    table, ids, gradient = WTE.copy(), IDS.copy(), GIVEN["d_rows"].copy()
    given = step.update(table, ids, gradient, RATE)
    expect(np.array_equal(ids, IDS), "update changes `ids`, which belongs to its caller. It should only read it.")
    kept = np.array_equal(gradient, GIVEN["d_rows"])
    expect(
        kept, "update changes `gradient`, which belongs to its caller. Write rate * gradient, which makes a new array."
    )
    if given is not None and np.array_equal(table, WTE):
        raise Wrong(
            "update gives a new table and leaves the one that came in as it was. Move its rows in place: "
            "np.subtract.at(table, …) does, and so does table -= …, but table = table - … makes a new one."
        )
    same = np.array_equal(table, WTE)
    expect(not same, "update leaves the table as it was. Move its rows in place: table = table - … makes a new one.")
    return table


def test_update(step):
    """update takes rate times the gradient off the rows that were looked up; repeated IDs add up"""
    right = WTE - RATE * GIVEN["d_wte"]
    table = updated(step)
    has_shape(table, right.shape, "V C", what="The table after update")
    suspects = [(hide(wrong), sentence) for wrong, sentence in wrong_tables()]
    close(hide(table), right, "V C", suspects=suspects, what="The table after update")


def hide(table):
    """A table with the right numbers in the rows that were not looked up: what became of them is told apart."""
    return np.where(SEEN[:, np.newaxis], table, WTE)


def test_rows_that_were_not_looked_up(step):
    """rows that no ID looked up stay as they are, bit for bit"""
    table = updated(step)
    moved = np.flatnonzero((table != WTE).any(axis=-1) & ~SEEN)
    if len(moved):
        row, known = moved[0], wrong_others(table)
        why = next((sentence for sentence, other in known if np.allclose(table[~SEEN], other[~SEEN], rtol=1e-6)), "")
        sentence = f"Row {row} is not among the IDs, and update changes it. {why}".strip()
        expect(False, sentence, expected=in_words(WTE[row]), found=in_words(table[row]))


def in_words(row):
    """A row in a line: 0.25 -0.75."""
    return " ".join(f"{number:.6g}" for number in row)


def wrong_others(table):
    """What may have become of rows that should have stayed, and the sentence for it."""
    factor = float(np.vdot(table[~SEEN], WTE[~SEEN]) / np.vdot(WTE[~SEEN], WTE[~SEEN]))
    return [
        (f"All its numbers are multiplied by {factor:.4g}.", factor * WTE),
        ("All rows are brought to length 1. They keep their lengths.", WTE / np.linalg.norm(WTE, axis=-1, keepdims=True)),
        ("It is rounded to half precision on the way.", WTE.astype(np.float16).astype(np.float32)),
    ]  # fmt: skip


# ---------------------------------------------------------------- train


def start(step, wte, head, passes, batch_size, rate, seed=0):
    """What `train` gives for the pairs of the reference, to go through."""
    losses = step.train(wte, head, IDS.copy(), NEIGHBOURS.copy(), passes, batch_size, rate, np.random.default_rng(seed))
    expect(
        losses is not None,
        "train gives None. It should give the loss of each batch, with `yield loss` inside its loop.",
    )
    expect(np.ndim(losses) > 0 or hasattr(losses, "__iter__"), "train should give the loss of each batch: yield it.")
    return losses


def trained(step, passes, batch_size, rate, seed=0, dtype=np.float32):
    """Both tables after a training, and its losses."""
    wte, head = WTE.astype(dtype), HEAD.astype(dtype)
    with np.errstate(all="ignore"):
        losses = [float(loss) for loss in start(step, wte, head, passes, batch_size, rate, seed)]
    batches = -(-N // batch_size)
    sentence = "One loss comes out for each batch of each pass."
    if len(losses) == passes * (N // batch_size):
        sentence = "The last batch of a pass, which is not full, is left out. It has the rest of the pairs."
    elif len(losses) == passes:
        sentence = "A loss comes out for each pass. One should come for each batch: `yield` belongs in the inner loop."
    elif len(losses) == batches:
        sentence = "Only one pass is made. Go through all pairs `passes` times."
    expect(len(losses) == passes * batches, f"train gives too {'few' if len(losses) < passes * batches else 'many'} losses. {sentence}", expected=passes * batches, found=len(losses))  # fmt: skip
    return wte, head, losses


def test_order(step):
    """each pass takes every pair once, in an order of its own that the seed decides"""
    rows = {
        (i, j): -np.log(softmax(WTE[i].astype(float) @ HEAD.T.astype(float))[j]) for i in range(V) for j in range(V)
    }
    pairs = list(zip(IDS.tolist(), NEIGHBOURS.tolist()))
    _, _, losses = trained(step, 3, 1, 0.0, dtype=np.float64)  # nothing moves, so each loss tells its pair
    taken = [min(rows, key=lambda pair: abs(rows[pair] - loss)) for loss in losses]
    foreign = [pair for pair in taken if pair not in pairs]
    words = "Word {} comes with neighbour {}, and the text has no such pair".format(*foreign[0]) if foreign else ""
    expect(
        not foreign,
        f"{words}: ids and neighbours are put in order apart. Take both in the same one: ids[batch] and neighbours[batch].",
    )
    passes = [taken[at : at + N] for at in range(0, 3 * N, N)]
    for one in passes:
        doubles = sorted(one) != sorted(pairs)
        expect(
            not doubles,
            "In a pass some pairs come twice, and others not at all. rng.permutation(N) has each number once.",
        )
    expect(
        passes[0] != pairs,
        "The pairs come in the order in which they stand. Each pass should have a new one: rng.permutation(N).",
    )
    expect(passes[0] != passes[1], "All passes have the same order. Each should have a new one.")


def simulate(mistake=""):
    """The tables after the reference's training, in a single batch each pass, with a mistake."""
    wte, head = WTE.astype(np.float64), HEAD.astype(np.float64)
    stale = wte[IDS]
    for _ in range(int(GIVEN["steps"])):
        rows = stale if mistake == "stale" else wte[IDS]
        d = (softmax(rows @ head.T) - np.eye(V)[NEIGHBOURS]) / N
        d_rows, d_head = d @ head, d.T @ rows
        if mistake == "head first":
            d_rows = d @ (head - RATE * d_head)
        if mistake == "last wins":
            wte[IDS] -= RATE * d_rows
        elif mistake != "wte stays":
            np.subtract.at(wte, NEIGHBOURS if mistake == "rows of neighbours" else IDS, RATE * d_rows)
        if mistake == "some of the head":
            d_head = d_head * np.isin(np.arange(V), NEIGHBOURS)[:, np.newaxis]
        if mistake != "head stays":
            head -= (RATE if mistake != "no rate" else 1) * d_head * (-1 if mistake == "head along" else 1)
    return wte, head


STEP = "A step takes rate times its gradient off each table."
MISTAKES = {
    "head stays": f"The head does not move. {STEP}",
    "wte stays": f"wte does not move. {STEP}",
    "rows of neighbours": "The gradients of the words' rows are taken off the rows of their neighbours. update(wte, ids, …) takes the IDs of the words.",
    "head first": "The head has moved before the gradient of the rows is computed. Compute both gradients first, then move both tables.",
    "stale": "The rows are looked up once, before the loop. They move: look them up again for each batch.",
    "some of the head": "Only the neighbours' rows of the head move. All words have a chance in the softmax, so all rows of the head have a gradient.",
    "head along": f"The head moves along its gradient. {STEP}",
    "no rate": f"The head moves by the whole gradient. {STEP}",
    "last wins": "train moves the rows with wte[ids] -= …, by which an ID that is there several times moves once only. Your `update` does it.",
}


def test_train(step):
    """train makes steps in both tables, as PyTorch's SGD does"""
    wte, head, losses = trained(step, int(GIVEN["steps"]), N, RATE)
    still = np.array_equal(wte, WTE) and np.array_equal(head, HEAD)
    expect(
        not still,
        "Both tables are as they were. train moves the ones that come in, in place: not copies, and not new ones.",
    )
    made = {name: simulate(name) for name in MISTAKES}
    both = [(np.vstack(made[name]), sentence) for name, sentence in MISTAKES.items()]
    alone = (
        np.vstack([GIVEN["wte_after"], HEAD]),
        "The head that comes in does not move: head = head - … makes a new one. Write head -= ….",
    )
    right = np.vstack([GIVEN["wte_after"], GIVEN["head_after"]])
    close(
        np.vstack([wte, head]),
        right,
        suspects=[alone, *both],
        what=f"wte and below it the head, after {len(losses)} steps,",
    )
    late = "The loss is that after the step. Give the one that forward gave before it."
    close(losses[0], GIVEN["loss"], suspects=[(losses_after(), late)], what="The first loss of train")


def losses_after():
    """The loss after one step."""
    wte, head = WTE - RATE * GIVEN["d_wte"], HEAD - RATE * GIVEN["d_head"]
    return -np.log(softmax(wte[IDS] @ head.T)[np.arange(N), NEIGHBOURS]).mean()


def test_one_by_one(step):
    """train gives each loss as soon as its step is done, before the next one"""
    wte, head = WTE.copy(), HEAD.copy()
    losses = start(step, wte, head, 3, N, RATE)
    expect(hasattr(losses, "__next__"), "train gives all losses at the end. With `yield` each comes as soon as its step is done.", found=f"a {type(losses).__name__}")  # fmt: skip
    next(losses)
    expect(
        not np.array_equal(wte, WTE), "The first loss comes before its step is done. `yield` comes last in the loop."
    )
    close(wte, WTE - RATE * GIVEN["d_wte"], "V C", what="wte after the first loss, that is after one step,")


def test_batches(step):
    """the last batch of a pass has the rest of the pairs, and the same seed gives the same tables"""
    first, again, other = (trained(step, 4, 3, RATE, seed) for seed in (1, 1, 2))
    same = np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])
    expect(
        same,
        "The same seed gives other tables the second time. The order should come from `rng`, not from `np.random`.",
    )
    expect(
        first[2] != other[2],
        "Another seed gives the same order. It should come from `rng`, not from a generator of your own.",
    )


def cosine(wte, words, a, b):
    """The cosine of two words' rows."""
    a, b = (wte[words.index(word)] for word in (a, b))
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_story(step, record_property):
    """trained on the story for two passes, rows of words that are used alike point the same way"""
    words, text = read_text((REFERENCE / "story.txt").read_text())
    cut = len(text) * 9 // 10
    (ids, neighbours), (new_ids, new_neighbours) = (step.skip_grams(part, 2) for part in (text[:cut], text[cut:]))
    wte, head = (table.astype(np.float32) for table in first_tables(len(words), 16, np.random.default_rng(0)))
    unseen = ~np.isin(np.arange(len(words)), ids)
    before, start_wte = cosine(wte, words, "cat", "dog"), wte.copy()
    new = [step.forward(wte[new_ids], head, new_neighbours)[0]]
    losses = list(step.train(wte, head, ids, neighbours, 2, 32, 2.0, np.random.default_rng(0)))
    new.append(step.forward(wte[new_ids], head, new_neighbours)[0])
    first, second = (np.mean(part) for part in np.array_split(losses, 2))
    falls = "The mean loss of the second pass should be below that of the first, and below 4.2."
    expect(second < min(first, 4.2), falls, found=f"{first:.2f}, then {second:.2f}")
    falls = "The loss should fall below 4.3 on the end of the story too, which train has not seen."
    expect(new[1] < 4.3 < 5.8 < new[0], falls, found=f"{new[0]:.2f} before, {new[1]:.2f} after")
    still = np.array_equal(wte[unseen], start_wte[unseen])
    expect(still, "Words that are in no pair have moved. A step moves only the rows that were looked up.")
    for a, b, holds, wanted in (
        ("cat", "dog", lambda c: c > 0.65, "above 0.65"),
        ("king", "queen", lambda c: c > 0.75, "above 0.75"),
        ("paper", "water", lambda c: c < 0.65, "below 0.65"),
    ):
        found = cosine(wte, words, a, b)
        expect(holds(found), f"After two passes {a} and {b} should have a cosine {wanted}.", found=f"{found:.2f}")
    king, man, woman = (words.index(word) for word in ("king", "man", "woman"))
    near = wte @ (wte[king] - wte[man] + wte[woman]) / np.linalg.norm(wte, axis=-1)
    near[[king, man, woman]] = -np.inf
    nearest = [words[row] for row in np.argsort(-near)[:3]]
    expect("queen" in nearest, "After two passes the queen should be among the three words nearest to king - man + woman.", found=nearest)  # fmt: skip
    record_property("note", f"cat and dog from {before:.2f} to {cosine(wte, words, 'cat', 'dog'):.2f}")
