"""Make the locks: requirements/ENV.txt says what pip installs for an environment of pixi.toml, to the byte.

uv chooses the versions, for all systems at once. Of each package, a lock keeps for each platform and
Python of pixi.toml the one wheel that fits best, so that pip installs the same ones whenever it runs.
"""

import argparse
import subprocess
import sys
import tempfile
import tomllib
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import NamedTuple

from packaging.markers import Marker
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import parse_wheel_filename

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
SYSTEMS = {  # of a platform in pixi.toml: sys_platform, platform_system, platform_machine
    "linux-64": ("linux", "Linux", "x86_64"),
    "linux-aarch64": ("linux", "Linux", "aarch64"),
    "osx-arm64": ("darwin", "Darwin", "arm64"),
}


class Target(NamedTuple):
    """One kind of machine that a lock is for."""

    name: str
    tags: list[Tag]  # of the wheels that fit, the best first
    variables: dict[str, str]  # what markers ask for

    def fit(self, package: dict) -> bool:
        """Whether a package is meant for it."""
        return "marker" not in package or Marker(package["marker"]).evaluate(self.variables)


def environments() -> dict:
    """The environments of pixi.toml by name, as pixiw reads them."""
    loader = SourceFileLoader("pixiw", str(ROOT / "pixiw"))
    pixiw = module_from_spec(spec_from_loader("pixiw", loader))
    loader.exec_module(pixiw)
    return pixiw.read_manifest()


def platforms() -> list[dict[str, str]]:
    """The platforms of pixi.toml: each a table with the oldest glibc or macOS."""
    return tomllib.loads((ROOT / "pixi.toml").read_text())["workspace"]["platforms"]


def header(environment) -> str:
    """The first lines of a lock: what makes it, and all that it follows from."""
    systems = (" with ".join(f"{key} {value}" for key, value in p.items()) for p in platforms())
    return (
        f"# Made by `pixi run lock {environment.name}` from pixi.toml: do not edit. What it is for:\n"
        f"# {', '.join(systems)}\n"
        f"# {environment.asked}\n"
        "--only-binary :all:\n"
    )


def target(platform: dict[str, str], minor: int) -> Target:
    """A platform of pixi.toml with Python 3.`minor`."""
    sys_platform, platform_system, machine = SYSTEMS[platform["platform"]]
    if "macos" in platform:
        major, _, rest = platform["macos"].partition(".")
        names = [*mac_platforms((int(major), int(rest or 0)), machine)]
    else:
        glibc = int(platform["glibc"].removeprefix("2."))
        names = [f"manylinux_2_{n}_{machine}" for n in range(glibc, 4, -1)] + [f"manylinux2014_{machine}"]
    python, interpreter = (3, minor), f"cp3{minor}"
    tags = [*cpython_tags(python, [interpreter], names), *compatible_tags(python, interpreter, names)]
    variables = {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_system": platform_system,
        "python_full_version": f"3.{minor}.0",
        "python_version": f"3.{minor}",
        "sys_platform": sys_platform,
    }
    return Target(f"{platform['platform']} with Python 3.{minor}", tags, variables)


def entry(package: dict, targets: list[Target]) -> str:
    """A package's lines in a lock: its version, and the hash of one wheel for each target; "" where none needs it."""
    wanted = [target for target in targets if target.fit(package)]
    wheels = {wheel["url"].rpartition("/")[2]: wheel["hashes"]["sha256"] for wheel in package.get("wheels", [])}
    files = {tag: name for name in sorted(wheels) for tag in parse_wheel_filename(name)[3]}
    chosen = set()
    for target in wanted:
        best = next((files[tag] for tag in target.tags if tag in files), None)
        if best is None:
            sys.exit(f"{package['name']} {package['version']} has no wheel for {target.name}.")
        chosen.add(best)
    marker = f" ; {package['marker']}" if len(wanted) < len(targets) else ""
    lines = [f"{package['name']}=={package['version']}{marker}"]
    lines += [f"    --hash=sha256:{wheels[name]}" for name in sorted(chosen)]
    return " \\\n".join(lines) + "\n" if wanted else ""


def uv(*words: str, requirements: str) -> None:
    """Let uv resolve requirements; what it has to say about them goes to the terminal."""
    command = ["uv", "pip", "compile", "-", "--universal", "--only-binary=:all:", "--quiet", "--no-config", *words]
    try:
        done = subprocess.run(command, input=requirements, stdout=subprocess.DEVNULL, text=True)
    except FileNotFoundError:
        sys.exit("there is no uv here: run it as `pixi run lock`.")
    if done.returncode:
        sys.exit(done.returncode)


def make(environment, upgrade: bool) -> str:
    """The text of an environment's lock. Unless told to upgrade, it keeps the versions of today's where it can."""
    minors = [n for n in range(100) if environment.fits((3, n))]
    python = f"--python-version=3.{minors[0]}"
    old = FOLDER / f"{environment.name}.txt"
    with tempfile.TemporaryDirectory() as folder:
        versions, files = Path(folder, "versions.txt"), Path(folder, "pylock.toml")
        if old.exists() and not upgrade:
            versions.write_text(old.read_text())  # uv prefers what its output file holds already
        uv(python, "-o", str(versions), "--no-annotate", requirements="\n".join(environment.packages))
        uv(python, "-o", str(files), "--no-deps", requirements=versions.read_text())
        packages = tomllib.loads(files.read_text())["packages"]
    targets = [target(platform, minor) for platform in platforms() for minor in minors]
    return header(environment) + "".join(entry(package, targets) for package in packages)


def main() -> None:
    """Make the locks that the command line names, or all that there are."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("env", nargs="*", help="an environment of pixi.toml; none: all that have a lock")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that pixi.toml allows")
    words = parser.parse_args()
    known = environments()
    for name in words.env or sorted(path.stem for path in FOLDER.glob("*.txt")):
        if name not in known:
            parser.error(f"pixi.toml has no environment {name!r}; there are: {', '.join(known)}")
        lock = FOLDER / f"{name}.txt"
        lock.write_text(make(known[name], words.upgrade))
        print(f"{lock.relative_to(ROOT)} is up to date.")


if __name__ == "__main__":
    main()
