"""The model between a start and what was trained from it: most of the gain, little of the forgetting.

Source: WiSE-FT, Wortsman et al. 2022, https://arxiv.org/abs/2109.01903.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from satclip_engine.config import Config
from satclip_engine.errors import ModelError, OutputError
from satclip_engine.models.card import CARD_FILE_NAME
from satclip_engine.models.folders import ADAPTERS_FILE_NAME, CONFIG_FILE_NAME, UNFINISHED_SUFFIX
from satclip_engine.models.registry.card_facts import read_facts
from satclip_engine.models.registry.imports import copy_companions
from satclip_engine.models.registry.install import save_weights, write_json
from satclip_engine.models.registry.installed import (
    FROM_TRAINING,
    WEIGHTS_FILE_NAME,
    InstalledRecord,
    now_utc,
    write_record,
)
from satclip_engine.models.source import ModelSource, find_model
from satclip_engine.models.weights import read_state_dict, weights_sha256


def mix_models(
    start: str,
    tuned: str,
    weight: float,
    out: Path,
    config: Config,
    describe: Callable[[Path], None] = lambda _: None,
) -> Path:
    """Write the model at ``weight`` of the way from ``start`` to ``tuned`` into the new folder ``out``.

    Args:
        start: Id or path.
        tuned: Id or path of what was trained from it.
        weight: Within 0 to 1.
        out: The folder, which must not hold a model.
        config: Folders.
        describe: Adds to the card what is known of the new model, given the folder before it goes to its place.

    Raises:
        ModelError: ``model.mismatch`` if one was not trained from the other; those of ``find_model``.
        OutputError: if there is a model in ``out``, or it cannot be written.
        DiskFullError: if there is no room.
    """
    before, after = find_model(start, config), find_model(tuned, config)
    mixed = _lerp(read_state_dict(before.weights), read_state_dict(after.weights), weight, (before, after))
    adapters = _mixed_adapters(before, after, weight)
    if (out / CONFIG_FILE_NAME).is_file():
        raise OutputError(f"There is a model in {out} already.", remedy="Choose another name.", path=str(out))
    stage = out.with_name(f"{out.name}{UNFINISHED_SUFFIX}")
    try:
        shutil.rmtree(stage, ignore_errors=True)
        stage.mkdir(parents=True)
        copy_companions(after.folder, stage)
        save_weights(mixed, stage / WEIGHTS_FILE_NAME)
        if adapters:
            save_file({name: tensor.contiguous() for name, tensor in adapters.items()}, stage / ADAPTERS_FILE_NAME)
        write_json(stage / CARD_FILE_NAME, _card(before, after, weight, out.name))
        digest = weights_sha256(stage / WEIGHTS_FILE_NAME, config.cache_dir)
        said = f"{weight:.0%} of {after.id}, the rest of {before.id}"
        write_record(stage, InstalledRecord(FROM_TRAINING, said, digest, WEIGHTS_FILE_NAME, digest, now_utc()))
        describe(stage)
        return stage.replace(out)
    except OSError as error:
        raise OutputError(
            f"The model cannot be written to {out}: {error.strerror or error}.",
            remedy="Choose a folder that you may write to.",
            path=str(out),
        ) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _lerp(
    before: Mapping[str, Tensor], after: Mapping[str, Tensor], weight: float, sources: tuple[ModelSource, ModelSource]
) -> dict[str, Tensor]:
    if {name: tensor.shape for name, tensor in before.items()} != {name: one.shape for name, one in after.items()}:
        raise ModelError(
            f"The models {sources[0].id} and {sources[1].id} are not of one kind: their weights have other shapes.",
            remedy="Mix a model with the one that it was trained from.",
            code="model.mismatch",
        )
    return {
        name: torch.lerp(before[name].float(), tensor.float(), weight).to(tensor.dtype)
        if tensor.is_floating_point()
        else tensor
        for name, tensor in after.items()
    }


def _mixed_adapters(before: ModelSource, after: ModelSource, weight: float) -> dict[str, Tensor]:
    """Return the adapters with ``weight`` of what they add: where the start has none, its adapters add nothing."""
    files = [source.weights.parent / ADAPTERS_FILE_NAME for source in (before, after)]
    if not files[1].is_file():
        return {}
    tuned = read_state_dict(files[1])
    if files[0].is_file():
        return _lerp(read_state_dict(files[0]), tuned, weight, (before, after))
    return {name: tensor * weight if ".up." in name else tensor for name, tensor in tuned.items()}


def _card(before: ModelSource, after: ModelSource, weight: float, name: str) -> dict[str, object]:
    facts = read_facts(after.folder)
    training = {key: value for key, value in facts.get("training", {}).items() if key != "before_after"}
    return {
        **facts,
        "id": name,
        "title": name,
        "notes": f"{weight:.0%} of the way from {before.id} to {after.id} (WiSE-FT).",
        "training": {**training, "mixed": {"start": before.id, "tuned": after.id, "weight": weight}},
    }
