"""pixiw in projects of its own, without a network: packages come from wheels built here."""

import http.server
import importlib.machinery
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import textwrap
import threading
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pytest

PIXIW = Path(__file__).parents[2] / "pixiw"
SYSTEM = "/usr/bin:/bin"  # sh and its usual company
VERSIONS = ["3.11", "3.12", "3.13"]
GREET = '[pypi-dependencies]\ngreet = "=={}"\n[tasks]\ngreet = "greet"\n'
HEAD = '[workspace]\nname = "trial"\nchannels = []\nplatforms = ["linux-64", "osx-arm64"]\n'


# ---- what the tests run on ----------------------------------------------------------------------


def find_python(version: str) -> str | None:
    """A Python of that minor version that starts, from PATH or from pyenv's folder."""
    on_path = [Path(d, f"python{version}") for d in os.get_exec_path()]
    with_pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    for path in [*on_path, *with_pyenv]:
        if path.exists():
            # The real file: a name on PATH may be a link out of a virtual environment.
            ask = [path, "-I", "-c", "import ensurepip, sys; print(sys._base_executable)"]
            answer = subprocess.run(ask, capture_output=True, text=True)
            if answer.returncode == 0:
                return answer.stdout.strip()
    return None


PYTHONS = {version: find_python(version) for version in VERSIONS}


@pytest.fixture(scope="module", params=VERSIONS)
def each_python(request):
    """Every supported Python in turn."""
    if not PYTHONS[request.param]:
        pytest.skip(f"no Python {request.param} on PATH or in ~/.pyenv/versions")
    return request.param


@pytest.fixture(scope="module")
def one_python():
    """Any supported Python, for what does not depend on the version."""
    return next(version for version in VERSIONS if PYTHONS[version])


def make_wheel(folder: Path, name: str, version: str, requires: str = "") -> None:
    """Write a wheel whose module knows its version, with a program of the same name."""
    info = f"{name}-{version}.dist-info"
    module = f'VERSION = "{version}"\ndef main():\n    print("{name}", VERSION)\n'
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", module)
        wheel.writestr(
            f"{info}/METADATA",
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}",
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/entry_points.txt", f"[console_scripts]\n{name} = {name}:main\n")
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """A folder of wheels for pip: greet 1.0 and 2.0, extra, and rival, which wants greet 2.0."""
    folder = tmp_path_factory.mktemp("wheels")
    for name, version in [("greet", "1.0"), ("greet", "2.0"), ("extra", "1.0")]:
        make_wheel(folder, name, version)
    make_wheel(folder, "rival", "1.0", "Requires-Dist: greet==2.0\n")
    return folder


def script(path: Path, text: str) -> Path:
    """Write a program in sh."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def bare_venv(one_python, tmp_path_factory):
    """A virtual environment with nothing in it but pip."""
    path = tmp_path_factory.mktemp("bare") / "venv"
    subprocess.run([PYTHONS[one_python], "-I", "-m", "venv", path], check=True)
    return path


@pytest.fixture(scope="module")
def quick_python(one_python, bare_venv, tmp_path_factory):
    """A Python whose `-m venv` copies `bare_venv`: the real one takes seconds at every call."""
    return script(
        tmp_path_factory.mktemp("quick") / "python",
        f'[ "$1 $2 $3" = "-I -m venv" ] && exec cp -a "{bare_venv}/." "$4"\nexec "{PYTHONS[one_python]}" "$@"',
    )


class Project:
    """A folder with pixiw, a pixi.toml, and the variables under which pixiw runs in it."""

    def __init__(self, root: Path, manifest: str, wheels: Path, python: Path) -> None:
        self.root = root
        root.mkdir(exist_ok=True)
        shutil.copy(PIXIW, root)
        self.write(manifest)
        self.env = {
            "PATH": SYSTEM,
            "HOME": str(root),
            "PIXIW_PYTHON": str(python),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(wheels),
        }

    def write(self, manifest: str) -> None:
        (self.root / "pixi.toml").write_text(HEAD + textwrap.dedent(manifest))

    def start(self, *words: str, cwd: Path | None = None, **env: str) -> subprocess.Popen:
        """Start pixiw; a variable given as None is left out of its environment."""
        env = {name: value for name, value in (self.env | env).items() if value is not None}
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        command = [self.root / "pixiw", *words]
        return subprocess.Popen(command, cwd=cwd or self.root, env=env, **streams)

    def run(self, *words: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess:
        """Run pixiw to its end. It must never show a traceback."""
        process = self.start(*words, cwd=cwd, **env)
        out, err = process.communicate(timeout=120)
        assert "Traceback" not in err, err
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def stamp(self, folder: str = ".venv") -> str:
        path = self.root / folder / "pixiw-stamp"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def project(tmp_path, wheels, quick_python):
    """Make a project from the text of its manifest."""
    return lambda manifest: Project(tmp_path / "project", manifest, wheels, quick_python)


# ---- tasks, in one installed project for each Python --------------------------------------------

TASKS = r"""
[activation.env]
FROM_ACTIVATION = "for $PIXI_PROJECT_ROOT"

