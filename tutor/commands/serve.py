"""`serve`: MAX Serve answers requests with the course's GPT-2, or with the learner's, as OpenAI's endpoint does.

The server is a program of its own, in a session of its own: Ctrl-C comes here alone, and here all its processes are ended.
Where this process is killed, they end by themselves.
"""

import errno
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from textwrap import shorten

from rich.console import Console

from tutor.checkpoint import CheckpointError, find
from tutor.course import ROOT, STEPS, command, shown
from tutor.engine import kernels
from tutor.runner.mine import needed, take, told
from tutor.screen.terminal import compile_missing, console, progress_bar

ARCHITECTURE = "GPT2LMHeadModel"
PIECES = 15, 21
"""The steps whose pieces the server imports; they import the rest of the model."""
SECONDS = 20
COLD = 240
"""About how long the server takes to become healthy, where its graphs are compiled and where not: what the bar expects."""
FIRST = "Starting MAX Serve, and compiling its graphs, once per machine"
UNTIL_ALONE = 'exec 3<&0; (read _ <&3; kill -9 0) & exec "$@" 3<&- </dev/null'
"""For sh: run a command, and end its session when nobody holds the other end of its standard input, however they ended."""


class ServeError(Exception):
    """Why nothing is served, in a sentence or two."""


def main(args: Namespace) -> int:
    """Serve until somebody stops it. Returns an exit code."""
    screen = console(stderr=True)
    mine: list[int] = []
    try:
        folder = find(args.checkpoint)
        program = installed()
        refuse_another_architecture(folder)
        refuse_port_in_use(args.host, args.port)
        mine = take(args.mine, needed(*PIECES), screen)
        if mine:
            rehearse(folder, screen)
        with tempfile.TemporaryDirectory() as place, running(program, folder, args, mine, Path(place)) as (server, log):
            wait_until_healthy(server, log, folder, args, screen)
            screen.print(how_to_ask(folder, args), markup=False, soft_wrap=True)
            server.wait()
            raise ServeError(f"The server has ended. {last_words(log)}")
    except KeyboardInterrupt:
        screen.print("Stopped.")
        return 0
    except CheckpointError as error:
        screen.print(str(error), markup=False)
        return 2
    except ServeError as error:
        screen.print(str(error), markup=False, soft_wrap=True)
        return 1
    except Exception as error:
        return told(error, mine, screen)


def installed() -> str:
    """The program `max` of this environment.

    Raises:
        ServeError: this environment has no MAX Serve.
    """
    program = Path(sys.executable).with_name("max")
    if importlib.util.find_spec("uvicorn") and program.is_file():
        return str(program)
    raise ServeError(f"MAX Serve is not in this environment. `{command('serve')}` runs in one that has it.")


def refuse_another_architecture(folder: Path) -> None:
    """Look whether MAX Serve will know a checkpoint for a GPT-2, which it does by this name alone.

    Raises:
        ServeError: it will not.
    """
    file = folder / "config.json"
    if json.loads(file.read_text()).get("architectures") != [ARCHITECTURE]:
        raise ServeError(f'MAX Serve knows a GPT-2 by "architectures": ["{ARCHITECTURE}"], which {shown(file)} lacks.')


def refuse_port_in_use(host: str, port: int) -> None:
    """Look whether the server will be able to listen.

    Raises:
        ServeError: it will not.
    """
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ServeError(f"Port {port} of {host} is in use. Another one: --port {port + 1}.") from None
        raise ServeError(f"Nothing can listen on port {port} of {host}: {error.strerror}.") from None


def rehearse(folder: Path, screen: Console) -> None:
    """Answer two requests with the learner's pieces, here, where an error can be explained.

    Raises:
        Exception: whatever they raise.
    """
    compile_missing(STEPS[21].kernels, screen)
    with screen.status("Trying your pieces"):
        from max.experimental import functional as F
        from max.experimental.tensor import Tensor

        from solutions.solution_15 import load_checkpoint
        from solutions.solution_21 import Caches
        from tutor.serve.step import Step, input_types, next_logits

        def lazily(*inputs: Tensor) -> tuple[Tensor, Tensor]:
            with F.lazy():  # in one graph, by the interpreter
                return step(*inputs)

        model = load_checkpoint(folder)
        step, caches = Step(model), Caches(model.config)
        step.trace(*input_types(model.config))
        for texts in ({"a": [1, 2, 3], "b": [4]}, {"b": [5], "a": [6]}):
            next_logits(lazily, caches, list(texts), list(texts.values()))
        caches.release("a")


