"""The book and the README: what they show is what the code does, and every link, include and figure is there."""

import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from book import questions, snippets
from book.figures.__main__ import FOLDER, drawings
from tests.tools.site import build
from tutor import mistakes
from tutor.course import ROOT, STEPS, shown

SOURCE = ROOT / "book" / "src"


@pytest.mark.parametrize("path", snippets.pages(), ids=lambda path: path.stem)
def test_snippets(path, tmp_path, kernels_ready):
    """Each snippet prints what the page shows. `pixi run snippets` writes what it prints now into the page."""
    snippets.copy_repository(tmp_path)
    assert_prints_what_it_shows(snippets.read(path), tmp_path)


WITH_GPT2 = [path for path in snippets.pages() if "```python,gpt2" in path.read_text()]


@pytest.mark.parametrize("path", WITH_GPT2, ids=lambda path: path.stem)
def test_snippets_with_the_vocabulary_of_gpt2(path, tmp_path, kernels_ready):
    snippets.copy_repository(tmp_path)
    if not snippets.copy_vocabulary(tmp_path):
        pytest.skip(f"GPT-2's vocabulary is neither in {' nor in '.join(map(str, snippets.VOCABULARIES))}")
    page = snippets.read(path)
    outputs = assert_prints_what_it_shows(page, tmp_path)
    assert len(outputs) == sum(
        block.language in ("text", "console") for block in page.parts if isinstance(block, snippets.Block)
    )


def assert_prints_what_it_shows(page: snippets.Page, folder: Path) -> list:
    """Run a page in a folder and compare; what was printed."""
    outputs = snippets.run(page, folder)
    for block, printed in outputs:
        assert snippets.same(block.text, printed), (
            f"{shown(page.path)}:{block.first} shows\n{block.text}\nbut it prints\n{printed}"
        )
    return outputs


@pytest.mark.parametrize("path", snippets.pages(), ids=lambda path: path.stem)
def test_snippets_can_be_pasted(path):
    """As the setup chapter says: line by line into Python, which takes a block as ended at an empty line."""
    for part in snippets.read(path).parts:
        if isinstance(part, snippets.Block) and part.runs:
            assert not (told := snippets.stumble(part.text)), f"{shown(path)}:{part.first}: {told}"


@pytest.mark.parametrize("name", drawings())
def test_figure_is_drawn_from_the_shipped_numbers(name, kernels_ready):
    """`pixi run figures` draws them again. The picture of a verdict holds a time, which may differ."""
    assert snippets.same((FOLDER / f"{name}.svg").read_text(), drawings()[name]())


def test_every_figure_is_shown():
    """No figure is left over, and none is a picture by other means."""
    text = "".join(path.read_text() for path in SOURCE.glob("*.md"))
    shown_figures = set(re.findall(r"\{\{#include figures/(\w+)\.svg\}\}", text))
    assert {path.stem for path in FOLDER.glob("*")} == set(drawings()) == shown_figures


@pytest.mark.parametrize("step", STEPS.values(), ids=lambda step: step.id)
def test_chapter_has_its_parts(step):
    """Every chapter has the parts that a reader of the others expects, in this order."""
    text = step.chapter.read_text()
    following = step.next
    parts = [
        f"# Step {step.id}: {step.title}",
        '<p class="at-a-glance">Difficulty ',
        "minutes · builds on",
        f"<code>steps/step_{step.id}.py</code></a>",
        f"<code>pixi run s{step.id}</code></a>",
        "> [!NOTE]",
        f"{{{{#include ../../steps/step_{step.id}.py}}}}",
        "## Validation",
        f"$ pixi run s{step.id}",
        "<details>",
        f"{{{{#include ../../tests/test_step_{step.id}.py}}}}",
        "</details>",
        "<details>",
        f"{{{{#include ../../solutions/solution_{step.id}.py}}}}",
        "</details>",
        "## Which line made this verdict?",
        "## Try this",
        "**Next:** " if following else "",
        f"(step_{following.id}.md)" if following else "",
    ]
    if step.uses_max:
        parts.insert(parts.index("> [!NOTE]") + 1, "> **MAX operations** ([reference](https://docs.modular.com/")
    place = 0
    for part in parts:
        found = text.find(part, place)
        assert found >= 0, f"{shown(step.chapter)} lacks {part!r}, or has it in another place"
        place = found
    experiments = text[text.index("## Try this") :]
    count = len(re.findall(r"^\d\. ", experiments, re.MULTILINE))
    assert 2 <= count <= 4 and experiments.count("<summary>Answer</summary>") == count


CITED = re.compile(r"(\[?)\b((?:[A-Z][\w-]+, )?[A-Z][\w-]+ (?:et al\.|& [A-Z][\w-]+)) (\d{4})")


@pytest.mark.parametrize("path", sorted(SOURCE.glob("step_*.md")), ids=lambda path: path.stem)
def test_papers_are_linked(path):
    """The first time that a page names a paper, it links it."""
    prose = " ".join(re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL).split())
    seen = set()
    for bracket, authors, year in CITED.findall(prose):
        assert bracket or (authors, year) in seen, f"{authors} {year}"
        seen.add((authors, year))


