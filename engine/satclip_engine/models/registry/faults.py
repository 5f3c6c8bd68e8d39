"""What can go wrong with a transfer, as errors that a person can act on."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import httpx2
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from satclip_engine.errors import DiskFullError, ModelError, OutputError, SatclipError

# The disk, the user's share of it or the file system's limit for one file is used up.
_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})


def transfer_error(error: Exception, what: str, host: str) -> SatclipError:
    """Return the error to raise for what the hub's client raised.

    Args:
        error: The client's error.
        what: Repository and file, or the address.
        host: The server that was asked.
    """
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    if isinstance(error, OfflineModeIsEnabled):
        return offline_error(what)
    if isinstance(error, GatedRepoError) or status == 403:
        return ModelError(
            f"{host} gives {what} only to people whom its publisher has admitted.",
            remedy="Ask for access on the model's page, then log in on this machine with `hf auth login` or set"
            " HF_TOKEN, and download again.",
            code="model.gated",
            source=what,
        )
    # The hub answers 401 both for private and for missing repositories, and the client calls both "not found".
    if status == 401:
        return ModelError(
            f"{host} does not show {what} to strangers: it is private, needs a log-in, or no longer exists.",
            remedy="Log in on this machine with `hf auth login` or set HF_TOKEN. If it still fails, look whether the"
            " model's page exists.",
            code="model.gated",
            source=what,
        )
    missing = (EntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError)
    if isinstance(error, missing) or status in (404, 410):
        return ModelError(
            f"{host} has no {what}: it was moved, renamed or taken down.",
            remedy="Look at the model's page. If you have the file, import it from this machine.",
            code="model.not_found",
            source=what,
        )
    reason = f"it answered {status}" if status else _reason(error)
    return ModelError(
        f"{what} could not be fetched from {host}: {reason}.",
        remedy="Check the network and the proxy, then download again: it goes on where it stopped.",
        code="model.network",
        source=what,
    )


def offline_error(what: str) -> ModelError:
    """Return the error for a download that offline mode forbids."""
    return ModelError(
        f"{what} is not on this machine, and downloads are switched off (offline mode).",
        remedy="Switch offline mode off, or bring the model as a bundle or a file and import it.",
        code="model.offline",
        source=what,
    )


def is_passing(error: Exception) -> bool:
    """Return whether another attempt may help."""
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in _PASSING_STATUS
    return isinstance(error, httpx2.TransportError) and not isinstance(error, httpx2.UnsupportedProtocol)


def is_disk_full(error: OSError) -> bool:
    """Return whether the disk takes no more."""
    return error.errno in _DISK_ERRORS


def disk_full(place: Path, needed_bytes: int | None) -> DiskFullError:
    """Return the error for a disk that is full while writing to ``place``."""
    free_bytes = shutil.disk_usage(place.parent).free
    return DiskFullError(
        f"The disk that holds {place.parent} is full.",
        remedy="Free some space and download again: it goes on where it stopped.",
        code="resource.disk_full",
        needed_bytes=needed_bytes or 0,
        free_bytes=free_bytes,
    )


def check_free_disk(folder: Path, needed_bytes: int) -> None:
    """Refuse before the first byte what the disk cannot hold.

    Raises:
        DiskFullError: if fewer than ``needed_bytes`` are free.
    """
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes:
        raise DiskFullError(
            f"The model needs {needed_bytes / 1e9:.1f} GB on the disk that holds {folder}, and"
            f" {free_bytes / 1e9:.1f} GB are free.",
            remedy=f"Free {(needed_bytes - free_bytes) / 1e9:.1f} GB, or choose another folder for models.",
            code="resource.disk_full",
            needed_bytes=needed_bytes,
            free_bytes=free_bytes,
        )


def _reason(error: Exception) -> str:
    words = {
        httpx2.ProxyError: "the proxy refused",
        httpx2.ConnectError: "no connection",
        httpx2.TimeoutException: "no answer in time",
        httpx2.RemoteProtocolError: "the connection broke off",
        httpx2.ReadError: "the connection broke off",
    }
    text = next((words[kind] for kind in words if isinstance(error, kind)), type(error).__name__)
    detail = " ".join(str(error).split())[:200].rstrip(".")
    return f"{text} ({detail})" if detail else text


def unwritable_models(models_dir: Path, error: OSError) -> OutputError:
    """Return the error for a folder of models that cannot be written."""
    return OutputError(
        f"The folder for models {models_dir} cannot be written: {error.strerror or error}.",
        remedy="Make it writable, or choose another with SATCLIP_MODELS.",
        path=str(models_dir),
    )
