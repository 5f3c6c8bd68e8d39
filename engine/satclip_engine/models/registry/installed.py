"""What is recorded beside an installed model, and the check that its weights are still those. No torch."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timezone
from pathlib import Path

from satclip_engine.errors import ModelError

RECORD_FILE_NAME = "installed.json"
WEIGHTS_FILE_NAME = "open_clip_model.safetensors"
FROM_REGISTRY = "registry"
FROM_FILE = "file"
FROM_TRAINING = "training"


@dataclass(frozen=True)
class InstalledRecord:
    """Where an installed model came from.

    Attributes:
        origin: ``registry``, ``file`` or ``training``.
        source: Hub repository, file and commit; or the address; or the imported file's name.
        source_sha256: Of the file as it came.
        weights: Name of the weights file in the model's folder.
        sha256: Of that file: every load compares.
        installed_utc: When.
        checked: Outcome of the last check in one sentence; "" if never checked.
    """

    origin: str
    source: str
    source_sha256: str
    weights: str
    sha256: str
    installed_utc: str
    checked: str = ""


def now_utc() -> str:
    """Return the present time as ``2026-01-31T12:00:00Z``."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_record(folder: Path) -> InstalledRecord | None:
    """Return the record of a model's folder; None where there is none (a folder put there by hand).

    Raises:
        ModelError: ``model.record`` if it is there but cannot be read: the weights cannot be verified then.
    """
    path = folder / RECORD_FILE_NAME
    if not path.is_file():
        return None
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return InstalledRecord(**{field.name: str(raw.get(field.name, "")) for field in fields(InstalledRecord)})
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(
            f"The record {path} cannot be read, so the model's weights cannot be verified: {error}.",
            remedy="Remove the model and install it again.",
            code="model.record",
            path=str(path),
        ) from error


def write_record(folder: Path, record: InstalledRecord) -> None:
    """Write the record into a model's folder, atomically."""
    part = folder / f"{RECORD_FILE_NAME}.part"
    part.write_text(json.dumps(asdict(record), indent=2) + "\n", encoding="utf-8")
    part.replace(folder / RECORD_FILE_NAME)


def note_check(folder: Path, outcome: str) -> None:
    """Keep the outcome of a check beside a model that has a record."""
    record = read_record(folder)
    if record is not None:
        write_record(folder, replace(record, checked=outcome))


def verify_weights(weights: Path, sha256: str) -> None:
    """Compare the digest of a model's weights with the one recorded when it was installed; silent without a record.

    Raises:
        ModelError: ``model.hash`` if they differ, ``model.record`` if the record is damaged.
    """
    record = read_record(weights.parent)
    if record is None or (record.weights, record.sha256) == (weights.name, sha256):
        return
    raise ModelError(
        f"The weights {weights.name} of {weights.parent.name} are not those that were installed: they were changed or"
        " damaged since.",
        remedy="Remove the model and install it again.",
        code="model.hash",
        path=str(weights),
        expected=record.sha256,
        found=sha256,
    )
