"""From a checkpoint to an installed model: converted, tried, written aside, moved into place in one step."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from satclip_engine.config import Config
from satclip_engine.errors import ModelError
from satclip_engine.models.architecture import architecture_config, build_unfilled, load_weights
from satclip_engine.models.card import CARD_FILE_NAME
from satclip_engine.models.folders import CONFIG_FILE_NAME
from satclip_engine.models.recognise import recognise_config
from satclip_engine.models.registry.convert import Converted, to_open_clip
from satclip_engine.models.registry.entries import RegistryEntry, Triple
from satclip_engine.models.registry.faults import disk_full, unwritable_models
from satclip_engine.models.registry.installed import WEIGHTS_FILE_NAME, InstalledRecord, now_utc, write_record
from satclip_engine.models.weights import read_state_dict, weights_sha256

WORK_FOLDER = ".downloads"

QUICK_GELU = "quickgelu"


@dataclass(frozen=True)
class Provenance:
    """Where a model comes from.

    Attributes:
        model_id: Its id here, and its folder's name.
        origin: ``registry`` or ``file``.
        source: Repository, address or file, for people.
        source_sha256: Of the file as it came.
    """

    model_id: str
    origin: str
    source: str
    source_sha256: str


@dataclass(frozen=True)
class Blueprint:
    """What is known of a checkpoint besides its tensors.

    Attributes:
        architecture: open_clip architecture; "" recognises it from the tensors.
        activation: ``quickgelu`` or ``gelu``; anything else leaves it to the architecture.
        mean: Channel means.
        std: Channel standard deviations.
        card: What ``card.json`` will say.
        extra_files: Files to copy beside the weights.
    """

    architecture: str
    activation: str
    mean: Triple
    std: Triple
    card: Mapping[str, Any]
    extra_files: Sequence[Path] = ()


def blueprint_of(entry: RegistryEntry, card: Mapping[str, Any], extra_files: Sequence[Path] = ()) -> Blueprint:
    """Return the blueprint of a registry's entry."""
    return Blueprint(entry.architecture, entry.activation, entry.mean, entry.std, card, extra_files)


def install_checkpoint(weights: Path, blueprint: Blueprint, provenance: Provenance, config: Config) -> Path:
    """Install the checkpoint ``weights`` as the model ``provenance.model_id`` and return its folder.

    Raises:
        ModelError: if the file is damaged, needs pickle, is not recognised, or does not fit the architecture.
        DiskFullError: if there is no room.
        OutputError: if the models' folder cannot be written.
    """
    converted = _converted(read_state_dict(weights), blueprint.architecture)
    model_cfg = model_config(converted, blueprint.architecture, blueprint.activation)
    model = build_unfilled(model_cfg)
    load_weights(model, dict(converted.state))
    del model
    notes = _notes(blueprint, converted, model_cfg)
    settings = {
        "model_cfg": model_cfg,
        "preprocess_cfg": {"mean": list(blueprint.mean), "std": list(blueprint.std)},
    }
    stage = empty_stage(provenance.model_id, config)
    try:
        for extra in blueprint.extra_files:
            shutil.copyfile(extra, stage / extra.name)
        save_weights(converted.state, stage / WEIGHTS_FILE_NAME)
        write_json(stage / CONFIG_FILE_NAME, settings)
        write_json(stage / CARD_FILE_NAME, {**blueprint.card, "id": provenance.model_id, "notes": notes})
        return publish(stage, provenance, config)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def save_weights(state: Mapping[str, torch.Tensor], path: Path) -> None:
    """Write ``state`` as safetensors.

    Raises:
        DiskFullError: if there is no room.
    """
    try:
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)
    except (SafetensorError, OSError) as error:
        # The library tells the system's refusal in words only.
        if isinstance(error, SafetensorError) and "os error" not in str(error).lower():
            raise
        raise disk_full(path, sum(tensor.nbytes for tensor in state.values())) from error


