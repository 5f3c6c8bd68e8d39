"""A real engine process for tests: started, asked over HTTP, killed, started again on the same folder."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from satclip_engine.protocol import EngineFile, JobState, JobView, from_json

TOY_ENGINE = (sys.executable, str(Path(__file__).with_name("toy_engine.py")))
PATIENCE_S = 60.0


class EngineProcess:
    """One data folder and the engine that runs on it.

    Args:
        home: The data folder (``SATCLIP_HOME``).
        command: What starts the engine.
        environment: More variables.
    """

    def __init__(
        self, home: Path, command: Sequence[str] = TOY_ENGINE, environment: dict[str, str] | None = None
    ) -> None:
        self.home = home
        self._command = list(command)
        self._environment = {**os.environ, "SATCLIP_HOME": str(home), **(environment or {})}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> EngineFile:
        """Start the engine and wait until it can be found."""
        self.stop()
        self.process = subprocess.Popen(
            self._command, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        wait_until(lambda: self._is_found() or self.process.poll() is not None)
        assert self.process.poll() is None, self.process.stderr.read().decode()
        return self.file

    @property
    def file(self) -> EngineFile:
        """What ``engine.json`` says."""
        return from_json(EngineFile, json.loads((self.home / "engine.json").read_text()))

    def kill(self) -> None:
        """End the engine by SIGKILL, as a crash would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE_S)

    def stop(self) -> None:
        """End the engine if it runs, and wait."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE_S)
        if self.process is not None:
            self.process.stderr.close()

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """Send a request and return the JSON of its answer; it must succeed."""
        status, answer = self.try_call(method, path, body, headers)
        assert status < 400, answer
        return answer

    def try_call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Send a request and return status and JSON; ``headers`` replace the usual ones, "" leaves one out."""
        usual = {"Authorization": f"Bearer {self.file.token}", "Content-Type": "application/json"}
        sent = {name: value for name, value in {**usual, **(headers or {})}.items() if value}
        connection = http.client.HTTPConnection("127.0.0.1", self.file.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), sent)
            response = connection.getresponse()
            text = response.read()
            self.last_headers = dict(response.getheaders())
            return response.status, json.loads(text)
        finally:
            connection.close()

    def events(self, after: int | None = 0) -> Iterator[dict[str, Any]]:
        """Yield events from the stream until the engine ends it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.file.port, timeout=PATIENCE_S)
        query = "" if after is None else f"?after={after}"
        try:
            connection.request("GET", f"/v1/events{query}", headers={"Authorization": f"Bearer {self.file.token}"})
            response = connection.getresponse()
            assert response.status == 200
            for line in response:
                if line.startswith(b"data: "):
                    yield json.loads(line[6:])
        finally:
            connection.close()

    def job(self, job_id: str) -> JobView:
        """Return a job."""
        return from_json(JobView, self.call("GET", f"/v1/jobs/{job_id}"))

    def wait_for(self, job_id: str, *states: JobState) -> JobView:
        """Wait until a job is in one of ``states`` and return it."""
        wait_until(lambda: self.job(job_id).state in states)
        return self.job(job_id)

    def _is_found(self) -> bool:
        # A file left by a killed engine carries another pid.
        try:
            return self.file.pid == self.process.pid
        except (OSError, ValueError):
            return False


def wait_until(condition: Callable[[], Any], patience_s: float = PATIENCE_S) -> None:
    """Poll until ``condition`` holds; the limit only guards against waiting for ever."""
    end_s = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < end_s, "waited in vain"
        time.sleep(0.02)
