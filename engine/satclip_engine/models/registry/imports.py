"""Import of weights that lie on this machine: a checkpoint, an archive of one, a folder, a bundle, or a LoRA."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from satclip_engine.config import Config
from satclip_engine.errors import ModelError
from satclip_engine.models.adapters import load_adapters
from satclip_engine.models.architecture import (
    architecture_config,
    architecture_preprocess,
    build_unfilled,
    load_weights,
)
from satclip_engine.models.card import CARD_FILE_NAME, read_card
from satclip_engine.models.encoder import load_clip
from satclip_engine.models.folders import (
    ADAPTERS_FILE_NAME,
    CONFIG_FILE_NAME,
    WEIGHT_SUFFIXES,
    find_weights,
    installed_folders,
    read_settings,
)
from satclip_engine.models.lora import merged_state_dict
from satclip_engine.models.lora_file import LoraFile, apply_lora, is_lora_file, read_lora_file
from satclip_engine.models.preprocess import Preprocess
from satclip_engine.models.registry.archives import extract_weights, is_archive
from satclip_engine.models.registry.card_facts import card_of, read_facts
from satclip_engine.models.registry.entries import RegistryEntry, read_registry
from satclip_engine.models.registry.faults import check_free_disk
from satclip_engine.models.registry.install import (
    QUICK_GELU,
    WORK_FOLDER,
    Blueprint,
    Provenance,
    blueprint_of,
    empty_stage,
    install_checkpoint,
    publish,
    refuse_existing,
    save_weights,
    write_json,
)
from satclip_engine.models.registry.installed import FROM_FILE, RECORD_FILE_NAME, WEIGHTS_FILE_NAME, verify_weights
from satclip_engine.models.source import find_model
from satclip_engine.models.weights import read_state_dict, weights_sha256

# Of an open_clip folder: its configuration, its tokenizer, what it says of itself. Never code, never a pickle.
_COMPANIONS = (".json", ".txt", ".gz", ".model", ".md")
_COMPANION_LIMIT_BYTES = 64 * 1024**2
# Names of files that say nothing about the model: the folder's name is taken instead.
_NAMELESS = (
    "open_clip_model",
    "open_clip_pytorch_model",
    "model",
    "pytorch_model",
    "checkpoint",
    "weights",
    "epoch_20",
)


def import_model(path: Path, config: Config, model_id: str = "", architecture: str = "") -> Path:
    """Install weights from this machine and return the model's folder; the original stays where it is.

    Args:
        path: A weights file, a zip archive with one, a folder in open_clip's layout, a bundle, or a LoRA file, whose
            base model must be installed.
        config: Folders.
        model_id: Id to give it; "" takes the registry's where the file's name is known there, else the file's name.
        architecture: open_clip architecture, where neither tensors nor registry tell.

    Raises:
        ModelError: ``model.missing``, ``model.id``, ``model.exists``, ``model.config``, ``model.lora_base``, and those
            of reading and recognising weights.
        DiskFullError: if there is no room.
        OutputError: if the models' folder cannot be written.
    """
    path = path.expanduser()
    if not path.exists():
        raise ModelError(
            f"There is nothing at {path}.",
            remedy="Check the path.",
            code="model.missing",
            path=str(path),
        )
    if path.is_dir():
        folder = _model_folder(path)
        if folder is not None:
            return _import_folder(folder, _plain_id(model_id or read_card(folder, folder.name).id), config)
        path = find_weights(path)
    if is_lora_file(path):
        return _import_lora(path, _plain_id(model_id or _name_of(path)), config)
    entry = _entry_of(path, config)
    name = model_id or (entry.id if entry is not None else _name_of(path))
    return _import_file(path, _plain_id(name), architecture, entry, config)


def _import_file(path: Path, model_id: str, architecture: str, entry: RegistryEntry | None, config: Config) -> Path:
    refuse_existing(model_id, config)
    stage = empty_stage(model_id, config)
    check_free_disk(stage, path.stat().st_size)
    unpacked = config.models_dir / WORK_FOLDER / f"{model_id}.unpacked"
    try:
        weights = path
        if is_archive(path):
            unpacked.mkdir(exist_ok=True)
            weights = extract_weights(path, unpacked)
        provenance = Provenance(model_id, FROM_FILE, path.name, weights_sha256(path, config.cache_dir))
        return install_checkpoint(weights, _blueprint(architecture, model_id, entry), provenance, config)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
        shutil.rmtree(unpacked, ignore_errors=True)


def _import_folder(folder: Path, model_id: str, config: Config) -> Path:
    refuse_existing(model_id, config)
    settings, weights = read_settings(folder), find_weights(folder)
    digest = weights_sha256(weights, config.cache_dir)
    verify_weights(weights, digest)
    state = read_state_dict(weights)
    clip = build_unfilled(settings["model_cfg"])
    load_weights(clip, dict(state))
    if (folder / ADAPTERS_FILE_NAME).is_file():
        load_adapters(clip, folder / ADAPTERS_FILE_NAME)
    stage = empty_stage(model_id, config)
    try:
        check_free_disk(stage, weights.stat().st_size)
        copy_companions(folder, stage)
        if weights.suffix == ".safetensors":
            shutil.copyfile(weights, stage / WEIGHTS_FILE_NAME)
        else:
            save_weights(state, stage / WEIGHTS_FILE_NAME)
        facts = read_facts(folder)
        write_json(stage / CARD_FILE_NAME, {**facts, "id": model_id, "title": facts.get("title", folder.name)})
        return publish(stage, Provenance(model_id, FROM_FILE, folder.resolve().name, digest), config)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _import_lora(path: Path, model_id: str, config: Config) -> Path:
    """Install the base model with the LoRA merged into it."""
    refuse_existing(model_id, config)
    lora = read_lora_file(path)
    base = _lora_base(lora, config)
    clip = load_clip(find_model(str(base), config))
    apply_lora(clip, lora)
    stage = empty_stage(model_id, config)
    try:
        state = merged_state_dict(clip)
        check_free_disk(stage, sum(tensor.nbytes for tensor in state.values()))
        copy_companions(base, stage)
        save_weights(state, stage / WEIGHTS_FILE_NAME)
        notes = f"{read_card(base, base.name).title} with the LoRA {path.name}."
        write_json(stage / CARD_FILE_NAME, {**read_facts(base), "id": model_id, "title": model_id, "notes": notes})
        return publish(
            stage, Provenance(model_id, FROM_FILE, path.name, weights_sha256(path, config.cache_dir)), config
        )
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _lora_base(lora: LoraFile, config: Config) -> Path:
    """Return the folder of the installed model that a LoRA was trained on, told by its weights and not by its name."""
    for folder in installed_folders(config):
        try:
            if weights_sha256(find_weights(folder), config.cache_dir) == lora.base_sha256:
                return folder
        except ModelError:
            continue  # a damaged model is no base
    raise ModelError(
        f"This LoRA belongs to the model {lora.base!r}, and no installed model has exactly its weights.",
        remedy="Install that model first, or import the merged model instead of the LoRA.",
        code="model.lora_base",
        base=lora.base,
        base_sha256=lora.base_sha256,
    )


def _blueprint(architecture: str, model_id: str, entry: RegistryEntry | None) -> Blueprint:
    if entry is not None and architecture in ("", entry.architecture):
        notes = f"Imported; taken for {entry.title} by the file's name."
        return blueprint_of(entry, {**card_of(entry), "notes": notes})
    named = architecture_config(architecture) if architecture else None
    preprocess = architecture_preprocess(architecture) if named is not None else Preprocess()
    unconfirmed = [
        "The licence is not known.",
        f"Normalisation: {'the architecture' if named else 'CLIP'}'s is assumed.",
    ]
    if named is None:
        unconfirmed.append("Tensors do not tell the activation: GELU is assumed; run the check.")
    return Blueprint(
        architecture=architecture,
        activation=QUICK_GELU if named is not None and named.get("quick_gelu") else "gelu",
        mean=preprocess.mean,
        std=preprocess.std,
        card={"title": model_id, "licence": "unknown", "architecture_name": architecture, "unconfirmed": unconfirmed},
    )


def _model_folder(path: Path) -> Path | None:
    """Return the open_clip folder that ``path`` is or, being a bundle, holds; None for a folder of loose weights.

    Raises:
        ModelError: ``model.config`` if it is neither.
    """
    if (path / CONFIG_FILE_NAME).is_file():
        return path
    bundled = [file.parent for file in sorted(path.glob(f"models/*/{CONFIG_FILE_NAME}"))]
    if len(bundled) == 1:
        return bundled[0]
    loose = [file for file in path.iterdir() if file.suffix in WEIGHT_SUFFIXES]
    if len(loose) == 1:
        return None
    raise ModelError(
        f"The folder {path} is no open_clip model: {CONFIG_FILE_NAME} is missing.",
        remedy="Choose a folder in open_clip's layout, or the weights file itself.",
        code="model.config",
        path=str(path),
    )


def _entry_of(path: Path, config: Config) -> RegistryEntry | None:
    """Return the one entry of the registry whose file, or archive, is called as ``path``."""
    if path.stem in _NAMELESS:
        return None
    named = [
        entry
        for entry in read_registry(config)
        if path.name in (Path(entry.file).name, *(Path(name).name for name in entry.other_files))
        or (entry.url and entry.url.rpartition("/")[2] == path.name)
    ]
    return named[0] if len(named) == 1 else None


def copy_companions(folder: Path, stage: Path) -> None:
    """Copy what lies beside the weights of an open_clip folder: configuration, tokenizer, texts, adapters."""
    for file in sorted(folder.iterdir()):
        is_small = file.is_file() and file.stat().st_size <= _COMPANION_LIMIT_BYTES
        is_wanted = file.suffix in _COMPANIONS or file.name == ADAPTERS_FILE_NAME
        if is_small and is_wanted and file.name not in (RECORD_FILE_NAME, CARD_FILE_NAME):
            shutil.copyfile(file, stage / file.name)


def _name_of(path: Path) -> str:
    return path.resolve().parent.name if path.stem in _NAMELESS else path.stem


def _plain_id(name: str) -> str:
    """Return ``name`` as an id: small letters, digits, dots, hyphens.

    Raises:
        ModelError: ``model.id`` if nothing is left of it.
    """
    plain = re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.")
    if not plain:
        raise ModelError(
            f"{name!r} cannot be a model's id.",
            remedy="Give an id of letters, digits and hyphens.",
            code="model.id",
        )
    return plain
