"""pixi.toml: what it promises, and that every task names something that exists."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import jsonschema
import pytest

ROOT = Path(__file__).parents[2]
MANIFEST = tomllib.loads((ROOT / "pixi.toml").read_text())
FEATURES = [MANIFEST, *MANIFEST["feature"].values()]
TASKS = {name: task for feature in FEATURES for name, task in feature.get("tasks", {}).items()}
PACKAGES = {name: feature.get("pypi-dependencies", {}) for feature in FEATURES for name in feature.get("tasks", {})}
COMMANDS = [(name, line) for name, task in TASKS.items() for line in task["cmd"].split(" && ")]


def test_follows_pixis_schema():
    places = [os.environ.get("PIXI_SCHEMA", ""), ROOT.parent / "shared" / "pixi" / "schema.json"]
    found = [path for path in map(Path, places) if path.is_file()]
    if not found:
        pytest.skip("no copy of pixi's JSON schema: set PIXI_SCHEMA to its path")
    schema = json.loads(found[0].read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert [f"{error.json_path}: {error.message}" for error in validator.iter_errors(MANIFEST)] == []


def test_workspace():
    workspace = MANIFEST["workspace"]
    assert workspace["name"] == "build-gpt2-with-max"
    assert workspace["license"] == "Apache-2.0"
    assert workspace["channels"] == ["conda-forge"]
    platforms = {platform["platform"]: platform for platform in workspace["platforms"]}
    assert sorted(platforms) == ["linux-64", "linux-aarch64", "osx-arm64"]
    for name in ["linux-64", "linux-aarch64"]:
        assert platforms[name]["glibc"] == "2.34"  # what max-core's wheels are tagged with


def test_license():
    text = (ROOT / MANIFEST["workspace"]["license-file"]).read_text()
    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_only_python_comes_from_conda():
    assert {name for feature in FEATURES for name in feature.get("dependencies", {})} == {"python"}
    assert MANIFEST["dependencies"]["python"] == ">=3.11,<3.14"


def test_pixiw_understands_all_of_it():
    """pixiw reads these keys and no others: what else pixi offers, it would leave out in silence."""
    features = {f"feature {name}": feature for name, feature in MANIFEST["feature"].items()}
    features["pixi.toml"] = {
        n: table for n, table in MANIFEST.items() if n not in ("workspace", "feature", "environments")
    }
    read = [(where, feature, "activation dependencies pypi-dependencies tasks") for where, feature in features.items()]
    read += [(f"activation of {w}", f.get("activation", {}), "env") for w, f in features.items()]
    read += [(f"task {name}", task, "cmd description") for name, task in TASKS.items()]
    read += [(n, e, "features no-default-feature") for n, e in MANIFEST["environments"].items() if isinstance(e, dict)]
    packages = [(n, v) for f in FEATURES for n, v in f.get("pypi-dependencies", {}).items()]
    read += [(f"package {name}", spec, "version extras") for name, spec in packages if isinstance(spec, dict)]
    unread = [f"{where} uses {key}" for where, table, keys in read for key in table if key not in keys.split()]
    assert unread == []
    # It passes variables on as they stand, and hands commands to sh.
    variables = [v for f in FEATURES for v in f.get("activation", {}).get("env", {}).values()]
    assert [text for text in [*variables, *(t["cmd"] for t in TASKS.values())] if "$" in text or "{{" in text] == []


def test_every_package_is_pinned():
    pins = [(n, v) for f in FEATURES for n, v in f.get("pypi-dependencies", {}).items()]
    pins = [(n, v if isinstance(v, str) else v["version"]) for n, v in pins]
    versions = dict(pins)
    assert versions["max"] == "==26.7.0"
    loose = {n: v for n, v in versions.items() if not re.fullmatch(r"==\d+(\.\w+)+", v)}
    assert loose == {}
    twice = [(n, v) for n, v in pins if versions[n] != v]
    assert twice == [], "one version of a package in every environment"


@pytest.mark.parametrize("name", TASKS)
def test_task_says_what_it_does(name):
    assert TASKS[name]["description"]


@pytest.mark.parametrize(("name", "line"), COMMANDS)
def test_command_exists(name, line, monkeypatch):
    program, *words = line.split()
    # This environment has it, or the task's own one, by a package of that name.
    assert shutil.which(program) or program in PACKAGES[name], f"no program {program}"
    if program == "mdbook":
        assert (ROOT / words[1] / "book.toml").is_file()
    if words and words[0].endswith(".py"):
        assert (ROOT / words[0]).is_file()
    if words[:1] == ["-m"]:
        monkeypatch.syspath_prepend(ROOT)
        spec = importlib.util.find_spec(words[1])
        assert spec, f"no module {words[1]}"
        if spec.submodule_search_locations:
            assert importlib.util.find_spec(f"{words[1]}.__main__"), f"{words[1]} has no __main__"
    if words[:2] == ["-m", "pytest"]:
        assert (ROOT / words[2]).exists()


# ---- the linter ---------------------------------------------------------------------------------


def test_the_linter_installs_nothing_of_the_course():
    assert MANIFEST["environments"]["lint"] == {"features": ["lint"], "no-default-feature": True}
    assert set(MANIFEST["feature"]["lint"]["pypi-dependencies"]) == {"ruff", "mypy"}


@pytest.mark.parametrize(
    ("lint", "pages", "test", "code"),
    [(0, 0, 0, 0), (1, 0, 0, 1), (0, 1, 0, 1), (0, 0, 1, 1), (2, 5, 0, 2), (0, 5, 0, 0)],
)
def test_ci_runs_all_and_fails_with_any(tmp_path, monkeypatch, lint, pages, test, code):
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci")
    pixiw = tmp_path / "pixiw"
    pixiw.write_text(
        f"""#!/bin/sh\necho "$@"\ncase $2 in lint) exit {lint};; pages) exit {pages};; esac\nexit {test}\n"""
    )
    pixiw.chmod(0o755)
    (tmp_path / "chromium").symlink_to(pixiw)  # there is a browser: none is installed
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    ran = subprocess.run([tmp_path / ".ci" / "run"], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout.splitlines()) == (code, ["run lint", "run pages", "run test-serve", "run test"])


def test_a_commit_runs_tasks():
    """pixi.toml alone has versions: the hooks of git name its tasks."""
    text = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"repo: (.*)", text) == ["local"] and "rev:" not in text
    entries = re.findall(r"entry: (.*)", text)
    assert entries and all(e.startswith("./pixiw run ") and e.split()[2] in TASKS for e in entries)
