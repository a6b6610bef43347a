"""The picture of a verdict in the README and the introduction: a real one, as a terminal shows it."""

import io
import tempfile
from pathlib import Path
from unittest import mock

from rich.console import Console

from tutor import mistakes
from tutor.course import STEPS
from tutor.runner.parent import check
from tutor.screen.verdict import show

# rich's own template links to a font on the web; the reader's own will do.
TEMPLATE = """\
<svg class="{unique_id}" viewBox="0 0 {width} {height}" width="{width}" xmlns="http://www.w3.org/2000/svg" role="img">
<title>A verdict in the terminal: what passed, what failed, the diagnosis, and where to look.</title>
<style>
.{unique_id}-matrix {{ font-family: Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: {char_height}px; }}
{styles}
</style>
<defs>{lines}</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})">
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g>
</g>
</svg>
"""


def verdict() -> str:
    """The verdict on embeddings that are scaled as in the first Transformer, as if that were the learner's file."""
    step = STEPS[5]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / step.stub.name
        file.write_text(mistakes.named(step, "scaled").source())
        result = check(step, file).about(step.stub)
    console = Console(record=True, width=80, file=io.StringIO(), force_terminal=True, highlight=False)
    console.print("[bold]$ pixi run s05[/]")
    with mock.patch("tutor.screen.verdict.command", "pixi run {}".format):
        show(result, console)
    drawn = console.export_svg(title="", code_format=TEMPLATE, unique_id="verdict")
    return "\n".join(line.strip() for line in drawn.splitlines() if line.strip()) + "\n"


DRAWINGS = {"verdict": verdict}
