"""The developers' check: solutions pass, stubs are not written yet, and each wrong answer gets its own diagnosis.

tests/mistakes/step_NN/ holds whole wrong answers; the docstring of each ends with the diagnosis that it must get.
tests/answers/step_NN/ holds right answers in other forms. Every file goes through the very process that a learner's
file goes through, two at a time.
"""

import ast
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tutor.course import ROOT, STEPS
from tutor.runner.parent import check
from tutor.runner.records import Verdict

FILES = {kind: sorted((ROOT / "tests" / kind).glob("step_*/*.py")) for kind in ("mistakes", "answers")}


def step_of(path: Path):
    """The step that a file answers, from the two digits in its folder's or its own name."""
    return STEPS[int(re.search(r"(?:step|solution)_(\d\d)", str(path.relative_to(ROOT)))[1])]


@pytest.fixture(scope="session")
def verdict_on(request, kernels_ready):
    """A function from a file to its verdict; the files of all selected tests are checked meanwhile, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        jobs = {}

        def submit(subject):
            if subject not in jobs:
                step = STEPS.get(subject) or step_of(subject)
                jobs[subject] = pool.submit(check, step, step.untouched if subject == step.number else subject)
            return jobs[subject]

        for item in request.session.items:
            if item.module.__name__ == __name__ and hasattr(item, "callspec") and "subject" in item.callspec.params:
                submit(item.callspec.params["subject"])
        yield lambda subject: submit(subject).result()
        pool.shutdown(cancel_futures=True)


def told(verdict: Verdict) -> str:
    """The verdict in a few lines, for the message of a failed assertion."""
    lines = [f"{verdict.answer}: passed" if verdict.passed else f"{verdict.answer}: failed"]
    lines += [
        f"{check.title}: {check.failure.diagnosis if check.failure else 'passed'}" for check in verdict.checks
    ]
    lines += [str(verdict.broken)] if verdict.broken else []
    return "\n".join([*lines, verdict.printed])


def name(path: Path) -> str:
    """The end of a path, as a test's id."""
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("subject", [step.solution for step in STEPS.values()], ids=lambda path: path.stem)
def test_solution_passes(subject, verdict_on):
    verdict = verdict_on(subject)
    assert verdict.passed, told(verdict)
    assert not verdict.compiled, f"compiled while a learner waited: {verdict.compiled}"


@pytest.mark.parametrize("subject", FILES["answers"], ids=name)
def test_right_answer_in_another_form_passes(subject, verdict_on):
    verdict = verdict_on(subject)
    assert verdict.passed, told(verdict)
    assert not verdict.compiled, f"compiled while a learner waited: {verdict.compiled}"


@pytest.mark.parametrize("subject", list(STEPS), ids=lambda number: f"step_{number:02}")
def test_stub_is_not_written_yet(subject, verdict_on):
    verdict = verdict_on(subject)
    assert not verdict.passed
    assert verdict.failure.kind == "unwritten", told(verdict)
    assert all(check.state == "unwritten" for check in verdict.checks), told(verdict)


@pytest.mark.parametrize("subject", FILES["mistakes"], ids=name)
def test_mistake_gets_its_diagnosis(subject, verdict_on):
    expected = " ".join((ast.get_docstring(ast.parse(subject.read_text())) or "").partition("Diagnosis:")[2].split())
    assert expected, "the docstring of a mistake ends with `Diagnosis:` and the words that the verdict must hold"
    verdict = verdict_on(subject)
    assert not verdict.passed, "a wrong answer passed"
    assert expected in verdict.failure.diagnosis, told(verdict)


@pytest.mark.parametrize("number", list(STEPS))
def test_every_step_has_mistakes(number):
    assert len([path for path in FILES["mistakes"] if step_of(path).number == number]) >= 3


@pytest.mark.parametrize("number", list(STEPS))
def test_stub_and_solution_agree(number):
    """Names, signatures and docstrings are the same; only the bodies differ."""
    step = STEPS[number]
    assert outline(ast.parse(step.untouched.read_text())) == outline(ast.parse(step.solution.read_text()))


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
