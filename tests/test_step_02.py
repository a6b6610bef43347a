"""What step 02 must do: text to token IDs and back, as GPT-2 does it.

The expected IDs come from the `tokenizers` library, which shares no code with the course, on the same files.
"""

import json

import pytest
from tokenizers import ByteLevelBPETokenizer

from solutions.solution_02 import PIECES
from tutor.checkpoint import REFERENCE
from tutor.grading import article, equal, expect, refused, refuses

FILES = REFERENCE / "tiny-gpt2"
EARLY = "A `return` that is indented into the loop ends it after its first turn."
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
VISIBLE = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
CHARACTERS = dict(
    zip([*VISIBLE, *sorted(set(range(256)) - set(VISIBLE))], [*map(chr, VISIBLE), *map(chr, range(256, 324))])
)
"""GPT-2's 256 bytes and their visible characters, from the table in OpenAI's encoder.py."""


def library(files):
    """The tokenizer of the other library on the same files."""
    return ByteLevelBPETokenizer.from_file(str(files / "vocab.json"), str(files / "merges.txt"))


def read(step, files=FILES):
    """What read_tokenizer gives for some files, as soon as it is a Tokenizer."""
    tokenizer = step.read_tokenizer(files)
    expect(tokenizer is not None, "read_tokenizer gives None: is a `return` missing at the end?")
    both = hasattr(tokenizer, "ids") and hasattr(tokenizer, "ranks")
    kind = article(type(tokenizer).__name__)
    expect(both, f"read_tokenizer gives {kind}. It should give a Tokenizer: return Tokenizer(ids, ranks).")
    return tokenizer


def same(found, right, function, *args, suspects, what):
    """Compare what a call gave with what is right, and the call with itself: it should give the same each time."""
    if found != right and repr(function(*args)) != repr(function(*args)):
        name = function.__name__
        expect(
            False,
            f"{name} gives more each time it is called: a list is kept from call to call. A list that is a default "
            f"argument, or stands outside {name}, is made only once. Make it inside.",
        )
    equal(found, right, suspects=suspects, what=what)


@pytest.fixture(scope="module")
def reference():
    """The other library's tokenizer on the tiny model's files."""
    return library(FILES)


def test_reads_the_files(step):
    """read_tokenizer reads the IDs, and the ranks from 0 on"""
    tokenizer = read(step)
    exchanged = isinstance(next(iter(tokenizer.ids), None), tuple)
    expect(not exchanged, "The two tables are exchanged. Their order is Tokenizer(ids, ranks).")
    equal(dict(tokenizer.ids), json.loads((FILES / "vocab.json").read_text()), what="The table of IDs")
    version, *merges = (FILES / "merges.txt").read_text().splitlines()
    expect(
        not {version, tuple(version.split())} & set(tokenizer.ranks),
        f"The first line of merges.txt, {version!r}, is a version and no merge: it has no rank.",
    )
    first = tuple(merges[0].split())
    expect(
        first in tokenizer.ranks,
        f"The ranks lack the first merge. The key of each is a pair of tokens, {first}.",
        found=next(iter(tokenizer.ranks), None),
    )
    suspects = [
        (1, "The ranks start at 1. The first merge has rank 0."),
        (len(merges) - 1, "The ranks run backwards: the first merge has rank 0."),
    ]
    equal(tokenizer.ranks[first], 0, suspects=suspects, what=f"The rank of the first merge, {first},")
    equal(len(tokenizer.ranks), len(merges), what="The number of merges")


