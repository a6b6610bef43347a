"""What step 18 must do: probabilities under temperature, top-k and top-p, and a draw from them.

The expected probabilities are those of Hugging Face's own logits processors on the same logits.
"""

from itertools import product

import numpy as np
import pytest

from tutor.checkpoint import REFERENCE
from tutor.grading import Wrong, close, equal, expect, on_purpose, refuses, whole_number

ARRAYS = np.load(REFERENCE / "sampling.npz")


def cases(which, group="crafted"):
    """(logits, temperature, top_k, top_p, expected) of the stored cases whose settings `which` accepts."""
    logits, settings, expected = (ARRAYS[f"{group}/{name}"] for name in ("logits", "cases", "probabilities"))
    for (row, temperature, top_k, top_p), right in zip(settings, expected):
        if which(temperature, int(top_k), top_p):
            yield logits[int(row)], float(temperature), int(top_k), float(top_p), right


MISTAKES = {
    "logarithms": "Those are logarithms of probabilities. The probabilities themselves are wanted.",
    "softmax missing": "Those are the logits. A softmax makes probabilities of them.",
    "softmax twice": "The softmax is taken twice. Once is enough: it makes probabilities of logits, not of probabilities.",
    "no shares": "Those are the powers of e. Softmax divides them by their sum.",
    "temperature ignored": "The temperature changes nothing. The logits are divided by it before the softmax.",
    "temperature multiplies": "The logits are multiplied by the temperature. They should be divided by it.",
    "temperature divides probabilities": "The temperature divides the probabilities, after the softmax. It should divide the logits.",
    "temperature last": "The temperature comes after top-p, which then looks at other probabilities. It goes first.",
    "k 0": "With top_k 0 no token stays, and nan is left. 0 should turn the filter off: all tokens stay.",
    "k ignored": "top_k changes nothing. Only the k tokens with the highest logits stay.",
    "k + 1": "One token too many stays: top_k counts the tokens that stay.",
    "k - 1": "One token too few stays: the k-th best stays too.",
    "-k + 1": "The k-th best logit stands at place -top_k of a sorted list, not at -top_k + 1: one token too few stays, and for 1 all.",
    "k strictly": "The k-th best token goes too. Only those with a lower logit than it should.",
    "k by order": "Tokens that equal the k-th best go: exactly top_k stay. All its equals should stay too.",
    "k from below": "The limit stands at place top_k from the worst logit on. It is the k-th from the best: -top_k where the largest comes last.",
    "k worst": "The k worst tokens stay. It should be the best.",
    "k best out": "The k best tokens are taken out. They are those that stay.",
    "p 0": "With top_p 0 no token stays, and nan is left. The best one should always stay.",
    "p 0 off": "top_p 0 is taken to mean that all tokens stay. The best one alone should stay.",
    "p ignored": "top_p changes nothing. As few of the best tokens stay as have a probability of top_p together.",
    "p crossing out": "The token with which the sum reaches top_p is taken out. It stays: without it the sum is below top_p.",
    "p one more": "One token too many stays: the sum has reached top_p before it.",
    "1 - p": "The tokens that stay have a probability of 1 - top_p together. It should be top_p.",
    "p of logits": "The sum runs over logits. It should run over probabilities: a softmax comes before it, and another at the end.",
    "p each": "Tokens are compared with top_p one by one. It is their sum, from the best on, that counts.",
    "p worst": "The sum starts at the worst tokens. It should start at the best.",
    "p unsorted": "The sum runs over the tokens in the order of their IDs. It should run from the best one down: sort them first.",
    "p places": "The places of tokens in the sorted list are taken for their IDs: look up which token stands at each place.",
    "p sorted": "The probabilities come in the order of the sorted list. Each belongs at the place of its token.",
    "p before k": "top_p comes before top_k. The order is temperature, top-k, top-p: top-p looks at what top-k left.",
    "zeros": "What a filter takes out still has a chance: its logit became 0. Make it -inf.",
    "not shared again": "The probabilities of what stays do not sum to 1: after a filter they must be shared out again.",
}


