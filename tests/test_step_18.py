"""What step 18 must do: probabilities under temperature, top-k and top-p, and a draw from them.

The expected probabilities are those of Hugging Face's own logits processors on the same logits.
"""

import contextlib
from itertools import product

import numpy as np
import pytest

from solutions.solution_18 import probabilities
from tests.known import mistakes_in
from tutor.checkpoint import REFERENCE
from tutor.grading import Wrong, close, equal, expect, on_purpose, refuses, whole_number

ARRAYS = np.load(REFERENCE / "sampling.npz")


def cases(which, group="crafted"):
    """(logits, temperature, top_k, top_p, expected) of the stored cases whose settings `which` accepts."""
    logits, settings, expected = (ARRAYS[f"{group}/{name}"] for name in ("logits", "cases", "probabilities"))
    for (row, temperature, top_k, top_p), right in zip(settings, expected):
        if which(temperature, int(top_k), top_p):
            yield logits[int(row)], float(temperature), int(top_k), float(top_p), right


def softmax(logits):
    """Probabilities from logits, [V]."""
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def check(answer, which, group="crafted"):
    """Compare `probabilities` with Hugging Face's in all the cases that `which` accepts."""
    tried = []
    for i, (logits, temperature, top_k, top_p, expected) in enumerate(cases(which, group)):
        given = logits.astype((np.float32, np.float64)[i % 2])  # np.asarray(…, np.float64) copies only one of them
        try:
            with np.errstate(all="ignore"):
                found = answer.probabilities(given, temperature, top_k, top_p)
        except IndexError as error:
            too_many = f"top_k {top_k} with {len(logits)} tokens is an error: all of them should stay."
            expect(top_k <= len(logits), too_many, found=str(error))
            raise
        except ValueError as error:
            if on_purpose(error) != answer.probabilities.__code__.co_filename:
                raise
            sentence = refusal(answer, logits, {"temperature": temperature, "top_k": top_k, "top_p": top_p})
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
        suspects = explained(wrong, [*tried, *other_cases(answer)])
        close(found, expected, "V", suspects=suspects, what=f"The distribution for {settings}")


def other_cases(answer):
    """What `probabilities` gives in the cases of all checks, as far as it gives anything: a mistake is one in all of them."""
    for *settings, expected in cases(lambda *those: True):
        with np.errstate(all="ignore"), contextlib.suppress(Exception):
            yield np.asarray(answer.probabilities(settings[0].copy(), *settings[1:])), tuple(settings), expected


ALLOWED = {
    "temperature": "Every temperature from 0 on is allowed.",
    "top_k": "From 0 on all are allowed: at 0, or above V, all tokens stay.",
    "top_p": "From 0 to 1 all are allowed, both ends too: at 0 the best token alone stays, at 1 all do.",
}


def refusal(answer, logits, settings):
    """What to say where `probabilities` refuses settings that are allowed; it names the one that is to blame."""
    for name, other in (("temperature", 0.7), ("top_k", 3), ("top_p", 0.5)):
        try:
            answer.probabilities(logits.copy(), **settings | {name: other})
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


ROUNDED = (
    "With top_p 1 tokens go in some cases: by rounding, the sum of the probabilities is a little above 1 or never reaches "
    "it. Leave the filter out where top_p is 1."
)


def rounded(wrong, tried):
    """Whether tokens are lost at a top_p of 1, where no filter is on, and not in all the cases."""
    kept = [(found, expected) for found, (*_, k, p), expected in tried if (k, p) == (0, 1)]
    shares = all(found.shape == expected.shape and np.isclose(found.sum(), 1, atol=1e-4) for found, expected in kept)
    lost = [shares and (found[expected > 1e-4] == 0).any() for found, expected in kept]
    return wrong[0][1][-1] == 1 and any(lost) and not all(lost)


