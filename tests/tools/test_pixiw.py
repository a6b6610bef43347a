"""pixiw in projects of its own, without a network: packages come from wheels built here."""

import hashlib
import http.server
import os
import shutil
import signal
import subprocess
import threading
import zipfile
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest

PIXIW = Path(__file__).parents[2] / "pixiw"
SYSTEM = "/usr/bin:/bin"  # sh and its usual company
VERSIONS = ["3.11", "3.12", "3.13"]
PIXI_TOML = """
[workspace]
name = "trial"

[activation.env]
FROM_ACTIVATION = "set"

[dependencies]
python = ">=3.11,<3.14"

[pypi-dependencies]
greet = "==1.0"

[tasks.greet]
cmd = "greet"
description = "Say the version"
"""
MORE = """
[feature.more.dependencies]
python = "3.11.*"

[feature.more.pypi-dependencies]
extra = "==1.0"

[feature.more.activation.env]
MORE = "more"

[feature.more.tasks.greet-more]
cmd = "greet && extra && echo $FROM_ACTIVATION $MORE"
description = "Say two versions"

[feature.lone.dependencies]
python = ">=3.11"

[feature.lone.pypi-dependencies]
extra = { version = "==1.0", extras = ["x"] }

[feature.lone.tasks.alone]
cmd = "extra && greet"
description = "Say others"

[environments]
more = ["more"]
lone = { features = ["lone"], no-default-feature = true }
"""


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
    """A folder of wheels for pip: greet 1.0 and 2.0; extra[x] and rival, which want greet 2.0."""
    folder = tmp_path_factory.mktemp("wheels")
    make_wheel(folder, "greet", "1.0")
    make_wheel(folder, "greet", "2.0")
    make_wheel(folder, "extra", "1.0", "Provides-Extra: x\nRequires-Dist: greet==2.0 ; extra == 'x'\n")
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

    def __init__(self, root: Path, wheels: Path, python: Path) -> None:
        self.root, self.wheels = root, wheels
        root.mkdir(exist_ok=True)
        shutil.copy(PIXIW, root)
        self.write(PIXI_TOML)
        self.env = {
            "PATH": SYSTEM,
            "HOME": str(root),
            "PIXIW_PYTHON": str(python),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(wheels),
        }

    def write(self, manifest: str) -> None:
        (self.root / "pixi.toml").write_text(manifest)

    def lock(self, asked: str, *pins: str) -> None:
        """Write the lock of the default environment: for what, and the exact packages."""
        lines = [f"# Made by hand\n# python >=3.11,<3.14 {asked}"]
        for pin in pins:
            (wheel,) = self.wheels.glob(f"{pin.replace('==', '-')}-*")
            lines.append(f"{pin} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}")
        (self.root / "requirements").mkdir(exist_ok=True)
        (self.root / "requirements" / "default.txt").write_text("\n".join(lines) + "\n")

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
    """A project that nothing is installed in."""
    return Project(tmp_path / "project", wheels, quick_python)


# ---- tasks, in one installed project for each Python --------------------------------------------

TASKS = {
    "number": "python -c 'import greet, sys; print(greet.VERSION, sys.version_info[1])'",
    "arguments": "python -c 'import sys; print(sys.argv[1:])'",
    "activation": "echo $FROM_ACTIVATION",
    "place": "pwd; command -v python",
    "shell": "false || echo one && echo two",
    "fail": "exit 7",
    "process": "echo $$",
    "pipe": "yes | head -n 1",
}


@pytest.fixture(scope="module")
def installed(each_python, wheels, tmp_path_factory):
    """A project whose environment pixiw has made with the Python in turn."""
    made = Project(tmp_path_factory.mktemp("tasks") / "my project", wheels, PYTHONS[each_python])
    tasks = (f'[tasks.{name}]\ncmd = "{cmd}"\ndescription = "Try {name}"\n' for name, cmd in TASKS.items())
    made.write(PIXI_TOML + "".join(tasks))
    made.lock("greet==1.0", "greet==1.0")
    made.first_run = made.run("run", "number")
    return made


def test_first_run_installs_and_says_so(installed, each_python):
    assert installed.first_run.stdout == f"1.0 {each_python.split('.')[1]}\n"
    making, installing, ready = installed.first_run.stderr.splitlines()
    assert making.startswith(f"pixiw: making .venv with {PYTHONS[each_python]} ({each_python}.")
    assert installing.startswith("pixiw: installing its packages;") and ready == "pixiw: .venv is ready."


