"""The verdict on the terminal: what passed, what failed, why, and where to look next."""

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tutor.course import command, shown
from tutor.runner.records import Check, Failure, Verdict


def show(verdict: Verdict, screen: Console) -> None:
    """Print a verdict. Colour and width are the screen's: plain text if the output is not a terminal."""
    step = verdict.step
    header = Table.grid(expand=True)
    header.add_column()
    header.add_column(justify="right")
    header.add_row(Text(f"Step {step.id} · {step.title}", "bold"), Text(shown(verdict.answer), "dim"))
    screen.print(header)
    for cases in _grouped(verdict):
        screen.print(_line(cases))
    for kernel, seconds in verdict.compiled:
        note = (
            f"MAX compiled a kernel that only your answer uses ({kernel}, {seconds:.0f} s). The next run has it ready."
        )
        screen.print(Padding(Text(note, "dim"), (0, 0, 0, 2), expand=False))
    if verdict.failure:
        _explain(verdict.failure, screen)
    if verdict.printed.strip():
        _show_output(verdict.printed, screen)
    _next(verdict, screen)


MARKS = {
    # what became of a check: its mark, the mark's style, the title's style
    "passed": ("✓", "green", ""),
    "wrong": ("✗", "red", ""),
    "unwritten": ("○", "yellow", ""),
    "not run": ("·", "dim", "dim"),
}


def _grouped(verdict: Verdict) -> list[list[Check]]:
    """The checks, those of one parametrised test together."""
    groups: dict[str, list[Check]] = {}
    for check in verdict.checks:
        groups.setdefault(check.title, []).append(check)
    return list(groups.values())


def _line(cases: list[Check]) -> Padding:
    """One check: a mark, its title, and which of its cases failed, where it has several."""
    states = [case.state for case in cases]
    worst = next(state for state in ("wrong", "unwritten", "not run", "passed") if state in states)
    mark, style, title_style = MARKS[worst]
    words = cases[0].title + "".join(f": {note}" for case in cases for note in case.notes)
    bad = [case.case for case, state in zip(cases, states) if state == worst != "passed"]
    if worst == "wrong" and len(bad) < len(cases):
        words += f" (not so: {', '.join(bad)})"
    return _grid([(Text(mark, style), Text(words, title_style))], indent=2, gap=1)


def _grid(rows: list[tuple], indent: int, gap: int = 2) -> Padding:
    """Rows of two cells, the second of which wraps below itself."""
    table = Table.grid(padding=(0, gap))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for row in rows:
        table.add_row(*row)
    return Padding(table, (0, 0, 0, indent), expand=False)


def _explain(failure: Failure, screen: Console) -> None:
    """The failure to look at first: diagnosis, facts, and place."""
    style = "yellow" if failure.kind == "unwritten" else "red"
    screen.print()
    screen.print(Padding(Text(failure.diagnosis, f"bold {style}"), (0, 0, 0, 2), expand=False))
    rows = list(failure.facts.items())
    if look := failure.look:
        place = shown(look.file) + (f":{look.line}" if look.line else "")
        rows.append(("look at", place + (f", in {look.name}" if look.name != "<module>" else "")))
        if look.code and failure.kind != "unwritten":
            rows.append(("", look.code))
    if rows:
        screen.print()
        screen.print(_grid([(Text(name, "dim"), Text(value)) for name, value in rows], indent=4))


def _show_output(printed: str, screen: Console) -> None:
    """The last lines of what the learner's file printed."""
    lines = [line if len(line) <= 200 else f"{line[:200]}…" for line in printed.strip("\n").splitlines()]
    screen.print(Padding(Text("your code printed", "dim"), (1, 0, 0, 4), expand=False))
    shown_lines = (["…"] if len(lines) > 12 else []) + lines[-12:]
    screen.print(Padding(Text("\n".join(shown_lines)), (0, 0, 0, 6), expand=False))


def _next(verdict: Verdict, screen: Console) -> None:
    """The count, and the chapter and command to go to next."""
    step = verdict.step
    groups = _grouped(verdict)
    count = sum(all(case.state == "passed" for case in cases) for cases in groups)
    screen.print()
    if verdict.passed:
        screen.print(Text(f"Passed: all {count} checks, in {verdict.seconds:.1f} s.", "bold green"))
        following = step.next
        rows = [("compare", command(f"diff {step.id}"))]
        if following:
            rows += [("next", shown(following.chapter)), ("then", command(f"s{following.id}"))]
    else:
        total = f"{count} of {len(groups)} checks passed, in {verdict.seconds:.1f} s."
        screen.print(Text(total if verdict.checks else "No check could run.", "bold"))
        rows = [
            ("read", shown(step.chapter)),
            ("stuck?", command(f"hint {step.id}")),
            ("again", command(f"s{step.id}")),
        ]
    screen.print(_grid([(Text(name, "dim"), value) for name, value in rows], indent=2))
