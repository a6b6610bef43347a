"""`weights`: a checkpoint comes whole and verified from a hub on this machine, or not at all, whatever goes wrong."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import termios
import time

import numpy as np
import pytest
from safetensors.numpy import save
from tokenizers import ByteLevelBPETokenizer

from tests.tools import hub as stand_in
from tutor import checkpoint
from tutor.commands import weights

MODEL = "openai-community/gpt2"
LARGE, OTHER = (  # 25 MB, since the hub's library writes what has come every 10 MB
    save({"wte.weight": np.random.default_rng(seed).standard_normal((1000, 6250), np.float32)}) for seed in (0, 1)
)
FILES = {file: (checkpoint.TINY / file).read_bytes() for file in checkpoint.FILES}


@pytest.fixture
def hub():
    """A hub whose GPT-2 is the tiny one, with a weights file large enough to be interrupted."""
    with stand_in.serve(FILES | {"model.safetensors": LARGE}) as hub:
        yield hub


def command(layout, *args, address="http://127.0.0.1:9", prefix=(), **environment):
    """The process of a command of the course that knows a hub at `address`."""
    environment = (
        os.environ | {"HF_ENDPOINT": address, "COLUMNS": "200", "NO_PROXY": "127.0.0.1,localhost"} | environment
    )
    words = [*prefix, sys.executable, "-m", "tutor", *args]
    return subprocess.Popen(
        words, cwd=layout, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def fetch(layout, hub, *args, **options):
    """Run `weights` to its end: exit code and what it printed."""
    process = command(layout, "weights", *args, address=hub.address, **options)
    printed, _ = process.communicate(timeout=60)
    assert "Traceback" not in printed
    return process.returncode, printed


def has_come(layout, files):
    """Whether the checkpoint is where `generate` looks for it, every byte of it."""
    folder = layout / "weights" / MODEL
    return folder.is_dir() and {path.name: path.read_bytes() for path in folder.iterdir()} == files


def ranges(hub):
    """From which bytes on the weights were asked for."""
    return [asked for method, path, asked in hub.requests if method == "GET" and path == "/cdn/model.safetensors"]


def test_fetches(layout, hub):
    """All files come, and their place on the disk is printed; a second time nothing is asked for."""
    code, printed = fetch(layout, hub)
    folder = layout / "weights" / MODEL
    assert code == 0 and has_come(layout, hub.files)
    assert f"{MODEL} is in {folder} (25 MB)." in printed
    assert not (layout / "weights" / ".part" / MODEL).exists()
    hub.requests.clear()
    code, printed = fetch(layout, hub)
    assert code == 0 and str(folder) in printed and not hub.requests


def test_a_tokenizer_in_one_file(layout, hub):
    """As transformers 5 writes it: fetched in place of vocab.json and merges.txt, once."""
    tokenizer = ByteLevelBPETokenizer.from_file(*(str(checkpoint.TINY / name) for name in checkpoint.TOKENIZER))
    hub.files["tokenizer.json"] = tokenizer.to_str().encode()
    for name in checkpoint.TOKENIZER:
        del hub.files[name]
    code, printed = fetch(layout, hub)
    assert code == 0 and has_come(layout, hub.files), printed
    assert len([path for method, path, _ in hub.requests if method == "GET" and path.endswith("tokenizer.json")]) == 1


def test_only_what_is_needed(layout, hub):
    """Four files, all from the commit that the first one is from, though the hub may get a new one meanwhile."""
    hub.files["pytorch_model.bin"] = b"not wanted"
    assert fetch(layout, hub)[0] == 0
    asked = [path for method, path, _ in hub.requests if "/resolve/" in path]
    assert {path.rpartition("/")[2] for path in asked} == set(FILES)
    assert {path.split("/")[4] for path in asked if not path.endswith("config.json")} == {hub.commit}


def test_progress(layout, hub):
    """On a terminal there is a bar for each file."""
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 120))
    environment = os.environ | {"HF_ENDPOINT": hub.address, "TERM": "xterm"}
    words = [sys.executable, "-m", "tutor", "weights"]
    with subprocess.Popen(words, cwd=layout, env=environment, stdin=theirs, stdout=theirs, stderr=theirs):
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # what reading from a terminal ends with when its program does
            while data := os.read(ours, 65536):
                shown += data
    os.close(ours)
    assert all(f"{file}: 100%".encode() in shown for file in FILES) and b"25.0M/25.0M" in shown


def test_connection_cut_half_way(layout, hub):
    """The library goes on by itself where the connection broke."""
    hub.cut, hub.cuts = 12_000_000, 1
    code, _ = fetch(layout, hub)
    assert code == 0 and has_come(layout, hub.files)
    assert ranges(hub) == [None, "bytes=10485760-"]


@pytest.fixture
def interrupted(layout, hub):
    """A download that Ctrl-C ended after 12 of 25 MB; the hub is well again."""
    hub.cut, hub.cuts, hub.stall = 12_000_000, 1, True
    process = command(layout, "weights", address=hub.address)
    part = layout / "weights" / ".part" / MODEL / hub.commit / "model.safetensors"
    deadline = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size >= 10_000_000):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    hub.stall = False
    hub.requests.clear()
    return process.returncode, printed


def test_resumes_after_an_interruption(layout, hub, interrupted):
    """Ctrl-C loses nothing: the next run asks for the rest only."""
    code, printed = interrupted
    assert code == 130 and "Stopped. What has come is kept" in printed and "Traceback" not in printed
    assert fetch(layout, hub)[0] == 0 and has_come(layout, hub.files)
    assert ranges(hub) == ["bytes=10485760-"]


def test_a_half_downloaded_checkpoint_is_never_loaded(layout, hub, interrupted):
    """`generate` does not see it, and says what fetches the rest."""
    assert not (layout / "weights" / MODEL).exists()
    process = command(layout, "generate", "The queen", "--checkpoint", "gpt2")
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 2 and "run weights` fetches a model" in printed


def test_a_hub_that_cannot_resume(layout, hub, interrupted):
    """If the hub sends the whole file again, the file starts again."""
    hub.ranges = False
    assert fetch(layout, hub)[0] == 0 and has_come(layout, hub.files)


def test_new_weights_meanwhile(layout, hub, interrupted):
    """Half of the old file and half of the new one make no checkpoint."""
    hub.commit = "f" * 40
    hub.files["model.safetensors"] = OTHER
    assert fetch(layout, hub)[0] == 0 and has_come(layout, hub.files)
    assert ranges(hub) == [None]


def test_wrong_checksum(layout, hub):
    """What came is deleted, and not where `generate` looks; when the hub is right again, so is the next run."""
    hub.checksum = "0" * 64
    code, printed = fetch(layout, hub)
    assert code == 1 and "model.safetensors came with a wrong checksum, so it is deleted." in printed
    assert not (layout / "weights" / MODEL).exists()
    assert not list(layout.glob("weights/**/model.safetensors"))
    hub.checksum = None
    assert fetch(layout, hub)[0] == 0 and has_come(layout, hub.files)


def test_wrong_checksum_of_a_small_file(layout, hub):
    """Small files have git's checksum, which the hub's library does not look at."""
    hub.spoilt = "vocab.json"
    code, printed = fetch(layout, hub)
    assert code == 1 and "vocab.json came with a wrong checksum" in printed
    assert not (layout / "weights" / MODEL).exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda hub: hub.files.pop("merges.txt"),
            f"{MODEL} on the hub has no whole tokenizer, which this course needs.",
        ),
        (lambda hub: hub.files.pop("model.safetensors"), f"{MODEL} on the hub has no model.safetensors"),
        (lambda hub: setattr(hub, "model", "somebody/else"), f"There is no model {MODEL} on the hub"),
        (lambda hub: setattr(hub, "status", 503), "The hub answered 503."),
        (lambda hub: setattr(hub, "facts", False), "The hub's answer makes no sense"),
    ],
)
def test_what_the_hub_lacks(layout, hub, change, says):
    change(hub)
    code, printed = fetch(layout, hub)
    assert code == 1 and says in printed
    assert not (layout / "weights" / MODEL).exists()


def test_a_deleted_file_is_fetched_again(layout, hub):
    """Who deleted the large file to save room gets the checkpoint whole again."""
    assert fetch(layout, hub)[0] == 0
    (layout / "weights" / MODEL / "model.safetensors").unlink()
    assert fetch(layout, hub)[0] == 0 and has_come(layout, hub.files)


def test_a_damaged_file_is_told(layout, hub):
    """Weights that were damaged after they came, or are of another kind on the hub itself, are not said to be in place."""
    assert fetch(layout, hub)[0] == 0
    folder = layout / "weights" / MODEL
    os.truncate(folder / "model.safetensors", 1_000_000)
    code, printed = fetch(layout, hub)
    assert code == 1 and f"{folder / 'model.safetensors'} is cut short" in printed and "fetches it anew" in printed
    shutil.rmtree(folder)
    hub.files["config.json"] = FILES["config.json"].replace(b'"gpt2"', b'"llama"')
    code, printed = fetch(layout, hub)
    assert code == 1 and f"{folder} has model_type 'llama'" in printed


def test_a_name_that_leads_elsewhere(layout, hub):
    """No folder beside weights/ is taken for a checkpoint, or replaced by one."""
    code, printed = fetch(layout, hub, "../steps")
    assert code == 1 and "There is no model ../steps on the hub" in printed
    assert (layout / "steps" / "step_01.py").exists()


def test_bad_name(layout, hub):
    code, printed = fetch(layout, hub, "../../etc")
    assert code == 1 and "There is no model ../../etc on the hub" in printed
    assert not hub.requests and not (layout / "weights").exists()


@pytest.mark.parametrize("environment", [{}, {"HF_HUB_OFFLINE": "1"}], ids=["no answer", "offline"])
def test_no_network(layout, environment):
    """One sentence, at once."""
    start = time.monotonic()
    process = command(layout, "weights", **environment)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 1 and time.monotonic() - start < 20
    assert len(printed.splitlines()) == 1
    assert ("HF_HUB_OFFLINE is set" if environment else "The hub cannot be reached") in printed
    assert "What has come" not in printed  # nothing has


def mounted(size, layout):
    """The start of a command that sees a small disk of its own at weights/, or skips the test."""
    (layout / "weights").mkdir()
    mount = f"mount -t tmpfs -o {size} tmpfs weights"
    if (
        shutil.which("unshare") is None
        or subprocess.run(["unshare", "-rm", "sh", "-c", mount], cwd=layout, capture_output=True).returncode
    ):
        pytest.skip("this machine lets nobody mount a small disk (unshare -rm), so none can be filled")
    return ["unshare", "-rm", "sh", "-c", f'{mount} && exec "$@"', "sh"]


def test_full_disk(layout, hub):
    code, printed = fetch(layout, hub, prefix=mounted("size=20m", layout))
    assert code == 1 and "The disk has no room left for weights: model.safetensors needs 25 MB" in printed


def test_disk_that_fills_up_meanwhile(layout, hub):
    """There was room when it started, and then there was none: here by a limit on the size of a file."""
    limit = ["sh", "-c", 'trap "" XFSZ; ulimit -f 30000; exec "$@"', "sh"]
    code, printed = fetch(layout, hub, prefix=limit)
    assert code == 1 and "The disk has no room left for weights" in printed and "What has come is kept" in printed
    assert not (layout / "weights" / MODEL).exists()
    assert fetch(layout, hub)[0] == 0 and has_come(layout, hub.files)


def test_read_only_disk(layout, hub):
    code, printed = fetch(layout, hub, prefix=mounted("ro", layout))
    assert code == 1 and "weights cannot be written: Read-only file system." in printed


def test_folder_of_somebody_else(layout, hub):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (layout / "weights").mkdir(mode=0o555)
    code, printed = fetch(layout, hub)
    assert code == 1 and "weights cannot be written: Permission denied." in printed


def test_two_at_once(layout, hub):
    """The second one leaves the first one's file alone."""
    hub.cut, hub.cuts, hub.stall = 12_000_000, 1, True
    first, deadline = command(layout, "weights", address=hub.address), time.monotonic() + 60
    part = layout / "weights" / ".part" / MODEL / hub.commit / "model.safetensors"
    while not (part.exists() and part.stat().st_size >= 10_000_000):
        assert first.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    code, printed = fetch(layout, hub)
    assert code == 1 and "Another process is fetching these weights." in printed
    hub.stall = False
    first.communicate(timeout=60)
    assert first.returncode == 0 and has_come(layout, hub.files)


def test_checksums(tmp_path):
    """A SHA-256, or git's own kind: `git hash-object` says the same."""
    path = tmp_path / "file"
    path.write_bytes(b"hello\n")
    assert weights.checksum(path, "0" * 64) == "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
    assert weights.checksum(path, "0" * 40) == "ce013625030ba8dba906f756967f9e9ca394464a"
