"""The pages that compute, in a real browser: each widget is used as a reader would, and its numbers are the reference's.

They need Playwright, which `pixi run pages` brings, and a Chromium, such as Debian's package. They need no MAX, and
none of the other tests' fixtures.
"""

import functools
import http.server
import json
import re
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from solutions.solution_02 import decode, encode, read_tokenizer
from solutions.solution_16 import analogy, cosine_similarity, nearest, word_id
from solutions.solution_18 import probabilities
from tests.tools.site import ROOT, build

api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed here: `pixi run pages` brings it")
NAMES = "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
if BROWSER is None:
    pytest.skip(f"no browser on PATH, neither {', '.join(NAMES[:-1])} nor {NAMES[-1]}", allow_module_level=True)

REFERENCE = ROOT / "tests" / "reference"
TOKENIZER = read_tokenizer(REFERENCE / "tiny-gpt2")
EXPECTED = np.load(REFERENCE / "expected.npz")
SENTENCE = "The queen rules the land."
PAGES = {
    "introduction": ["writes"],
    "step_02": ["merges"],
    "step_05": ["neighbours", "training", "lookup"],
    "step_06": ["sum"],
    "step_08": ["attention"],
    "step_09": ["attention"],
    "step_16": ["neighbours", "map", "analogy"],
    "step_18": ["odds"],
    "step_22": ["training"],
}
"""The widgets of each page, from top to bottom."""
THEMES = "light", "rust", "coal", "navy", "ayu"
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# ---- the browser ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return build(tmp_path_factory.mktemp("book"))


@pytest.fixture(scope="module")
def site(folder):
    """The address of the built book on a server of its own."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def browser():
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, site):
    """A function that opens a page of the book and waits for its widgets. A word on the console fails the test."""
    contexts, said = [], []

    def visit(name, theme="light", size=DESK, **options):
        context = browser.new_context(viewport=size, **options)
        context.add_init_script(f"localStorage.setItem('mdbook-theme', '{theme}')")
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"{site}/{name}.html")
        if options.get("java_script_enabled", True):
            for place, kind in enumerate(PAGES.get(name, [])):
                page.locator(".live").nth(place).locator(f".widget.{kind}").wait_for()
        return page

    yield visit
    for context in contexts:
        context.close()
    assert said == []


def widget(page, kind):
    return page.locator(f".widget.{kind}")


def status(page, kind):
    """What a widget tells a screen reader."""
    return widget(page, kind).get_by_role("status").inner_text()


def table(locator):
    """The texts of a table, row by row."""
    return [row.locator("th, td").all_inner_texts() for row in locator.locator("tr").all()]


def shown(number, digits=2):
    return f"{number:.{digits}f}".replace("-", "−")


def close(found, right, case=""):
    """Whether numbers agree to 1e-4, those that are large in proportion."""
    np.testing.assert_allclose(np.array(found), right, rtol=1e-4, atol=1e-4, err_msg=str(case))


# ---- the model ------------------------------------------------------------------------------

MODEL = """
const [text, model, words, chance] = await Promise.all(
  ["tokenizer", "model", "embeddings", "sampling"].map((name) => import(`/live/gpt2/${name}.js`)));
