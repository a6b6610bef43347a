"""Make the locks: requirements/ENV.txt says what pip installs for an environment of pixi.toml, to the byte.

uv chooses the versions, for each platform and Python of pixi.toml by itself: a package may need more on
one of them than on another, as MAX does. A lock keeps the one wheel of each package that fits best there.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import tomllib
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import NamedTuple

from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import parse_wheel_filename

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
SYSTEMS = {"linux-64": ("linux", "x86_64"), "linux-aarch64": ("linux", "aarch64"), "osx-arm64": ("darwin", "arm64")}


class Target(NamedTuple):
    """One kind of machine that a lock is for: a platform of pixi.toml with Python 3.`minor`."""

    platform: str
    oldest: str  # glibc or macOS
    minor: int

    def uv_name(self) -> str:
        """What uv calls the platform."""
        system, machine = SYSTEMS[self.platform]
        return "aarch64-apple-darwin" if system == "darwin" else f"{machine}-manylinux_{self.oldest.replace('.', '_')}"

    def tags(self) -> list[Tag]:
        """The tags of the wheels that fit, the best first."""
        system, machine = SYSTEMS[self.platform]
        major, minor = map(int, self.oldest.split("."))
        if system == "darwin":
            systems = [*mac_platforms((major, minor), machine)]
        else:
            systems = [*(f"manylinux_2_{n}_{machine}" for n in range(minor, 4, -1)), f"manylinux2014_{machine}"]
        python, interpreter = (3, self.minor), f"cp3{self.minor}"
        return [*cpython_tags(python, [interpreter], systems), *compatible_tags(python, interpreter, systems)]


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


def uv(requirements: str, output: Path, target: Target, option: str) -> str:
    """What uv makes of requirements; it keeps the versions that the output file names already, where it can."""
    command = ["uv", "pip", "compile", "-", "-o", output, "--only-binary=:all:", "--quiet", "--no-config", option]
    command += [f"--python-platform={target.uv_name()}", f"--python-version=3.{target.minor}"]
    command += ["--python", sys.executable]  # or it looks for, and downloads, each version of Python
    variables = os.environ | {"MACOSX_DEPLOYMENT_TARGET": target.oldest}
    try:
        done = subprocess.run(command, input=requirements, stdout=subprocess.DEVNULL, text=True, env=variables)
    except FileNotFoundError:
        sys.exit("there is no uv here: run this as `pixi run lock`.")
    if done.returncode:
        sys.exit(done.returncode)  # uv has said why
    return output.read_text()


def best_wheel(package: dict, target: Target) -> str:
    """The hash of the wheel that pip takes of a package on a machine of that kind."""
    wheels = {wheel["url"].rpartition("/")[2]: wheel["hashes"]["sha256"] for wheel in package.get("wheels", [])}
    hashes = {tag: wheels[name] for name in sorted(wheels) for tag in parse_wheel_filename(name)[3]}
    best = next((hashes[tag] for tag in target.tags() if tag in hashes), None)
    return best or sys.exit(f"{package['name']} {package['version']} has no wheel for {' '.join(map(str, target))}.")


def resolve(packages: list[str], old: str, target: Target) -> dict[str, str]:
    """All that packages need on a machine of that kind, as "name==version", each with the hash of its wheel."""
    with tempfile.TemporaryDirectory() as folder:
        versions = Path(folder, "versions.txt")
        versions.write_text(old)
        pins = uv("\n".join(packages), versions, target, "--no-annotate")
        files = uv(pins, Path(folder, "pylock.toml"), target, "--no-deps")
    return {f"{p['name']}=={p['version']}": best_wheel(p, target) for p in tomllib.loads(files)["packages"]}


def marker(chosen: list[Target]) -> str:
    """The condition that holds on the chosen targets."""
    minors = {t.platform: " ".join(f"3.{u.minor}" for u in chosen if u.platform == t.platform) for t in chosen}
    term = "(sys_platform == '{}' and platform_machine == '{}' and python_version in '{}')"
    return " or ".join(term.format(*SYSTEMS[platform], pythons) for platform, pythons in minors.items())


def make(environment, upgrade: bool) -> str:
    """The text of an environment's lock. Unless told to upgrade, it keeps the versions of today's where it can."""
    path = FOLDER / f"{environment.name}.txt"
    old = path.read_text() if path.exists() and not upgrade else ""
    minors = [n for n in range(100) if environment.fits((3, n))]
    targets = [Target(*platform.values(), minor) for platform in platforms() for minor in minors]
    wheels: dict[str, dict[Target, str]] = {}
    for target in targets:
        for pin, wheel in resolve(environment.packages, old, target).items():
            wheels.setdefault(pin, {})[target] = wheel
    text = header(environment)
    for pin, hashes in sorted(wheels.items()):
        condition = "" if len(hashes) == len(targets) else f" ; {marker([*hashes])}"
        text += " \\\n    --hash=sha256:".join([pin + condition, *dict.fromkeys(hashes.values())]) + "\n"
    return text


def main() -> None:
    """Make the locks that the command line names, or all that there are."""
    parser = argparse.ArgumentParser(prog="pixi run lock", description="Make the locks that pixiw installs from.")
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