def softmax(logits):
    """Probabilities from logits, [V]."""
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def variant(logits, temperature, top_k, top_p, mistake):
    """What `probabilities` gives with one of the MISTAKES, or without."""
    logits = logits.astype(np.float64)
    removed = 0.0 if mistake == "zeros" else -np.inf
    if mistake not in ("temperature ignored", "temperature divides probabilities", "temperature last"):
        logits = logits * temperature if mistake == "temperature multiplies" else logits / temperature

    def by_k(logits):
        k = top_k + {"k + 1": 1, "k - 1": -1, "-k + 1": -1}.get(mistake, 0)
        if top_k == 0 or mistake == "k ignored" or k >= len(logits) or (k == 0 and mistake == "-k + 1"):
            return logits
        best = np.argsort(-logits, kind="stable")
        least = logits[best[k - 1]] if k else np.inf
        out = {
            "k by order": ~np.isin(np.arange(len(logits)), best[:k]),
            "k worst": logits > logits[best[-k]],
            "k from below": logits < logits[best[-k - 1]],
            "k strictly": logits <= least,
            "k best out": logits >= least,
        }
        return np.where(out.get(mistake, logits < least), removed, logits)

    def by_p(logits):
        if top_p == 1 or mistake == "p ignored" or (top_p == 0 and mistake == "p 0 off"):
            return logits
        order = np.argsort(-logits, kind="stable")[:: -1 if mistake == "p worst" else 1]
        order = np.arange(len(logits)) if mistake == "p unsorted" else order
        chances = (logits if mistake == "p of logits" else softmax(logits))[order]
        before = np.cumsum(chances) - chances
        out = {
            "p crossing out": before + chances > top_p,
            "p one more": before - chances >= top_p,
            "p each": chances < top_p,
            "1 - p": before >= 1 - top_p,
        }.get(mistake, before >= top_p)
        out[0] = False
        out = out if mistake == "p places" else np.isin(np.arange(len(logits)), order[out])
        return np.where(out, removed, logits)

    before = logits
    logits = by_k(by_p(logits)) if mistake == "p before k" else by_p(by_k(logits))
    if mistake == "temperature last":
        logits = logits / temperature
    if mistake == "softmax missing":
        return logits
    if mistake == "no shares":
        return np.exp(logits - logits.max())
    if (mistake == "k 0" and top_k == 0 and top_p == 1) or (mistake == "p 0" and top_p == 0):
        return np.full(len(logits), np.nan)
    if mistake == "p sorted" and top_p < 1:
        return np.sort(softmax(logits))[::-1]
    if mistake == "logarithms":
        return np.log(softmax(logits))
    if mistake == "softmax twice":
        return softmax(softmax(logits))
    if mistake == "not shared again":
        return softmax(before) * np.isfinite(logits)
    return softmax(logits) / (temperature if mistake == "temperature divides probabilities" else 1)


def check(step, which, group="crafted"):
    """Compare `probabilities` with Hugging Face's in all the cases that `which` accepts."""
    tried = []
    for logits, temperature, top_k, top_p, expected in cases(which, group):
        given = logits.copy()
        try:
            with np.errstate(all="ignore"):
                found = step.probabilities(given, temperature, top_k, top_p)
        except IndexError as error:
            too_many = f"top_k {top_k} with {len(logits)} tokens is an error: all of them should stay."
            expect(top_k <= len(logits), too_many, found=str(error))
            raise
        except ValueError as error:
            if on_purpose(error) != step.probabilities.__code__.co_filename:
                raise
            sentence = refusal(step, logits, {"temperature": temperature, "top_k": top_k, "top_p": top_p})
            raise Wrong(sentence, found=str(error)) from None
        expect(found is not None, "probabilities gives None: is a `return` missing at the end?")
        listed = "probabilities gives a list. It should be an array of NumPy, [V]."
        expect(not isinstance(found, list | tuple), listed, found=f"a {type(found).__name__}")
        expect(np.array_equal(given, logits), "The logits that came in are changed: work on a copy of them.")
        tried.append((np.asarray(found), (logits, temperature, top_k, top_p), expected))
    wrong = [case for case in tried if not same(case[0], case[2])]
    if wrong:
        found, (_, temperature, top_k, top_p), expected = wrong[0]
        settings = f"temperature {temperature:g}, top_k {top_k}, top_p {top_p:g}"
        close(found, expected, "V", suspects=named(wrong, tried), what=f"The distribution for {settings}")


ALLOWED = {
    "temperature": "Every temperature from 0 on is allowed.",
    "top_k": "From 0 on all are allowed: at 0, or above V, all tokens stay.",
    "top_p": "From 0 to 1 all are allowed, both ends too: at 0 the best token alone stays, at 1 all do.",
}