[dependencies]
python = ">=3.11,<3.14"

[pypi-dependencies]
greet = "==1.0"

[tasks]
plain = "echo plain"
listed = { cmd = ["python", "-c", "print('a  b', '$HOME')"], description = "A command in pieces" }
arguments = "python -c 'import sys; print(sys.argv[1:])'"
number = "python -c 'import greet, sys; print(greet.VERSION, sys.version_info[1])'"
base = "echo base"
left = { cmd = "echo left", depends-on = ["base"] }
right = { cmd = "echo right", depends-on = [{ task = "base" }] }
top = { cmd = "echo top", depends-on = ["left", "right"] }
alias = { depends-on = ["left", "right"] }
bare-alias = [{ task = "left" }]
single = { cmd = "echo single", depends-on = "base" }
with-env = { cmd = "echo $GREETING $FROM_ACTIVATION", env = { GREETING = "hello ${NAME}" } }
without-env = { cmd = "echo [$GREETING]", depends-on = ["with-env"] }
in-folder = { cmd = "pwd", cwd = "deep/folder" }
no-folder = { cmd = "pwd", cwd = "nowhere" }
here = "pwd"
fail = "exit 7"
after-failure = { cmd = "echo never", depends-on = ["fail"] }
killed = "kill -9 $$"
after-kill = { cmd = "echo never", depends-on = ["killed"] }
process = "echo $$"
pipe = "yes | head -n 1"
places = "echo $VIRTUAL_ENV; command -v python; echo $PIXI_PROJECT_ROOT"
shell = "false || echo one && echo two"

[target.unix.tasks]
somewhere = "echo unix"