def test_next_run_installs_nothing(installed):
    again = installed.run("run", "shell", PIP_FIND_LINKS="/nowhere")
    assert (again.returncode, again.stdout, again.stderr) == (0, "one\ntwo\n", "")


ARGUMENTS = ["two words", "it's", '"', "$HOME", "*", "", "a;b", "back\\slash", "line\nbreak", "é", "--", "-e"]


def test_arguments_arrive_as_given(installed):
    assert installed.run("run", "arguments", *ARGUMENTS).stdout == f"{ARGUMENTS}\n"


def test_tasks_find_the_environment(installed, tmp_path):
    assert installed.run("run", "activation", FROM_ACTIVATION="outside").stdout == "set\n"
    ran = installed.run("run", "place", cwd=tmp_path)
    assert ran.stdout == f"{installed.root}\n{installed.root}/.venv/bin/python\n"


def test_the_task_takes_the_place_of_pixiw(installed):
    process = installed.start("run", "process")
    assert process.communicate()[0] == f"{process.pid}\n"
    assert installed.run("run", "fail").returncode == 7


def test_a_closed_pipe_is_no_error(installed):
    ran = installed.run("run", "pipe")
    assert (ran.stdout, ran.stderr) == ("y\n", "")


def test_programs_of_the_environment_run_in_the_current_folder(installed, tmp_path):
    ask = "import os, sys; print(os.getcwd(), sys.prefix, os.environ['FROM_ACTIVATION']); sys.exit(3)"
    ran = installed.run("run", "python", "-c", ask, cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (3, f"{tmp_path} {installed.root}/.venv set\n")


def test_programs_run_in_a_new_copy_too(project):
    ran = project.run("run", "python3", "-c", "import greet; print(greet.VERSION)")
    assert ran.stdout == "1.0\n" and "installing" in ran.stderr


# ---- what pixiw says, without installing anything -----------------------------------------------


def test_lists_and_help(project):
    project.write(PIXI_TOML + MORE)
    assert project.run("run").stdout == (
        "  greet       Say the version\n"
        "  greet-more  Say two versions (environment more)\n"
        "  alone       Say others (environment lone)\n"
    )
    for words in [[], ["--help"], ["run", "-h"]]:
        assert "./pixiw run [-e ENV] TASK" in project.run(*words).stdout


PYTHON = "[feature.a.dependencies]\npython = '{}'\n[environments]\na = ['a']"


@pytest.mark.parametrize(
    ("manifest", "words", "sentence"),
    [
        ("[tasks]\na = 'x", "run a", "is not valid TOML"),
        ("", "greet", "does not know 'greet'. To run a task: ./pixiw run TASK (see --help)."),
        ("", "run -q greet", "does not know 'run -q'"),
        ("", "run -e", "does not know 'run -e'"),
        (MORE, "run -e gpu greet", "no environment 'gpu'; there are: default, more, lone"),
        ("[tasks.a]\ndepends-on = ['b']", "run a", "something in it that only pixi understands ('cmd')"),
        ("[tasks]\na = 'x'", "run a", "something in it that only pixi understands"),
        ("[tasks.a]\ncmd = ['x']\ndescription = 'y'", "run a", "something in it that only pixi understands"),
        ("[environments]\ngpu = ['cuda']", "run greet", "only pixi understands ('cuda')"),
        (PYTHON.format("~=3.11"), "run -e a greet", "cannot read '~=3.11' in the Python requirement"),
        (PYTHON.format("3.11"), "run -e a greet", "cannot read '3.11' in the Python requirement"),
    ],
)
def test_refusals_are_one_clear_sentence(project, manifest, words, sentence):
    project.write(PIXI_TOML + manifest)
    ran = project.run(*words.split())
    assert ran.returncode == 1 and ran.stderr.count("\n") == 1
    assert ran.stderr.startswith("pixiw: ") and sentence in ran.stderr


def test_unknown_task_names_the_nearest_and_all(project):
    steps = [f"[tasks.s{n}]\ncmd = 'x'\ndescription = 'Step {n}'\n" for n in ("01", "11", "18")]
    project.write(PIXI_TOML + "".join(steps))
    for word, near in [("geet", "greet"), ("s1", "s01"), ("s11x", "s11")]:
        ran = project.run("run", word)
        assert ran.returncode == 1 and "making" not in ran.stderr
        assert f"there is no task {word!r}. Did you mean {near!r}? The tasks are:\n" in ran.stderr
        assert "  s18    Step 18\n" in ran.stderr
    ran = project.run("run", "frobnicate")  # which may be a program of the environment
    assert "making .venv" in ran.stderr and "no task 'frobnicate'. The tasks are:" in ran.stderr


def test_no_manifest(project):
    (project.root / "pixi.toml").unlink()
    ran = project.run("run", "a")
    assert (ran.returncode, ran.stderr) == (1, f"pixiw: No such file or directory: {project.root}/pixi.toml.\n")


# ---- which Python -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "spec", "fits"),
    [
        ("3.11.0", ">=3.11,<3.14", True),
        ("3.10.14", ">=3.11,<3.14", False),
        ("3.13.9", ">=3.11,<3.14", True),
        ("3.14.0", ">=3.11,<3.14", False),
        ("3.11.7", "3.11.*", True),
        ("3.12.7", "3.11.*", False),
        ("3.1.1", "3.11.*", False),
        ("3.12.1", ">=3.11,<3.14,3.11.*", False),
    ],
)
def test_python_requirements(version, spec, fits):
    loader = SourceFileLoader("pixiw", str(PIXIW))
    pixiw = module_from_spec(spec_from_loader("pixiw", loader))
    loader.exec_module(pixiw)
    environment = pixiw.Environment("trial", [], {"default": {"dependencies": {"python": spec}}})
    assert environment.fits(tuple(map(int, version.split(".")))) is fits


