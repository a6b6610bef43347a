"""`my-gpt2`: one file that holds the whole model, and runs where nothing of the course can be imported."""

import json
import os
import subprocess
import sys

import pytest

from solutions.solution_02 import decode, read_tokenizer
from tests.tools.test_mine import shout, tutor, write
from tutor.checkpoint import REFERENCE
from tutor.commands.my_gpt2 import HEAD, Unfit, Whole, one_file
from tutor.course import ROOT
from tutor.runner.mine import needed

TINY = REFERENCE / "tiny-gpt2"
ALONE = """
import runpy, sys
sys.modules |= {"solutions": None, "steps": None}  # importing them is an error
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Runs a file with the course's kernels, so that it takes seconds, and without the course's pieces."""


def run(file, *args):
    """What a file prints when it runs alone: exit code, standard output, standard error."""
    command = [sys.executable, "-c", ALONE, str(file), *map(str, args)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, cwd=file.parent, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def test_writes_what_hugging_faces_gpt2_writes(tmp_path, kernels_ready):
    file = tmp_path / "whole.py"
    file.write_text(one_file([], file.name))
    first = json.loads((REFERENCE / "generated.json").read_text())[0]
    code, out, err = run(file, TINY, first["prompt"], "--temperature", "0", "--tokens", "6")
    assert (code, err) == (0, "")
    assert out == decode(first["prompt_ids"] + first["ids"][:6], read_tokenizer(TINY)) + "\n"
    code, out, err = run(file, tmp_path, "The queen")
    assert code == 1 and "No such file" in err and "Traceback" not in err


def test_the_book_shows_it():
    """`pixi run my-gpt2 --solutions --output book/src/my_gpt2.py` makes it again."""
    assert (ROOT / "book" / "src" / "my_gpt2.py").read_text() == one_file([])


def test_with_ones_own_pieces(layout, kernels_ready):
    """What passes is in it; a file of somebody else's is left alone, and one of its own is written anew."""
    write(layout, 2, 18, change=shout)
    code, out, err = tutor(layout, "my-gpt2")
    assert code == 0 and "yours: 02 18  from the solutions: 01 07 08" in out
    code, out, err = run(layout / "my_gpt2.py", TINY, "The queen", "--temperature", "0", "--tokens", "3")
    assert code == 0 and out == "The queen rules the land\n" and err.count("used") == 2
    code, out, err = tutor(layout, "my-gpt2", "--solutions")
    assert code == 0 and "used" not in (layout / "my_gpt2.py").read_text()
    code, out, err = tutor(layout, "my-gpt2", "--all-mine")
    assert code == 1 and "steps/step_01.py is not written yet." in out
    (layout / "mine.py").write_text("precious = 1\n")
    code, out, err = tutor(layout, "my-gpt2", "--solutions", "--output", "mine.py")
    assert code == 1 and "mine.py is there, and was not made by this command." in out
    assert (layout / "mine.py").read_text() == "precious = 1\n"
    code, out, err = tutor(layout, "my-gpt2", "--solutions", "--output", "nowhere/mine.py")
    assert code == 1 and "No such file or directory: nowhere/mine.py" in out


def put_together(*pieces):
    """The parts and imports of some pieces; each is called a file by its letter."""
    whole = Whole()
    for letter, text in zip("abc", pieces):
        whole.add(letter.upper(), text, f"{letter}.py")
    return whole.parts, whole.imports_by_group()


def test_what_is_left_out():
    """Docstrings, imports and a demonstration; not a docstring that is all there is, nor a comment."""
    text = '''\
"""Step."""

from __future__ import annotations

import numpy as np
from solutions.solution_01 import GPT2Config
from solutions.solution_02 import encode as tokens_of


class A:
    """Long.

    Longer.
    """

    # kept
    def f(self):
        "Short."
        return np.zeros(1)

    def g(self):
        """All there is."""


if __name__ == "__main__":
    print(A())
'''
    parts, imports = put_together(text, "import json\nimport numpy as np\nfrom numpy import zeros, ones\n")
    assert parts == [
        "# A\n\ntokens_of = encode\nclass A:\n    # kept\n    def f(self):\n        return np.zeros(1)\n\n"
        '    def g(self):\n        """All there is."""',
        "# B",
    ]
    assert imports == [
        ["from __future__ import annotations"],
        ["import json"],
        ["import numpy as np", "from numpy import ones, zeros"],
    ]


def test_the_same_helper_twice_is_there_once():
    helper = "def softmax(x):\n    '''Shares.'''\n    return x\n"
    parts, _ = put_together(helper + "\na = softmax(1)\n", helper + "\n\nb = softmax(2)\n")
    assert [part.count("def softmax") for part in parts] == [1, 0] and "b = softmax(2)" in parts[1]


def test_a_name_may_change_within_its_own_file():
    put_together("x = 1\nx = 2\n", "y = 1\n")


@pytest.mark.parametrize(
    ("pieces", "told"),
    [
        (("def f():\n    return 1\n", "def f():\n    return 2\n"), "f means one thing in a.py and another in b.py"),
        (("import numpy as np\n", "from math import pi as np\n"), "np means one thing in a.py and another in b.py"),
        (("x, y = 1, 2\n", "for i in []:\n    pass\ny = 3\n"), "y means one thing in a.py"),
        (("def f():\n    from solutions.solution_01 import GPT2Config\n",), "a.py:2 imports a piece inside a function"),
        (("import solutions.solution_01\n",), "a.py:1 should name what it imports"),
        (("from solutions import solution_01\n",), "a.py:1 should name what it imports"),
        (("from .step_01 import GPT2Config\n",), "a.py:1 should name what it imports"),
        (("from numpy import *\n",), "a.py:1 should name what it imports"),
        (("def f(:\n",), "a.py:1 is no Python: "),
    ],
)
def test_pieces_that_make_no_file(pieces, told):
    with pytest.raises(Unfit) as caught:
        put_together(*pieces)
    assert str(caught.value).startswith(told)


def test_says_whose_the_pieces_are():
    text = one_file([])
    assert text.startswith(HEAD.split("\n")[0])
    assert f"From the solutions: {' '.join(f'{number:02}' for number in needed(2, 15, 17, 18))}." in text
