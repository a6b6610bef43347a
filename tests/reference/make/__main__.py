"""Make everything under tests/reference again: `python -m tests.reference.make`.

Nothing there changes until all of it is made and the claims about the model have proved true.
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

console = Console(highlight=False)
REFERENCE = Path(__file__).parents[1]


def main() -> int:
    """Make the files; 0 where they are in place, 1 with a sentence where they are not."""
    argparse.ArgumentParser("python -m tests.reference.make", description=__doc__).parse_args()
    try:
        from .make import make
    except ModuleNotFoundError as missing:
        return _stop(
            f"This needs PyTorch and transformers, and {missing.name} is not installed here. "
            "`pixi run reference` brings its own environment."
        )
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / REFERENCE.name  # not `folder` itself, which only its owner may read
        made.mkdir()
        try:
            make(made, console)
        except ValueError as wrong:
            return _stop(f"{wrong}\nNothing under {REFERENCE} has been changed.")
        except KeyboardInterrupt:
            return _stop(f"Stopped. Nothing under {REFERENCE} has been changed.")
        shutil.rmtree(REFERENCE, ignore_errors=True)
        shutil.copytree(made, REFERENCE, copy_function=shutil.copyfile)
    size = sum(path.stat().st_size for path in REFERENCE.rglob("*") if path.is_file())
    minutes, seconds = divmod(round(time.perf_counter() - begin), 60)
    console.print(f"{REFERENCE}: {size:,} bytes, made in {minutes} min {seconds} s.")
    return 0


def _stop(why: str) -> int:
    console.print(why, style="red", markup=False)
    return 1


if __name__ == "__main__":
    sys.exit(main())
