"""Removal of an installed model."""

from __future__ import annotations

import shutil
from pathlib import Path

from satclip_engine.config import Config
from satclip_engine.errors import ModelError, OutputError
from satclip_engine.models.folders import CONFIG_FILE_NAME, embedded_root
from satclip_engine.models.registry.install import WORK_FOLDER


def remove_model(model_id: str, config: Config) -> int:
    """Delete an installed model, or what an unfinished download of it left, and return the freed bytes.

    Raises:
        ModelError: ``model.builtin`` for one that ships with the engine, ``model.unknown`` for one that is not there.
        OutputError: if it cannot be deleted.
    """
    if not model_id or Path(model_id).name != model_id or model_id.startswith("."):
        raise _unknown(model_id)
    folder, unfinished = config.models_dir / model_id, config.models_dir / WORK_FOLDER / model_id
    places = [place for place in (folder, unfinished) if place.is_dir()]
    if not places and (embedded_root(config) / model_id / CONFIG_FILE_NAME).is_file():
        raise ModelError(
            f"The model {model_id!r} ships with the engine and cannot be removed.",
            remedy="It stays; use another model for your maps if you like.",
            code="model.builtin",
            model=model_id,
        )
    if not places:
        raise _unknown(model_id)
    freed_bytes = sum(file.stat().st_size for place in places for file in place.rglob("*") if file.is_file())
    try:
        for place in places:
            # The configuration first: a folder without it is no model, whatever else is left in it.
            (place / CONFIG_FILE_NAME).unlink(missing_ok=True)
            shutil.rmtree(place)
    except OSError as error:
        raise OutputError(
            f"The model {model_id!r} cannot be deleted: {error.strerror or error}.",
            remedy="Close programs that use it, then remove it again.",
            path=str(folder),
        ) from error
    return freed_bytes


def _unknown(model_id: str) -> ModelError:
    return ModelError(
        f"No model {model_id!r} is installed.",
        remedy="See the list of models for the ids.",
        code="model.unknown",
        model=model_id,
    )