@contextmanager
def running(
    program: str,
    folder: Path,
    args: Namespace,
    mine: list[int],
    place: Path,
    architecture: str = "tutor.serve.architecture",
    most: int = 32,
) -> Iterator[tuple[subprocess.Popen, Path]]:
    """The server, in a session of its own, with what it says in a file; at the end all its processes are ended.

    Args:
        mine: the steps whose pieces are the learner's.
        place: the folder for the file.
        architecture: the module that MAX Serve takes the model from.
        most: how many requests take part in a step at most; others wait.
    """
    command_line = [program, "serve", "--model", str(folder), "--served-model-name", name(folder), "--devices", "cpu"]
    command_line += ["--custom-architectures", f"{ROOT}:{architecture}", "--max-batch-size", str(most)]
    variables = {
        "MAX_SERVE_HOST": args.host,
        "MAX_SERVE_PORT": str(args.port),
        "MAX_SERVE_DISABLE_TELEMETRY": "1",  # or it also listens on port 8001
        "HF_HUB_OFFLINE": "1",
        "GPT2_MINE": ",".join(map(str, mine)),
    }
    log = place / "log"
    with log.open("w") as file:
        server = subprocess.Popen(
            ["sh", "-c", UNTIL_ALONE, "sh", *command_line],
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=os.environ | variables,
            cwd=ROOT,
            start_new_session=True,
        )
    try:
        yield server, log
    finally:
        end(server)


def end(server: subprocess.Popen) -> None:
    """End a server and all that it has started, in kindness if it can be had within ten seconds."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(server.pid, number)
        with suppress(subprocess.TimeoutExpired):
            server.wait(10)


def wait_until_healthy(server: subprocess.Popen, log: Path, folder: Path, args: Namespace, screen: Console) -> None:
    """Wait until the server answers, with a progress bar.

    Raises:
        ServeError: it has ended.
    """
    url, began = f"http://{address(args)}/health", time.monotonic()
    served = kernels.store() / f"served-{name(folder)}"  # this machine has done it before
    expected, what = (SECONDS, "Starting MAX Serve") if served.exists() else (COLD, FIRST)
    if not screen.is_terminal:
        screen.print(f"{what}: about {expected} s.")
    with progress_bar(what, screen) as show:
        while not answers(url):
            if server.poll() is not None:
                raise ServeError(f"The server has ended while it started. {last_words(log)}")
            show(min(time.monotonic() - began, 0.98 * expected), expected)
            time.sleep(0.2)
    served.parent.mkdir(parents=True, exist_ok=True)
    served.touch()


def answers(url: str) -> bool:
    """Whether something answers there."""
    try:
        urllib.request.urlopen(url, timeout=1).close()
    except OSError:
        return False
    return True


def last_words(log: Path) -> str:
    """What a server said last that is an error, in a line."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
    errors = [line for line in lines if re.match(r"(\w+\.)*\w*(Error|Exception)\b.*:|.*\bERROR\b", line)]
    return f"Its last words: {shorten(errors[-1], 300)}" if errors else "It did not say why."


def name(folder: Path) -> str:
    """What the model is called in requests: "tiny-gpt2", "gpt2"."""
    return folder.resolve().name


def address(args: Namespace) -> str:
    """Where the server listens, as a client on this machine writes it."""
    return f"{'127.0.0.1' if args.host == '0.0.0.0' else args.host}:{args.port}"


def how_to_ask(folder: Path, args: Namespace) -> str:
    """One line to copy, and how to stop."""
    request = json.dumps({"model": name(folder), "prompt": "The queen", "max_tokens": 30, "temperature": 0})
    curl = f"curl http://{address(args)}/v1/completions -H 'Content-Type: application/json' -d '{request}'"
    return f"{name(folder)} answers at http://{address(args)}/v1. Ask it, from another terminal:\n\n  {curl}\n\nCtrl-C stops it."
