"""requirements/: whether the locks still fit pixi.toml, and how they are made."""

import re
from types import SimpleNamespace

import pytest
from packaging.markers import Marker
from packaging.utils import canonicalize_name

from requirements import make

ENVIRONMENTS = make.environments()
LOCKS = {path.stem: path.read_text() for path in make.FOLDER.glob("*.txt")}


# ---- whether a lock fits ------------------------------------------------------------------------


def purpose(text: str) -> set[str]:
    """What a lock says that it is for: platforms, versions of Python, packages."""
    _, platforms, asked, *_ = text.splitlines()
    return {*platforms.removeprefix("# ").split(", "), *asked.removeprefix("# python ").split()}


def misfits(lock: str, environment) -> list[str]:
    """What a lock has too much or too little for what pixi.toml asks for."""
    was, now = purpose(lock), purpose(make.header(environment))
    found = [f"pixi.toml no longer asks for {word}" for word in sorted(was - now)]
    found += [f"pixi.toml asks for {word}, which is new" for word in sorted(now - was)]
    pins = {(canonicalize_name(name), version) for name, version in re.findall(r"^([\w.-]+)==(\S+)", lock, re.M)}
    for package in environment.packages:
        name, version = re.fullmatch(r"([\w.-]+)(?:\[.*\])?==(\S+)", package).groups()
        if (canonicalize_name(name), version) not in pins:
            found.append(f"{package} is missing")
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_the_lock_fits_pixi_toml(name):
    assert name in ENVIRONMENTS, f"pixi.toml has no environment for requirements/{name}.txt: delete it."
    found = misfits(LOCKS[name], ENVIRONMENTS[name])
    assert not found, f"requirements/{name}.txt: {'; '.join(found)}. `pixi run lock {name}` makes it anew."
    assert ENVIRONMENTS[name].recipe()[0][0] == "--require-hashes"  # pixiw takes it, too