def test_no_python_fits(project, quick_python, one_python):
    project.run("run", "greet")
    project.write(PIXI_TOML.replace(">=3.11,<3.14", ">=3.8,<3.9"))
    ran = project.run("run", "greet")
    assert ran.returncode == 1
    assert f"needs Python >=3.8,<3.9; found {quick_python} ({one_python}." in ran.stderr
    assert (project.root / ".venv" / "bin" / "python").exists()


def test_no_python_that_can_start_pixiw(project, tmp_path):
    script(tmp_path / "bin" / "python3", "exit 127")
    # Old, and says so when it is asked.
    old = 'case "$*" in *"version_info < (3, 11)"*) exit 1 ;; -V) echo Python 3.9.2 ;; esac'
    script(tmp_path / "bin" / "python3.11", old)
    ran = project.run("run", "greet", PATH=str(tmp_path / "bin"), PIXIW_PYTHON=None)
    assert ran.returncode == 1
    assert ran.stderr == "pixiw: needs Python 3.11 or newer, or pixi; on PATH it found: Python 3.9.2\n"
    assert project.run("run", PATH=str(tmp_path / "bin")).returncode == 0  # PIXIW_PYTHON can


def test_python_without_its_venv_module(project, quick_python, tmp_path):
    without = f'case "$*" in *ensurepip*) exit 1 ;; esac\nexec "{quick_python}" "$@"'
    ran = project.run("run", "greet", PIXIW_PYTHON=str(script(tmp_path / "python", without)))
    assert ran.returncode == 1 and "install python3-venv" in ran.stderr


def test_newest_python_on_path_that_starts_and_fits(project, tmp_path):
    versions = [version for version in VERSIONS if PYTHONS[version]]
    if len(versions) < 2:
        pytest.skip(f"needs two of Python {', '.join(VERSIONS)}; found {', '.join(versions)}")
    *_, second, newest = versions
    for version in versions:
        script(tmp_path / "bin" / f"python{version}", f'exec "{PYTHONS[version]}" "$@"')
    script(tmp_path / "bin" / "python3.40", "echo not in this folder; exit 127")
    project.write(PIXI_TOML.replace("<3.14", f"<{newest}"))
    ran = project.run("run", "python", "-V", PATH=f"{tmp_path}/bin:{SYSTEM}", PIXIW_PYTHON=None)
    assert ran.stdout.startswith(f"Python {second}.")


