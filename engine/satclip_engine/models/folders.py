"""Model folders in open_clip's layout: where they are and which file holds the weights. No torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from satclip_engine.config import Config
from satclip_engine.errors import ModelError

CONFIG_FILE_NAME = "open_clip_config.json"
ADAPTERS_FILE_NAME = "adapters.safetensors"
WEIGHT_SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")
# Of the name of a folder that is still being written.
UNFINISHED_SUFFIX = ".partial"

# Where several weights files lie in one folder: open_clip's own order of preference.
_PREFERRED_NAMES = (
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
    "model.safetensors",
    "pytorch_model.bin",
)


def embedded_root(config: Config) -> Path:
    """Return the folder of the models that ship with the engine."""
    return config.resources_dir / "models"


def installed_folders(config: Config) -> tuple[Path, ...]:
    """Return the open_clip folders of the embedded models and of ``models_dir``, in that order; none half written."""
    found: dict[str, Path] = {}
    for root in (embedded_root(config), config.models_dir):
        for file in sorted(root.glob(f"*/{CONFIG_FILE_NAME}")):
            if file.parent.suffix == UNFINISHED_SUFFIX:
                continue
            found.setdefault(file.parent.name, file.parent)
    return tuple(found.values())


def read_settings(folder: Path) -> dict[str, Any]:
    """Return the open_clip configuration of ``folder``, with ``model_cfg`` and ``preprocess_cfg``.

    Raises:
        ModelError: ``model.config`` if it is missing or cannot be understood.
    """
    path = folder / CONFIG_FILE_NAME
    if not path.is_file():
        raise ModelError(
            f"The folder {folder} is no open_clip model: {CONFIG_FILE_NAME} is missing.",
            remedy="Choose a folder in open_clip's layout, or the weights file itself.",
            code="model.config",
            path=str(path),
        )
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(settings["model_cfg"]["vision_cfg"], dict) or not settings["model_cfg"]["text_cfg"]:
            raise ValueError("model_cfg needs vision_cfg and text_cfg")
        return {"preprocess_cfg": {}, **settings}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{path} cannot be read: {type(error).__name__}: {error}.",
            remedy="Repair the file or install the model again.",
            code="model.config",
            path=str(path),
        ) from error


def find_weights(folder: Path) -> Path:
    """Return the weights file of an open_clip folder.

    Raises:
        ModelError: ``model.missing`` if there is none.
    """
    files = [
        path
        for path in sorted(folder.iterdir())
        if path.suffix in WEIGHT_SUFFIXES and path.name != ADAPTERS_FILE_NAME and path.is_file()
    ]
    if not files:
        raise ModelError(
            f"The model folder {folder} holds no weights.",
            remedy=f"Put the weights ({', '.join(WEIGHT_SUFFIXES)}) beside {CONFIG_FILE_NAME}, or install it again.",
            code="model.missing",
            path=str(folder),
        )
    by_name = {path.name: path for path in files}
    preferred = [by_name[name] for name in _PREFERRED_NAMES if name in by_name]
    safe = [path for path in files if path.suffix == ".safetensors"]
    return (preferred + safe + files)[0]