def publish(stage: Path, provenance: Provenance, config: Config) -> Path:
    """Record the weights' digest in ``stage`` and move the folder to where models are; return it there.

    Raises:
        ModelError: ``model.exists`` if a model of that id is installed.
    """
    target = config.models_dir / provenance.model_id
    record = InstalledRecord(
        origin=provenance.origin,
        source=provenance.source,
        source_sha256=provenance.source_sha256,
        weights=WEIGHTS_FILE_NAME,
        sha256=weights_sha256(stage / WEIGHTS_FILE_NAME, config.cache_dir),
        installed_utc=now_utc(),
    )
    write_record(stage, record)
    refuse_existing(provenance.model_id, config)
    if target.is_dir():  # a damaged rest without a configuration: never a model
        shutil.rmtree(target)
    stage.replace(target)
    return target


def model_config(converted: Converted, architecture: str, activation: str) -> dict[str, Any]:
    """Return open_clip's ``model_cfg``: from the tensors where they tell, else the architecture's own.

    Raises:
        ModelError: ``model.config`` on an unknown architecture, ``model.unrecognised`` where neither tells,
            ``model.mismatch`` if the tensors are of another architecture.
    """
    named = architecture_config(architecture) if architecture else None
    if architecture and named is None:
        raise ModelError(
            f"open_clip has no architecture {architecture!r}.",
            remedy="Give one of open_clip's names, for example ViT-B-16, or none: most are recognised.",
            code="model.config",
        )
    if not converted.is_native:
        if named is None:
            raise ModelError(
                "The image tower is a timm trunk, whose kind its tensors do not tell.",
                remedy="Name the architecture, for example MobileCLIP2-S0, or import the whole open_clip folder.",
                code="model.unrecognised",
            )
        return named
    model_cfg = recognise_config(converted.state)
    if named is not None:
        _compare(model_cfg, named, architecture)
    quick = activation == QUICK_GELU if activation else bool(named and named.get("quick_gelu"))
    return {**model_cfg, "quick_gelu": quick}


def empty_stage(model_id: str, config: Config) -> Path:
    """Return an empty folder on the models' disk to build a model in.

    Raises:
        OutputError: if the models' folder cannot be written.
    """
    stage = config.models_dir / WORK_FOLDER / f"{model_id}.stage"
    try:
        if stage.is_dir():
            shutil.rmtree(stage)
        stage.mkdir(parents=True)
    except OSError as error:
        raise unwritable_models(config.models_dir, error) from error
    return stage


def refuse_existing(model_id: str, config: Config) -> None:
    """Refuse an id that is taken.

    Raises:
        ModelError: ``model.exists``.
    """
    for root in (config.models_dir, config.resources_dir / "models"):
        if (root / model_id / CONFIG_FILE_NAME).is_file():
            raise ModelError(
                f"There is a model {model_id!r} already.",
                remedy="Give another id, or remove that model first.",
                code="model.exists",
                model=model_id,
            )


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write ``value`` as JSON for people to read."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _converted(state: dict[str, torch.Tensor], architecture: str) -> Converted:
    named = architecture_config(architecture) if architecture else None
    if named is not None and "hf_model_name" in named["text_cfg"]:
        return Converted(state, (), is_native=False)  # a text tower of transformers: open_clip's layout as it is
    return to_open_clip(state)


def _compare(found: Mapping[str, Any], named: Mapping[str, Any], architecture: str) -> None:
    """Refuse tensors of another architecture; text length, image size and activation may differ."""
    for part, names in (("vision_cfg", ("width", "layers", "patch_size")), ("text_cfg", ("width", "layers"))):
        for name in names:
            wanted = named[part].get(name)
            if wanted is not None and found[part].get(name) != wanted:
                raise ModelError(
                    f"The weights are not a {architecture}: {part.split('_')[0]} {name} is"
                    f" {found[part].get(name)} and not {wanted}.",
                    remedy="Leave the architecture out, so that it is recognised, or choose the right file.",
                    code="model.mismatch",
                )


def _notes(blueprint: Blueprint, converted: Converted, model_cfg: Mapping[str, Any]) -> str:
    notes = [str(blueprint.card.get("notes", ""))]
    if converted.left_out:
        shown = ", ".join(converted.left_out[:5]) + (", ..." if len(converted.left_out) > 5 else "")
        notes.append(f"Left out of the published file: {shown}.")
    context = model_cfg["text_cfg"].get("context_length", 77)
    if context != 77:
        notes.append(f"Reads {context} tokens of text.")
    return " ".join(note for note in notes if note)
