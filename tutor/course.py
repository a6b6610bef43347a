"""The course: its steps, and where the files of each lie."""

import shutil
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Step:
    """One numbered step.

    Attributes:
        number: 1 and up, the NN of step_NN.py.
        title: what the chapter calls it.
        writes: the names that the learner writes, in order.
        uses_max: whether its checks import MAX.
    """

    number: int
    title: str
    writes: tuple[str, ...]
    uses_max: bool = True

    @property
    def id(self) -> str:
        """The two digits of the step, as in `s05`."""
        return f"{self.number:02}"

    @property
    def stub(self) -> Path:
        """The file that the learner edits."""
        return ROOT / "steps" / f"step_{self.id}.py"

    @property
    def untouched(self) -> Path:
        """The stub as nobody has edited it: what `stub` starts as, and what `reset` puts back."""
        return ROOT / "tutor" / "stubs" / f"step_{self.id}.py"

    @property
    def solution(self) -> Path:
        """The answer."""
        return ROOT / "solutions" / f"solution_{self.id}.py"

    @property
    def test(self) -> Path:
        """The checks."""
        return ROOT / "tests" / f"test_step_{self.id}.py"

    @property
    def chapter(self) -> Path:
        """The chapter of the book."""
        return ROOT / "book" / "src" / f"step_{self.id}.md"

    @property
    def hints(self) -> Path:
        """The hints, from a nudge to nearly the answer, separated by lines of three dashes."""
        return ROOT / "tutor" / "hints" / f"step_{self.id}.md"

    @property
    def kernels(self) -> tuple[str, ...]:
        """The batches of kernels (see engine/kernels.py) that must be there before the checks can run."""
        if not self.uses_max:
            return ()
        return ("embeddings",) if self.number <= 6 else ("embeddings", "transformer", "variants")


STEPS = {
    step.number: step
    for step in (
        Step(1, "Configuration", ("GPT2Config",), uses_max=False),
        Step(2, "Text to tokens", ("read_tokenizer", "encode", "decode"), uses_max=False),
        Step(3, "Batches of windows", ("sliding_windows", "batches"), uses_max=False),
        Step(4, "A lookup table", ("LookupTable",), uses_max=False),
        Step(5, "Token embeddings", ("Embedding",)),
        Step(6, "Position embeddings", ("GPT2Model",)),
        Step(7, "A causal mask", ("causal_mask",)),
        Step(8, "Attention", ("attention",)),
        Step(9, "Multi-head attention", ("MultiHeadAttention",)),
        Step(10, "Layer normalisation", ("LayerNorm",)),
        Step(11, "The MLP", ("MLP",)),
        Step(12, "The block", ("Block",)),
        Step(13, "The whole body", ("GPT2Model",)),
        Step(14, "Logits", ("GPT2LMHeadModel",)),
        Step(15, "Loading a checkpoint", ("read_safetensors", "to_parameters", "load_checkpoint")),
        Step(
            16,
            "What embeddings know",
            ("word_id", "cosine_similarity", "nearest", "analogy"),
            uses_max=False,
        ),
        Step(17, "Writing text", ("greedy", "generate")),
        Step(18, "Sampling", ("probabilities", "sample"), uses_max=False),
    )
}


def command(task: str) -> str:
    """How the learner types a task on this machine: by pixi where it is installed, by pixiw where not."""
    return f"{'pixi' if shutil.which('pixi') else './pixiw'} run {task}"


def shown(path: Path | str) -> str:
    """A path as the learner knows it: relative to the repository where it lies inside."""
    path = Path(path)
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
