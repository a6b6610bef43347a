"""A learner's file, imported as it is now."""

import importlib.util
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType


class Source(SourceFileLoader):
    """Compiles a file each time: the bytecode that Python keeps is known by a file's second and size, which two versions share."""

    def get_code(self, fullname: str) -> CodeType:
        """The code of the file as it stands there."""
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def spec_of(name: str, path: Path) -> ModuleSpec:
    """What imports the file at `path` as the module `name`."""
    spec = importlib.util.spec_from_file_location(name, path, loader=Source(name, str(path)))
    assert spec
    return spec
