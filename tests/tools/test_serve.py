"""`serve`: what a client of OpenAI's endpoint expects, asked by OpenAI's own client, and by requests that it would refuse to send.

They need MAX Serve, which `pixi run test-serve` brings. One server answers nearly all of them, on the tiny model.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psutil
import pytest

from tests.conftest import REFERENCE
from tutor.course import ROOT, STEPS

openai = pytest.importorskip("openai", reason="MAX Serve is not installed here: `pixi run test-serve` brings it")
httpx = pytest.importorskip("httpx")
MODEL = "tiny-gpt2"
TEXTS = json.loads((REFERENCE / "generated.json").read_text())
END = "<|endoftext|>"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextmanager
def serving(*options, folder=ROOT, stop=signal.SIGINT):
    """`serve` as somebody starts it, its port, and what it says, once it answers or has ended."""
    port = free_port()
    command = [sys.executable, "-m", "tutor", "serve", "--port", str(port), *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = subprocess.Popen(command, cwd=folder, text=True, start_new_session=True, **pipes)
    said = ""
    try:
        for line in process.stdout:
            said += line
            if "Ctrl-C" in line:
                break
        yield process, port, said
    finally:
        processes = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
        process.send_signal(stop)
        said = process.communicate(timeout=30)[0]
        gone, alive = psutil.wait_procs(processes, timeout=10)
        for one in alive:
            one.kill()
        assert not alive, f"{stop.name} left processes: {alive}"


@pytest.fixture(scope="module")
def server():
    """A server of the tiny model: its port, and what `serve` said. The first on a machine compiles for minutes."""
    with serving() as (process, port, said):
        assert process.poll() is None, said
        yield port, said


@pytest.fixture(scope="module")
def client(server):
    """OpenAI's client, for that server."""
    return openai.OpenAI(base_url=f"http://127.0.0.1:{server[0]}/v1", api_key="none", max_retries=0, timeout=60)


def complete(client, prompt, **options):
    """What a completion says: greedy, unless told otherwise."""
    return client.completions.create(model=MODEL, prompt=prompt, **{"max_tokens": 30, "temperature": 0} | options)


def post(port, body, path="completions"):
    """The status and the JSON of the answer to a body that is sent as it is."""
    answer = httpx.post(f"http://127.0.0.1:{port}/v1/{path}", content=body, timeout=60)
    return answer.status_code, answer.json()


# ---------------------------------------------------------------- text


def huggingface(text):
    """What Hugging Face's model writes after a prompt, up to the end of the text."""
    return text["text"][len(text["prompt"]) :].split(END)[0]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text["prompt"])
def test_greedy_text_is_hugging_faces(client, text):
    answer = complete(client, text["prompt"], max_tokens=100)
    (choice,) = answer.choices
    assert choice.text == huggingface(text)
    assert choice.finish_reason == "stop"
    assert answer.usage.prompt_tokens == len(text["prompt_ids"])


def test_many_at_once_get_what_each_gets_alone(client):
    """Eight requests, of prompts and lengths unlike each other, join and leave the batch at different steps."""
    prompts = [text["prompt"] + text["text"][len(text["prompt"]) :][: 15 * i] for i, text in enumerate(TEXTS[:8])]

    def ask(i):
        return complete(client, prompts[i], max_tokens=10 + 9 * i).choices[0].text

    alone = [*map(ask, range(8))]
    for _ in range(3):
        with ThreadPoolExecutor(8) as pool:
            assert [*pool.map(ask, range(8))] == alone


def test_several_prompts_in_one_request(client):
    prompts = [text["prompt"] for text in TEXTS[:3]]
    choices = sorted(complete(client, prompts).choices, key=lambda choice: choice.index)
    assert [choice.text for choice in choices] == [complete(client, prompt).choices[0].text for prompt in prompts]


def test_streamed_is_unstreamed(client):
    for prompt in ("The queen", '"Where is'):
        pieces = [*complete(client, prompt, max_tokens=60, stream=True)]
        assert (
            "".join(piece.choices[0].text for piece in pieces if piece.choices)
            == complete(client, prompt, max_tokens=60).choices[0].text
        )
        assert len(pieces) > 10  # it came bit by bit


def test_max_tokens(client):
    answer = complete(client, "The queen", max_tokens=3)
    assert answer.usage.completion_tokens == 3 and answer.choices[0].finish_reason == "length"


def test_stop(client):
    """MAX Serve ends a text at a stop string, and gives that too, with a token more where it is not one by itself."""
    for stop in ("crown", [" crown", "king"]):
        choice = complete(client, "The queen", stop=stop).choices[0]
        assert choice.text in (" rules the land. She wears a crown", " rules the land. She wears a crown of")
        assert choice.finish_reason == "stop"


def test_a_seed_writes_the_same_text_again(client):
    def written(seed, temperature=2.0, **options):
        return complete(client, "The", seed=seed, temperature=temperature, **options).choices[0].text

    assert written(7) == written(7) != written(8)
    assert written(7, top_p=0.01) == written(8, top_p=0.01) == complete(client, "The").choices[0].text


def test_up_to_the_last_position(client):
    """The model has 128 positions; a text that fills them ends there."""
    prompt = "The queen rules the land. " * 16
    answer = complete(client, prompt, max_tokens=1000, extra_body={"ignore_eos": True})
    assert answer.usage.total_tokens == 128 and answer.choices[0].finish_reason == "length"


def test_token_ids_as_a_prompt(client):
    text = TEXTS[0]
    assert complete(client, text["prompt_ids"], max_tokens=100).choices[0].text == huggingface(text)


def test_models(client):
    (model,) = client.models.list().data
    assert model.id == MODEL and model.max_model_len == 128