def refusal(step, logits, settings):
    """What to say where `probabilities` refuses settings that are allowed; it names the one that is to blame."""
    for name, other in (("temperature", 0.7), ("top_k", 3), ("top_p", 0.5)):
        try:
            step.probabilities(logits.copy(), **settings | {name: other})
        except Exception:
            continue
        return f"probabilities refuses {name} {settings[name]:g}. {ALLOWED[name]}"
    given = ", ".join(f"{name} {value:g}" for name, value in settings.items())
    return f"probabilities refuses {given}, and all three are allowed. {' '.join(ALLOWED.values())}"


def same(found, expected):
    """Whether two distributions are equal to within rounding."""
    return found.shape == expected.shape and np.allclose(found, expected, rtol=1e-4, atol=1e-5, equal_nan=True)


def alike(found, made, logits):
    """Whether two distributions are equal but for which of several equal tokens has which share."""
    if found.shape != made.shape:
        return False
    return same(found[np.lexsort((found, logits))], made[np.lexsort((made, logits))])


def named(wrong, tried):
    """The mistake that explains the wrong distributions, most of them at least, and the right ones too."""

    def explained(mistakes, cases):
        """How many of the cases each of the mistakes explains."""
        with np.errstate(all="ignore"):
            return {
                name: sum(alike(found, variant(*settings, name), settings[0]) for found, settings, _ in cases)
                for name in mistakes
            }

    some = [wrong[i] for i in np.random.default_rng(0).permutation(len(wrong))[:40]]  # enough to tell, and quick
    counts = explained(MISTAKES, some)
    most = max(counts.values())
    if most <= 0.75 * len(some):
        return []
    counts = explained([name for name in counts if counts[name] == most], tried)
    return [(wrong[0][0], MISTAKES[max(counts, key=counts.get)])]


def test_softmax(step):
    """without temperature and filters it is a softmax, of large logits too"""
    check(step, lambda temperature, top_k, top_p: (temperature, top_k, top_p) == (1, 0, 1))
    logits = ARRAYS["crafted/logits"][0]
    with np.errstate(all="ignore"):
        found = step.probabilities(logits + 1000)
    lost = (
        np.full(12, np.nan),
        "Logits of 1,000 overflow: e to that power is infinite. Take the largest logit from all of them first.",
    )
    close(found, softmax(logits + 1000), "V", suspects=[lost], what="The distribution for logits around 1,000")


def test_temperature(step):
    """the logits are divided by the temperature"""
    check(step, lambda temperature, top_k, top_p: (top_k, top_p) == (0, 1))


def test_temperature_0(step):
    """temperature 0 gives all the chances to the best token, the first of several"""
    for logits, (top_k, top_p) in product(ARRAYS["crafted/logits"], ((0, 1.0), (3, 0.5))):
        try:
            with np.errstate(all="ignore"):
                found = step.probabilities(logits, 0.0, top_k, top_p)
        except (ZeroDivisionError, ValueError) as error:
            refused = "A temperature of 0 is an error. The best token should have probability 1."
            expect(False, refused, found=str(error))
        best = (logits == logits.max()).astype(float)
        first, last = (np.arange(12) == index for index in np.flatnonzero(best)[[0, -1]])
        suspects = [
            (np.full(12, np.nan), "A temperature of 0 divides by zero. Treat it on its own: the best token has probability 1."),
            (best / best.sum(), "At temperature 0 several equal tokens share the chances. The first of them should have all."),
            (best, "At temperature 0 several equal tokens have a probability of 1 each. Only the first of them should."),
            (last, "At temperature 0 the last of several equal tokens has all the chances. The first of them should."),
            (softmax(logits.astype(np.float64)), "A temperature of 0 is passed over, or taken for 1. The best token should have probability 1."),
        ]  # fmt: skip
        close(found, first.astype(float), "V", suspects=suspects, what="The distribution for temperature 0")


def test_top_k(step):
    """top_k keeps the k best tokens and their equals; 0 and more than there are keep all"""
    check(step, lambda temperature, top_k, top_p: temperature == 1 and top_p == 1)


def test_top_p(step):
    """top_p keeps as few of the best tokens as reach it, and always one"""
    check(step, lambda temperature, top_k, top_p: temperature == 1 and top_k == 0)
    found = np.sort(step.probabilities(np.zeros(4), 1.0, 0, 0.5))  # any two of them, as in Hugging Face's
    more = "Of four equal tokens three stay with top_p 0.5, where two reach it. A token goes if those before it have top_p or more."
    close(
        found,
        np.array([0, 0, 0.5, 0.5]),
        suspects=[(np.array([0, 1, 1, 1]) / 3, more)],
        what="The distribution for four equal logits and top_p 0.5, sorted,",
    )