def test_an_active_environment_does_not_make_itself_again(project, quick_python, one_python):
    project.run("run", "greet")
    (project.root / ".venv" / "pixiw-stamp").write_text("unfinished")
    script(project.root / "bin" / f"python{one_python}", f'exec "{quick_python}" "$@"')
    activated = f"{project.root}/.venv/bin:{project.root}/bin:{SYSTEM}"
    ran = project.run("run", "greet", PATH=activated, PIXIW_PYTHON=None)
    assert ran.stdout == "greet 1.0\n" and f"making .venv with {project.root}/bin/python" in ran.stderr


# ---- environments and their locks ---------------------------------------------------------------


def test_each_environment_has_its_own_folder(project, one_python):
    if one_python != "3.11":
        pytest.skip("the environment of this test asks for Python 3.11")
    project.write(PIXI_TOML + MORE)
    assert project.run("run", "greet-more").stdout == "greet 1.0\nextra 1.0\nset more\n"
    assert project.stamp() == ""
    assert project.run("run", "-e", "more", "greet").stdout == "greet 1.0\n"
    assert project.run("run", "alone").stdout == "extra 1.0\ngreet 2.0\n"
    assert "no task 'greet-more'" in project.run("run", "-e", "lone", "greet-more").stderr
    assert {path.name for path in project.root.glob(".venv*")} == {".venv-more", ".venv-lone"}


def test_another_version_in_pixi_toml_makes_the_environment_anew(project):
    assert project.run("run", "greet").stdout == "greet 1.0\n"
    project.write(PIXI_TOML.replace("==1.0", "==2.0"))
    assert project.run("run", "greet").stdout == "greet 2.0\n"


def test_another_lock_makes_the_environment_anew(project):
    project.lock("greet==1.0", "greet==1.0", "extra==1.0")
    assert project.run("run", "extra").stdout == "extra 1.0\n"
    project.lock("greet==1.0", "greet==1.0")
    ran = project.run("run", "greet")
    assert ran.stdout == "greet 1.0\n" and "making .venv" in ran.stderr
    assert not (project.root / ".venv" / "bin" / "extra").exists()
    assert project.run("run", "greet").stderr == ""


def test_a_lock_for_other_packages_is_refused(project):
    project.lock("greet==2.0", "greet==2.0")
    ran = project.run("run", "greet")
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)
    assert "requirements/default.txt no longer fits pixi.toml; its first line says" in ran.stderr


def test_a_foreign_environment_is_left_alone(project, bare_venv):
    shutil.copytree(bare_venv, project.root / ".venv", symlinks=True)
    ran = project.run("run", "greet")
    assert ran.stderr == "pixiw: .venv was not made by pixiw: move it away or delete it.\n"
    assert (project.root / ".venv" / "bin" / "python").exists()


def break_link(venv: Path) -> None:
    """What an upgrade of the system does: the link of the environment leads nowhere."""
    for name in ["python", "python3"]:
        (venv / "bin" / name).unlink()
        (venv / "bin" / name).symlink_to("/nowhere/python3")


def break_start(venv: Path) -> None:
    """A Python that is found, and fails when it starts."""
    (venv / "bin" / "python").unlink()
    script(venv / "bin" / "python", "exit 1")


def break_version(venv: Path) -> None:
    """A Python of another version than the packages were installed for."""
    version = (venv / "pixiw-stamp").read_text()[:4]
    others = [path for other, path in PYTHONS.items() if path and other != version]
    if not others:
        pytest.skip(f"needs a second Python of {', '.join(VERSIONS)}")
    (venv / "bin" / "python").unlink()
    (venv / "bin" / "python").symlink_to(others[0])


@pytest.mark.parametrize(
    ("env", "folder", "damage"),
    [
        ("default", ".venv", break_link),
        ("default", ".venv", break_version),
        ("lone", ".venv-lone", break_start),
    ],
)
def test_a_broken_environment_is_made_again(project, env, folder, damage):
    project.write(PIXI_TOML + MORE)
    words = ["run", "-e", env, "python", "-c", "print('works')"]
    project.run(*words)
    damage(project.root / folder)
    ran = project.run(*words)
    assert ran.stdout == "works\n" and f"making {folder} with" in ran.stderr
    assert project.run(*words).stderr == ""


