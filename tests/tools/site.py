"""The book as mdBook builds it, for the tests that look at its pages."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def build(folder: Path) -> Path:
    """Build the book into a folder, without a word of complaint; the folder."""
    mdbook = shutil.which("mdbook", path=str(Path(sys.executable).parent)) or shutil.which("mdbook")
    done = subprocess.run([mdbook, "build", str(ROOT / "book"), "-d", str(folder)], capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "WARN" not in said and "ERROR" not in said, said
    return folder
