"""The rules of the grammar: what a paragraph may say.

Every rule is a list of alternatives, each a piece of text with two kinds of holes:

- `[rule]` is replaced by one alternative of that rule;
- `{p:royal.he}` is replaced by a form of a row of table `p` (see `words.TABLES`): the row must have
  every tag named after the colon (`{p:royal,adult}` names two) and the form is that of the column
  named after the dot, the first column where there is none. Within a paragraph a letter stands for
  one row from its first use on, which is what keeps "the queen ... she ... her" consistent.

A sentence ends with a full stop or a question mark, and the next one begins with a capital letter,
a hole or a quotation mark. Alternatives earlier in a list are chosen more often.
"""

START = "paragraph"

RULES: dict[str, list[str]] = {
    # In this order, since a document goes from one topic to the next.
    "paragraph": [
        "[king]",
        "[animal]",
        "[man]",
        "[number]",
        "[prince]",
        "[name]",
        "[boy]",
        "[thing]",
        "[growing]",
        "[country]",
        "[kin]",
        "[compare]",
        "[tale]",
        "[day]",
        "[couple]",
        "[tense]",
        "[speech]",
    ],
    # People: what they do hangs on rank, on age, on both or on neither, so that the vectors of
    # king, queen, prince, princess, man, woman, boy and girl have much to agree and to differ in.
    "king": [
        "{p:royal,adult.The} rules the land. [royal] [adult_end]",
        "{p:royal,adult.The} [royal_does]. [royal] [adult_end]",
        "{p:royal,adult.The} [adult_does]. [royal] [adult_end]",
        "Who rules the land? {p:royal,adult.The} rules the land. [royal]",
    ],
    "man": [
        "{p:common,adult.The} works in the field. [common] [adult_end]",
        "{p:common,adult.The} [common_does]. [common] [adult_end]",
        "{p:common,adult.The} [adult_does]. [common] [adult_end]",
        "Who works in the field? {p:common,adult.The} works in the field. [common]",
    ],
    "prince": [
        "{p:royal,young.The} will be {p.later} one day. [royal] [young_end]",
        "{p:royal,young.The} [royal_does]. [royal] [young_end]",
        "{p:royal,young.The} [young_does]. [royal] [young_end]",
        "{p:royal,young.The} is the {p.son} of the {q:ruler}. [royal] [young_end]",
    ],
    "boy": [
        "{p:common,young.The} will be a {p.later} one day. [common] [young_end]",
        "{p:common,young.The} [common_does]. [common] [young_end]",
        "{p:common,young.The} [young_does]. [common] [young_end]",
        "{p:common,young.The} is the {p.son} of the {q:grown}. [common] [young_end]",
    ],
    "royal_does": ["lives in a palace", "rides a white horse", "sleeps in a castle"],
    "common_does": ["lives in a small house", "walks to the village", "carries an old bag"],
    "adult_does": ["works all day", "writes a long letter", "makes a cup of tea"],
    "young_does": ["plays all day", "learns to read and write", "drinks a cup of milk"],
    "royal": [
        "{p.He} wears a crown of gold.",
        "{p.He} wears a crown.",
        "The people love {p.him}.",
        "{p.His} garden is by the sea.",
        "{p.He} has a gold ring.",
    ],
    "common": [
        "{p.He} wears a brown coat.",
        "{p.He} wears a hat.",
        "The village knows {p.him}.",
        "{p.His} garden is by the river.",
        "{p.He} has a little money.",
    ],
    "adult_end": ["[adult]", "[adult] [end]", "[end]"],
    "young_end": ["[young]", "[young] [end]", "[end]"],
    "adult": [
        "{p.He} is tall and wise.",
        "{p.He} has two children.",
        "{p.He} reads a {m}.",
    ],
    "young": [
        "{p.He} is young and small.",
        "{p.He} has a new toy.",
        "{p.He} climbs a tree.",
    ],
    "end": [
        "{p.He} is happy.",
        "At night {p.he} looks at the moon.",
        "In the evening {p.he} reads a book.",
        "{p.He} sings a song.",
    ],
    "couple": [
        "The king and the queen live in a palace. They wear crowns. They are happy.",
        "The man and the woman live in a small house. They work in the field. They are happy.",
        "The prince and the princess live in a palace. They play in the garden. They are young.",
        "The boy and the girl live in a small house. They play in the garden. They are young.",
        "{p:ruler.The} loves the {p.partner}. {p.She} gives {p.him} a gold ring.",
        "{p:grown.The} loves the {p.partner}. {p.She} gives {p.him} a flower.",
        "{p:adult.The} has a {p.son}. {p.He} loves {p.his} {p.son}. The {p.son} is happy.",
    ],
    "growing": [
        "A {p:young,common} grows up and becomes a {p.later}.",
        "A {p:young,royal} grows up and becomes a {p.later}.",
        "A {a.young} grows up and becomes a {a}.",
        "{p:young,royal.The} is a {p.boy}. One day {p.he} will be {p.later}.",
        "{p:grown.The} was a {p.boy} once. Now {p.he} is tall.",
        "{p:ruler.The} was a {p.boy} once. Now {p.he} rules the land.",
        "{p:royal,young.The} is the child of the {q:ruler}. {p.He} is the {p.son}.",
        "The {a.young} is small. The {a} is big.",
    ],
    "kin": [
        "{p:name.The} has {q:parent.a}. {q.He} cooks dinner for {p.him}. [love]",
        "{p:name.The} has {q:sibling.a}. {q.He} plays with {p.him}. [love]",
        "{p:name.The} has {q:relative.a}. On {d} {q.he} visits {p.him}. [love]",
        "{p:name.The} has {q:elder.a}. {q.He} tells {p.him} an old story. [love]",
        "The {q:ofparent} of my {r:parent} is my {q.later}.",
        "The {p:parent} has a {p.son}. {p.He} loves {p.his} {p.son}.",
        "{p:name.The} is the {p.son} of my {q:relative}. I play with {p.him}.",
    ],
    "love": [
        "{p.He} loves {p.his} {q}.",
        "They are happy.",
        "Then {p.he} gives {p.his} {q} a flower.",
    ],
    "name": [
        "{p:name.The} has a {a:pet}. [pet] [pet_end]",
        "{p:name.The} is a {p.boy}. {p.He} goes to school with {p.his} {q:sibling}. [young_end]",
        "{p:name.The} has a {k} {t:tool}. {p.He} gives the {t} to {p.his} {q:kin}. Now {q.he} has the {k} {t}.",
        "{p:name.The} meets {p.his} {q:kin} by the {l}. {p.He} gives {q.him} a flower. They are happy.",
        "{p:name.The} likes the {a}. {p.He} gives it some {a.food}. [pet]",
    ],
    "pet": [
        "It says {a.sound} and eats {a.food}.",
        "It sleeps in the {a.home}.",
        "The {a} likes {p.him}.",
        "It is {k:hair}.",
    ],
    "pet_end": [
        "{p.He} loves {p.his} {a}.",
        "The {a} has a {a.young}. The {a.young} is small.",
    ],
    # Animals: the adult and the young of a kind share its sound and home; the young share the rest.
    "animal": [
        "The {a} [grown_animal]. [it]",
        "The {a.young} [young_animal]. [it_young]",
        "The {a} has a {a.young}. The {a.young} [young_animal].",
        "A {a.young} is a young {a}. [it_young]",
        "There are {n:many} {a.plural} in the {a.home}. They eat {a.food}.",
        "There are {n:many} {a.litter} in the {a.home}. They sleep beside the {a}.",
        "What does the {a} say? It says {a.sound}.",
        "The {a.plural} and the {a.litter} live in the {a.home}. The {a.litter} are small.",
    ],
    "grown_animal": [
        "eats {a.food}",
        "lives in the {a.home}",
        "is big and {k:hair}",
    ],
    "it": [
        "It says {a.sound}.",
        "It has a {a.young}.",
        "It sleeps at night.",
    ],
    "young_animal": [
        "is small and soft",
        "sleeps beside its mother",
        "plays in the {a.home}",
    ],
    "it_young": [
        "It says {a.sound}.",
        "It follows the {a}.",
        "It follows its mother.",
    ],
    # Numbers, in words and in digits.
    "number": [
        "The sum of {s.a} and {s.b} is {s.c}.",
        "The sum of {s.digit_a} and {s.digit_b} is {s.digit_c}.",
        "Count with me: {n:room3}, {n.next1}, {n.next2}, {n.next3}.",
        "Count with me: {n:room3.digit}, {n.digit1}, {n.digit2}, {n.digit3}.",
        "The number {n} is {n.digit}.",
        "After {n:room1} comes {n.next1}.",
        "After {n:room1.digit} comes {n.digit1}.",
        "{p:name.The} has {n:many} {t.plural}. {p.His} {q:sibling} has one {t}.",
        "{p:name.The} has {n:many.digit} {t.plural}. {p.His} {q:sibling} has 1 {t}.",
        "There are {n:many} {t.plural} on the table.",
        "There are {n:many.digit} {t.plural} on the table.",
        "{p:name.The} has {s:many.a} {t.plural}. {p.His} {q:sibling} has {s.b} {t.plural}. They have {s.c} {t.plural}.",
        "What is the sum of {s.a} and {s.b}? It is {s.c}.",
        "One {a} and one {a} make two {a.plural}.",
    ],
    # Days and seasons.
    "day": [
        "Today is {d}. Tomorrow is {d.next}. Yesterday was {d.before}.",
        "{d.next} comes after {d}.",
        "On {d} {p:name} {v.now} {v.place}. On {d.next} {p.he} stays at home.",
        "The day after {d} is {d.next}. The day before {d} is {d.before}.",
        "In winter the days are short and cold. The snow is white.",
        "In summer the days are long and hot. The sea is blue.",
    ],
    # Things to write with and on, and things that are wet.
    "thing": [
        "{p:common.The} writes a letter on white paper with a [pen]. {p.He} gives it to the {q:ruler}.",
        "{p:common.The} drinks some cold water. {p.He} is happy now.",
        "{p:name.The} draws a {a} on paper with a [pen].",
        "{p:name.The} swims in the {l}. The {l} is [wet].",
        "{p:name.The} looks for a {m}. It is on the table.",
        "The rain falls on the {l}. Rain is water from the sky.",
        "The river runs to the sea. The fish swim in the {l}.",
        "{p:name.The} opens the book. The page is white. The book is made of paper.",
        "The {t:tool} is on the table. It is {k}.",
        "The opposite of {o} is {o.other}. The opposite of {o.other} is {o}.",
        "The sun shines in the day. The moon shines at night.",
    ],
    "pen": ["pen", "pencil"],
    "wet": ["cold", "deep", "blue"],
    # Stories of several sentences.
    "tale": [
        "Once upon a time there was {p:ruler.a}. {p.He} lived in a castle by the sea. {p.He} had a {p.son}. [tale_end]",
        "Once upon a time there was {p:common.a}. {p.He} lived in a small house by the {l}. "
        "{p.He} had a {a:pet}. [tale_end]",
        "Once there was {p:common.a} who found a gold ring. {p.He} gave it to the {q:ruler}. "
        "The {q} was happy and gave {p.him} a {k:hair} horse.",
        "Once there was {p:royal,young.a} who lost a gold ring. "
        "The {q:common} found it by the {l}. {p.The} was happy and gave {q.him} a cup of gold.",
        "One day the {a:pet} was lost. {p:name.The} looked in the house. "
        "{p.His} {q:parent} looked in the garden. Then {q.he} found it by the {l}.",
    ],
    "tale_end": [
        "Every day {p.he} walked to the village. {p.He} was happy.",
        "Every night {p.he} looked at the moon and the stars.",
        "One day {p.he} found a letter in the garden. It was from {q:name}.",
    ],
    "country": [
        "The capital of {c} is {c.capital}.",
        "{p:name.The} lives in {c}. {p.He} speaks {c.language}.",
        "{p:name.The} lives in {c.capital}. In {c.capital} the people speak {c.language}.",
        "What is the capital of {c}? It is {c.capital}.",
        "In {c} the people speak {c.language}.",
        "{p:name.The} is in {c.capital}, the capital of {c}.",
    ],
    "speech": [
        '"Good morning," says {p:adult.the}. "Good morning," says {q:young.the}.',
        '"Where is my {t}?" asks {p:name}. "It is on the table," says {p.his} {q:kin}.',
        '{p:royal.The} says, "I am happy." {p.He} sings a song.',
        '"Good night," says {p:name}. {p.He} sleeps all night.',
        '"Where is the {a}?" asks {p:name}. "It is in the {a.home}," says {p.his} {q:kin}.',
    ],
    "tense": [
        "Today {p:name} {v.now} {v.place}. Yesterday {p.he} {v.past} {v.place}.",
        "Tomorrow {p:name} will {v} {v.place}. Today {p.he} {v.now} {v.place}.",
        "{p:name.The} likes to {v}. {p.He} {v.now} {v.place}.",
        "Yesterday {p:young.the} {v.past} {v.place}. Then {p.he} walked home.",
        "The children {v} {v.place}. Yesterday they {v.past} {v.place}.",
    ],
    "compare": [
        "{p:name.The} is {w:grows}, but {p.his} {q:parent} is {w.more}.",
        "The {a.young} is {w:grows}, but the {a} is {w.more}.",
        "{p:name.The} is {w.more} than {p.his} {q:sibling}. {p.He} is the {w.most} of all.",
        "Who is the {w.most} of all? {p:name.The} is the {w.most}.",
    ],
}
