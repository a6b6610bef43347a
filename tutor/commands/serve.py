"""`serve`: MAX Serve answers requests with the course's GPT-2, or with the learner's, as OpenAI's endpoint does.

The server is a program of its own, in a session of its own: Ctrl-C comes here alone, and here all its processes are ended.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from tutor.checkpoint import TINY, CheckpointError, find
from tutor.course import ROOT, STEPS, command
from tutor.engine import kernels
from tutor.runner.mine import needed, take, told
from tutor.screen.terminal import compile_kernels, console, progress_bar

PIECES = 15, 21
"""The steps whose pieces the server imports; they import the rest of the model."""
SECONDS = 20
"""About how long the server takes to become healthy, once its graphs are compiled: what the progress bar expects."""


class ServeError(Exception):
    """Why nothing is served, in a sentence or two."""


def main(args: Namespace) -> int:
    """Serve until somebody stops it. Returns an exit code."""
    screen = console(stderr=True)
    mine: list[int] = []
    try:
        folder = find(args.checkpoint)
        program = installed()
        refuse_port_in_use(args.host, args.port)
        mine = take(args.mine, needed(*PIECES), screen)
        if mine:
            rehearse(folder, screen)
        with tempfile.TemporaryDirectory() as place, running(program, folder, args, mine, Path(place, "log")) as server:
            wait_until_healthy(server, args, screen)
            screen.print(how_to_ask(folder, args), markup=False, soft_wrap=True)
            server.wait()
            raise ServeError(f"The server has ended. {last_words(server)}")
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


def refuse_port_in_use(host: str, port: int) -> None:
    """Look whether the server will be able to listen.

    Raises:
        ServeError: it will not.
    """
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        what = (
            f"{host} cannot be listened on ({error.strerror})."
            if error.errno != errno.EADDRINUSE
            else (f"Port {port} of {host} is in use. --port {port + 1} takes the next one.")
        )
        raise ServeError(what) from None