def test_the_line_to_copy(server):
    port, said = server
    curl = re.search(r"^ *(curl .*)$", said, re.MULTILINE)[1]
    done = subprocess.run(curl, shell=True, capture_output=True, text=True)
    assert json.loads(done.stdout)["choices"][0]["text"].startswith(" rules the land. She wears a crown of gold.")


# ---------------------------------------------------------------- what cannot be answered


@pytest.mark.parametrize(
    "body, status",
    [
        ({"prompt": "The queen " * 200}, 400),
        ({"prompt": ""}, 400),
        ({"prompt": 5}, 400),
        ({"prompt": {"text": "The queen"}}, 400),
        ({}, 400),
        ({"prompt": "The queen", "model": "gpt-5"}, 400),
        ({"prompt": "The queen", "max_tokens": "many"}, 400),
        ({"prompt": "The queen", "temperature": -1}, 400),
        ({"prompt": "The queen", "top_p": 2}, 400),
        (b"{not json", 400),
        (b"", 400),
        (b'{"prompt": "\xff\xfe"}', 400),
    ],
    ids=str,
)
def test_errors_of_the_protocol(server, client, body, status):
    """They say what is wrong, and the server goes on."""
    if isinstance(body, dict):
        body = json.dumps({"model": MODEL, "max_tokens": 5} | body)
    code, answer = post(server[0], body)
    assert code == status, answer
    assert complete(client, "The queen", max_tokens=3).choices[0].text == " rules the land"


def test_a_client_that_goes_away(client):
    """Its request ends, and those of others do not."""
    expected = complete(client, "Anna", max_tokens=60).choices[0].text
    for _ in range(5):
        stream = complete(client, "The queen", max_tokens=120, stream=True)
        next(iter(stream))
        stream.close()
        assert complete(client, "Anna", max_tokens=60).choices[0].text == expected


# ---------------------------------------------------------------- the command


def listening(processes):
    """The addresses on which some processes listen."""
    found = [one.net_connections("tcp") for one in processes]
    return {connection.laddr for many in found for connection in many if connection.status == psutil.CONN_LISTEN}


def test_it_listens_on_this_machine_alone(server):
    ours = [one for one in psutil.Process().children(recursive=True) if one.is_running()]
    assert listening(ours) == {("127.0.0.1", server[0])}


def said(*options, folder=ROOT):
    """What `serve` says where it does not serve, and its exit code."""
    command = [sys.executable, "-m", "tutor", "serve", *options]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=120, env=os.environ | {"COLUMNS": "200"}
    )
    return done.stdout + done.stderr, done.returncode


def test_a_port_in_use(server):
    text, code = said("--port", str(server[0]))
    assert f"Port {server[0]} of 127.0.0.1 is in use. Another one: --port {server[0] + 1}." in text and code == 1


def test_no_such_checkpoint():
    text, code = said("--checkpoint", "nowhere")
    assert "nowhere is not a folder here" in text and "Traceback" not in text and code == 2


def test_a_config_that_names_no_architecture(tmp_path):
    folder = shutil.copytree(REFERENCE / "tiny-gpt2", tmp_path / "unnamed")
    config = json.loads((folder / "config.json").read_text())
    del config["architectures"]
    (folder / "config.json").write_text(json.dumps(config))
    text, code = said("--checkpoint", str(folder))
    assert 'knows a GPT-2 by "architectures": ["GPT2LMHeadModel"], which' in text
    assert "unnamed/config.json lacks" in text and code == 1


def test_no_such_host():
    text, code = said("--host", "192.0.2.1", "--port", str(free_port()))
    assert text.startswith("Nothing can listen on port") and "Traceback" not in text and code == 1


@pytest.mark.parametrize(
    "find, put, says",
    [
        ("return tokens, counts", "return tokens", "step_21.py"),
        ("x = body.wte(tokens) + body.wpe(positions)", "x = body.wte(tokens) + body.wpe", "step_21.py"),
        ("return (body.wte.weight @ x.T).T, F.stack(new)", "return None", "pieces do not fit"),
    ],
    ids=["too few", "an exception", "nothing"],
)
def test_pieces_that_do_not_work(layout, kernels_ready, find, put, says):
    """A sentence that names the learner's file, and no server that nobody stops."""
    text = (ROOT / "solutions" / "solution_21.py").read_text()
    assert text.count(find) == 1
    for step in STEPS.values():
        shutil.copy(step.solution, layout / "steps" / step.stub.name)
    (layout / "steps" / "step_21.py").write_text(text.replace(find, put))
    before = {one.pid for one in psutil.process_iter()}
    text, code = said("--all-mine", "--port", str(free_port()), folder=layout)
    assert code == 1 and says in text and "Traceback" not in text, text
    servers = [
        one
        for one in psutil.process_iter(["cmdline"])
        if one.pid not in before and "serve" in (one.info["cmdline"] or [])
    ]
    assert not servers


def test_the_learners_pieces(layout, kernels_ready):
    """`--mine` takes what passes, and serves with it; SIGTERM ends all as Ctrl-C does."""
    for number in (20, 21):
        answer = (ROOT / "solutions" / f"solution_{number}.py").read_text()
        (layout / "steps" / f"step_{number}.py").write_text(answer)
    with serving("--mine", folder=layout, stop=signal.SIGTERM) as (process, port, text):
        assert process.poll() is None, text
        assert re.search(r"yours: 20 21", text)
        code, answer = post(
            port, json.dumps({"model": MODEL, "prompt": "The queen", "max_tokens": 5, "temperature": 0})
        )
        assert code == 200 and answer["choices"][0]["text"] == " rules the land. She"


def test_nobody_left_to_stop_it():
    """A server whose `serve` is killed ends by itself."""
    with serving(stop=signal.SIGKILL) as (process, _, text):
        assert process.poll() is None, text