@pytest.mark.parametrize("name", LOCKS)
def test_the_lock_has_hashes_and_no_addresses(name):
    _, *entries = re.split(r"^(?=[\w.-]+==)", LOCKS[name], flags=re.M)
    assert entries and [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert "//" not in LOCKS[name]


def asking(*packages: str, python: str = ">=3.11,<3.14") -> SimpleNamespace:
    """An environment of a pixi.toml."""
    return SimpleNamespace(name="trial", packages=packages, asked=" ".join(["python", python, *packages]))


PINS = "left-pad==1.0 \\\n    --hash=sha256:00\nneeded==2.0 \\\n    --hash=sha256:11\n"


@pytest.mark.parametrize(
    ("environment", "pins", "found"),
    [
        (asking("left.pad==1.0"), PINS, []),
        (asking("left.pad[x]==1.0"), PINS.replace("1.0", "1.00"), ["left.pad[x]==1.0 is missing"]),
        (asking("left.pad==1.0"), "", ["left.pad==1.0 is missing"]),
        (asking("left.pad==1.0"), PINS.replace("left-pad", "right-pad"), ["left.pad==1.0 is missing"]),
    ],
)
def test_pins_that_a_lock_lacks(environment, pins, found):
    assert misfits(make.header(environment) + pins, environment) == found


def test_a_lock_made_from_another_pixi_toml(monkeypatch):
    lock = make.header(asking("left.pad==1.0")) + PINS
    gone, new = "pixi.toml no longer asks for {}", "pixi.toml asks for {}, which is new"
    other = "left.pad==1.1"
    assert misfits(lock, asking(other)) == [gone.format("left.pad==1.0"), new.format(other), f"{other} is missing"]
    assert misfits(lock, asking()) == [gone.format("left.pad==1.0")]
    assert misfits(lock, asking("left.pad==1.0", "needed==2.0")) == [new.format("needed==2.0")]
    python = asking("left.pad==1.0", python=">=3.12,<3.14")
    assert misfits(lock, python) == [gone.format(">=3.11,<3.14"), new.format(">=3.12,<3.14")]
    platforms = make.platforms()
    monkeypatch.setattr(make, "platforms", lambda: platforms[1:])
    assert misfits(lock, asking("left.pad==1.0")) == [gone.format("platform linux-64 with glibc 2.34")]


# ---- how a lock is made -------------------------------------------------------------------------

WHEELS = [
    "x-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "x-1-cp311-cp311-manylinux_2_28_x86_64.whl",
    "x-1-cp311-cp311-manylinux_2_39_x86_64.whl",
    "x-1-cp311-cp311-musllinux_1_2_aarch64.whl",
    "x-1-cp312-abi3-manylinux_2_5_aarch64.whl",
    "x-1-cp313-cp313t-macosx_11_0_arm64.whl",
    "x-1-cp310-cp310-macosx_11_0_arm64.whl",
    "x-1-cp310-abi3-macosx_10_9_universal2.whl",
    "x-1-cp312-cp312-macosx_15_0_arm64.whl",
    "x-1-cp313-cp313-win_amd64.whl",
]


@pytest.mark.parametrize(
    ("platform", "oldest", "minor", "best"),
    [
        ("linux-64", "2.34", 11, 1),
        ("linux-64", "2.27", 11, 0),
        ("linux-64", "2.39", 11, 2),
        ("linux-64", "2.34", 13, None),
        ("linux-aarch64", "2.34", 11, None),
        ("linux-aarch64", "2.34", 12, 4),
        ("linux-aarch64", "2.34", 13, 4),
        ("osx-arm64", "14.0", 12, 7),
        ("osx-arm64", "15.0", 12, 8),
        ("osx-arm64", "14.0", 13, 7),
    ],
)
def test_the_wheel_that_pip_takes(platform, oldest, minor, best):
    wheels = [{"url": f"/{name}", "hashes": {"sha256": name}} for name in WHEELS]
    package, target = {"name": "x", "version": "1", "wheels": wheels}, make.Target(platform, oldest, minor)
    if best is None:
        with pytest.raises(SystemExit, match=f"^x 1 has no wheel for {platform} {oldest} {minor}.$"):
            make.best_wheel(package, target)
    else:
        assert make.best_wheel(package, target) == WHEELS[best]


def test_a_package_that_only_some_need(monkeypatch):
    def resolve(packages, old, target):
        found = {"all==1": f"all-{target.platform}"}
        if (target.platform, target.minor) in [("linux-64", 11), ("osx-arm64", 12), ("osx-arm64", 13)]:
            found["some==1"] = "some"
        return found

    monkeypatch.setattr(make, "resolve", resolve)
    text = make.make(ENVIRONMENTS["default"], upgrade=True)
    *entry, some, hash_of_some = text.splitlines()[-6:]
    assert entry == [
        "all==1 \\",
        "    --hash=sha256:all-linux-64 \\",
        "    --hash=sha256:all-linux-aarch64 \\",
        "    --hash=sha256:all-osx-arm64",
    ]
    assert some.startswith("some==1 ; ") and some.endswith(" \\") and hash_of_some == "    --hash=sha256:some"
    marker = Marker(some.removeprefix("some==1 ; ").removesuffix(" \\"))
    needed = [
        (system, machine, minor)
        for system, machine in make.SYSTEMS.values()
        for minor in (11, 12, 13)
        if marker.evaluate(
            {"sys_platform": system, "platform_machine": machine, "python_version": f"3.{minor}"},
        )
    ]
    assert needed == [("linux", "x86_64", 11), ("darwin", "arm64", 12), ("darwin", "arm64", 13)]


UV = r"""#!/bin/sh
# Prints what it is told, says the versions that it was given or found, and the wheel of each.
echo "$@" >> "$LOG"
while [ "$1" != -o ]; do shift; done
case "$2" in
    *.txt) grep -q '^all==' "$2" && echo all==1 > "$2" || sed 's/$/==2/' > "$2" ;;
    *) sed 's/\(.*\)==\(.*\)/[[packages]]\nname = "\1"\nversion = "\2"\nwheels = [{ url = "\/\1-\2-py3-none-any.whl", hashes = { sha256 = "h\2" } }]/' > "$2" ;;
esac
"""


def test_uv_is_asked_for_each_platform_and_python(tmp_path, monkeypatch):
    (tmp_path / "uv").write_text(UV)
    (tmp_path / "uv").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    target = make.Target("osx-arm64", "14.0", 12)
    assert make.resolve(["all"], "", target) == {"all==2": "h2"}
    assert make.resolve(["all"], "all==1\n", target) == {"all==1": "h1"}
    calls = (tmp_path / "log").read_text().splitlines()
    assert len(calls) == 4
    assert all("--python-platform=aarch64-apple-darwin --python-version=3.12" in call for call in calls)


def test_slips_get_a_sentence(monkeypatch, capsys):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SystemExit, match=r"^there is no uv here: run this as `pixi run lock`.$"):
        make.resolve(["all"], "", make.Target("linux-64", "2.34", 11))
    monkeypatch.setattr("sys.argv", ["make.py", "nonsense"])
    with pytest.raises(SystemExit):
        make.main()
    assert "pixi.toml has no environment 'nonsense'; there are: default," in capsys.readouterr().err