def test_the_introduction_knows_how_long_it_all_takes():
    minutes = [int(re.search(r"· (\d+) minutes ·", step.chapter.read_text())[1]) for step in STEPS.values()]
    words = " ".join((SOURCE / "introduction.md").read_text().split())
    hours = round(sum(minutes) / 60)
    assert f"The {len(STEPS)} chapters take about {hours} hours" in words
    assert f"from {min(minutes)} minutes to an hour" in words and max(minutes) == 60


@pytest.mark.parametrize("step", STEPS.values(), ids=lambda step: step.id)
def test_questions(step):
    """`pixi run questions` writes them anew from tests/mistakes."""
    text = step.chapter.read_text()
    assert len(questions.PLACE.findall(text)) == 1
    assert text == questions.written(step)


def test_a_question():
    """Three lines with letters, three verdicts in another order, each answered by its letter and what the mistake does."""
    text = questions.section(STEPS[7], ("inverted", "transposed", "upper_minus_one"))
    lines = dict(re.findall(r"# ([ABC])\n(.+)", text))
    answers = re.findall(r"<summary>“… (.+) …”</summary>\n\n([ABC])\. ", text)
    for name, letter in zip(("inverted", "transposed", "upper_minus_one"), "ABC"):
        mistake = mistakes.named(STEPS[7], name)
        assert lines[letter] == mistake.edits[0].put and (mistake.told, letter) in answers
    assert [letter for _, letter in answers] != ["A", "B", "C"]


def test_glossary():
    """Every term is linked by the chapter that explains it, and the terms stand in order."""
    text = (SOURCE / "glossary.md").read_text()
    entries = re.findall(r"^(.+)\n: ((?:.+\n)+)", text, re.MULTILINE)
    for term, definition in entries:
        anchor = re.sub(r"[^a-z0-9 _-]", "", term.lower()).replace(" ", "-")
        chapter = re.search(r"\((step_\d\d\.md)\)\s*$", definition)[1]
        assert f"(glossary.md#{anchor})" in (SOURCE / chapter).read_text(), f"{term} is not linked in {chapter}"
    terms = [term.lower() for term, _ in entries if len(term) > 1]
    assert len(terms) > 40 and terms == sorted(terms)


def test_teachers_page():
    """Its minutes are those of the chapters; its mistakes and its checks are there."""
    text = (SOURCE / "teachers.md").read_text()
    rows = re.findall(r"^\| \[(\d\d)\]\(step_\1\.md\) \| (\d+) \| (\S+) \|.*\| (.+) \|$", text, re.MULTILINE)
    assert [int(row[0]) for row in rows] == list(STEPS)
    for number, minutes, difficulty, names in rows:
        step = STEPS[int(number)]
        assert f"Difficulty {difficulty} · {minutes} minutes" in step.chapter.read_text(), number
        assert set(names.replace("`", "").split(", ")) <= set(mistakes.read(step)), number
    for minutes, numbers in re.findall(r", (\d+) minutes \| ([\d, ]+) \|", text):
        steps = [
            re.search(r"· (\d+) minutes", STEPS[int(number)].chapter.read_text())[1] for number in numbers.split(", ")
        ]
        assert int(minutes) == sum(map(int, steps)), numbers
    checks = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)
    assert len(checks) > 10
    for file, name in checks:
        assert f"\ndef {name}(" in (ROOT / file).read_text(), f"{file}::{name}"


def test_summary_lists_every_chapter():
    summary = (SOURCE / "SUMMARY.md").read_text()
    listed = re.findall(r"\]\((\w+\.md)\)", summary)
    assert sorted(listed) == sorted(path.name for path in SOURCE.glob("*.md") if path.name != "SUMMARY.md")
    assert re.findall(r"\]\((step_\d\d)\.md\)", summary) == [step.chapter.stem for step in STEPS.values()]


class Page(HTMLParser):
    """The links, pictures and anchors of a built page."""

    def __init__(self, text: str):
        super().__init__()
        self.targets, self.anchors = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Collect what the tag points to and the names that it can be pointed to by."""
        attrs = dict(attrs)
        self.anchors |= {attrs[key] for key in ("id", "name") if attrs.get(key)}
        self.targets += [attrs[key] for key in ("href", "src") if attrs.get(key)]


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    """The book as mdBook builds it."""
    return build(tmp_path_factory.mktemp("book"))


def test_links(built):
    """Every link of the book leads somewhere: to a file, and to an anchor in it where it names one."""
    pages = {path: Page(path.read_text()) for path in built.glob("*.html")}
    for path, page in pages.items():
        if path.name in ("print.html", "toc.html", "404.html"):  # the same links again, from another place
            continue
        for target in page.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert file.exists(), f"{path.name}: {target}"
            if parts.fragment and file.suffix == ".html":
                assert unquote(parts.fragment) in pages[file].anchors, f"{path.name}: {target}"


def test_no_include_is_left_over(built):
    for path in built.glob("step_*.html"):
        assert "{{#" not in path.read_text(), path.name


def test_readme_names_every_task_that_a_learner_needs():
    manifest = tomllib.loads((ROOT / "pixi.toml").read_text())
    features = [manifest, *manifest["feature"].values()]
    tasks = {name for feature in features for name in feature["tasks"]}
    readme = (ROOT / "README.md").read_text()
    named = set(re.findall(r"(?:pixi|\./pixiw) run ([\w-]+)", readme))
    assert named <= tasks | {"python"}
    assert {"s05", "test", "hint", "diff", "reset", "progress", "book"} <= named
