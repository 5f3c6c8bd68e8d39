"""A model hub on loopback, as the hub's real client sees one. Standard library only.

Serves the files ``ROOT/<owner>/<repository>/<path>`` at ``/<owner>/<repository>/resolve/<revision>/<path>``: HEAD says
commit, size and SHA-256 in the hub's headers and redirects to ``/cdn/...``, which sends the bytes and understands
``Range``; ``/files/<path>`` sends a file of ROOT as a plain web server does. Also understands the absolute addresses
that clients send to a proxy.

``ROOT/faults.json``, read anew at each request, says what goes wrong, by ``<owner>/<repository>/<path>``::

    {"acme/tiny/model.safetensors": "cut:20000"}

``cut:N`` drops every connection N bytes after where it started, ``stall:N`` sends N bytes then nothing for 60 s,
``slow:N`` sends N bytes a second, ``wrong`` sends other bytes than announced, ``norange`` ignores ``Range``,
``size:N`` announces N bytes, ``gated`` answers 403 as for a gated repository, ``401`` as for one that needs a token,
any other number that HTTP status. Each request is a line of ``ROOT/requests.jsonl``: method, path, range, status,
token.

Usage: python hub_server.py --root DIR [--port 0]; prints ``{"endpoint": "http://127.0.0.1:PORT"}`` and serves until
standard input closes.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "c0ffee" + "0" * 34
_STEP_BYTES = 16 * 1024


class HubServer(ThreadingHTTPServer):
    """The server; ``root`` holds the files, ``endpoint`` is its address."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, root: Path, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.root = root
        self._lock = threading.Lock()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that go away in the middle are what is tested."""

    def set_fault(self, path: str, fault: str) -> None:
        """Let ``<owner>/<repository>/<path>`` go wrong from now on; "" heals it."""
        faults = {**self._faults(), path: fault}
        part = self.root / "faults.json.part"
        part.write_text(json.dumps(faults), encoding="utf-8")
        part.replace(self.root / "faults.json")

    def fault(self, path: str) -> str:
        return str(self._faults().get(path, ""))

    def log(self, **entry: object) -> None:
        with self._lock, (self.root / "requests.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")

    def requests(self) -> list:
        """Return the requests so far, each a dict."""
        log = self.root / "requests.jsonl"
        return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.is_file() else []

    def _faults(self) -> dict:
        try:
            return dict(json.loads((self.root / "faults.json").read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return {}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HubServer

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        """Keep standard error quiet."""

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)  # a proxied request carries the whole address
        resolve = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        plain = re.fullmatch(r"/(cdn|files)/(.+)", path)
        if resolve:
            self._resolve(resolve.group(1), resolve.group(2), resolve.group(3))
        elif plain:
            self._send_file(plain.group(2))
        else:
            self._refuse(404, "RepoNotFound")

    def _resolve(self, repo: str, revision: str, name: str) -> None:
        key = f"{repo}/{name}"
        file, fault = self.server.root / key, self.server.fault(key)
        if fault == "gated":
            self._refuse(403, "GatedRepo")
        elif fault == "401":
            self._refuse(401, "RepoNotFound")
        elif fault.isdigit():
            self._refuse(int(fault), "EntryNotFound" if fault == "404" else "")
        elif not (self.server.root / repo).is_dir():
            self._refuse(401, "RepoNotFound")  # as the hub answers whoever shows no token
        elif revision not in ("main", COMMIT):
            self._refuse(404, "RevisionNotFound")
        elif not file.is_file():
            self._refuse(404, "EntryNotFound")
        else:
            size = int(fault[5:]) if fault.startswith("size:") else file.stat().st_size
            headers = {"X-Repo-Commit": COMMIT, "X-Linked-Size": str(size), "X-Linked-Etag": f'"{_sha256(file)}"'}
            self._start(302, {**headers, "Location": f"{self._cdn()}/cdn/{key}", "Content-Length": "0"})

    def _send_file(self, key: str) -> None:
        file, fault = self.server.root / key, self.server.fault(key)
        if fault.isdigit():
            self._refuse(int(fault), "")
            return
        if not file.is_file():
            self._refuse(404, "")
            return
        size = file.stat().st_size
        start, partial = self._range()
        if fault == "norange":
            start, partial = 0, False
        if start >= size > 0:
            self._start(416, {"Content-Range": f"bytes */{size}", "Content-Length": "0"})
            return
        headers = {"Content-Length": str(size - start), "ETag": f'"{size:x}"'}
        if fault != "norange":
            headers["Accept-Ranges"] = "bytes"
        if partial:
            headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
        self._start(206 if partial else 200, headers)
        if self.command == "GET":
            self._send_bytes(file, start, fault)

    def _send_bytes(self, file: Path, start: int, fault: str) -> None:
        kind, _, number = fault.partition(":")
        left: int | None = int(number) if kind in ("cut", "stall") else None
        with file.open("rb") as stream:
            stream.seek(start)
            while block := stream.read(_STEP_BYTES if left is None else min(_STEP_BYTES, left)):
                self.wfile.write(bytes(255 - value for value in block) if kind == "wrong" else block)
                if kind == "slow":
                    time.sleep(len(block) / int(number))
                left = None if left is None else left - len(block)
        if left is not None and left <= 0:
            self.wfile.flush()
            if kind == "stall":
                time.sleep(60)
            self.close_connection = True

    def _range(self) -> tuple[int, bool]:
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        return (int(match.group(1)), True) if match else (0, False)

    def _cdn(self) -> str:
        """Return another origin than the one asked, as the hub does: its token must not go there."""
        host = self.headers.get("Host", "")
        return f"http://localhost:{self.server.server_address[1]}" if host[:4] == "127." else f"http://cdn.{host}"

    def _refuse(self, status: int, code: str) -> None:
        headers = {"X-Error-Message": "as asked by the test", "Content-Length": "0"}
        self._start(status, {**headers, "X-Error-Code": code} if code else headers)

    def _start(self, status: int, headers: dict) -> None:
        self.server.log(
            method=self.command,
            path=self.path,
            range=self.headers.get("Range", ""),
            status=status,
            token=self.headers.get("Authorization", ""),
        )
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


def _sha256(file: Path) -> str:
    facts = file.stat()
    return _digest(str(file), facts.st_size, facts.st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _digest(path: str, _size: int, _mtime_ns: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@contextmanager
def running_hub(root: Path) -> Iterator[HubServer]:
    """Serve ``root`` from a thread of this process."""
    server = HubServer(root)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main() -> None:
    """Serve from a process of its own until standard input closes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    server = HubServer(options.root, options.port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"endpoint": server.endpoint}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