const read = (name) => fetch(`/tiny-gpt2/${name}`);
const tokenizer = text.read_tokenizer(await (await read("vocab.json")).text(), await (await read("merges.txt")).text());
const gpt2 = model.load_checkpoint(await (await read("config.json")).json(), await (await read("model.safetensors")).arrayBuffer());
const plain = (array) => Array.from(array, (item) => (typeof item === "number" ? item : plain(item)));
"""


@pytest.fixture(scope="module")
def compute(browser, site):
    """A function that runs a JavaScript expression with the model at hand, in a page of its own."""
    page = browser.new_page()
    page.goto(f"{site}/step_08.html")
    yield lambda expression, given=None: page.evaluate(f"async (given) => {{ {MODEL} return {expression}; }}", given)
    page.close()


@pytest.mark.parametrize("case", ["batch", "single", "full"])
def test_logits(compute, case):
    for ids, right in zip(EXPECTED[f"{case}/input_ids"].tolist(), EXPECTED[f"{case}/logits"]):
        close(compute("plain(gpt2.forward(given))", ids), right)
        close(compute("plain(gpt2.next(given))", ids), right[-1])


def test_attention_weights(compute):
    for row, ids in enumerate(EXPECTED["batch/input_ids"].tolist()):
        found = compute("(gpt2.forward(given), gpt2.transformer.h.map((block) => plain(block.attn.weights)))", ids)
        close(found, [EXPECTED[f"batch/h.{layer}.attn.weights"][row] for layer in range(3)])


def test_pieces_of_the_model(compute):
    pieces = np.load(REFERENCE / "pieces.npz")
    close(compute("given.map(model.gelu)", pieces["gelu/x"].tolist()), pieces["gelu/output"])
    ids = EXPECTED["batch/input_ids"][0].tolist()
    close(compute("plain(gpt2.transformer.embed(given))", ids), EXPECTED["batch/embeddings"][0])
    assert compute("plain(model.causal_mask(3))[0]") == [0, -np.inf, -np.inf]


def test_texts(compute):
    """The tokens of the story and of characters that GPT-2's pattern and JavaScript's own treat unlike."""
    odd = [
        "It's 3 cats,  and they're happy!\n",
        "a\u0085b \u00a0\u2003c",
        "Ελλάδα 🙂",
        "\ufeffhi \x1c\x1d",
        "x<|endoftext|> ",
        "",
    ]
    for text in [(REFERENCE / "story.txt").read_text(), *odd]:
        ids = encode(text, TOKENIZER)
        assert compute("text.encode(given, tokenizer)", text) == ids
        assert compute("text.decode(given, tokenizer)", ids) == text
    ids = encode("🙂", TOKENIZER)[:2]
    assert compute("text.decode(given, tokenizer)", ids) == decode(ids, TOKENIZER) == "\ufffd"


def test_generated_texts(compute):
    for case in json.loads((REFERENCE / "generated.json").read_text()):
        found = compute(f"[...model.generate(gpt2, given, {len(case['ids'])})]", case["prompt_ids"])
        assert found == case["ids"], case["prompt"]


@pytest.mark.parametrize("group", ["crafted", "model"])
def test_probabilities(compute, group):
    arrays = {
        name: np.load(REFERENCE / "sampling.npz")[f"{group}/{name}"] for name in ("logits", "cases", "probabilities")
    }
    given = [arrays["logits"].tolist(), arrays["cases"].tolist()]
    found = compute(
        "given[1].map(([row, ...settings]) => plain(chance.probabilities(given[0][row], ...settings)))", given
    )
    close(found, arrays["probabilities"])


def test_draws(compute):
    """Chance chooses each token as often as its probability says, and none that a filter took out."""
    logits = np.load(REFERENCE / "sampling.npz")["model/logits"][0]
    drawn = compute(
        "Array.from({ length: 1000 }, (_, i) => chance.sample(given, 1, 5, 1, () => (i + 0.5) / 1000))", logits.tolist()
    )
    shares = np.bincount(drawn, minlength=len(logits)) / 1000
    assert np.abs(shares - probabilities(logits, 1.0, 5)).max() <= 0.0011


def test_embeddings(compute):
    wte = compute("plain(gpt2.transformer.wte)")
    np.testing.assert_array_equal(np.array(wte, np.float32)[EXPECTED["batch/input_ids"]], EXPECTED["batch/wte"])
    table = np.array(wte)
    for word in ("cat", "Monday"):
        row = word_id(word, TOKENIZER)
        found = compute("words.nearest(gpt2.transformer.wte[given], gpt2.transformer.wte, 9)", row)
        right = nearest(table[row], table, 9)
        assert [row for row, _ in found] == [row for row, _ in right]
        close([cosine for _, cosine in found], [cosine for _, cosine in right])
    assert compute("words.cosine_similarity([0, 0], [1, 2])") == 0


@functools.cache
def wte():
    from safetensors.numpy import load_file

    return load_file(REFERENCE / "tiny-gpt2" / "model.safetensors")["transformer.wte.weight"]


# ---- the widgets, used ----------------------------------------------------------------------


def test_writes(visit):
    page = visit("introduction")
    part, text = widget(page, "writes"), page.locator(".written")
    case = next(
        case for case in json.loads((REFERENCE / "generated.json").read_text()) if case["prompt"] == "The queen"
    )
    right = decode(case["ids"][: case["ids"].index(TOKENIZER.ids["<|endoftext|>"])][:60], TOKENIZER)
    part.get_by_label("always the likeliest token").check()
    part.get_by_label("Begin with").press("Enter")
    part.get_by_role("button", name="Stop").wait_for()
    assert text.get_attribute("aria-busy") == "true"
    part.get_by_role("button", name="Write").wait_for()
    assert text.inner_text() == "The queen" + right
    assert text.get_attribute("aria-busy") is None and text.get_attribute("aria-live") == "polite"
    assert re.fullmatch(r"\d+ tokens, (less than 1|\d+) ms each\.", status(page, "writes"))

    part.get_by_label("always the likeliest token").uncheck()
    part.get_by_label("Begin with").fill("Today is Monday.")
    part.get_by_role("button", name="Write").click()
    text.locator(".token").nth(2).wait_for()
    part.get_by_role("button", name="Stop").click()
    part.get_by_role("button", name="Write").wait_for()
    assert text.inner_text().startswith("Today is Monday.") and text.locator(".token").count() < 60

    part.get_by_label("Begin with").fill("")
    part.get_by_role("button", name="Write").click()
    assert status(page, "writes") == "A text needs at least one token to go on from."


def test_merges(visit):
    page = visit("step_02")
    part = widget(page, "merges")
    part.get_by_role("textbox", name="Text").fill("A queen's zebra 🙂")
    pieces = part.get_by_role("group", name="The pieces of the text").get_by_role("button")
    assert pieces.all_text_contents() == ["A", " queen", "'s", " zebra", " 🙂"]
    ids = encode("A queen's zebra 🙂", TOKENIZER)
    assert status(page, "merges") == f"20 bytes, 5 pieces, {len(ids)} tokens: {' '.join(map(str, ids))}"

    pieces.nth(1).focus()
    page.keyboard.press("Enter")
    assert [piece.get_attribute("aria-pressed") for piece in pieces.all()] == [
        "false",
        "true",
        "false",
        "false",
        "false",
    ]
    rows = table(part)
    assert rows[0] == ["bytes", *map(str, b" queen")] and rows[1] == ["visible characters", *"Ġqueen"]
    ranks = []
    for before, (name, *tokens) in zip(rows[1:], rows[2:-1]):
        rank, first, second = re.fullmatch(r"rank (\d+): (\S+) (\S+)", name).groups()
        assert (
            TOKENIZER.ranks[first, second] == int(rank) and first + second in tokens and len(tokens) < len(before[1:])
        )
        ranks.append(int(rank))
    assert ranks == [26, 92, 102, 106, 107]  # as the chapter's figure has them
    assert rows[-1] == ["token IDs", "363"]

    pieces.nth(3).click()
    assert table(part)[-1] == ["token IDs", *map(str, encode(" zebra", TOKENIZER))]
    part.get_by_role("textbox", name="Text").fill("")
    assert status(page, "merges") == "A text without characters has no tokens." and pieces.count() == 0


@pytest.mark.parametrize("name", ["step_05", "step_16"])
def test_neighbours(visit, name):
    page = visit(name)
    ask = widget(page, "neighbours").get_by_label("The nearest to")
    for word in (ask.input_value(), "water"):
        ask.fill(word)
        row = word_id(word, TOKENIZER)
        right = [
            [decode([other], TOKENIZER).strip(), shown(cosine), ""]
            for other, cosine in nearest(wte()[row], wte(), 6, exclude=[row])
        ]
        assert table(widget(page, "neighbours")) == [["word", "cosine similarity"], *right]
        assert status(page, "neighbours") == f"Nearest to {word}, token {row}: {right[0][0]}."
    ask.fill("zebra")
    assert status(page, "neighbours") == "“zebra” is 5 tokens of this vocabulary, not one."
    assert widget(page, "neighbours").locator("table").count() == 0


def test_analogy(visit):
    page = visit("step_16")
    part = widget(page, "analogy")
    for place, word in (("from", "king"), ("minus", "man"), ("plus", "woman")):
        part.get_by_label(place).fill(word)
    a, b, c = (word_id(word, TOKENIZER) for word in ("king", "man", "woman"))
    right = analogy(a, b, c, wte(), 5)
    assert table(part)[1:] == [[decode([row], TOKENIZER).strip(), shown(cosine), ""] for row, cosine in right]
    queen, path = right[0][0], wte()[c] - wte()[b]
    same, after = cosine_similarity(path, wte()[queen] - wte()[a]), cosine_similarity(wte()[a] + path, wte()[queen])
    before = cosine_similarity(wte()[a], wte()[queen])
    assert status(page, "analogy") == (
        f"king − man + woman is nearest to queen. The way from man to woman and that from king to queen have a cosine of "
        f"{shown(same)}. king and queen: {shown(before)} before that way, {shown(after)} after it."
    )


def test_map(visit):
    page = visit("step_16")
    part = widget(page, "map")
    words = part.get_by_role("textbox", name="Words").input_value().split()
    rows = wte()[[word_id(word, TOKENIZER) for word in words]].astype(np.float64)
    centred = rows - rows.mean(axis=0)
    right = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    dots = part.get_by_role("option")
    assert [dot.get_attribute("aria-label") for dot in dots.all()] == words
    places = np.array([
        [float(number) for number in re.findall(r"[-\d.]+", dot.get_attribute("transform"))] for dot in dots.all()
    ])  # fmt: skip
    unit = np.ptp(places[:, 0]) / np.ptp(right[:, 0])
    distances = [np.linalg.norm(points[:, None] - points, axis=-1) for points in (places, right * unit)]
    np.testing.assert_allclose(*distances, atol=0.5)  # half a pixel

    def said(i):
        near = nearest(rows[i], rows, 4, exclude=[i])
        return f"{words[i]}: {', '.join(f'{words[j]} {shown(cosine)}' for j, cosine in near)}."

    dots.nth(8).hover()
    assert status(page, "map") == said(8)
    dots.nth(8).focus()
    page.keyboard.press("ArrowDown")
    assert status(page, "map") == said(9) and dots.nth(9).get_attribute("aria-selected") == "true"
    page.keyboard.press("End")
    assert status(page, "map") == said(len(words) - 1)
    assert [dot.get_attribute("tabindex") for dot in dots.all()].count("0") == 1

    part.get_by_role("textbox", name="Words").fill("one two zebra, three")
    assert dots.count() == 3 and status(page, "map").endswith("Not one token of this vocabulary: zebra.")
    part.get_by_role("textbox", name="Words").fill("one two")
    assert status(page, "map") == "A map needs at least three words."


def test_lookup(visit):
    page = visit("step_05")
    part = widget(page, "lookup")
    toy = np.load(REFERENCE / "toy.npz")["seed_123/weight"]
    numbers = [[shown(float(number), 4) for number in row] for row in toy]
    for i, row in enumerate((4, 4, 0, 3)):
        part.get_by_label(f"ID number {i + 1}").select_option(str(row))
    texts = part.locator("svg text.number").all_text_contents()
    assert texts[:18] == [number for row in numbers for number in row]
    groups = [texts[18 + 4 * k : 22 + 4 * k] for k in range(4)]
    assert groups == [[str(row), *numbers[row]] for row in (4, 4, 0, 3)]
    assert status(page, "lookup") == "The IDs 4, 4, 0, 3 give 4 rows of 3 numbers: [4] becomes [4, 3]."
    check_joined(part, [4, 4, 0, 3])


def check_joined(figure, ids):
    """Each ID has a line that ends at its row, and each row that is picked a line to its copy."""
    rows = figure.locator("svg text.note").evaluate_all(
        "texts => texts.map((text) => [text.textContent, +text.getAttribute('y')])"
    )
    place = {int(row): y - 5 for row, y in rows}
    lines = figure.locator("svg line").evaluate_all(
        "lines => lines.map((line) => ['y1', 'y2'].map((y) => +line.getAttribute(y)))"
    )
    for k, row in enumerate(ids):
        (here, into), (out, there) = lines[2 * k], lines[2 * k + 1]
        assert (
            abs(into - place[row]) < 7 and abs(out - place[row]) < 7
        )  # a line ends 7 pixels before the tip of its arrow
        assert abs(here - (40 + (k + 1.5) * 26)) < 1 and abs(there - here) < 7


def test_sum(visit):
    page = visit("step_06")
    part = widget(page, "sum")
    part.get_by_role("textbox", name="Text").fill(" dog loves man")
    rows = table(part)
    assert [row[:2] + [row[3]] for row in rows[1:]] == [["dog", "451", "0"], ["loves", "489", "1"], ["man", "343", "2"]]
    assert status(page, "sum").startswith("Write a word twice")
    part.get_by_role("textbox", name="Text").fill(SENTENCE + SENTENCE)
    sums = EXPECTED["batch/wte"][0, 0] + EXPECTED["batch/wpe"][0]
    again = EXPECTED["batch/wte"][0, 0] + EXPECTED["full/embeddings"][0, 6] - wte()[EXPECTED["full/input_ids"][0, 6]]
    assert shown(cosine_similarity(sums, again)) in status(page, "sum")


def test_attention(visit):
    page = visit("step_08")
    part = widget(page, "attention")
    part.get_by_role("textbox", name="Text").fill(SENTENCE)
    words = [decode([token], TOKENIZER).strip() for token in encode(SENTENCE, TOKENIZER)]
    for layer, head in ((1, 2), (0, 3)):
        part.get_by_label("Layer").select_option(str(layer))
        part.get_by_label("Head").select_option(str(head))
        weights = EXPECTED[f"batch/h.{layer}.attn.weights"][0, head, :6, :6]
        rows = table(part)
        assert rows[0] == ["", *words]
        for i, row in enumerate(rows[1:]):
            assert row == [words[i], *(shown(weight) for weight in weights[i, : i + 1]), *[""] * (5 - i)]
        part.locator("tr").nth(3).hover()
        assert status(page, "attention").startswith("“rules” looks at ")
        part.get_by_role("button", name="rules").focus()
        page.keyboard.press("ArrowDown")
        best = weights[3].argmax()
        assert status(page, "attention").startswith(
            f"“the” looks at {words[best]} {shown(weights[3, best])}".replace(" 0", "\u00a00")
        )
    part.get_by_role("textbox", name="Text").fill("the cat " * 40)
    assert part.locator("tr").count() == 33 and "Only the first 32 of " in status(page, "attention")
    part.get_by_role("textbox", name="Text").fill("")
    assert status(page, "attention") == "A text needs at least one token."


def test_heads(visit):
    page = visit("step_09")
    part = widget(page, "attention")
    part.get_by_role("textbox", name="Text").fill(SENTENCE)
    part.get_by_label("Layer").select_option("2")
    weights = EXPECTED["batch/h.2.attn.weights"][0, :, :6, :6]
    for head, map_ in enumerate(part.locator("table").all()):
        assert map_.locator("caption").inner_text() == f"head {head}"
        assert [cell.inner_text() for cell in map_.locator("tr").nth(6).locator("td").all()] == [
            shown(w) for w in weights[head, 5]
        ]
    part.locator("table").nth(1).locator("tr").nth(2).hover()
    assert part.locator("tr.chosen").count() == 4
    said = status(page, "attention").splitlines()
    best = weights[:, 1].argmax(axis=-1)
    assert [line.split(":")[0] for line in said[1:]] == [f"head {head}" for head in range(4)]
    words = SENTENCE.split()
    assert all(line.split()[2] == words[j] for line, j in zip(said[1:], best))


def test_odds(visit):
    page = visit("step_18")
    part = widget(page, "odds")
    assert part.get_by_role("textbox", name="Text").input_value() == "The queen"
    logits = EXPECTED["batch/logits"][0, 1]

    def check(temperature, top_k, top_p):
        chances = probabilities(logits, temperature, top_k, top_p)
        rows = [row[:2] for row in table(part.locator("table"))[1:]]
        order = np.argsort(-logits)[:10]
        right = [
            [decode([token], TOKENIZER).strip(), shown(chances[token], 3) if chances[token] else "out"]
            for token in order.tolist()
        ]
        assert rows[:10] == right
        kept = int((chances > 0).sum())
        assert rows[10] == ["990 others", shown(1 - chances[order].sum(), 3) if kept > 10 else "out"]
        assert status(page, "odds") == f"{kept} of 1000 tokens stay; the best, rules, has {chances.max():.3f}."
        return chances

    check(1, 0, 1)
    slide = part.get_by_role("slider", name="temperature")
    slide.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    check(1.2, 0, 1)
    slide.fill("0")
    check(0, 0, 1)
    slide.fill("1")
    part.get_by_role("slider", name="top-k").fill("5")
    check(1, 5, 1)
    part.get_by_role("slider", name="top-k").fill("0")
    part.get_by_role("slider", name="top-p").fill("0.7")
    check(1, 0, 0.7)

    part.get_by_label("Guess first:").select_option(index=3)
    part.get_by_label("Your guess").fill("8")
    part.get_by_role("button", name="Show").click()
    chances = check(2, 0, 0.9)
    guesses = part.locator(".guesses li").all_inner_texts()
    assert guesses == [f"How many tokens stay with temperature 2 and top-p 0.9? {(chances > 0).sum()}; you guessed 8."]
    part.get_by_label("Your guess").press("Enter")
    assert part.locator(".guesses li").nth(1).inner_text() == (
        f"How probable is the best token at temperature 0.5? {check(0.5, 0, 1).max():.3f}, without a guess."
    )
    part.get_by_role("textbox", name="Text").fill("")
    assert status(page, "odds") == "A text needs at least one token to go on from."


@pytest.mark.parametrize("name", ["step_05", "step_22"])
def test_training(visit, name):
    """The slider goes through the frames that the still figure holds; the last has the cosines that `train` prints."""
    page = visit(name)
    part = widget(page, "training")
    frames = json.loads(page.locator("svg[data-training]").get_attribute("data-training"))
    chapter = (ROOT / "book" / "src" / "step_22.md").read_text()
    printed = re.findall(r"^(\w+) and (\w+) +cosine +(\S+) before, +(\S+) now$", chapter, re.MULTILINE)
    first, last = (
        f"Cosines: {', '.join(f'{a} and {b} {(before, now)[i]}' for a, b, before, now in printed)}.".replace("-", "−")
        for i in (0, 1)
    )
    assert len(printed) == len(frames["cosines"]) > 2
    assert (
        status(page, "training")
        == f"king after {frames['passes'][-1]:g} passes, loss {frames['losses'][-1]:.2f}. {last}"
    )
    dots = part.get_by_role("option")
    assert dots.evaluate_all("dots => dots.map((dot) => dot.ariaLabel)") == frames["words"]

    def places():
        texts = dots.evaluate_all("dots => dots.map((dot) => dot.getAttribute('transform'))")
        return np.array([[float(number) for number in re.findall(r"[-\d.]+", text)] for text in texts])

    ending = places()
    part.get_by_role("slider", name="frame").focus()
    page.keyboard.press("Home")
    assert status(page, "training") == f"king after 0 passes. {first}"
    moves = np.subtract(frames["frames"][-1], frames["frames"][0])
    scale = np.linalg.norm(ending - places(), axis=-1).sum() / np.linalg.norm(moves, axis=-1).sum()
    np.testing.assert_allclose(ending - places(), moves * [scale, -scale], atol=0.5)
    page.keyboard.press("ArrowRight")
    assert f"loss {frames['losses'][1]:.2f}" in status(page, "training")
    dots.nth(frames["words"].index("paper")).hover()
    assert status(page, "training").startswith("paper after ") and part.locator(".way").count() == 1


# ---- what holds for all of them -------------------------------------------------------------


@pytest.mark.parametrize("name", PAGES)
def test_without_javascript(visit, name):
    """Each place shows what stood there before: a figure, or where to ask."""
    page = visit(name, java_script_enabled=False)
    places = page.locator(".live").all()
    assert [place.get_attribute("data-live") for place in places] == PAGES[name] and page.locator(
        ".widget"
    ).count() == 0
    for place in places:
        assert place.is_visible() and place.inner_text().strip()


def test_still_figure_joins_each_id_to_its_row(visit):
    check_joined(visit("step_05", java_script_enabled=False).locator("[data-live=lookup]"), [2, 3, 5, 1])


@pytest.mark.parametrize("name", PAGES)
def test_every_control_has_a_name(visit, name):
    page = visit(name)
    nameless = page.locator(".widget :is(input, select, textarea, button, [role=listbox])").evaluate_all(
        """controls => controls.filter((control) => !control.labels?.[0]?.textContent.trim() && !control.ariaLabel
            && !(control.matches("button") && control.textContent.trim())).map((control) => control.outerHTML)"""
    )
    assert nameless == []


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_too_wide_or_too_small(visit, name, size):
    """The page itself never scrolls sideways, and no text of a figure or widget is below 11 pixels."""
    page = visit(name, size=size)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= size["width"]
    small = page.evaluate(
        """() => [...document.querySelectorAll("figure svg text, .widget *")].filter((element) => {
            if (!element.textContent.trim() || !element.getClientRects().length) return false;
            const scale = element.getScreenCTM ? element.getScreenCTM().a : 1;
            return parseFloat(getComputedStyle(element).fontSize) * scale < 10.9;
        }).map((element) => element.outerHTML.slice(0, 120))"""
    )
    assert small == []


@pytest.mark.parametrize("name", PAGES)
def test_weight(visit, name):
    """The widgets of a page, with the model, weigh at most 1.5 MB."""
    page = visit(name)
    loaded = page.evaluate(
        "performance.getEntriesByType('resource').map((entry) => [entry.name, entry.decodedBodySize])"
    )
    own = {address: size for address, size in loaded if "/live/" in address or "/tiny-gpt2/" in address}
    assert 0 < sum(own.values()) < 1.5e6, own


ANSWERS = [
    ("step_02", "merges", "input", " unkindness of kittens"),
    ("step_05", "neighbours", "input", "water"),
    ("step_05", "lookup", "select", "4"),
    ("step_06", "sum", "input", "The king and the queen rule the land."),
    ("step_08", "attention", "input", "The woman works in the field. She sings a song all day."),
    ("step_09", "attention", "input", "The woman works in the field. She sings a song all day."),
    ("step_16", "map", "textarea", "king queen man woman boy girl cat kitten dog puppy cow calf water sea lake river"),
    ("step_16", "analogy", "input", "prince"),
    ("step_18", "odds", "input[list], input:not([inputmode])", "The queen rules the land. She"),
    ("step_22", "training", "input", "3"),
]


@pytest.mark.parametrize(("name", "kind", "control", "value"), ANSWERS)
def test_answers_within_a_tenth_of_a_second(visit, name, kind, control, value):
    """From the reader's change to the page laid out anew, in the browser's own processor time: others may be busy too."""
    page = visit(name)
    place = widget(page, kind).locator(control).first
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def spent():
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")

    taken = []
    for _ in range(4):
        begun = spent()
        place.evaluate(
            """(control, value) => {
                control.value = value;
                control.dispatchEvent(new Event(control.matches("select") ? "change" : "input", { bubbles: true }));
                document.body.getBoundingClientRect();
            }""",
            value,
        )
        taken.append(spent() - begun)
    assert 0 < min(taken) < 0.1, taken


# ---- code and terminals -------------------------------------------------------------------------


def test_copies_the_commands_of_a_terminal_alone(visit):
    """Of several commands each, of a snippet all of it."""
    page = visit("step_22", permissions=["clipboard-read", "clipboard-write"])

    def copied(language, number=0):
        block = page.locator(f"pre:has(> code.language-{language})").nth(number)
        block.hover()
        block.locator(".clip-button").click()
        return page.evaluate("navigator.clipboard.readText()")

    commands = copied("console").splitlines()
    assert commands[0] == "pixi run train" and len(commands) == 3
    assert all(line.startswith("pixi run ") for line in commands)
    assert copied("python").startswith("import numpy as np\nfrom tutor.training import read_text\n")
    bold = page.locator("code.language-console .command").all_inner_texts()
    assert bold[:3] == [f"$ {line}\n" for line in commands]
    assert page.locator("code.language-console .output").first.inner_text().startswith("351 words")


# ---- colours --------------------------------------------------------------------------------

LOADED = "[...document.querySelectorAll('link[rel=stylesheet]')].every((link) => link.disabled || link.sheet)"
"""Whether all style sheets are there: the colours of code come in one of their own for each kind of theme."""
CONTRAST = (Path(__file__).parent / "contrast.js").read_text()


@pytest.mark.parametrize(
    "name", sorted(path.stem for path in (ROOT / "book" / "src").glob("*.md") if path.stem != "SUMMARY")
)
def test_contrast(visit, name):
    """All text of a page, but for code in colours of mdBook's own, has WCAG's contrast: 4.5 : 1, or 3 : 1 if large."""
    page = visit(
        name, size={"width": 1280, "height": 16000}
    )  # all in view: what lies below a text is looked up by its place
    if name == "introduction":
        page.get_by_label("always the likeliest token").check()
        page.get_by_role("button", name="Write").click()
        page.locator(".token").nth(5).wait_for()
        page.get_by_role("button", name="Stop").click()
    pale = {}
    for theme in THEMES:
        page.evaluate("theme => document.getElementById(`mdbook-theme-${theme}`).click()", theme)
        assert theme in page.locator("html").get_attribute("class").split()
        page.wait_for_function(LOADED)
        pale[theme] = page.evaluate(CONTRAST)
    assert pale == {theme: [] for theme in THEMES}
