"""Files from the model hub or a web server, through the hub's client: where they are, and their bytes, resumable.

The client brings proxies, certificates, the user's token and the hub's errors. Its own ``hf_hub_download`` starts over
after every failure and tells of progress in steps of 10 MB, so bytes are streamed here, from its session.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import httpx2
from huggingface_hub import constants, get_hf_file_metadata, get_session, hf_hub_url
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError
from huggingface_hub.utils import build_hf_headers, hf_raise_for_status  # type: ignore[attr-defined]

from satclip_engine.config import Config
from satclip_engine.errors import ModelError
from satclip_engine.models.registry.faults import disk_full, is_disk_full, is_passing, transfer_error

Progress = Callable[[int, int], None]
CheckCancelled = Callable[[], None]

_STEP_BYTES = 512 * 1024
_TIMEOUT_S = 15.0
# Failures in a row without a single new byte before giving up; the pauses between them double.
_ATTEMPTS = 4
_FIRST_PAUSE_S = 0.5
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class RemoteFile:
    """A file that can be fetched.

    Attributes:
        url: Its address.
        name: Its name there.
        size_bytes: None where the server does not say.
        sha256: As the hub states it; "" elsewhere.
        version: Changes when the file does; names the partial download.
        source: For people: repository, file and commit, or the address.
        headers: To send along.
    """

    url: str
    name: str
    size_bytes: int | None
    sha256: str
    version: str
    source: str
    headers: Mapping[str, str] = field(default_factory=dict)


def locate_on_hub(repo: str, names: tuple[str, ...], revision: str, config: Config) -> RemoteFile:
    """Return the first of ``names`` that the hub's repository ``repo`` has.

    Raises:
        ModelError: ``model.not_found``, ``model.gated``, ``model.offline`` or ``model.network``.
    """
    endpoint = config.hub_endpoint or None
    for name in names:
        url = hf_hub_url(repo, name, revision=revision, endpoint=endpoint)
        try:
            found = get_hf_file_metadata(url, endpoint=endpoint, timeout=_TIMEOUT_S)
        except EntryNotFoundError as error:
            if name != names[-1]:
                continue
            raise transfer_error(error, f"{repo}/{name}", _host(url)) from error
        except (httpx2.HTTPError, OSError, ValueError) as error:
            raise transfer_error(error, f"{repo}/{name}", _host(url)) from error
        etag = found.etag or ""
        version = etag or found.commit_hash or "unknown"
        return RemoteFile(
            url=url,
            name=name,
            size_bytes=found.size,
            sha256=etag if _SHA256.fullmatch(etag) else "",
            version=re.sub(r"[^0-9A-Za-z]", "", version)[:40],
            source=f"{repo}/{name}@{found.commit_hash or revision}",
            headers=build_hf_headers(),
        )
    raise ValueError("no names to look for")


def locate_at_url(url: str) -> RemoteFile:
    """Return the file at a web address outside the hub; no token is sent there.

    Raises:
        ModelError: ``model.not_found``, ``model.gated``, ``model.offline`` or ``model.network``.
    """
    try:
        answer = get_session().request("HEAD", url, timeout=_TIMEOUT_S, follow_redirects=True)
        hf_raise_for_status(answer)
    except (httpx2.HTTPError, OSError, ValueError) as error:
        raise transfer_error(error, url, _host(url)) from error
    size = answer.headers.get("Content-Length", "")
    mark = answer.headers.get("ETag", "") or size
    version = re.sub(r"[^0-9A-Za-z]", "", mark)[:40] or "unknown"
    return RemoteFile(url, url.rpartition("/")[2], int(size) if size.isdigit() else None, "", version, url)


def fetch(remote: RemoteFile, part: Path, progress: Progress, check_cancelled: CheckCancelled) -> None:
    """Fetch ``remote`` into ``part``, going on after the bytes that are there; what came stays on every failure.

    Args:
        remote: What to fetch.
        part: The partial file.
        progress: Told bytes done and bytes in all (0 while unknown).
        check_cancelled: Raises once the user asked to stop.

    Raises:
        ModelError: ``model.network`` when the line stays broken, and those of ``locate_on_hub``.
        DiskFullError: if the disk takes no more.
    """
    failures = 0
    while True:
        done = part.stat().st_size if part.exists() else 0
        if remote.size_bytes is not None and done == remote.size_bytes:
            progress(done, done)
            return
        try:
            _fetch_once(remote, part, progress, check_cancelled)
            return
        except (httpx2.HTTPError, HfHubHTTPError) as error:
            moved = part.exists() and part.stat().st_size > done
            failures = 0 if moved else failures + 1
            if not is_passing(error) or failures >= _ATTEMPTS:
                raise transfer_error(error, remote.source, _host(remote.url)) from error
        except OSError as error:
            if is_disk_full(error):
                raise disk_full(part, remote.size_bytes) from error
            raise
        _pause(_FIRST_PAUSE_S * 2**failures if failures else 0.0, check_cancelled)


def _fetch_once(remote: RemoteFile, part: Path, progress: Progress, check_cancelled: CheckCancelled) -> None:
    done = part.stat().st_size if part.exists() else 0
    headers = {**remote.headers, "Accept-Encoding": "identity"}
    if done:
        headers["Range"] = f"bytes={done}-"
    check_cancelled()
    with get_session().stream("GET", remote.url, headers=headers, timeout=_TIMEOUT_S, follow_redirects=True) as answer:
        if answer.status_code == 416:  # the part is longer than the file: it belongs to another one
            part.unlink()
            raise httpx2.RemoteProtocolError("the partial download does not fit the file")
        hf_raise_for_status(answer)
        goes_on = answer.status_code == 206 and _starts_at(answer, done)
        with part.open("ab" if goes_on else "wb") as file:
            _copy(answer.iter_bytes(_STEP_BYTES), file, remote.size_bytes or 0, progress, check_cancelled)


def _copy(
    blocks: Iterator[bytes], file: BinaryIO, total_bytes: int, progress: Progress, check_cancelled: CheckCancelled
) -> None:
    progress(file.tell(), total_bytes)
    for block in blocks:
        check_cancelled()
        file.write(block)
        progress(file.tell(), total_bytes)
        if total_bytes and file.tell() > total_bytes:
            raise ModelError(
                "The server sent more bytes than it announced.",
                remedy="Try again; if it happens again, a proxy in between may change what it passes on.",
                code="model.hash",
            )


def _starts_at(answer: Any, offset: int) -> bool:
    match = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    return match is not None and int(match.group(1)) == offset


def _pause(duration_s: float, check_cancelled: CheckCancelled) -> None:
    end_s = time.monotonic() + duration_s
    while True:
        check_cancelled()
        left_s = end_s - time.monotonic()
        if left_s <= 0:
            return
        time.sleep(min(0.1, left_s))


def _host(url: str) -> str:
    return httpx2.URL(url).host or constants.ENDPOINT