def explained(wrong, tried):
    """What finds the mistake that explains the wrong distributions, most of them at least, and the right ones too."""
    some = [wrong[i] for i in np.random.default_rng(0).permutation(len(wrong))[:40]]  # enough to tell, and quick

    def share(variant, cases, least):
        """Whether at least this share of the cases come out as they were found."""
        missed = 0
        for found, (logits, *settings), _ in cases:
            missed += not alike(found, variant(logits.copy(), *settings), logits)
            if missed > (1 - least) * len(cases):
                return False
        return True

    def explain(fits):
        def all_fit(variant):
            return share(variant, some, 1) and share(variant, tried, 0.99)

        def most_fit(variant):
            return share(variant, some, 0.76)

        return (
            (rounded(wrong, tried) and ROUNDED)
            or find(all_fit)
            or mistakes_in(probabilities, lambda variant: variant, searched=False)(most_fit)
        )

    find = mistakes_in(probabilities, lambda variant: variant)
    return explain


def test_softmax(answer):
    """without temperature and filters it is a softmax, of large logits too"""
    check(answer, lambda temperature, top_k, top_p: (temperature, top_k, top_p) == (1, 0, 1))
    logits = ARRAYS["crafted/logits"][0]
    with np.errstate(all="ignore"):
        found = answer.probabilities(logits + 1000)
    lost = (
        np.full(12, np.nan),
        "Logits of 1,000 overflow: e to that power is infinite. Take the largest logit from all of them first.",
    )
    close(found, softmax(logits + 1000), "V", suspects=[lost], what="The distribution for logits around 1,000")


def test_temperature(answer):
    """the logits are divided by the temperature"""
    check(answer, lambda temperature, top_k, top_p: (top_k, top_p) == (0, 1))
    with np.errstate(all="ignore"):
        found = answer.probabilities(np.array([1.0, 3.0, 2.0, -1.0]), 1e-4)
    lost = (
        np.full(4, np.nan),
        "At a temperature near 0 the result is nan: a chance to the power of 1 / temperature is 0 for every token, and 0 / 0 is nan. Divide the logits, before the softmax.",
    )
    close(found, np.array([0.0, 1, 0, 0]), "V", suspects=[lost], what="The distribution for temperature 0.0001")


def test_temperature_0(answer):
    """temperature 0 gives all the chances to the best token, the first of several"""
    for logits, (top_k, top_p) in product(ARRAYS["crafted/logits"], ((0, 1.0), (3, 0.5))):
        try:
            with np.errstate(all="ignore"):
                found = answer.probabilities(logits, 0.0, top_k, top_p)
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


def test_top_k(answer):
    """top_k keeps the k best tokens and their equals; 0 and more than there are keep all"""
    check(answer, lambda temperature, top_k, top_p: temperature == 1 and top_p == 1)


def test_top_p(answer):
    """top_p keeps as few of the best tokens as reach it, and always one"""
    check(answer, lambda temperature, top_k, top_p: temperature == 1 and top_k == 0)
    found = np.sort(answer.probabilities(np.zeros(4), 1.0, 0, 0.5))  # any two of them, as in Hugging Face's
    more = "Of four equal tokens three stay with top_p 0.5, where two reach it. A token goes if those before it have top_p or more."
    close(
        found,
        np.array([0, 0, 0.5, 0.5]),
        suspects=[(np.array([0, 1, 1, 1]) / 3, more)],
        what="The distribution for four equal logits and top_p 0.5, sorted,",
    )


def test_together(answer):
    """temperature, top-k and top-p act in this order"""
    check(answer, lambda temperature, top_k, top_p: True)


def test_model(answer):
    """on the tiny GPT-2's logits, the distribution is Hugging Face's"""
    check(answer, lambda temperature, top_k, top_p: True, "model")


SENSELESS = {
    "a temperature of -0.5": {"temperature": -0.5},
    "a top_k of -1": {"top_k": -1},
    "a top_p of -0.1": {"top_p": -0.1},
    "a top_p of 1.5": {"top_p": 1.5},
}


