"""`weights`: GPT-2's checkpoint from the Hugging Face hub, whole and verified or not at all.

The files come into a folder of their own, weights/.part, and lie where `generate` looks for them only when all have
been verified. huggingface_hub's own downloads delete what an interrupted one has fetched; its `http_get` goes on from a
given byte, and so does this.
"""

import errno
import fcntl
import hashlib
import logging
import shutil
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tutor.checkpoint import FILES, ONE_FOR_BOTH, TOKENIZER, WEIGHTS, CheckpointError, hub_name, missing, verify
from tutor.course import command, shown
from tutor.screen.terminal import console

AGAIN = "What has come is kept: the same command goes on from there."


class FetchError(Exception):
    """Why there are no weights, in a sentence or two for whoever asked for them."""


def main(args: Namespace) -> int:
    """Fetch the checkpoint that has the name on the hub. Returns an exit code."""
    name, screen = args.name, console()
    folder = WEIGHTS / hub_name(name)
    try:
        if missing(folder):
            fetch(hub_name(name), folder)
        verify(folder)
    except FetchError as error:
        screen.print(str(error), markup=False)
        return 1
    except CheckpointError as error:
        screen.print(f"{error} When {folder} is deleted, the same command fetches it anew.", markup=False)
        return 1
    except KeyboardInterrupt:
        screen.print(f"Stopped. {AGAIN}")
        return 130
    size = sum(file.stat().st_size for file in folder.iterdir())
    screen.print(f"{hub_name(name)} is in {folder} ({size / 1e6:,.0f} MB).", soft_wrap=True)
    task = command(f'generate --checkpoint {name} "The queen"')
    screen.print(f"[dim]write with it[/]  {task}", soft_wrap=True)
    return 0


def fetch(name: str, folder: Path) -> None:
    """Fetch a checkpoint into `folder`, which is made, or made anew, only when every file has come and is right.

    Raises:
        FetchError: it did not work; what has come so far is kept.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import EntryNotFoundError
    from huggingface_hub.utils import validate_repo_id

    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it tells of each attempt, with the address
    with _in_plain_words(name):
        validate_repo_id(name)
        revision = None
        for file in FILES:
            try:
                facts = get_hf_file_metadata(hf_hub_url(name, file, revision=revision), token=False)
            except EntryNotFoundError:
                if file not in TOKENIZER:
                    raise
                file = ONE_FOR_BOTH
                facts = get_hf_file_metadata(hf_hub_url(name, file, revision=revision), token=False)
            if facts.commit_hash is None or facts.etag is None or facts.size is None:
                raise FetchError(f"The hub's answer makes no sense: {file} has no commit, no checksum or no size.")
            revision = facts.commit_hash  # all files from one commit, also if a new one comes meanwhile
            part = WEIGHTS / ".part" / name / revision
            part.mkdir(parents=True, exist_ok=True)
            _fetch_file(facts.location, facts.etag, facts.size, part / file)
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)  # what is left of it, if somebody deleted some of its files
        part.rename(folder)
        shutil.rmtree(WEIGHTS / ".part" / name)


def _fetch_file(address: str, etag: str, size: int, path: Path) -> None:
    """Bring one file of `size` bytes to `path`, from the byte on at which an earlier attempt ended."""
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    with path.open("ab") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if stream.tell() > size:
            stream.truncate(0)
        stream.seek(0, 2)
        free = shutil.disk_usage(path.parent).free
        if size - stream.tell() > free:
            raise OSError(errno.ENOSPC, f"{path.name} needs {size / 1e6:,.0f} MB, {free / 1e6:,.0f} MB are free")
        headers = build_hf_headers(token=False) | {"Accept-Encoding": "identity"}
        http_get(
            address,
            stream,
            resume_size=stream.tell(),
            headers=headers,
            expected_size=size,
            displayed_filename=path.name,
        )
    if checksum(path, etag) != etag:
        path.unlink()
        raise FetchError(
            f"{path.name} came with a wrong checksum, so it is deleted. Please run the same command again."
        )


def checksum(path: Path, like: str) -> str:
    """The checksum of a file, of the same kind as `like`.

    The hub has a SHA-256 for large files, and for small ones git's SHA-1, which counts "blob", the size and a zero
    byte as part of the file.
    """
    digest = hashlib.sha256() if len(like) == 64 else hashlib.sha1(b"blob %d\0" % path.stat().st_size)
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def _in_plain_words(name: str) -> Iterator[None]:
    """Turn what the hub's library and the system raise into a FetchError that says what to do."""
    from httpx import HTTPError
    from huggingface_hub import errors

    try:
        yield
    except errors.OfflineModeIsEnabled:
        raise FetchError("HF_HUB_OFFLINE is set, so the hub may not be asked: unset it to fetch weights.") from None
    except (errors.HFValidationError, errors.RepositoryNotFoundError):
        raise FetchError(f"There is no model {name} on the hub, or it is not public.") from None
    except errors.EntryNotFoundError as error:
        missing = next((file for file in FILES if file in str(error)), "whole tokenizer")
        raise FetchError(f"{name} on the hub has no {missing}, which this course needs.") from None
    except errors.HfHubHTTPError as error:
        raise FetchError(f"The hub answered {error.response.status_code}.{_kept(name)}") from None
    except HTTPError as error:
        why = "The hub cannot be reached, or the connection broke"
        raise FetchError(f"{why} ({_line(error)}). Is this machine online?{_kept(name)}") from None
    except BlockingIOError:
        raise FetchError("Another process is fetching these weights.") from None
    except OSError as error:
        if error.errno is None:  # http_get's own: fewer or more bytes than there should be
            raise FetchError(f"The download was not complete. {AGAIN}") from None
        place = shown(WEIGHTS)
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise FetchError(f"The disk has no room left for {place}: {error.strerror}. {AGAIN}") from None
        raise FetchError(f"{place} cannot be written: {error.strerror}.") from None


def _kept(name: str) -> str:
    """What to say of the files that have come, if any have."""
    return f" {AGAIN}" if (WEIGHTS / ".part" / name).is_dir() else ""


def _line(error: Exception) -> str:
    """The first line of an error's message."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
