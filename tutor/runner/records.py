"""What crosses from the process that runs a learner's code to the one that watches it, and what a verdict is made of."""

import hashlib
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from tutor.course import Step

Kind = Literal["wrong", "unwritten"]

MARK = "\x1e"
"""In the file's output, the child writes this and the id of a check before it runs the check."""


@dataclass(frozen=True)
class Place:
    """Where to look: a file, and the line, the function and the code there where they are known."""

    file: str
    line: int | None = None
    name: str = "<module>"
    code: str = ""


@dataclass(frozen=True)
class Failure:
    """Why a check failed, or why none could run.

    Attributes:
        diagnosis: a sentence or two for the learner.
        kind: "unwritten" where a stub is still to be filled in, else "wrong".
        facts: what stands below the diagnosis, by the word before it: where, expected, found, it says, inside.
        look: the place to look at.
    """

    diagnosis: str
    kind: Kind = "wrong"
    facts: dict[str, str] = field(default_factory=dict)
    look: Place | None = None

    @classmethod
    def read(cls, facts: dict[str, Any]) -> "Failure":
        """A failure from what `asdict` made of it."""
        look = facts["look"]
        return cls(**facts | {"look": look and Place(**look)})


@dataclass
class Check:
    """One check of a step.

    Attributes:
        id: pytest's name for it.
        title: what it checks, in words.
        case: which case of a test that has several.
        ran: whether it came to its end.
        failure: why it failed, if it did.
        notes: what it has to say beside its title.
    """

    id: str
    title: str
    case: str = ""
    ran: bool = False
    failure: Failure | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def state(self) -> Kind | Literal["passed", "not run"]:
        """What became of it."""
        if self.failure:
            return self.failure.kind
        return "passed" if self.ran else "not run"


@dataclass
class Verdict:
    """What became of a step's checks.

    Attributes:
        step: the step.
        answer: the file that was checked.
        checks: its checks, in order.
        broken: a failure that kept the checks from running, or ended them.
        sections: the end of what the file printed, at import ("") and in each check (its id).
        compiled: (kernel, seconds) of each kernel that had to be compiled for this file.
        seconds: from the start to the verdict, without the course's own compilations.
        missing: batches of the course's kernels that this machine still lacks.
        digest: the content of the file when its checks began.
    """

    step: Step
    answer: Path
    checks: list[Check] = field(default_factory=list)
    broken: Failure | None = None
    sections: dict[str, str] = field(default_factory=dict)
    compiled: list[tuple[str, float]] = field(default_factory=list)
    seconds: float = 0.0
    missing: list[str] = field(default_factory=list)
    digest: str = ""

    @property
    def passed(self) -> bool:
        """Whether every check ran and passed."""
        return bool(self.checks) and not self.broken and all(check.state == "passed" for check in self.checks)

    @property
    def failure(self) -> Failure | None:
        """The failure to show: what broke the run, else that of the first check that failed."""
        return self.broken or next((check.failure for check in self.checks if check.failure), None)

    @property
    def printed(self) -> str:
        """What the file printed at import and in the check that failed; in all checks if none did."""
        failed = next((check.id for check in self.checks if check.state != "passed"), None)
        return "".join(text for section, text in self.sections.items() if failed is None or section in ("", failed))

    def about(self, answer: Path) -> "Verdict":
        """The same verdict, as if `answer` were the file that was checked."""

        def moved(failure: Failure | None) -> Failure | None:
            if not failure or not failure.look or failure.look.file != str(self.answer):
                return failure
            return replace(failure, look=replace(failure.look, file=str(answer)))

        checks = [replace(check, failure=moved(check.failure)) for check in self.checks]
        return replace(self, answer=answer, broken=moved(self.broken), checks=checks)


def facts_of(failure: Failure | None) -> dict[str, Any] | None:
    """A failure as JSON takes it; `Failure.read` makes it one again."""
    return asdict(failure) if failure else None


def digest(path: Path) -> str:
    """The content of a file, as a short text to compare by; empty where there is no file that can be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
