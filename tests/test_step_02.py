"""What step 02 must do: text to token IDs and back, as GPT-2 does it.

The expected IDs come from the `tokenizers` library, which shares no code with the course, on the same files.
"""

import json
import unicodedata
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tokenizers import ByteLevelBPETokenizer

from solutions import solution_02
from tests.known import mistakes_in
from tutor.checkpoint import REFERENCE
from tutor.grading import article, equal, expect, refused, refuses

FILES = REFERENCE / "tiny-gpt2"
END = "<|endoftext|>"
EARLY = "A `return` that is indented into the loop ends it after its first turn."
TEXTS = {
    "words": "The queen rules the land. She wears a crown. THE QUEEN: the Queen?",
    "spaces": "two  spaces,   three, and a tab\tor\n\na new line\r\n and a_b __c  ",
    "one word": " queen",
    "endings": "It's the king's crown, and they'll see we've won't 'S, IT'S",
    "leading space": "  queen",
    "numbers": "1 + 22 = 23! 2026-11-21,3² ½ Ⅳ٣",
    "other letters": "café cafe\u0301 naïve Ünïcödé Ελλάδα Москва 東京 ١٢٣",
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


def read(answer, files=FILES):
    """What read_tokenizer gives for some files, as soon as it is a Tokenizer."""
    tokenizer = answer.read_tokenizer(files)
    expect(tokenizer is not None, "read_tokenizer gives None: is a `return` missing at the end?")
    both = hasattr(tokenizer, "ids") and hasattr(tokenizer, "ranks")
    kind = article(type(tokenizer).__name__)
    expect(both, f"read_tokenizer gives {kind}. It should give a Tokenizer: return Tokenizer(ids, ranks).")
    return tokenizer


def changed(text):
    """A text as other programs change it before they work on it, and the sentence for each change."""
    for form in ("NFC", "NFKC", "NFD", "NFKD"):
        says = f"The text is changed as unicodedata.normalize does, to {form}. It is to stay as it is: "
        yield unicodedata.normalize(form, text), says + "é may be one character or two, and ² is no 2."
    yield text.replace("\r\n", "\n"), r"\r\n becomes \n. Both characters are part of the text: each of them counts."


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
def others():
    """The other library's tokenizer on the tiny model's files, and on others where any two neighbours merge: by folder."""
    with TemporaryDirectory() as folder:
        text = "".join(TEXTS.values())
        any_two = write(Path(folder), text)
        yield {files: library(files) for files in (FILES, any_two)}


def write(folder, text):
    """Files in which any two neighbours of a text merge: no token spans two pieces, unless they were not cut apart."""
    characters = [CHARACTERS[byte] for byte in text.encode()]
    pairs = dict.fromkeys(zip(characters, characters[1:]))
    tokens = [*CHARACTERS.values(), *dict.fromkeys(a + b for a, b in pairs), END]
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}), encoding="utf-8")
    merges = "".join(f"{a} {b}\n" for a, b in pairs)
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}", encoding="utf-8")
    return folder


def test_reads_the_files(answer):
    """read_tokenizer reads the IDs, and the ranks from 0 on"""
    tokenizer = read(answer)
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


def test_merges_the_lowest_rank_first(answer):
    """merge takes the pair of lowest rank first, every time it occurs"""
    ranks = {("b", "c"): 0, ("a", "b"): 1, ("a", "bc"): 2, ("c", "d"): 3, ("d", "e"): 4, ("c", "de"): 5, ("e", "f"): 6,
             ("y", "z"): 7, ("w", "x"): 8, ("x", "y"): 9, ("p", "q"): 10, ("q", "r"): 11, ("m", "m"): 12}  # fmt: skip
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
        "pqrqr": (["pq", "r", "qr"], [(["pqr", "qr"], "Two tokens merge that are no pair: pq, r ends like the pair q, r. Compare whole tokens.")]),
        "mmmmm": (["mm", "mm", "m"], [(["m", "mm", "mm"], "Of equal pairs that overlap the last goes first. It is the first, from the left.")]),
        "x": (["x"], []),
    }  # fmt: skip
    given = dict(ranks)
    for piece, (right, suspects) in cases.items():
        try:
            found = answer.merge(piece, ranks)
        except KeyError as error:
            expect(
                False, f"merge asks for the rank of {error}, which has none. Most pairs have none: they do not merge."
            )
        expect(ranks == given, "merge changes `ranks`, which belongs to its caller. It should only read it.")
        mine = [answer.merge(piece, ranks) for piece in cases] if found != right else []
        search = mistakes_in(solution_02.merge, lambda merge: [merge(piece, ranks) for piece in cases])
        suspects.append(lambda _, search=search, mine=mine: search(lambda wrong: wrong == mine))
        same(found, right, answer.merge, piece, ranks, suspects=suspects, what=f"merge({piece!r})")


@pytest.mark.parametrize("name", TEXTS)
def test_encodes(answer, others, name):
    """encode gives GPT-2's token IDs"""
    for files, other in others.items():
        encodes(answer, files, TEXTS[name], other)


