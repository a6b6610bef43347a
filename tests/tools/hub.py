"""A stand-in for the Hugging Face hub: an HTTP server on this machine that speaks the routes of a download.

Small files carry git's checksum and come at once. model.safetensors lies on a "CDN": the hub answers with its SHA-256,
its size and a redirect to another host. What goes wrong is set by the attributes of the server.
"""

import hashlib
import re
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "607a30d783dfa663caf39e06633721c8d4cfcd7e"


class Handler(BaseHTTPRequestHandler):
    """Answers HEAD and GET for the server's files."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        """Say nothing on the terminal."""

    def do_HEAD(self):
        self.answer(with_body=False)

    def do_GET(self):
        self.answer(with_body=True)

    def answer(self, with_body):
        hub = self.server
        hub.requests.append((self.command, self.path, self.headers.get("Range")))
        if hub.status != 200:
            return self.end(hub.status)
        if match := re.fullmatch(r"/cdn/(.+)", self.path):
            return self.send_file(match[1], with_body)
        match = re.fullmatch(r"/([\w-]+/[\w.-]+)/resolve/(\w+)/([\w.]+)", self.path)
        if not match or match[1] != hub.model:
            return self.end(404, {"X-Error-Code": "RepoNotFound"})
        file = match[3]
        if match[2] not in ("main", hub.commit):
            return self.end(404, {"X-Error-Code": "RevisionNotFound"})
        if file not in hub.files:
            return self.end(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": hub.commit})
        data = hub.files[file]
        commit = {"X-Repo-Commit": hub.commit} if hub.facts else {}
        if file == "model.safetensors":
            etag = hub.checksum or hashlib.sha256(data).hexdigest()
            place = {"Location": f"http://localhost:{hub.server_port}/cdn/{file}"}
            return self.end(302, {**commit, **place, "X-Linked-Etag": f'"{etag}"', "X-Linked-Size": str(len(data))})
        etag = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        return self.send_file(file, with_body, {**commit, "ETag": f'"{etag}"'})

    def end(self, status, headers=()):
        self.send_response(status)
        for name, value in {**dict(headers), "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def send_file(self, file, with_body, headers=()):
        """The file from the byte on that a Range asks for; cut off after `cut` bytes while there are cuts left."""
        hub, data = self.server, self.server.files[file]
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        start = int(asked[1]) if asked and hub.ranges else 0
        self.send_response(206 if asked and hub.ranges else 200)
        if asked and hub.ranges:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        for name, value in {**dict(headers), "Content-Length": str(len(data) - start)}.items():
            self.send_header(name, value)
        self.end_headers()
        if not with_body:
            return
        stop = len(data)
        if file == "model.safetensors" and hub.cuts:
            hub.cuts -= 1
            stop = min(stop, start + hub.cut)
            self.close_connection = True
        body = data[start:stop]
        self.wfile.write(body[::-1] if file == hub.spoilt else body)
        while hub.stall and stop < len(data):
            time.sleep(0.01)


@contextmanager
def serve(files, model="openai-community/gpt2"):
    """Run a hub that has one model with `files` (bytes by name), at the address `hub.address`."""
    hub = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.daemon_threads = True
    hub.model, hub.files, hub.commit = model, dict(files), COMMIT
    hub.cut, hub.cuts = 0, 0
    """Of how many bytes an answer with the weights is cut off, and how many answers are."""
    hub.stall = False
    """Whether an answer that is to be cut off hangs there instead, until this is False again."""
    hub.checksum, hub.spoilt = None, None
    """The SHA-256 that it claims for the weights, if it is to be a wrong one; a file that comes with wrong bytes."""
    hub.ranges, hub.facts, hub.status = True, True, 200
    """Whether it can send a part of a file, whether it says which commit a file is from, and its status, when in trouble."""
    hub.requests = []
    hub.address = f"http://127.0.0.1:{hub.server_port}"
    thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        thread.join()
        hub.server_close()
