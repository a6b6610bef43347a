"""What step 18 must do: probabilities under temperature, top-k and top-p, and a draw from them.

The expected probabilities are those of Hugging Face's own logits processors on the same logits.
"""

import numpy as np
import pytest
from conftest import REFERENCE
from tutor.checks import close, equal, expect, refuses

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
    "k by order": "Tokens that equal the k-th best go. They should all stay.",
    "k worst": "The k worst tokens stay. It should be the best.",
    "p 0": "With top_p 0 no token stays, and nan is left. The best one should always stay.",
    "p ignored": "top_p changes nothing. As few of the best tokens stay as have a probability of top_p together.",
    "p crossing out": "The token with which the sum reaches top_p is taken out. It stays: without it the sum is below top_p.",
    "p one more": "One token too many stays: the sum has reached top_p before it.",
    "p each": "Tokens are compared with top_p one by one. It is their sum, from the best on, that counts.",
    "p worst": "The sum starts at the worst tokens. It should start at the best.",
    "p unsorted": "The places of tokens in the sorted list are taken for their IDs: look up which token stands at each place.",
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
        best = np.argsort(-logits, kind="stable") if mistake != "k worst" else np.argsort(logits, kind="stable")
        out = np.ones(len(logits), bool)
        out[best[:k]] = False
        if k and mistake not in ("k by order", "k worst"):
            out &= logits < logits[best[k - 1]]
        return np.where(out, removed, logits)

    def by_p(logits):
        if top_p == 1 or mistake == "p ignored":
            return logits
        order = np.argsort(-logits, kind="stable")[:: -1 if mistake == "p worst" else 1]
        chances = softmax(logits)[order]
        sums = np.cumsum(chances)
        out = {"p crossing out": sums > top_p, "p one more": sums - 2 * chances >= top_p, "p each": chances < top_p}
        out = out.get(mistake, sums - chances >= top_p)
        out[0] = False
        return np.where(
            out if mistake == "p unsorted" else np.isin(np.arange(len(logits)), order[out]), removed, logits
        )

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
    if mistake == "logarithms":
        return np.log(softmax(logits))
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
        expect(np.array_equal(given, logits), "The logits that came in are changed: work on a copy of them.")
        tried.append((np.asarray(found), (logits, temperature, top_k, top_p), expected))
    right = [same(found, expected) for found, _, expected in tried]
    if not all(right):
        found, (_, temperature, top_k, top_p), expected = tried[right.index(False)]
        settings = f"temperature {temperature:g}, top_k {top_k}, top_p {top_p:g}"
        close(found, expected, "V", suspects=named(tried, found), what=f"The distribution for {settings}")


def same(found, expected):
    """Whether two distributions are equal to within rounding."""
    return found.shape == expected.shape and np.allclose(found, expected, rtol=1e-4, atol=1e-5, equal_nan=True)


def named(tried, found):
    """The mistake that explains most of the wrong distributions and, of several such, most of the right ones too."""

    def explained(mistake):
        fits = [same(found, variant(*settings, mistake)) for found, settings, _ in tried]
        wrong = [not same(found, expected) for found, _, expected in tried]
        return sum(fit and bad for fit, bad in zip(fits, wrong)), sum(fits)

    with np.errstate(all="ignore"):
        best = max(MISTAKES, key=explained)
        return [(found, MISTAKES[best])] if explained(best)[0] else []


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
    """temperature 0 gives all the chances to the best token"""
    for logits in ARRAYS["crafted/logits"]:
        for top_k, top_p in ((0, 1.0), (3, 0.5)):
            with np.errstate(all="ignore"):
                try:
                    found = step.probabilities(logits, 0.0, top_k, top_p)
                except (ZeroDivisionError, ValueError) as error:
                    expect(
                        False,
                        "A temperature of 0 is an error. The best token should have probability 1.",
                        found=str(error),
                    )
            right = (np.arange(12) == np.argmax(logits)).astype(float)
            lost = (
                np.full(12, np.nan),
                "A temperature of 0 divides by zero. Treat it on its own: the best token has probability 1.",
            )
            all_best = (logits == logits.max()) / np.sum(logits == logits.max())
            shared = (
                all_best,
                "At temperature 0 several equal tokens share the chances. The first of them should have all.",
            )
            close(found, right, "V", suspects=[lost, shared], what="The distribution for temperature 0")


def test_top_k(step):
    """top_k keeps the k best tokens and their equals; 0 and more than there are keep all"""
    check(step, lambda temperature, top_k, top_p: temperature == 1 and top_p == 1)


def test_top_p(step):
    """top_p keeps as few of the best tokens as reach it, and always one"""
    check(step, lambda temperature, top_k, top_p: temperature == 1 and top_k == 0)


def test_together(step):
    """temperature, top-k and top-p act in this order"""
    check(step, lambda temperature, top_k, top_p: True)


def test_model(step):
    """on the tiny GPT-2's logits, the distribution is Hugging Face's"""
    check(step, lambda temperature, top_k, top_p: True, "model")


@pytest.mark.parametrize("setting", [{"temperature": -0.5}, {"top_k": -1}, {"top_p": -0.1}, {"top_p": 1.5}], ids=str)
def test_refuses_bad_settings(step, setting):
    """a negative temperature or top_k, or a top_p outside 0 to 1, is a ValueError"""
    otherwise = f"probabilities takes {setting}, which makes no sense. It should raise a ValueError."
    with np.errstate(all="ignore"):
        refuses(
            lambda: step.probabilities(ARRAYS["crafted/logits"][0], **setting), of=(ValueError,), otherwise=otherwise
        )


def draws(step, settings, seed, count):
    """Tokens that `sample` draws, one after the other from one generator."""
    rng = np.random.default_rng(seed)
    tokens = [step.sample(*settings, rng) for _ in range(count)]
    whole = all(isinstance(token, int | np.integer) for token in tokens)
    expect(whole, "sample should give the ID of a token, a whole number.", found=tokens[0])
    return [int(token) for token in tokens]


def test_sample(step):
    """sample draws each token as often as its probability says"""
    count = 1000
    wanted = (2.0, 0, 1.0), (2.0, 12, 0.9), (0.7, 3, 1.0)
    for *settings, expected in cases(lambda *settings: settings in wanted):
        tokens = draws(step, settings, 18, count)
        shares = np.bincount(tokens, minlength=12) / count

        def fits(chances):
            error = 5 * np.sqrt(chances * (1 - chances) / count) + 1e-9  # five standard deviations
            return len(shares) == len(chances) and (abs(shares - chances) <= error).all()

        if fits(expected):
            continue
        facts = {"expected": f"shares of {np.round(expected, 2).tolist()}", "found": f"{np.round(shares, 2).tolist()}"}
        even = np.where(expected > 0, 1 / np.sum(expected > 0), 0)
        expect(
            max(shares) < 1,
            "sample gives the same token every time. It should draw one by chance, with `rng`.",
            **facts,
        )
        expect(not fits(even), "sample draws all tokens alike. It should draw each with its probability.", **facts)
        expect(
            not fits(np.full(12, 1 / 12)), "sample draws all tokens alike, also those that a filter took out.", **facts
        )
        ignored = (
            sentence
            for mistake, sentence in MISTAKES.items()
            if "ignored" in mistake and fits(variant(*settings, mistake))
        )
        expect(False, next(ignored, "sample draws tokens more or less often than their probabilities say."), **facts)


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