def test_cuts_before_it_merges(answer, tmp_path):
    """the text is cut into pieces first, and no token spans two of them"""
    text = "She'll say: 'tis 12a, b!?  \n\n c##d"
    write(tmp_path, text)
    expect(
        len(read(answer, tmp_path).ranks) == len(set(zip(text, text[1:]))),
        "Not every merge has a rank. The line `# #` is a merge too, and GPT-2's file has it: only the first line is not.",
    )
    encodes(answer, tmp_path, text, library(tmp_path))


def encodes(answer, files, text, other):
    """Check the IDs of one text; a KeyError means that a table was asked for what it does not hold."""
    tokenizer, right = read(answer, files), other.encode(text).ids
    try:
        found = answer.encode(text, tokenizer)
    except KeyError as error:
        old = (
            f"encode asks a second vocabulary for {error}, a token of the first: a list or a dict is kept from call to call. "
            "One that is a default argument, or stands outside encode, is made only once. Make it inside."
        )
        expect(files == FILES, old)
        expect(
            False,
            f"encode asks a table for {error}, which it does not hold. CHARACTER goes from bytes to characters, ids from tokens to IDs.",
        )
    texts = [one for one in TEXTS.values() if found != right]
    suspects = [(other.encode(one).ids, says) for one, says in changed(text)]

    def known(fits):
        given = [answer.encode(one, tokenizer) for one in texts]
        search = mistakes_in(solution_02.encode, lambda encode: encode)
        return search(lambda wrong: fits(wrong(text, tokenizer)) and [wrong(one, tokenizer) for one in texts] == given)

    suspects.append(known)
    same(found, right, answer.encode, text, tokenizer, suspects=suspects, what=f"encode({text!r})")


def test_end_of_text_is_one_token(answer, others):
    """<|endoftext|> is one token wherever it stands"""
    tokenizer = read(answer)
    end = tokenizer.ids[END]
    ends = (
        [" king", " king"],
        ["", ""],
        ["", "", ""],
        ["The king!", "?!"],
        ["two  ", "  \n"],
        ["<|", "|>"],
        ["<|endoftext"],
    )
    for parts in ends:
        encoded = [others[FILES].encode(part).ids for part in parts]
        text, right = END.join(parts), [token for part in encoded for token in (*part, end)][:-1]
        found = answer.encode(text, tokenizer)
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
        cut = "<|endoftext|> is cut into pieces like other text. It is one token with an ID of its own."
        signs = "Signs before <|endoftext|> take a part of it: cut the text at it first, and what is between into pieces then."
        expect(end in found or end not in right, signs if parts[0][-1:] in tuple("!<") else cut, found=found)
        spaces = [token for part in parts for token in (*others[FILES].encode(part.strip()).ids, end)][:-1]
        lost = (
            spaces,
            "Spaces around <|endoftext|> are lost. They are text like any other, also where nothing else is.",
        )
        equal(found, right, suspects=[lost], what=f"encode({text!r})")


@pytest.mark.parametrize("name", TEXTS)
def test_decodes(answer, others, name):
    """decode gives the text back, to the last space"""
    for files, other in others.items():
        text, ids = TEXTS[name], other.encode(TEXTS[name]).ids
        tokenizer = read(answer, files)
        suspects = [*changed(text), mistakes_in(solution_02.decode, lambda decode: decode(ids, tokenizer))]
        try:
            found = answer.decode(ids, tokenizer)
        except ValueError as error:
            first = (
                ""
                if files == FILES
                else " Those of the vocabulary that came first do not count: a new one may come with each call."
            )
            refused(error, f"decode refuses IDs that all have a token.{first}")
            raise
        same(found, text, answer.decode, ids, tokenizer, suspects=suspects, what="decode")


def test_decodes_half_a_character(answer, others):
    """bytes that do not form a whole character become U+FFFD, the replacement character"""
    reference = others[FILES]
    ids = reference.encode("🙂").ids[:-1]
    tokenizer = read(answer)
    try:
        found = answer.decode(ids, tokenizer)
    except UnicodeDecodeError as error:
        expect(False, 'Half a character is an error. `errors="replace"` puts U+FFFD in its place.', found=str(error))
    suspects = [("", 'Half a character is dropped. `errors="replace"` puts U+FFFD in its place.')]
    equal(found, reference.decode(ids), suspects=suspects, what=f"decode({ids})")


def test_decodes_end_of_text(answer):
    """decode writes <|endoftext|> out"""
    tokenizer = read(answer)
    ids = [tokenizer.ids["Ġking"], tokenizer.ids["<|endoftext|>"]]
    equal(answer.decode(ids, tokenizer), " king<|endoftext|>", what=f"decode({ids})")


@pytest.mark.parametrize("bad", [99999, 1000, -1], ids="ID {}".format)
def test_refuses_unknown_ids(answer, bad):
    """an ID that no token has is a ValueError"""
    tokenizer = read(answer)
    refuses(
        answer.decode,
        [0, bad, 0],
        tokenizer,
        of=(ValueError,),
        otherwise=f"decode takes the ID {bad}, which no token has.",
    )