def test_merges_the_lowest_rank_first(step):
    """merge takes the pair of lowest rank first, every time it occurs"""
    ranks = {("b", "c"): 0, ("a", "b"): 1, ("a", "bc"): 2, ("c", "d"): 3, ("d", "e"): 4, ("c", "de"): 5, ("e", "f"): 6,
             ("y", "z"): 7, ("w", "x"): 8, ("x", "y"): 9}  # fmt: skip
    once = "It stops too early. Go on until no two neighbours have a rank: a merged token may merge again."
    twice = "A merged pair uses up both its tokens: go on behind the second one."
    cases = {
        "wxyz": (["wx", "yz"], [(["w", "xy", "z"], "The pair of highest rank goes first. It should be the lowest: rank 0 before rank 1."),
                                (["w", "x", "yz"], once), (["wx", "x", "yz", "z"], twice), (["w"], EARLY), (["wx"], EARLY)]),
        "abcd": (["abc", "d"], [(["ab", "cd"], "It merges from left to right. The pair of lowest rank, here b c, goes first."),
                                (["a", "bc", "d"], once)]),
        "abab": (["ab", "ab"], [(["ab", "a", "b"], "Only the first of two equal pairs is merged.")]),
        "cdef": (["cd", "ef"], [(["c", "de", "f"], "It does not take the lowest rank first: c d has rank 3, d e rank 4."),
                                (["cde", "f"], "It looks for the longest token. GPT-2 takes the pair of lowest rank, here c d.")]),
        "x": (["x"], []),
        "": ([], []),
    }  # fmt: skip
    for piece, (right, suspects) in cases.items():
        try:
            found = step.merge(piece, ranks)
        except KeyError as error:
            expect(
                False, f"merge asks for the rank of {error}, which has none. Most pairs have none: they do not merge."
            )
        same(found, right, step.merge, piece, ranks, suspects=suspects, what=f"merge({piece!r})")


@pytest.mark.parametrize("name", TEXTS)
def test_encodes(step, reference, name):
    """encode gives GPT-2's token IDs"""
    encodes(step, FILES, TEXTS[name], reference.encode(TEXTS[name]).ids)


def test_cuts_before_it_merges(step, tmp_path):
    """the text is cut into pieces first, and no token spans two of them"""
    text = "She'll say: 'tis 12a, b!?  \n\n c##d"
    characters = [CHARACTERS[byte] for byte in text.encode()]
    pairs = dict.fromkeys(zip(characters, characters[1:]))  # any two neighbours may merge, but for the pieces
    tokens = [*CHARACTERS.values(), *dict.fromkeys(a + b for a, b in pairs)]
    (tmp_path / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}), encoding="utf-8")
    merges = "".join(f"{a} {b}\n" for a, b in pairs)
    (tmp_path / "merges.txt").write_text(f"#version: 0.2\n{merges}", encoding="utf-8")
    expect(
        len(read(step, tmp_path).ranks) == len(pairs),
        "Not every merge has a rank. The line `# #` is a merge too, and GPT-2's file has it: only the first line is not.",
    )
    encodes(step, tmp_path, text, library(tmp_path).encode(text).ids)


def encodes(step, files, text, right):
    """Check the IDs of one text; a KeyError means that a table was asked for what it does not hold."""
    tokenizer = read(step, files)
    try:
        found = step.encode(text, tokenizer)
    except KeyError as error:
        expect(
            False,
            f"encode asks a table for {error}, which it does not hold. CHARACTER goes from bytes to characters, ids from tokens to IDs.",
        )
    suspects = wrong_encodings(text, tokenizer, right)
    same(found, right, step.encode, text, tokenizer, suspects=suspects, what=f"encode({text!r})")


def wrong_encodings(text, tokenizer, right):
    """What known mistakes give. The merging itself is right here: the test before this one has checked it."""

    def encode(*pieces):
        for piece in pieces:
            tokens = [CHARACTERS[byte] for byte in piece.encode()]
            while pairs := [pair for pair in zip(tokens, tokens[1:]) if pair in tokenizer.ranks]:
                best = min(pairs, key=tokenizer.ranks.get)
                i = next(i for i in range(len(tokens)) if tuple(tokens[i : i + 2]) == best)
                tokens[i : i + 2] = ["".join(best)]
            yield from (tokenizer.ids[token] for token in tokens)

    words = text.split()
    spaced = [f" {word}" for word in words]
    yield (
        list(encode(text)),
        "The text is merged as a whole. GPT-2 cuts it into pieces first, so that no token spans two words.",
    )
    yield list(encode(*words)), "The spaces are lost: in GPT-2 a space belongs to the word after it."
    yield (
        list(encode(*words[:1], *spaced[1:])),
        "Runs of spaces, tabs or new lines are not kept as they are: each character counts.",
    )
    yield list(encode(*spaced)), "A space is put before the first word. The text is to be taken as it is."
    yield (
        [tokenizer.ids[CHARACTERS[byte]] for byte in text.encode()],
        "Nothing is merged: those are the tokens of the single bytes.",
    )
    yield (
        list(encode(text.lower())),
        "The text is turned into small letters. GPT-2 keeps capitals: The and the are two tokens.",
    )
    yield (
        list(encode(*PIECES.findall(text.strip()))),
        "The spaces at the ends of the text are lost: each character counts.",
    )
    yield (
        list(encode(*PIECES.findall(text)[:1])),
        f"Only the first piece is encoded. {EARLY}",
    )
    yield (
        [*right, tokenizer.ids.get("<|endoftext|>")],
        "<|endoftext|> is added at the end. It belongs only where the text has it.",
    )


