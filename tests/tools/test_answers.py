"""The developers' check: solutions pass, stubs are not written yet, and each wrong answer gets its own diagnosis.

tests/mistakes/step_NN.toml holds wrong answers as edits of the solution, each with words of the diagnosis that it must
get; tests/answers/step_NN.toml holds right answers in other forms, and tests/answers/step_NN/ those that share little
with the solution. Every answer goes through the very process that a learner's file goes through.
"""

import ast
import re
import sys
from pathlib import Path

import pytest

from tutor import mistakes
from tutor.course import ROOT, STEPS, Step
from tutor.mistakes import Edited
from tutor.runner.parent import check
from tutor.runner.records import Verdict

MISTAKES = [mistake for step in STEPS.values() for mistake in mistakes.read(step).values()]
WHOLE = sorted((ROOT / "tests" / "answers").glob("step_*/*.py"))
ANSWERS = [answer for step in STEPS.values() for answer in mistakes.read(step, "answers").values()] + WHOLE


def step_of(subject: Path | Edited) -> Step:
    """The step that is answered; that of a file is the two digits in its folder's or its own name."""
    if isinstance(subject, Edited):
        return subject.step
    return STEPS[int(re.search(r"(?:step|solution)_(\d\d)", str(subject.relative_to(ROOT)))[1])]


def name(subject: Path | Edited) -> str:
    """A test's id: the step, and the answer's name."""
    return f"step_{step_of(subject).id}/{subject.name if isinstance(subject, Edited) else subject.stem}"


@pytest.fixture
def verdict_on(tmp_path, kernels_ready):
    """A function from a file, or an edit, to its verdict."""

    def judge(subject: Path | Edited) -> Verdict:
        file = subject
        if isinstance(subject, Edited):
            file = tmp_path / subject.step.stub.name
            file.write_text(subject.source())
        return check(step_of(subject), file)

    return judge


def told(verdict: Verdict) -> str:
    """The verdict in a few lines, for the message of a failed assertion."""
    lines = [f"{verdict.answer}: passed" if verdict.passed else f"{verdict.answer}: failed"]
    lines += [f"{check.title}: {check.failure.diagnosis if check.failure else 'passed'}" for check in verdict.checks]
    lines += [str(verdict.broken)] if verdict.broken else []
    return "\n".join([*lines, verdict.printed])


@pytest.mark.parametrize("subject", [step.solution for step in STEPS.values()], ids=lambda path: path.stem)
def test_solution_passes(subject, verdict_on):
    verdict = verdict_on(subject)
    assert verdict.passed, told(verdict)
    assert not verdict.compiled, f"compiled while a learner waited: {verdict.compiled}"


@pytest.mark.parametrize("subject", ANSWERS, ids=name)
def test_right_answer_in_another_form_passes(subject, verdict_on):
    verdict = verdict_on(subject)
    assert verdict.passed, told(verdict)
    assert not verdict.compiled, f"compiled while a learner waited: {verdict.compiled}"


@pytest.mark.parametrize("subject", [step.untouched for step in STEPS.values()], ids=lambda path: path.stem)
def test_stub_is_not_written_yet(subject, verdict_on):
    verdict = verdict_on(subject)
    assert not verdict.passed
    assert verdict.failure.kind == "unwritten", told(verdict)
    assert all(check.state == "unwritten" for check in verdict.checks), told(verdict)


@pytest.mark.parametrize("subject", MISTAKES, ids=name)
def test_mistake_gets_its_diagnosis(subject, verdict_on):
    verdict = verdict_on(subject)
    assert not verdict.passed, "a wrong answer passed"
    assert subject.told in verdict.failure.diagnosis, told(verdict)


ALONE = "the first token gives the same without the rest of the text"
NUMBERS_ALONE = [
    # a step, a mistake that changes numbers and lets nothing be seen, and the check that is true of it
    (8, "root_of_n_embd", "heads side by side, [B, H, T, D], do not disturb each other"),
    (9, "root_of_n_embd", ALONE),
    (12, "post_norm", ALONE),
    (13, "positions_in_every_layer", ALONE),
    (14, "softmax", ALONE),
    (19, "new_model", "the same graph takes one text and several, one token and several"),
]


@pytest.mark.parametrize(("number", "name", "title"), NUMBERS_ALONE, ids=lambda value: str(value)[:20])
def test_wrong_numbers_are_not_told_to_depend_on_others(number, name, title, verdict_on):
    """What a check says of other tokens, heads and texts is compared with the answer's own results, wrong as they are."""
    verdict = verdict_on(mistakes.named(STEPS[number], name))
    assert not verdict.passed
    assert [check.failure for check in verdict.checks if check.title == title] == [None], told(verdict)


@pytest.mark.parametrize("step", STEPS.values(), ids=lambda step: step.id)
def test_stub_and_solution_agree(step):
    """Imports, names, signatures and docstrings are the same; only the bodies differ, and Python's own modules."""
    stub, solution = (ast.parse(file.read_text()) for file in (step.untouched, step.solution))
    assert imports(stub) == imports(solution)
    assert outline(stub) == outline(solution)


def imports(tree: ast.Module) -> list[str]:
    """What a file imports, apart from Python's own modules."""
    lines = [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    return [line for line in lines if line.split()[1].partition(".")[0] not in sys.stdlib_module_names]


def outline(tree: ast.AST, prefix: str = "") -> dict[str, tuple]:
    """Every class and function of a file but private helpers: its signature, its decorators, and its docstring."""
    found = {prefix or "module": ("", [], ast.get_docstring(tree))}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found |= outline(node, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef) and not re.match("_[^_]", node.name):
            signature = f"({ast.unparse(node.args)}) -> {ast.unparse(node.returns) if node.returns else ''}"
            decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
            found[prefix + node.name] = (signature, decorators, ast.get_docstring(node))
    return found
