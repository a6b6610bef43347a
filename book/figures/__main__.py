"""Draw every figure into book/src/figures."""

import importlib
import pkgutil
from collections.abc import Callable

import book.figures
from book.snippets import same
from tutor.course import ROOT, shown

FOLDER = ROOT / "book" / "src" / "figures"


def drawings() -> dict[str, Callable[[], str]]:
    """Every figure's name and the function that draws it."""
    modules = [
        info.name for info in pkgutil.iter_modules(book.figures.__path__) if info.name not in ("__main__", "draw")
    ]
    found = {}
    for name in modules:
        found |= importlib.import_module(f"book.figures.{name}").DRAWINGS
    return found


if __name__ == "__main__":
    for name, draw in drawings().items():
        file, drawn = FOLDER / f"{name}.svg", draw()
        stale = not file.exists() or not same(file.read_text(), drawn)
        if stale:
            file.write_text(drawn)
        print(f"{shown(file)}: {'drawn' if stale else 'up to date'}")
