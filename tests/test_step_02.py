"""What step 02 must do: text to token IDs and back, as GPT-2 does it.

The expected IDs come from the `tokenizers` library, which shares no code with the course, on the tiny model's files.
"""

import json

import pytest
from conftest import REFERENCE
from tokenizers import ByteLevelBPETokenizer
from tutor.checks import equal, expect, refuses

FILES = REFERENCE / "tiny-gpt2"
TEXTS = {
    "words": "The queen rules the land. She wears a crown.",
    "one word": " queen",
    "endings": "It's the king's crown, and they'll see we've won't 'S",
    "spaces": "two  spaces,   three, and a tab\tor\n\na new line  ",
    "leading space": "  queen",
    "numbers": "1 + 22 = 23, 2026-11-21",
    "other letters": "café naïve Ünïcödé Ελλάδα Москва 東京 ١٢٣",
    "emoji": "🙂👍🏽 👩‍👩‍👧",
    "control": "\x00\x07\x7f\xa0\xad",
    "nothing": "",
}


@pytest.fixture(scope="module")
def reference():
    """The tokenizer of another library on the same files."""
    return ByteLevelBPETokenizer(str(FILES / "vocab.json"), str(FILES / "merges.txt"))


def test_reads_the_files(step):
    """read_tokenizer reads the IDs, and the ranks from 0 on"""
    tokenizer = step.read_tokenizer(FILES)
    equal(dict(tokenizer.ids), json.loads((FILES / "vocab.json").read_text()), what="The table of IDs")
    version, first, *others = (FILES / "merges.txt").read_text().splitlines()
    pair = tuple(first.split())
    equal(
        tokenizer.ranks.get(pair),
        0,
        suspects=[(1, f"The first line of merges.txt, {version!r}, is a version and no merge: it has no rank.")],
        what=f"The rank of the first merge, {pair},",
    )
    equal(len(tokenizer.ranks), len(others) + 1, what="The number of merges")


def test_merges_the_lowest_rank_first(step):
    """merge takes the pair of lowest rank first, every time it occurs"""
    ranks = {("b", "c"): 0, ("a", "b"): 1, ("a", "bc"): 2, ("c", "d"): 3, ("d", "e"): 4, ("c", "de"): 5, ("e", "f"): 6}
    cases = {
        "abcd": (["abc", "d"], [(["ab", "cd"], "It merges from left to right. The pair of lowest rank, here b c, goes first.")]),
        "abab": (["ab", "ab"], [(["ab", "a", "b"], "Only the first of two equal pairs is merged.")]),
        "cdef": (["cd", "ef"], [(["c", "de", "f"], "It does not take the lowest rank first: c d has rank 3, d e rank 4."),
                                (["cde", "f"], "It looks for the longest token. GPT-2 takes the pair of lowest rank, here c d.")]),
        "x": (["x"], []),
        "": ([], []),
    }  # fmt: skip
    for piece, (right, suspects) in cases.items():
        equal(step.merge(piece, ranks), right, suspects=suspects, what=f"merge({piece!r})")


@pytest.mark.parametrize("name", TEXTS)
def test_encodes(step, reference, name):
    """encode gives GPT-2's token IDs"""
    text = TEXTS[name]
    tokenizer = step.read_tokenizer(FILES)
    suspects = [(ids, sentence) for ids, sentence in wrong_encodings(text, tokenizer)]
    equal(step.encode(text, tokenizer), reference.encode(text).ids, suspects=suspects, what=f"encode({text!r})")


def wrong_encodings(text, tokenizer):
    """What known mistakes give. The merging itself is right here: the test before this one has checked it."""
    byte_of = dict(zip(*reversed(byte_table())))

    def encode(pieces):
        for piece in pieces:
            tokens = [byte_of[byte] for byte in piece.encode()]
            while pairs := [pair for pair in zip(tokens, tokens[1:]) if pair in tokenizer.ranks]:
                best = min(pairs, key=tokenizer.ranks.get)
                i = next(i for i in range(len(tokens)) if tuple(tokens[i : i + 2]) == best)
                tokens[i : i + 2] = ["".join(best)]
            yield from (tokenizer.ids[token] for token in tokens)

    words = text.split()
    yield list(encode([text])), "The text is merged as a whole. GPT-2 cuts it into pieces first, so that no token spans two words."
    yield list(encode(words)), "The spaces are lost: in GPT-2 a space belongs to the word after it."
    spaced = [word if i == 0 else f" {word}" for i, word in enumerate(words)]
    yield list(encode(spaced)), "Runs of spaces, tabs or new lines are not kept as they are: each character counts."


def byte_table():
    """GPT-2's 256 visible characters and their bytes, from the table in OpenAI's encoder.py."""
    visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return [chr(b) for b in visible] + [chr(256 + i) for i in range(len(hidden))], visible + hidden


def test_end_of_text_is_one_token(step):
    """<|endoftext|> is one token wherever it stands"""
    tokenizer = step.read_tokenizer(FILES)
    end = tokenizer.ids["<|endoftext|>"]
    king = step.encode(" king", tokenizer)
    for text, right in {"<|endoftext|>": [end], " king<|endoftext|> king": [*king, end, *king], "<|endoftext|><|endoftext|>": [end, end]}.items():
        found = step.encode(text, tokenizer)
        expect(end in found, "<|endoftext|> is cut into pieces like other text. It is one token with an ID of its own.", found=found)
        equal(found, right, what=f"encode({text!r})")


@pytest.mark.parametrize("name", TEXTS)
def test_decodes(step, reference, name):
    """decode gives the text back, to the last space"""
    text = TEXTS[name]
    tokenizer = step.read_tokenizer(FILES)
    suspects = [
        (text.strip(), "The spaces at the ends are lost: a token holds its own."),
        (text.replace(" ", "Ġ").replace("\n", "Ċ"), "Ġ is how the files write a space: each visible character stands for a byte."),
    ]
    equal(step.decode(reference.encode(text).ids, tokenizer), text, suspects=suspects, what="decode")


def test_decodes_half_a_character(step, reference):
    """bytes that are no whole character become U+FFFD, the replacement character"""
    tokenizer = step.read_tokenizer(FILES)
    ids = reference.encode("🙂").ids[:-1]
    equal(step.decode(ids, tokenizer), reference.decode(ids), what=f"decode({ids})")


def test_refuses_unknown_ids(step):
    """an ID that no token has is a ValueError"""
    tokenizer = step.read_tokenizer(FILES)
    refuses(step.decode, [0, 99999], tokenizer, of=(ValueError,), otherwise="decode takes the ID 99999, which no token has.")
