"""Load on servers of the tiny model, measured: `python -m tests.tools.load` in the environment of `serve`.

1,000 requests, 32 at a time, a tenth of them given up midway and a tenth malformed: every good one must get what it gets
alone, and memory must not grow. Then tokens a second at 1, 8 and 32 at a time, beside a server that goes through the whole
text again for each token, for one request at a time; the two take turns.
"""

import argparse
import asyncio
import itertools
import json
import random
import statistics
import sys
import time
from argparse import Namespace
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psutil

from tests.conftest import REFERENCE
from tests.tools.test_serve import free_port
from tutor.checkpoint import find
from tutor.commands.serve import installed, name, running, wait_until_healthy
from tutor.screen.terminal import console

TEXTS = json.loads((REFERENCE / "generated.json").read_text())
MALFORMED = (
    b"{not json",
    b'{"prompt": 5}',
    json.dumps({"prompt": "The queen " * 600}).encode(),
    b'{"model": "none", "prompt": "a"}',
)


class Server:
    """A server, and a client for it."""

    def __init__(self, folder: Path, place: Path, screen, architecture: str, most: int):
        self.args, self.model = Namespace(host="127.0.0.1", port=free_port()), name(folder)
        self._running = running(installed(), folder, self.args, [], place, architecture=architecture, most=most)
        self.process, log = self._running.__enter__()
        wait_until_healthy(self.process, log, folder, self.args, screen)
        self.url = f"http://127.0.0.1:{self.args.port}/v1/completions"

    def memory(self) -> float:
        """What its processes hold, in MB."""
        top = psutil.Process(self.process.pid)
        return sum(one.memory_info().rss for one in [top, *top.children(recursive=True)]) / 1e6

    def end(self) -> None:
        """End it."""
        self._running.__exit__(None, None, None)

    async def text(self, client: httpx.AsyncClient, prompt: str, count: int) -> str:
        """What it writes after a prompt, greedily, `count` tokens whatever they are."""
        body = {"model": self.model, "prompt": prompt, "max_tokens": count, "temperature": 0, "ignore_eos": True}
        answer = await client.post(self.url, json=body)
        answer.raise_for_status()
        return answer.json()["choices"][0]["text"]

    async def given_up(self, client: httpx.AsyncClient, prompt: str, count: int) -> None:
        """Begin a text, and go away after some of it."""
        body = {"model": self.model, "prompt": prompt, "max_tokens": count, "temperature": 0, "stream": True}
        async with client.stream("POST", self.url, json=body) as answer:
            async for _ in first(answer.aiter_lines(), 4):
                pass


async def first(lines, count):
    """The first few of what comes."""
    for _ in range(count):
        try:
            yield await anext(lines)
        except StopAsyncIteration:
            return


def kinds() -> list[tuple[str, int]]:
    """Prompts and lengths unlike each other."""
    cuts = 0, 40, 120
    return [
        (text["text"][: len(text["prompt"]) + cut], count) for text in TEXTS for cut, count in zip(cuts, (60, 30, 5))
    ]


async def load(server: Server, total: int, at_once: int) -> None:
    """Send the requests, and say what came of them."""
    limits = httpx.Limits(max_connections=at_once + 1)
    async with httpx.AsyncClient(timeout=120, limits=limits) as client:
        alone = {kind: await server.text(client, *kind) for kind in kinds()}
        rng, seats = random.Random(0), asyncio.Semaphore(at_once)
        found = {"good": 0, "wrong": 0, "given up": 0, "refused": 0, "not refused": 0}
        memory = []

        async def one(number: int) -> None:
            async with seats:
                kind = rng.choice(kinds())
                if number % 10 == 3:
                    await server.given_up(client, *kind)
                    found["given up"] += 1
                elif number % 10 == 7:
                    answer = await client.post(server.url, content=rng.choice(MALFORMED))
                    found["refused" if answer.status_code == 400 else "not refused"] += 1
                else:
                    same = await server.text(client, *kind) == alone[kind]
                    found["good" if same else "wrong"] += 1
                if sum(found.values()) in (100, total):
                    memory.append(server.memory())

        began = time.monotonic()
        await asyncio.gather(*map(one, range(total)))
        print(f"{total} requests, {at_once} at a time, in {time.monotonic() - began:.1f} s: {found}")
        print(f"memory after 100: {memory[0]:.0f} MB, after all: {memory[1]:.0f} MB, {memory[1] / memory[0]:.3f} times")


async def rate(server: Server, at_once: int, count: int) -> float:
    """Tokens a second that it writes for so many requests at a time."""
    async with httpx.AsyncClient(timeout=600) as client:
        prompts = [text["prompt"] for text in itertools.islice(itertools.cycle(TEXTS), at_once)]
        began = time.monotonic()
        await asyncio.gather(*(server.text(client, prompt, count) for prompt in prompts))
        return at_once * count / (time.monotonic() - began)


async def rates(servers: dict[str, Server], count: int, turns: int) -> None:
    """Tokens a second of each server, in turns."""
    for at_once in (1, 8, 32):
        found = {which: [] for which in servers}
        for _ in range(turns):
            for which, server in servers.items():
                found[which].append(await rate(server, at_once, count))
        medians = {which: statistics.median(values) for which, values in found.items()}
        first, second = medians.values()
        said = ", ".join(f"{which} {value:.0f}" for which, value in medians.items())
        print(
            f"{at_once} at a time, {count} tokens each, tokens a second: {said}; {first / second:.1f} times", flush=True
        )


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", help="as for `serve`")
    parser.add_argument("--requests", type=int, default=1000, help="0: none, only the rates")
    parser.add_argument("--tokens", type=int, default=60, help="of each request whose rate is measured")
    parser.add_argument("--turns", type=int, default=3)
    words, screen = parser.parse_args(), console(stderr=True)
    folder = find(words.checkpoint)
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        servers = {}
        try:
            servers["kept"] = Server(folder, Path(one), screen, "tutor.serve.architecture", 32)
            if words.requests:
                asyncio.run(load(servers["kept"], words.requests, 32))
            servers["whole text again"] = Server(folder, Path(other), screen, "tests.tools.whole_text", 1)
            asyncio.run(rates(servers, words.tokens, words.turns))
        finally:
            for server in servers.values():
                server.end()


if __name__ == "__main__":
    sys.exit(main())