def test_together(step):
    """temperature, top-k and top-p act in this order"""
    check(step, lambda temperature, top_k, top_p: True)


def test_model(step):
    """on the tiny GPT-2's logits, the distribution is Hugging Face's"""
    check(step, lambda temperature, top_k, top_p: True, "model")


SENSELESS = {
    "a temperature of -0.5": {"temperature": -0.5},
    "a top_k of -1": {"top_k": -1},
    "a top_p of -0.1": {"top_p": -0.1},
    "a top_p of 1.5": {"top_p": 1.5},
}


@pytest.mark.parametrize("name", SENSELESS)
def test_refuses_bad_settings(step, name):
    """a negative temperature or top_k, or a top_p outside 0 to 1, is a ValueError"""
    otherwise = f"probabilities takes {name}, which makes no sense. It should raise a ValueError."
    logits = ARRAYS["crafted/logits"][0]
    with np.errstate(all="ignore"):
        refuses(lambda: step.probabilities(logits, **SENSELESS[name]), of=(ValueError,), otherwise=otherwise)


def draws(step, settings, seed, count):
    """Tokens that `sample` draws, one after the other from one generator."""
    rng = np.random.default_rng(seed)
    tokens = [whole_number(step.sample(*settings, rng), "What sample gives, the ID of a token,") for _ in range(count)]
    outside = [token for token in tokens if not 0 <= token < 12]
    expect(not outside, "sample gives a number that is no ID of a token: they go from 0 to 11 here.", found=outside[:1])
    return tokens


def test_sample(step):
    """sample draws each token as often as its probability says"""
    count = 500
    wanted = (2.0, 0, 1.0), (2.0, 12, 0.9), (0.7, 3, 1.0)
    for *settings, expected in cases(lambda *settings: settings in wanted):
        shares = np.bincount(draws(step, settings, 18, count), minlength=12) / count

        def fits(chances):
            error = 5 * np.sqrt(chances * (1 - chances) / count) + 1e-9  # five standard deviations
            return (abs(shares - chances) <= error).all()

        if fits(expected):
            continue
        left = expected > 0
        hand_on = "It should hand temperature, top_k and top_p on to `probabilities`."
        ignored = {"temperature": "temperature ignored", "top_k": "k ignored", "top_p": "p ignored"}
        suspects = [
            (shares[0] == 1, "sample gives token 0 every time. Does `rng.choice` choose among the probabilities? Its first argument is what to choose from, here the IDs, and `p` takes the probabilities."),
            (max(shares) == 1, "sample gives the same token every time. It should draw one by chance, with the `rng` that it is given: one that is made anew in each call starts over."),
            (fits(left / left.sum()), "sample draws all tokens alike. It should draw each with its probability."),
            (fits(np.full(12, 1 / 12)), "sample draws all tokens alike, also those that a filter took out."),
            *((fits(variant(*settings, mistake)), f"sample draws without {name}. {hand_on}") for name, mistake in ignored.items()),
            (fits(softmax(settings[0].astype(np.float64))), f"sample draws without temperature and filters. {hand_on}"),
            (True, "sample draws tokens more or less often than their probabilities say."),
        ]  # fmt: skip
        sentence = next(sentence for is_so, sentence in suspects if is_so)
        raise Wrong(sentence, expected=f"shares of {in_words(expected)}", found=in_words(shares))


def in_words(shares):
    """Shares in a line: 0.25 0.75."""
    return " ".join(f"{share:.2f}" for share in shares)


def test_seed(step):
    """the same seed draws the same tokens, another seed others"""
    settings = ARRAYS["crafted/logits"][3], 1.0, 0, 1.0
    first, again, other = (draws(step, settings, seed, 50) for seed in (1, 1, 2))
    expect(
        first == again,
        "The same seed draws other tokens the second time: draw with `rng`, not with `np.random` or `random`.",
    )
    expect(first != other, "Another seed draws the same tokens: draw with `rng`, not with a generator of your own.")


def test_sample_at_0(step):
    """at temperature 0 sample is greedy"""
    logits = ARRAYS["crafted/logits"][3]
    found = draws(step, (logits, 0.0, 0, 1.0), 5, 20)
    equal(found, [int(np.argmax(logits))] * 20, what="What sample draws at temperature 0")