DEAD_INDEX = {"PIP_NO_INDEX": None, "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "1"}


@pytest.mark.parametrize(
    ("packages", "variables", "why"),
    [
        ('greet = "==9.9"', {}, "no build of greet==9.9 fits this machine and Python"),
        ('greet = "==9.9"', DEAD_INDEX, "the package index does not answer"),
        ('greet = "==1.0"\nrival = "==1.0"', {}, "see above"),
    ],
)
def test_a_failed_installation_explains_itself(project, packages, variables, why):
    project.write(PIXI_TOML.replace('greet = "==1.0"', packages))
    ran = project.run("run", "greet", **variables)
    assert (ran.returncode, ran.stdout, project.stamp()) == (1, "", "unfinished")
    assert ran.stderr.splitlines()[-1] == f"pixiw: cannot install: {why}. The next run tries again."
    assert ("ResolutionImpossible" in ran.stderr) == (why == "see above")


def test_a_file_that_is_not_the_locks(project, tmp_path):
    project.lock("greet==1.0", "greet==1.0")
    (tmp_path / "other").mkdir()
    make_wheel(tmp_path / "other", "greet", "1.0", "Summary: another\n")
    ran = project.run("run", "greet", PIP_FIND_LINKS=str(tmp_path / "other"))
    assert ran.stderr.endswith("the package index has another file than the lock names. The next run tries again.\n")


def test_a_full_disk(project, quick_python, tmp_path):
    full = 'echo "OSError: [Errno 28] No space left on device"; exit 1'
    python = script(tmp_path / "python", f'[ "$3" = venv ] || exec "{quick_python}" "$@"\n{full}')
    ran = project.run("run", "greet", PIXIW_PYTHON=str(python))
    assert ran.stderr.endswith("cannot install: the disk is full. The next run tries again.\n")


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
    with installing(project, slow_index) as process:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.endswith("pixiw: interrupted; run it again to go on.\n") and "Traceback" not in err
    assert project.stamp() == "unfinished"
    # What pip had half written cannot be trusted: here it would take greet for installed.
    (packages,) = (project.root / ".venv").glob("lib/python3*/site-packages")
    (packages / "greet-1.0.dist-info").mkdir()
    metadata = "Metadata-Version: 2.1\nName: greet\nVersion: 1.0\n"
    (packages / "greet-1.0.dist-info" / "METADATA").write_text(metadata)
    slow_index.open.set()
    ran = project.run("run", "greet")
    assert ran.stdout == "greet 1.0\n" and "making .venv" in ran.stderr


def test_ctrl_c_while_the_environment_is_made(project, quick_python, tmp_path):
    slow = f'"{quick_python}" "$@" && echo made > "{tmp_path}/signal" && exec sleep 5'
    python = script(tmp_path / "python", f'[ "$3" = venv ] || exec "{quick_python}" "$@"\n{slow}')
    os.mkfifo(tmp_path / "signal")
    process = project.start("run", "greet", PIXIW_PYTHON=str(python))
    (tmp_path / "signal").read_text()
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    process.communicate()
    assert project.stamp() == "unfinished"
    assert project.run("run", "greet").stdout == "greet 1.0\n"


def test_two_at_once(project, slow_index):
    with installing(project, slow_index) as first:
        second = project.start("run", "greet")
        assert second.stderr.readline() == "pixiw: another pixiw is installing; waiting for it.\n"
        slow_index.open.set()
        assert first.communicate(timeout=60)[0] == "greet 1.0\n"
        assert second.communicate(timeout=60) == ("greet 1.0\n", "")


def test_what_a_killed_pixiw_left_running_keeps_others_out(project, slow_index):
    with installing(project, slow_index) as first:
        first.kill()
        first.wait()
        second = project.start("run", "greet")
        assert second.stderr.readline() == "pixiw: another pixiw is installing; waiting for it.\n"
        second.kill()
        second.communicate()


# ---- where pixi is installed --------------------------------------------------------------------


def test_hands_over_to_pixi(project, tmp_path):
    script(tmp_path / "bin" / "pixi", """printf '<%s>' pixi "$@"; exit 9""")
    path = f"{tmp_path}/bin:{SYSTEM}"
    ran = project.run("run", "-e", "x", "here", "two words", PATH=path)
    assert (ran.returncode, ran.stdout) == (9, "<pixi><run><-e><x><here><two words>")
    assert "Say the version" in project.run("run", PATH=path, PIXIW_NO_PIXI="1").stdout