def test_end_of_text_is_one_token(step):
    """<|endoftext|> is one token wherever it stands"""
    tokenizer = read(step)
    end = tokenizer.ids["<|endoftext|>"]
    king = step.encode(" king", tokenizer)
    for text, right in {
        " king<|endoftext|> king": [*king, end, *king],
        "<|endoftext|>": [end],
        "<|endoftext|><|endoftext|>": [end, end],
    }.items():
        found = step.encode(text, tokenizer)
        expect(
            right[: len(found)] != found or found == right,
            f"Only the text before <|endoftext|> is encoded. {EARLY}",
            expected=right,
            found=found,
        )
        expect(
            len(found) >= len(right),
            "<|endoftext|> is lost. It is a token like others, with an ID of its own.",
            expected=right,
            found=found,
        )
        expect(
            end in found,
            "<|endoftext|> is cut into pieces like other text. It is one token with an ID of its own.",
            found=found,
        )
        equal(found, right, what=f"encode({text!r})")


@pytest.mark.parametrize("name", TEXTS)
def test_decodes(step, reference, name):
    """decode gives the text back, to the last space"""
    text, encoded = TEXTS[name], reference.encode(TEXTS[name])
    byte_of = {character: byte for byte, character in CHARACTERS.items()}
    written = "".join(encoded.tokens)
    alone = "".join(bytes(map(byte_of.get, token)).decode(errors="replace") for token in encoded.tokens)
    tokenizer = read(step)
    suspects = [
        (written, "Ġ is how the files write a space: each visible character stands for a byte."),
        *(
            (spaced, "Ġ is not the only character that stands for another byte: BYTE knows all 256.")
            for spaced in (written.replace("Ġ", " "), written.replace("Ġ", " ").replace("Ċ", "\n"))
        ),
        (text.strip(), "The spaces at the ends are lost: a token holds its own."),
        (
            " ".join(map(reference.decode, [[i] for i in encoded.ids])),
            "Spaces are put between the tokens. A token holds its own.",
        ),
        (
            alone,
            "Each token is decoded by itself, but a character's bytes may lie in two tokens: join all bytes first.",
        ),
        (text.encode().decode("latin-1"), "The bytes are read as Latin-1, one character each. They are UTF-8."),
        (
            reference.decode(encoded.ids[:1]),
            f"Only the first token is decoded. {EARLY}",
        ),
    ]
    try:
        found = step.decode(encoded.ids, tokenizer)
    except ValueError as error:
        refused(error, "decode refuses IDs that all have a token.")
        raise
    same(found, text, step.decode, encoded.ids, tokenizer, suspects=suspects, what="decode")


def test_decodes_half_a_character(step, reference):
    """bytes that do not form a whole character become U+FFFD, the replacement character"""
    ids = reference.encode("🙂").ids[:-1]
    tokenizer = read(step)
    try:
        found = step.decode(ids, tokenizer)
    except UnicodeDecodeError as error:
        expect(False, 'Half a character is an error. `errors="replace"` puts U+FFFD in its place.', found=str(error))
    suspects = [("", 'Half a character is dropped. `errors="replace"` puts U+FFFD in its place.')]
    equal(found, reference.decode(ids), suspects=suspects, what=f"decode({ids})")


def test_decodes_end_of_text(step):
    """decode writes <|endoftext|> out"""
    tokenizer = read(step)
    ids = [tokenizer.ids["Ġking"], tokenizer.ids["<|endoftext|>"]]
    equal(step.decode(ids, tokenizer), " king<|endoftext|>", what=f"decode({ids})")


@pytest.mark.parametrize("bad", [99999, 1000, -1], ids="ID {}".format)
def test_refuses_unknown_ids(step, bad):
    """an ID that no token has is a ValueError"""
    tokenizer = read(step)
    refuses(
        step.decode, [0, bad], tokenizer, of=(ValueError,), otherwise=f"decode takes the ID {bad}, which no token has."
    )
