"""Where a model comes from: an installed id, an open_clip folder, a checkpoint file, or architecture and file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from satclip_engine.config import Config
from satclip_engine.errors import ModelError
from satclip_engine.models.architecture import architecture_config, architecture_preprocess
from satclip_engine.models.card import ModelCard, read_card
from satclip_engine.models.folders import CONFIG_FILE_NAME, find_weights, installed_folders, read_settings
from satclip_engine.models.preprocess import Preprocess
from satclip_engine.models.recognise import recognise_config
from satclip_engine.models.weights import read_state_dict


@dataclass(frozen=True)
class ModelSource:
    """A model before its weights are loaded.

    Attributes:
        id: For people and caches' folder names; ``identity`` of the encoder tells models apart.
        model_cfg: open_clip's ``model_cfg``.
        preprocess: How its images are normalised.
        weights: The weights file.
        folder: Where relative paths of the configuration start.
        card: What the product knows about it.
        architecture: open_clip's name of it, or "".
    """

    id: str
    model_cfg: dict[str, Any]
    preprocess: Preprocess
    weights: Path
    folder: Path
    card: ModelCard
    architecture: str = ""


def find_model(model: str, config: Config) -> ModelSource:
    """Return the source of ``model``.

    Args:
        model: An installed model's id (``mini``), the path of an open_clip folder or of a checkpoint file, or
            ``ARCHITECTURE:PATH`` with one of open_clip's architecture names.
        config: Tells the folders of the embedded and the installed models.

    Raises:
        ModelError: ``model.unknown``, ``model.missing``, ``model.config``, ``model.corrupt`` and those of
            ``read_state_dict`` for a bare checkpoint.
    """
    architecture, colon, path = model.partition(":")
    if colon and (model_cfg := architecture_config(architecture)) is not None:
        return _from_architecture(architecture, model_cfg, Path(path).expanduser())
    for folder in installed_folders(config):
        if folder.name == model:
            return _from_folder(folder)
    place = Path(model).expanduser()
    if place.is_dir():
        return _from_folder(place)
    if place.is_file():
        return _from_folder(place.parent, place) if (place.parent / CONFIG_FILE_NAME).is_file() else _from_file(place)
    raise _unknown(model, config)


def _from_folder(folder: Path, weights: Path | None = None) -> ModelSource:
    settings = read_settings(folder)
    try:
        preprocess = Preprocess.from_config(settings["preprocess_cfg"])
    except (ValueError, TypeError) as error:
        raise ModelError(
            f"The preprocess_cfg of {folder.name} cannot be understood: {error}.",
            remedy="Repair open_clip_config.json or install the model again.",
            code="model.config",
        ) from error
    card = read_card(folder, folder.resolve().name)
    return ModelSource(card.id, settings["model_cfg"], preprocess, weights or find_weights(folder), folder, card)


def _from_architecture(architecture: str, model_cfg: dict[str, Any], weights: Path) -> ModelSource:
    card = replace(read_card(weights.parent, weights.stem), architecture=architecture)
    preprocess = architecture_preprocess(architecture)
    return ModelSource(card.id, model_cfg, preprocess, weights, weights.parent, card, architecture)


def _from_file(weights: Path) -> ModelSource:
    card = read_card(weights.parent, weights.stem)
    if card.architecture:
        named = architecture_config(card.architecture)
        if named is None:
            raise ModelError(
                f"The model card beside {weights.name} names the architecture {card.architecture!r},"
                " which open_clip does not know.",
                remedy="Correct `architecture` in card.json.",
                code="model.config",
            )
        return _from_architecture(card.architecture, named, weights)
    model_cfg = recognise_config(read_state_dict(weights))
    return ModelSource(card.id, model_cfg, Preprocess(), weights, weights.parent, card)


def _unknown(model: str, config: Config) -> ModelError:
    names = [folder.name for folder in installed_folders(config)]
    have = f"Installed: {', '.join(names)}." if names else "No model is installed."
    return ModelError(
        f"There is no model {model!r}.",
        remedy=f"{have} Or give the path of an open_clip folder or a weights file.",
        code="model.unknown",
        model=model,
    )
