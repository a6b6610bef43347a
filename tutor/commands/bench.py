"""How long a learner waits: each step's verdict as a whole process, the runner's own share, and a machine's first time."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import Namespace

from rich.console import Console
from rich.table import Table

from tutor.course import ROOT, STEPS, program
from tutor.screen.terminal import console


def timed(command: list[str], **environment: str) -> float:
    """Seconds that a command takes, from its start to its end."""
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, check=True)
    return time.perf_counter() - start


def warm(runs: int, screen: Console) -> None:
    """Every step's verdict on its solution, the steps in turn so that a busy minute hits them all alike."""
    python = [*program("tutor"), "check"]
    commands = {f"s{step.id}": [*python, step.id, "--solution"] for step in STEPS.values()}
    commands["python -c pass"] = [sys.executable, "-c", "pass"]
    runner = ROOT / "pixiw"
    commands["pixiw, the same"] = [str(runner), "run", "python", "-c", "pass"]
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for command in commands.values():
        timed(command, PIXIW_NO_PIXI="1")  # reads the disk, compiles what is missing
    for _ in range(runs):
        for name, command in commands.items():
            seconds[name].append(timed(command, PIXIW_NO_PIXI="1"))
    table = Table("command", "median", "min", "max", title=f"whole process, warm, {runs} runs in turn")
    for name, values in seconds.items():
        table.add_row(name, *(f"{value:.2f} s" for value in (statistics.median(values), min(values), max(values))))
    screen.print(table)


def cold(screen: Console) -> None:
    """The first verdict on a machine that never ran MAX: until the verdict is there, and until all is compiled."""
    for number in (5, 8):
        with tempfile.TemporaryDirectory() as cache:
            command = [*program("tutor"), "check", str(number), "--solution"]
            start, verdict = time.perf_counter(), None
            environment = os.environ | {"MODULAR_CACHE_DIR": cache}
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
            assert process.stdout
            for line in process.stdout:
                if verdict is None and line.startswith("Passed"):
                    verdict = time.perf_counter() - start
            process.wait()
            total = time.perf_counter() - start
        if verdict is None:
            raise SystemExit(f"s{number:02} did not pass, so there is no time to tell")
        screen.print(
            f"s{number:02} with an empty cache: verdict after {verdict:.0f} s, all compiled after {total:.0f} s"
        )


def main(args: Namespace) -> int:
    """Print the measurements. How fast the model writes is measured by speed.py, in the environment `bench`."""
    if args.decode:
        return subprocess.call([ROOT / "pixiw", "run", "bench-decode", f"--runs={args.runs}"], cwd=ROOT)
    screen = console()
    screen.print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    warm(args.runs, screen)
    if args.cold:
        cold(screen)
    return 0