[target.win.tasks]
somewhere = "echo windows"
"""


@pytest.fixture(scope="module")
def installed(each_python, wheels, tmp_path_factory):
    """A project whose environment pixiw has made with the Python in turn."""
    root = tmp_path_factory.mktemp("tasks") / "my project"
    made = Project(root, TASKS, wheels, PYTHONS[each_python])
    (made.root / "deep" / "folder").mkdir(parents=True)
    made.first_run = made.run("run", "number")
    return made


def test_first_run_installs_and_says_so(installed, each_python):
    assert installed.first_run.stdout == f"1.0 {each_python.split('.')[1]}\n"
    assert "making .venv with" in installed.first_run.stderr
    assert "installing 1 packages" in installed.first_run.stderr
    assert installed.stamp() == f"{each_python}\n>=3.11,<3.14\ngreet==1.0\n"


def test_next_run_installs_nothing(installed):
    again = installed.run("run", "plain", PIP_FIND_LINKS="/nowhere")
    assert (again.returncode, again.stdout, again.stderr) == (0, "plain\n", "")


@pytest.mark.parametrize(
    ("task", "lines"),
    [
        ("listed", ["a  b $HOME"]),
        ("top", ["base", "left", "right", "top"]),
        ("alias", ["base", "left", "right"]),
        ("bare-alias", ["base", "left"]),
        ("single", ["base", "single"]),
        ("shell", ["one", "two"]),
        ("somewhere", ["unix"]),
    ],
)
def test_commands_and_their_order(installed, task, lines):
    assert installed.run("run", task).stdout.splitlines() == lines


ARGUMENTS = [
    "two words",
    "it's",
    '"',
    "$HOME",
    "*",
    "",
    "a;b",
    "back\\slash",
    "line\nbreak",
    "é",
    "--",
]


def test_arguments_arrive_as_given(installed):
    assert installed.run("run", "arguments", *ARGUMENTS).stdout == f"{ARGUMENTS}\n"
    assert installed.run("run", "arguments", "--", "-e").stdout == "['-e']\n"


def test_arguments_go_to_the_last_task_only(installed):
    assert installed.run("run", "top", "x").stdout.splitlines() == [
        "base",
        "left",
        "right",
        "top x",
    ]
    refused = installed.run("run", "alias", "x")
    assert refused.returncode == 1 and refused.stdout == "" and "no arguments" in refused.stderr


def test_variables_of_tasks_and_of_the_activation(installed):
    ran = installed.run("run", "without-env", NAME="you", FROM_ACTIVATION="outside")
    assert ran.stdout.splitlines() == [f"hello you for {installed.root}", "[]"]


def test_tasks_find_the_environment(installed):
    assert installed.run("run", "number", PYTHONHOME="/nowhere").returncode == 0
    venv = installed.root / ".venv"
    expected = [str(venv), str(venv / "bin" / "python"), str(installed.root)]
    assert installed.run("run", "places").stdout.splitlines() == expected


def test_folders(installed, tmp_path):
    root = str(installed.root)
    assert installed.run("run", "here", cwd=tmp_path).stdout.strip() == root
    assert installed.run("run", "in-folder", cwd=tmp_path).stdout.strip() == f"{root}/deep/folder"
    missing = installed.run("run", "no-folder")
    assert missing.returncode == 1 and f"{root}/nowhere" in missing.stderr


@pytest.mark.parametrize(("task", "code"), [("fail", 7), ("after-failure", 7), ("killed", -9), ("after-kill", 128 + 9)])
def test_exit_codes(installed, task, code):
    ran = installed.run("run", task)
    assert (ran.returncode, ran.stdout) == (code, "")


def test_the_task_takes_the_place_of_pixiw(installed):
    process = installed.start("run", "process")
    assert process.communicate()[0] == f"{process.pid}\n"


def test_a_closed_pipe_is_no_error(installed):
    ran = installed.run("run", "pipe")
    assert (ran.stdout, ran.stderr) == ("y\n", "")


def test_programs_of_the_environment_run_in_the_current_folder(installed, tmp_path):
    assert installed.run("run", "greet").stdout == "greet 1.0\n"
    ask = "import os, sys; print(os.getcwd(), sys.prefix); sys.exit(3)"
    ran = installed.run("run", "python", "-c", ask, cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (3, f"{tmp_path} {installed.root}/.venv\n")


def test_programs_run_in_a_new_copy_too(project):
    made = project(GREET.format("1.0"))
    ran = made.run("run", "python3", "-c", "import greet; print(greet.VERSION)")
    assert ran.stdout == "1.0\n" and "installing" in ran.stderr


def test_unknown_task_lists_the_known_ones(installed):
    ran = installed.run("run", "plan")
    assert ran.returncode == 1
    assert "no task 'plan'. Did you mean 'plain'?" in ran.stderr
    assert re.search(r"^  listed +A command in pieces$", ran.stderr, re.MULTILINE)


def test_lists_and_help(installed):
    assert "  plain" in installed.run("task", "list").stdout.splitlines()
    assert installed.run("run").stdout == installed.run("task", "list").stdout
    for words in [[], ["--help"], ["run", "-h"]]:
        assert "./pixiw run [-e ENV] TASK" in installed.run(*words).stdout


# ---- what pixiw refuses, without installing anything --------------------------------------------


@pytest.mark.parametrize(
    ("manifest", "words", "sentence"),
    [
        ("[tasks]\na = 'x", "run a", "is not valid TOML"),
        ("[tasks]\nbuild = 'x'", "run biuld", "no task 'biuld'. Did you mean 'build'?"),
        ("[tasks]\ns01 = 'x'\ns11 = 'x'", "run s1", "no task 's1'. Did you mean 's01'?"),
        ("[tasks]\nbuild = 'x'", "build", "does not know 'build'. To run a task: ./pixiw run TASK"),
        ("[tasks]\nbuild = 'x'", "run -q build", "does not know 'run -q'"),
        ("[tasks]\nbuild = 'x'", "run -e gpu build", "no environment 'gpu'; there are: default"),
        ("[environments]\ngpu = ['cuda']", "install -e gpu", "unknown feature, 'cuda'"),
        (
            "[tasks]\na = { depends-on = ['b'] }\nb = { depends-on = ['c'] }\nc = [{ task = 'a' }]",
            "run a",
            "circle: a -> b -> c -> a",
        ),
        ("[tasks]\na = { depends-on = ['b'] }", "run a", "'a' depends on 'b', which is not a task"),
        ("[tasks]\na = { cmd = 'x', args = ['y'] }", "run a", "task a uses args, which only pixi"),
        ("[tasks]\na = { cmd = 'x', inputs = ['y'] }", "run a", "task a uses inputs, which only"),
        (
            "[tasks]\na = 'x'\nb = { depends-on = [{ task = 'a', args = ['1'] }] }",
            "run b",
            "depends-on of task b uses args",
        ),
        (
            "[pypi-dependencies]\ngreet = { git = 'x' }",
            "install",
            "greet uses git, which only pixi",
        ),
        ("[pypi-dependencies]\ngreet = { path = '.' }", "install", "greet uses path, which only"),
        ("[pypi-options]\nno-build = true", "install", "only pixi understands pypi-options"),
        ("[target.'linux-*'.tasks]\na = 'x'", "run a", "patterns of targets"),
        (
            "[dependencies]\nnodejs = '*'",
            "install",
            "only pixi can install conda packages (nodejs)",
        ),
        ("[activation]\nscripts = ['x']\n[tasks]\na = 'x'", "run a", "activation uses scripts"),
        ("[tasks]\na = 'echo {{ x }}'", "run a", "task a uses a template"),
        ("[dependencies]\npython = '~=3.11'", "install", "cannot read '~=3.11' in the Python"),
        ("[tasks]\na = 3", "run a", "something in it that only pixi understands"),
    ],
)
def test_refusals_are_one_clear_sentence(project, manifest, words, sentence):
    ran = project(manifest).run(*words.split())
    assert ran.returncode == 1
    assert ran.stderr.startswith("pixiw: ") and sentence in ran.stderr
    assert "making" not in ran.stderr


def test_no_manifest(project):
    made = project("")
    (made.root / "pixi.toml").unlink()
    ran = made.run("run", "a")
    assert (ran.returncode, ran.stderr) == (
        1,
        f"pixiw: No such file or directory: {made.root}/pixi.toml.\n",
    )


# ---- which Python -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "spec", "fits"),
    [
        ("3.11.0", ">=3.11,<3.14", True),
        ("3.10.14", ">=3.11,<3.14", False),
        ("3.14.0", ">=3.11,<3.14", False),
        ("3.13.9", ">= 3.11, < 3.14", True),
        ("3.11.7", "3.11.*", True),
        ("3.12.7", "3.11.*", False),
        ("3.12.7", "==3.12.7", True),
        ("3.12.8", "==3.12.7", False),
        ("3.1.1", "==3.11", False),
        ("3.13.0", ">=3.11,3.12.*", False),
        ("3.12.1", "<=3.12", False),
        ("3.12.1", ">3.12", True),
        ("3.9.1", "*", True),
    ],
)
def test_python_requirements(version, spec, fits):
    loader = importlib.machinery.SourceFileLoader("pixiw", str(PIXIW))
    pixiw = importlib.util.module_from_spec(importlib.util.spec_from_loader("pixiw", loader))
    loader.exec_module(pixiw)
    assert pixiw.satisfies(tuple(map(int, version.split("."))), spec) is fits


def test_no_python_fits(project, quick_python, one_python):
    made = project("")
    made.run("install")
    made.write('[dependencies]\npython = ">=3.8,<3.9"')
    ran = made.run("install")
    assert ran.returncode == 1
    assert f"needs Python >=3.8,<3.9; found {quick_python} ({one_python}." in ran.stderr
    assert (made.root / ".venv" / "bin" / "python").exists()


def test_no_python_that_can_start_pixiw(project, tmp_path):
    script(tmp_path / "bin" / "python3.12", "exit 127")
    # Old, and says so when it is asked.
    old = 'case "$*" in *"version_info < (3, 11)"*) exit 1 ;; -V) echo Python 3.9.2 ;; esac'
    script(tmp_path / "bin" / "python3", old)
    ran = project("").run("install", PATH=str(tmp_path / "bin"), PIXIW_PYTHON=None)
    assert ran.returncode == 1
    assert ran.stderr.endswith("needs Python 3.11 or newer, or pixi; on PATH it found: Python 3.9.2\n")


def test_python_without_its_venv_module(project, quick_python, tmp_path):
    without = f'case "$*" in *ensurepip*) exit 1 ;; esac\nexec "{quick_python}" "$@"'
    python = script(tmp_path / "python", without)
    ran = project("").run("install", PIXIW_PYTHON=str(python))
    assert ran.returncode == 1 and "install python3-venv" in ran.stderr


def test_newest_python_on_path_that_starts_and_fits(project, tmp_path):
    versions = [version for version in VERSIONS if PYTHONS[version]]
    if len(versions) < 2:
        pytest.skip(f"needs two of Python {', '.join(VERSIONS)}; found {', '.join(versions)}")
    *_, second, newest = versions
    for version in versions:
        script(tmp_path / "bin" / f"python{version}", f'exec "{PYTHONS[version]}" "$@"')
    script(tmp_path / "bin" / "python3.40", "echo 'not in this folder' >&2; exit 127")
    path = f"{tmp_path}/bin:{SYSTEM}"
    made = project(f'[dependencies]\npython = ">=3.11,<{newest}"\n[tasks]\nv = "python -V"')
    ran = made.run("run", "v", PATH=path, PIXIW_PYTHON=None)
    assert ran.stdout.startswith(f"Python {second}.")
    made.write('[dependencies]\npython = ">=3.11,<3.14"\n[tasks]\nv = "python -V"')
    # What is there still fits, so it stays.
    assert made.run("run", "v", PATH=path, PIXIW_PYTHON=None).stdout.startswith(f"Python {second}.")


def test_a_python_of_the_environment_does_not_make_it_again(project, quick_python, one_python):
    made = project("[tasks]\na = 'echo done'")
    made.run("install")
    break_pip(made.root / ".venv")
    script(made.root / "bin" / f"python{one_python}", f'exec "{quick_python}" "$@"')
    activated = f"{made.root}/.venv/bin:{made.root}/bin:{SYSTEM}"
    ran = made.run("run", "a", PATH=activated, PIXIW_PYTHON=None)
    assert ran.stdout == "done\n" and f"making .venv with {made.root}/bin/python" in ran.stderr


# ---- environments -------------------------------------------------------------------------------


def test_changed_requirements_update_the_environment(project, bare_venv):
    made = project(GREET.format("1.0"))
    shutil.copytree(bare_venv, made.root / ".venv", symlinks=True)
    first = made.run("run", "greet")
    # Nobody stamped this environment, but it works: it is filled, not made again.
    assert first.stdout == "greet 1.0\n" and "making" not in first.stderr
    extra = 'extra = { version = "*", extras = ["x"] }\n[tasks]'
    made.write(GREET.format("2.0").replace("[tasks]", extra))
    second = made.run("run", "greet")
    assert second.stdout == "greet 2.0\n" and "making" not in second.stderr
    third = made.run("run", "extra")
    assert (third.stdout, third.stderr) == ("extra 1.0\n", "")


def break_python(venv: Path) -> None:
    """What an upgrade of the system does: the link of the environment leads nowhere."""
    for name in ["python", "python3"]:
        (venv / "bin" / name).unlink()
        (venv / "bin" / name).symlink_to("/nowhere/python3")


def break_start(venv: Path) -> None:
    """A Python that is found, and fails when it starts."""
    (venv / "bin" / "python").unlink()
    script(venv / "bin" / "python", "exit 1")


def break_pip(venv: Path) -> None:
    """An installation that stopped between removing the old pip and writing the new one."""
    for pip in venv.glob("lib/python3*/site-packages/pip*"):
        shutil.rmtree(pip)
    (venv / "pixiw-stamp").unlink()


@pytest.mark.parametrize(
    ("env", "folder", "damage"),
    [
        ("default", ".venv", break_python),
        ("default", ".venv", break_pip),
        ("more", ".venv-more", break_start),
    ],
)
def test_a_broken_environment_is_made_again(project, env, folder, damage):
    made = project(GREET.format("1.0") + "[feature.more]\n[environments]\nmore = ['more']\n")
    made.run("install", "-e", env)
    damage(made.root / folder)
    ran = made.run("run", "-e", env, "greet")
    assert ran.stdout == "greet 1.0\n" and f"making {folder} with" in ran.stderr
    assert made.run("run", "-e", env, "greet").stderr == ""


@pytest.mark.parametrize(
    ("version", "variables", "said", "why"),
    [
        (
            "9.9",
            {},
            "No matching distribution",
            "a package has no build for this machine and Python",
        ),
        (
            "9.9",
            {
                "PIP_NO_INDEX": None,
                "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
                "PIP_RETRIES": "1",
            },
            "connection broken",
            "the package index does not answer",
        ),
        ('1.0"\nrival = "==1.0', {}, "ResolutionImpossible", "see above"),
    ],
)
def test_a_failed_installation_explains_itself(project, version, variables, said, why):
    made = project(GREET.format(version))
    ran = made.run("run", "greet", **variables)
    assert (ran.returncode, ran.stdout, made.stamp()) == (1, "", "unfinished\n")
    assert said in ran.stderr
    assert ran.stderr.splitlines()[-1].startswith(f"pixiw: cannot install: {why}. ")
    assert said in (made.root / ".venv" / "pixiw-install.log").read_text()


def test_environments_and_features(project, one_python):
    manifest = f"""
        [pypi-dependencies]
        greet = "*"
        [tasks]
        both = "greet; command -v extra || echo no extra"
        mixed.cmd = "command -v greet"
        mixed.depends-on = [{{ task = "both", environment = "more" }}]
        [activation.env]
        WHERE = "default"
        [feature.more.dependencies]
        python = "{one_python}.*"
        [feature.more.pypi-dependencies]
        extra = "==1.0"
        greet = "==1.0"
        [feature.more.activation.env]
        WHERE = "more"
        [feature.more.tasks]
        only-more = "greet && extra && echo $WHERE"
        [feature.lone.tasks]
        alone = "echo alone"
        shared = "echo shared"
        [feature.other.tasks]
        shared = "echo other"
        [environments]
        more = ["more"]
        lone = {{ features = ["lone"], no-default-feature = true }}
        other = ["other"]
        """
    made = project(manifest)
    assert made.run("run", "only-more").stdout == "greet 1.0\nextra 1.0\nmore\n"
    assert made.stamp() == ""
    assert made.run("run", "-e", "more", "both").stdout == f"greet 1.0\n{made.root}/.venv-more/bin/extra\n"
    ran = made.run("run", "mixed")
    assert ran.stdout == f"greet 1.0\n{made.root}/.venv-more/bin/extra\n{made.root}/.venv/bin/greet\n"
    assert made.run("run", "both").stdout == "greet 2.0\nno extra\n"
    lone = made.run("run", "-e", "lone", "both")
    assert lone.returncode == 1 and "no task 'both'" in lone.stderr
    shared = made.run("run", "shared")
    assert shared.returncode == 1 and "-e lone or -e other" in shared.stderr
    assert "only-more" in (listing := made.run("task", "list").stdout)
    assert "(environment more)" in listing


# ---- interruptions, and two at once -------------------------------------------------------------


class SlowIndex(http.server.ThreadingHTTPServer):
    """A package index with greet 1.0 that says when it is asked, and answers when it is let."""

    daemon_threads = True

    def __init__(self, wheels: Path) -> None:
        super().__init__(("127.0.0.1", 0), self.answer)
        self.wheels, self.asked, self.open = wheels, threading.Event(), threading.Event()

    @property
    def variables(self) -> dict:
        url = f"http://127.0.0.1:{self.server_port}/simple"
        return {"PIP_NO_INDEX": None, "PIP_FIND_LINKS": None, "PIP_INDEX_URL": url}

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            """Be quiet."""

        def do_GET(self):
            self.server.asked.set()
            self.server.open.wait(60)
            wheel = "greet-1.0-py3-none-any.whl"
            page = f'<a href="/{wheel}">{wheel}</a>'.encode()
            body = (self.server.wheels / wheel).read_bytes() if self.path == f"/{wheel}" else page
            self.send_response(200)
            self.send_header("Content-Type", "text/html" if body is page else "application/zip")
            self.end_headers()
            self.wfile.write(body)

    answer = Handler


@pytest.fixture
def slow_index(wheels):
    server = SlowIndex(wheels)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.open.set()
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def installing(made: Project, index: SlowIndex):
    """A pixiw whose pip waits for the index."""
    process = made.start("run", "greet", **index.variables)
    assert index.asked.wait(60)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_ctrl_c_during_the_installation(project, slow_index):
    made = project("")
    made.run("install")
    made.write(GREET.format("1.0"))
    with installing(made, slow_index) as process:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.endswith("pixiw: interrupted; run it again to go on.\n") and "Traceback" not in err
    assert made.stamp() == "unfinished\n"
    # What pip had half written cannot be trusted: here it would take greet for installed.
    (packages,) = (made.root / ".venv").glob("lib/python3*/site-packages")
    (packages / "greet-1.0.dist-info").mkdir()
    metadata = "Metadata-Version: 2.1\nName: greet\nVersion: 1.0\n"
    (packages / "greet-1.0.dist-info" / "METADATA").write_text(metadata)
    ran = made.run("run", "greet")
    assert ran.stdout == "greet 1.0\n" and "making .venv" in ran.stderr


def test_ctrl_c_while_the_environment_is_made(project, quick_python, tmp_path):
    made = project(GREET.format("1.0"))
    slow = f'"{quick_python}" "$@" && echo made > "{tmp_path}/signal" && exec sleep 60'
    python = script(tmp_path / "python", f'[ "$3" = venv ] || exec "{quick_python}" "$@"\n{slow}')
    os.mkfifo(tmp_path / "signal")
    process = made.start("run", "greet", PIXIW_PYTHON=str(python))
    (tmp_path / "signal").read_text()
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    process.communicate()
    assert made.stamp() == "unfinished\n"


def test_two_at_once(project, slow_index):
    made = project(GREET.format("1.0"))
    with installing(made, slow_index) as first:
        second = made.start("run", "greet")
        assert second.stderr.readline() == "pixiw: another pixiw is installing; waiting for it.\n"
        slow_index.open.set()
        assert first.communicate(timeout=60)[0] == "greet 1.0\n"
        assert second.communicate(timeout=60) == ("greet 1.0\n", "")


def test_what_a_killed_pixiw_left_running_keeps_others_out(project, slow_index):
    made = project(GREET.format("1.0"))
    with installing(made, slow_index) as first:
        first.kill()
        first.wait()
        second = made.start("run", "greet")
        assert second.stderr.readline() == "pixiw: another pixiw is installing; waiting for it.\n"
        second.kill()
        second.communicate()


# ---- where pixi is installed --------------------------------------------------------------------


def test_hands_over_to_pixi(project, tmp_path):
    script(tmp_path / "bin" / "pixi", """printf '<%s>' pixi "$@"; exit 9""")
    made = project("[tasks]\nhere = 'echo not pixi'")
    path = f"{tmp_path}/bin:{SYSTEM}"
    ran = made.run("run", "-e", "x", "here", "two words", PATH=path)
    assert (ran.returncode, ran.stdout) == (9, "<pixi><run><-e><x><here><two words>")
    assert "task list" in made.run("--help", PATH=path, PIXIW_NO_PIXI="1").stdout


def test_a_pixi_that_leads_back_to_pixiw_ends(project, tmp_path):
    made = project("[tasks]\nhere = 'echo not pixi'")
    script(tmp_path / "bin" / "pixi", f'exec "{made.root}/pixiw" "$@"')
    ran = made.run("task", "list", PATH=f"{tmp_path}/bin:{SYSTEM}")
    assert (ran.returncode, ran.stdout) == (0, "  here\n")
