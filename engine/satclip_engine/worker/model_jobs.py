"""Jobs about models: fetch one of the registry, take in a file, check one."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from satclip_engine.errors import OptionError
from satclip_engine.protocol import (
    MODEL_CHECK_ROLE,
    Artifact,
    CheckModelRequest,
    DownloadModelRequest,
    ImportModelRequest,
    ProgressUpdate,
    from_json,
    to_json,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from satclip_engine.worker.kinds import JobContext

MODEL_ROLE = "model"
CHECKS_FOLDER = "model-checks"


def run_download(data: dict[str, Any], context: JobContext) -> tuple[Artifact, ...]:
    """Fetch a model of the registry; bytes that an earlier attempt fetched are not fetched again.

    Raises:
        OptionError: ``option.licence`` if its licence was not accepted.
    """
    from satclip_engine.models.registry.download import download_model

    request = from_json(DownloadModelRequest, data)
    if not request.accept_licence:
        raise OptionError(
            f"The licence of the model {request.model!r} was not accepted.",
            remedy="Read the licence that stands beside the model, accept it and start the download again.",
            code="option.licence",
            model=request.model,
        )
    context.progress(ProgressUpdate("download", 0.0))
    folder = download_model(request.model, context.config, TransferProgress(context.progress), context.check_cancelled)
    return card_of(folder)


def run_import(data: dict[str, Any], context: JobContext) -> tuple[Artifact, ...]:
    """Take in weights that lie on this machine."""
    from satclip_engine.models.registry.imports import import_model

    request = from_json(ImportModelRequest, data)
    context.progress(ProgressUpdate("import", 0.0))
    context.check_cancelled()
    folder = import_model(Path(request.path), context.config, model_id=request.model, architecture=request.architecture)
    return card_of(folder)


def run_check(data: dict[str, Any], context: JobContext) -> tuple[Artifact, ...]:
    """Measure whether a model is set up as it was trained; the finding is the artifact ``model_check``."""
    from satclip_engine.models.registry.check import check_model
    from satclip_engine.products.artifacts import describe_artifact

    request = from_json(CheckModelRequest, data)
    context.progress(ProgressUpdate("check", 0.0))
    context.check_cancelled()
    found = check_model(request.model, context.config)
    path = context.config.data_dir / CHECKS_FOLDER / f"{Path(request.model).name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(to_json(found), indent=2), encoding="utf-8")
    return (describe_artifact(path, MODEL_CHECK_ROLE),)


def keep(_data: dict[str, Any]) -> None:
    """Leave what a killed attempt fetched: the next one continues there, and nothing else reads it."""


class TransferProgress:
    """Turns bytes into progress with an expected rest.

    Args:
        progress: Told of every update.
    """

    def __init__(self, progress: Callable[[ProgressUpdate], None]) -> None:
        self._progress = progress
        self._first: tuple[float, int] | None = None

    def __call__(self, done_bytes: int, total_bytes: int) -> None:
        """Tell that ``done_bytes`` of ``total_bytes`` (0 while unknown) are here."""
        now_s = time.monotonic()
        # Bytes that were here before this attempt say nothing about the line's speed.
        self._first = self._first or (now_s, done_bytes)
        moved = done_bytes - self._first[1]
        eta_s = None
        if moved > 0 and total_bytes:
            eta_s = (now_s - self._first[0]) * (total_bytes - done_bytes) / moved
        share = min(1.0, done_bytes / total_bytes) if total_bytes else 0.0
        self._progress(ProgressUpdate("download", share, eta_s, done_bytes=done_bytes, total_bytes=total_bytes or None))


def card_of(folder: Path) -> tuple[Artifact, ...]:
    """Return what a job leaves that made the model in ``folder``."""
    from satclip_engine.models.folders import CONFIG_FILE_NAME
    from satclip_engine.products.artifacts import describe_artifact

    return (describe_artifact(folder / CONFIG_FILE_NAME, MODEL_ROLE),)
