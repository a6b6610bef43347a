"""The runner of the book's snippets: it notices what drifted, and writes what is printed now."""

import pytest

from book import snippets

PAGE = """\
# A page

```python
x = 6
print(x * 7)
```

```text
41
```

1. In a list:

   ```python
   print("two\\nlines")
   ```

   ```text
   ```

```console
$ pixi run hello you
old
$ pixi run python -c "print(1 + 1)"
```

```sh
rm -rf /  # a block in another language is never run
```
"""
MANIFEST = '[tasks.hello]\ncmd = "echo hello"\n'


@pytest.fixture
def folder(tmp_path):
    """Where snippets run: a repository with one task."""
    (tmp_path / "pixi.toml").write_text(MANIFEST)
    (tmp_path / "solutions.py").write_text("")
    return tmp_path


def page(folder, text: str) -> snippets.Page:
    """A page with this text."""
    (folder / "page.md").write_text(text)
    return snippets.read(folder / "page.md")


def test_runs_and_rewrites(folder):
    first = page(folder, PAGE)
    outputs = snippets.run(first, folder)
    assert [printed for _, printed in outputs] == [
        "42\n",
        "two\nlines\n",
        '$ pixi run hello you\nhello you\n$ pixi run python -c "print(1 + 1)"\n2\n',
    ]
    assert [snippets.same(block.text, printed) for block, printed in outputs] == [False, False, False]
    assert snippets.rewrite(first, outputs)
    again = snippets.read(first.path)
    assert all(snippets.same(block.text, printed) for block, printed in snippets.run(again, folder))
    assert not snippets.rewrite(again, snippets.run(again, folder))
    text = first.path.read_text()
    assert "```text\n42\n```" in text and "   ```text\n   two\n   lines\n   ```" in text


def test_measured_numbers_may_differ():
    assert snippets.same("in 0.9 s, 1,654 times, 12 tokens per second", "in 1.25 s, 80 times, 9.5 tokens per second")
    assert not snippets.same("9 heads in 1 s", "8 heads in 1 s")
    assert not snippets.same("0.9", "0.8")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("```python\n1 / 0\n```\n", "ZeroDivisionError"),
        ("```python\nprint(1)\n```\n", "no text block follows"),
        ("```python\nimport os; os._exit(1)\n```\n", "the process ended"),
    ],
)
def test_snippets_that_do_not_work(folder, text, words):
    with pytest.raises(RuntimeError, match=words):
        snippets.run(page(folder, text), folder)


def test_puts_files(folder):
    (folder / "wrong.txt").write_text("wrong")
    text = "<!-- put wrong.txt as mine.txt -->\n\n```console\n$ cat mine.txt\n```\n"
    assert [printed for _, printed in snippets.run(page(folder, text), folder)] == ["$ cat mine.txt\nwrong"]


def test_puts_mistakes(folder):
    (folder / "steps").mkdir()
    text = "<!-- put mistake eight_heads as steps/step_01.py -->\n\n```console\n$ grep 'n_head: int' steps/step_01.py\n```\n"
    ((_, printed),) = snippets.run(page(folder, text), folder)
    assert printed.endswith("    n_head: int = 8\n")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("for i in range(2):\n    i\n\nprint(1)\n", None),
        ("for i in range(2):\n    i\nprint(1)\n", "line 3, 'print(1)': invalid syntax"),
        ("def f():\n    i = 1\n\n    return i\n", "line 4, 'return i': unexpected indent"),
        ("try:\n    f()\nexcept ValueError:\n    pass\n\n\nprint(\n    1,\n\n    2,\n)\n", None),
        ("x = (1,\n", "the last statement is not finished"),
        ("x = 1 )\ny = 2\n", "line 1, 'x = 1 )': unmatched ')'"),
    ],
)
def test_where_pasted_code_fails(code, told):
    assert snippets.stumble(code) == told


def test_what_needs_gpt2s_vocabulary_waits_for_it(folder):
    text = "```python,gpt2\nprint(1)\n```\n\n```text\n1\n```\n\n```python\nprint(2)\n```\n\n```text\n2\n```\n"
    assert [printed for _, printed in snippets.run(page(folder, text), folder)] == ["2\n"]
    (folder / "weights" / "gpt2").mkdir(parents=True)
    assert [printed for _, printed in snippets.run(page(folder, text), folder)] == ["1\n", "2\n"]