@pytest.mark.parametrize("name", SENSELESS)
def test_refuses_bad_settings(answer, name):
    """a negative temperature or top_k, or a top_p outside 0 to 1, is a ValueError"""
    otherwise = f"probabilities takes {name}, which makes no sense. It should raise a ValueError."
    logits = ARRAYS["crafted/logits"][0]
    with np.errstate(all="ignore"):
        refuses(lambda: answer.probabilities(logits, **SENSELESS[name]), of=(ValueError,), otherwise=otherwise)


def draws(answer, settings, seed, count):
    """Tokens that `sample` draws, one after the other from one generator."""
    rng = np.random.default_rng(seed)
    tokens = [
        whole_number(answer.sample(*settings, rng), "What sample gives, the ID of a token,") for _ in range(count)
    ]
    outside = [token for token in tokens if not 0 <= token < 12]
    expect(not outside, "sample gives a number that is no ID of a token: they go from 0 to 11 here.", found=outside[:1])
    return tokens


def test_sample(answer):
    """sample draws each token as often as its probability says"""
    count = 500
    wanted = (2.0, 0, 1.0), (2.0, 12, 0.9), (0.7, 3, 1.0)
    for *settings, expected in cases(lambda *those: those in wanted):
        shares = np.bincount(draws(answer, settings, 18, count), minlength=12) / count

        def fits(chances):
            error = 5 * np.sqrt(chances * (1 - chances) / count) + 1e-9  # five standard deviations
            return (abs(shares - chances) <= error).all()

        if fits(expected):
            continue
        left = expected > 0
        hand_on = "It should hand temperature, top_k and top_p on to `probabilities`."
        ignored = {"temperature": {"temperature": 1.0}, "top_k": {"top_k": 0}, "top_p": {"top_p": 1.0}}
        given = dict(zip(("logits", *ignored), settings))
        suspects = [
            (shares[0] == 1, "sample gives token 0 every time. Does `rng.choice` choose among the probabilities? Its first argument is what to choose from, here the IDs, and `p` takes the probabilities."),
            (max(shares) == 1, "sample gives the same token every time. It should draw one by chance, with the `rng` that it is given: one that is made anew in each call starts over."),
            (fits(left / left.sum()), "sample draws all tokens alike. It should draw each with its probability."),
            (fits(np.full(12, 1 / 12)), "sample draws all tokens alike, also those that a filter took out."),
            *((fits(probabilities(**given | default)), f"sample draws without {name}. {hand_on}") for name, default in ignored.items()),
            (fits(softmax(settings[0].astype(np.float64))), f"sample draws without temperature and filters. {hand_on}"),
            (True, "sample draws tokens more or less often than their probabilities say."),
        ]  # fmt: skip
        sentence = next(sentence for is_so, sentence in suspects if is_so)
        raise Wrong(sentence, expected=f"shares of {in_words(expected)}", found=in_words(shares))


def in_words(shares):
    """Shares in a line: 0.25 0.75."""
    return " ".join(f"{share:.2f}" for share in shares)


def test_seed(answer):
    """the same seed draws the same tokens, another seed others"""
    settings = ARRAYS["crafted/logits"][3], 1.0, 0, 1.0
    first, again, other = (draws(answer, settings, seed, 50) for seed in (1, 1, 2))
    expect(
        first == again,
        "The same seed draws other tokens the second time: draw with `rng`, not with `np.random` or `random`.",
    )
    expect(first != other, "Another seed draws the same tokens: draw with `rng`, not with a generator of your own.")


def test_sample_at_0(answer):
    """at temperature 0 sample is greedy"""
    logits = ARRAYS["crafted/logits"][3]
    found = draws(answer, (logits, 0.0, 0, 1.0), 5, 20)
    equal(found, [int(np.argmax(logits))] * 20, what="What sample draws at temperature 0")
