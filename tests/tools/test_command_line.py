"""The command line: a slip is answered with one sentence that names the command as the learner typed it."""

import pytest

from tutor.__main__ import parser
from tutor.course import command


@pytest.mark.parametrize(
    ("typed", "says", "task"),
    {
        "a word for a number": (
            "generate --tokens x The",
            "Argument --tokens: invalid whole number value: 'x'",
            "generate",
        ),
        "too small": ("explore --count 0 king", "Argument --count: 0 should be at least 1", "explore"),
        "an unknown option": ("generate The --speed 3", "Unrecognized arguments: --speed 3", "generate"),
        "a word too many": ("reset 05 06", "Unrecognized arguments: 06", "reset"),
        "a word too few": ("diff", "The following arguments are required: step", "diff"),
        "no such step": (
            "hint 30",
            f"Argument step: there is no step '30': `{command('progress')}` lists them",
            "hint",
        ),
        "an option of no check": ("check 05 --solutions", "Unrecognized arguments: --solutions", "sNN"),
        "two that exclude each other": (
            "generate --greedy --temperature 1 The",
            "Argument --temperature: not allowed with argument --greedy",
            "generate",
        ),
    }.values(),
    ids=str,
)
def test_a_slip_is_answered_in_a_sentence(typed, says, task, capsys):
    with pytest.raises(SystemExit) as stop:
        parser().parse_args(typed.split())
    assert stop.value.code == 2
    assert capsys.readouterr().err == f"{says}. Options and their meaning: {command(task)} --help\n"


def test_help_of_a_check_shows_its_options(capsys):
    """The task names the step already, so the step is none of them."""
    with pytest.raises(SystemExit):
        parser().parse_args(["check", "--help"])
    usage = capsys.readouterr().out.partition("\n\n")[0]
    assert usage.startswith(f"usage: {command('sNN')} [-h]") and "--watch" in usage and "step" not in usage
