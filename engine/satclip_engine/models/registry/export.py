"""A model's way to another machine: its folder, or only the LoRA that was trained on a model known there."""

from __future__ import annotations

import shutil
from pathlib import Path

from satclip_engine.config import Config
from satclip_engine.errors import ModelError, OutputError
from satclip_engine.models.folders import CONFIG_FILE_NAME
from satclip_engine.models.registry.faults import disk_full, is_disk_full
from satclip_engine.models.registry.installed import verify_weights
from satclip_engine.models.source import find_model
from satclip_engine.models.weights import weights_sha256
from satclip_engine.protocol import LORA_FILE, RUN_FOLDER

_NOT_COPIED = shutil.ignore_patterns(RUN_FOLDER, LORA_FILE, ".*")


def export_model(model: str, path: Path, config: Config) -> Path:
    """Copy an installed model to ``path``, from where it can be imported; returns the folder, or the LoRA's file.

    Args:
        model: Id or path.
        path: A new folder; or a file ending in ``.safetensors``, which gets the LoRA alone.
        config: Folders.

    Raises:
        ModelError: ``model.unknown``; ``model.hash`` if its weights were changed; ``model.no_lora`` if it was not
            trained as a LoRA.
        OutputError: if the folder is there already or cannot be written.
        DiskFullError: if there is no room.
    """
    source = find_model(model, config)
    if not (source.folder / CONFIG_FILE_NAME).is_file():
        raise ModelError(
            f"The model {source.id!r} is a bare weights file.",
            remedy="Copy that file; or import it first, then export it.",
            code="model.config",
            path=str(source.weights),
        )
    verify_weights(source.weights, weights_sha256(source.weights, config.cache_dir))
    try:
        if path.suffix == ".safetensors":
            return _copy_lora(source.folder, path)
        return _copy_folder(source.folder, path)
    except OSError as error:
        if is_disk_full(error):
            raise disk_full(path, None) from error
        raise OutputError(
            f"The model cannot be written to {path}: {error.strerror or error}.",
            remedy="Choose a folder that you may write to.",
            path=str(path),
        ) from error


def unfinished(path: Path) -> Path:
    """Return where an export lies until it is whole."""
    return path.with_name(f"{path.name}.partial")


def _copy_lora(folder: Path, path: Path) -> Path:
    lora = folder / LORA_FILE
    if not lora.is_file():
        raise ModelError(
            f"The model {folder.name!r} has no LoRA of its own: it was trained in another way, or not here.",
            remedy="Export the whole model instead.",
            code="model.no_lora",
            model=folder.name,
        )
    shutil.copyfile(lora, unfinished(path))
    return unfinished(path).replace(path)


def _copy_folder(folder: Path, path: Path) -> Path:
    if path.exists():
        raise OutputError(
            f"There is something at {path} already.", remedy="Give a folder that is not there yet.", path=str(path)
        )
    shutil.rmtree(unfinished(path), ignore_errors=True)
    shutil.copytree(folder, unfinished(path), ignore=_NOT_COPIED)
    return unfinished(path).replace(path)
