"""The words of the grammar, in tables.

A row is one thing that a story can speak of: a person, an animal, a number, a day. Its columns are
the forms that a sentence may need ("he", "his", "the queen"); its tags say where it may stand.
Every row of a table has the same columns, so that a sentence fits any row.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One row of a table: `forms` by column name, the first of which is the word itself."""

    forms: dict[str, str]
    tags: frozenset[str] = frozenset()

    @property
    def word(self) -> str:
        """The first column, which names the row."""
        return next(iter(self.forms.values()))

    def form(self, column: str) -> str:
        """The text in `column`; "The" gives the column "the" with a capital letter."""
        if column in self.forms:
            return self.forms[column]
        text = self.forms[column.lower()]
        return text[0].upper() + text[1:]


# (man's word, woman's word, tags, what the two grow into or are called a generation on)
_PAIRS = [
    ("king", "queen", "royal adult ruler", ("king", "queen")),
    ("man", "woman", "common adult grown", ("man", "woman")),
    ("boy", "girl", "common young", ("man", "woman")),
    ("prince", "princess", "royal young", ("king", "queen")),
    ("father", "mother", "kin parent ofparent", ("grandfather", "grandmother")),
    ("brother", "sister", "kin sibling ofparent", ("uncle", "aunt")),
    ("uncle", "aunt", "kin relative", ("uncle", "aunt")),
    ("grandfather", "grandmother", "kin elder", ("grandfather", "grandmother")),
]
_NAMES = [
    ("Tom", "Anna"),
    ("Jack", "Emma"),
    ("Peter", "Lucy"),
    ("Sam", "Mary"),
]


def _person(word: str, partner: str, male: bool, tags: str, later: str, name: bool) -> Row:
    article = "an" if word[0] in "aeiou" else "a"
    forms = {
        "word": word,
        "a": word if name else f"{article} {word}",
        "the": word if name else f"the {word}",
        "he": "he" if male else "she",
        "him": "him" if male else "her",
        "his": "his" if male else "her",
        "she": "she" if male else "he",
        "boy": "boy" if male else "girl",
        "son": "son" if male else "daughter",
        "partner": partner,
        "later": later,
    }
    return Row(forms, frozenset(tags.split()))


def _people() -> list[Row]:
    rows = []
    for man, woman, tags, (later_man, later_woman) in _PAIRS:
        rows.append(_person(man, woman, True, tags, later_man, name=False))
        rows.append(_person(woman, man, False, tags, later_woman, name=False))
    for man, woman in _NAMES:
        rows.append(_person(man, woman, True, "name young", "man", name=True))
        rows.append(_person(woman, man, False, "name young", "woman", name=True))
    return rows


def _rows(columns: str, *lines: str) -> list[Row]:
    """Rows from lines of the form "cat | kitten | ..."; a last column "tags" holds tags."""
    names = columns.split()
    rows = []
    for line in lines:
        forms = dict(zip(names, (cell.strip() for cell in line.split("|")), strict=True))
        tags = frozenset(forms.pop("tags", "").split())
        rows.append(Row(forms, tags))
    return rows


_NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def _numbers() -> list[Row]:
    rows = []
    for i, word in enumerate(_NUMBERS):
        rest = _NUMBERS[i + 1 :]
        tags = {f"room{k}" for k in range(1, len(rest) + 1)}  # room3: three numbers follow
        tags |= {"many"} if i > 0 else set()
        forms = {"word": word, "digit": str(i + 1)}
        for k in (1, 2, 3):
            later = i + k < len(_NUMBERS)
            forms[f"next{k}"] = _NUMBERS[i + k] if later else "-"
            forms[f"digit{k}"] = str(i + k + 1) if later else "-"
        rows.append(Row(forms, frozenset(tags)))
    return rows


def _sums() -> list[Row]:
    rows = []
    for a in range(1, 10):
        for b in range(1, 11 - a):
            forms = {}
            for name, value in (("a", a), ("b", b), ("c", a + b)):
                forms[name] = _NUMBERS[value - 1]
                forms[f"digit_{name}"] = str(value)
            rows.append(Row(forms, frozenset({"many"}) if min(a, b) > 1 else frozenset()))
    return rows


def _days() -> list[Row]:
    return [Row({"word": day, "next": _DAYS[(i + 1) % 7], "before": _DAYS[i - 1]}) for i, day in enumerate(_DAYS)]


# Each letter that a sentence may use for a thing, and the table that the thing comes from.
TABLES: dict[str, list[Row]] = {
    "p": _people(),
    "n": _numbers(),
    "s": _sums(),
    "d": _days(),
    "a": _rows(
        "word young plural litter sound food home tags",
        "cat  | kitten   | cats   | kittens   | meow  | fish  | house  | pet",
        "dog  | puppy    | dogs   | puppies   | woof  | meat  | yard   | pet",
        "cow  | calf     | cows   | calves    | moo   | grass | field  |",
        "sheep| lamb     | sheep  | lambs     | baa   | grass | hills  |",
        "horse| foal     | horses | foals     | neigh | hay   | field  |",
        "duck | duckling | ducks  | ducklings | quack | bread | pond   |",
        "hen  | chick    | hens   | chicks    | cluck | corn  | barn   |",
    ),
    "c": _rows(
        "word capital language",
        "France  | Paris  | French",
        "Italy   | Rome   | Italian",
        "Spain   | Madrid | Spanish",
        "Germany | Berlin | German",
        "Greece  | Athens | Greek",
        "Japan   | Tokyo  | Japanese",
    ),
    "v": _rows(
        "word now past place",
        "walk  | walks  | walked  | to the river",
        "play  | plays  | played  | in the garden",
        "work  | works  | worked  | in the field",
        "cook  | cooks  | cooked  | in the kitchen",
        "paint | paints | painted | by the sea",
    ),
    "k": _rows(
        "word tags",
        "red    |",
        "white  | hair",
        "blue   |",
        "black  | hair",
        "green  |",
        "yellow |",
        "brown  | hair",
    ),
    "o": _rows(
        "word other",
        "hot    | cold",
        "big    | small",
        "old    | young",
        "tall   | short",
        "day    | night",
        "summer | winter",
    ),
    "w": _rows(
        "word more most tags",
        "tall   | taller   | tallest   | grows",
        "old    | older    | oldest    | grows",
        "young  | younger  | youngest  |",
        "strong | stronger | strongest | grows",
        "fast   | faster   | fastest   | grows",
        "small  | smaller  | smallest  |",
    ),
    "t": _rows(
        "word plural tags",
        "book   | books   | tool",
        "pen    | pens    | tool",
        "letter | letters |",
        "pencil | pencils | tool",
        "cup    | cups    | tool",
        "apple  | apples  |",
    ),
    "l": _rows("word", "sea", "river", "lake", "water"),
    "m": _rows("word", "book", "letter", "paper", "page"),
}
TABLES |= {"q": TABLES["p"], "r": TABLES["p"]}  # a second and a third person
