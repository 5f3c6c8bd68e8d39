"""Whether a model is set up as it was trained: activation, normalisation and text length, decided by numbers.

A CLIP run with another activation or normalisation than it was trained with loses accuracy silently. So pictures with
known captions are matched to their captions under each setting: the setting with the smaller contrastive loss is the
right one, if the difference is larger than its uncertainty and the model recognises the pictures at all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from satclip_engine.config import Config
from satclip_engine.models.encoder import load_clip
from satclip_engine.models.preprocess import Preprocess
from satclip_engine.models.registry.entries import NORMALISATIONS
from satclip_engine.models.registry.installed import note_check, read_record, verify_weights
from satclip_engine.models.registry.reference_tiles import Tiles, reference_tiles
from satclip_engine.models.registry.user_tiles import read_tiles
from satclip_engine.models.source import ModelSource, find_model
from satclip_engine.models.text_tower import load_tokenizer
from satclip_engine.models.weights import read_state_dict, weights_sha256
from satclip_engine.protocol import ModelCheck

# How many standard errors a difference of losses must be away from zero.
_SURE_SE = 2.5
# The model must find the right caption this many times as often as by chance, or its losses say nothing.
_FACTOR_OVER_CHANCE = 2.0
_BATCH = 16
_CONFIGURED = "configured"
_ACTIVATIONS = {"gelu": False, "quickgelu": True}
_NAMES = {"gelu": "GELU", "quickgelu": "QuickGELU"}


def check_model(model: str, config: Config, tiles: Path | None = None) -> ModelCheck:
    """Measure ``model`` on reference tiles, or on the user's, and say what fits, what does not and what is undecided.

    Args:
        model: An installed model's id, or whatever ``find_model`` takes.
        config: Folders.
        tiles: A folder of images with ``captions.jsonl``; None takes drawn tiles.

    Raises:
        ModelError: those of loading the model.
        InputError: if the user's tiles cannot be read.
    """
    source = find_model(model, config)
    verify_weights(source.weights, weights_sha256(source.weights, config.cache_dir))
    pictures = _tiles(source, tiles)
    expected = "quickgelu" if source.model_cfg.get("quick_gelu") else "gelu"
    losses = {name: _losses(source, pictures, name) for name in _ACTIVATIONS}
    report = _Report(pictures)
    activation = report.choose("activation", losses, expected)
    if activation and activation != expected:
        report.warnings.append(
            f"The weights fit {_NAMES[activation]} better, and the configuration says {_NAMES[expected]}."
        )
    normalisation = _check_normalisation(source, pictures, activation or expected, report)
    found = _positions(read_state_dict(source.weights))
    _check_text_length(source, found, report)
    _note(source.folder, report)
    return ModelCheck(
        model=source.id,
        activation=activation,
        activation_expected=expected,
        mean_std=normalisation,
        context_length=found,
        warnings=tuple(report.warnings),
        undecided=tuple(report.undecided),
        details=report.details,
    )


class _Report:
    """Gathers what the measurements say."""

    def __init__(self, tiles: Tiles) -> None:
        self.warnings: list[str] = []
        self.undecided: list[str] = []
        self.details: dict[str, float] = {}
        self._tiles = tiles

    def choose(self, what: str, measured: Mapping[str, _Measured], expected: str) -> str:
        """Return the setting that fits better than every other beyond doubt, or "" and note why there is none."""
        for name, one in measured.items():
            self.details[f"{what}_{name}_loss"] = round(float(one.losses.mean()), 5)
            self.details[f"{what}_{name}_accuracy"] = round(one.accuracy, 4)
        best = min(measured, key=lambda name: float(measured[name].losses.mean()))
        chance = 1 / len(self._tiles.captions)
        if measured[best].accuracy < _FACTOR_OVER_CHANCE * chance:
            self.undecided.append(
                f"The {what} cannot be told: the model finds {measured[best].accuracy:.0%} of the captions, and chance"
                f" {chance:.0%}. Pictures of the kind it was trained on may tell."
            )
            return ""
        rivals = [name for name in measured if name != best]
        sureness = {name: self._sureness(measured[name].losses - measured[best].losses) for name in rivals}
        self.details[f"{what}_sureness_se"] = round(min(sureness.values()), 2)
        if min(sureness.values()) >= _SURE_SE:
            return best
        close = [name for name in sureness if sureness[name] < _SURE_SE]
        if expected == best or expected in close:
            self.undecided.append(f"The {what} makes no difference that can be told from chance here.")
            return ""
        self.warnings.append(f"The configured {what} fits worse than {' or '.join([best, *close])}.")
        return ""

    def _sureness(self, differences: np.ndarray) -> float:
        """Return how many standard errors the mean difference is above zero.

        Captions are what varies: pictures of one caption are no independent witnesses.
        """
        owners = np.asarray(self._tiles.owners)
        means = np.array([differences[owners == owner].mean() for owner in np.unique(owners)])
        error = float(means.std(ddof=1)) / math.sqrt(len(means))
        return float(means.mean()) / error if error > 0 else 0.0


class _Measured:
    """Losses (N,) of the pictures against all captions, and the share that finds its own caption first."""

    def __init__(self, logits: torch.Tensor, owners: Sequence[int]) -> None:
        truth = torch.tensor(owners)
        self.losses: np.ndarray = functional.cross_entropy(logits, truth, reduction="none").numpy().astype(np.float64)
        self.accuracy = float((logits.argmax(1) == truth).float().mean())


def _losses(source: ModelSource, tiles: Tiles, activation: str) -> _Measured:
    clip = _build(source, activation)
    return _measure(clip, _texts(clip, source, tiles), tiles, source.preprocess)


def _check_normalisation(source: ModelSource, tiles: Tiles, activation: str, report: _Report) -> str:
    clip = _build(source, activation)
    texts = _texts(clip, source, tiles)
    ours = (source.preprocess.mean, source.preprocess.std)
    known = {name: values for name, values in NORMALISATIONS.items() if not _same(values, ours)}
    named = next((name for name, values in NORMALISATIONS.items() if _same(values, ours)), _CONFIGURED)
    measured = {
        name: _measure(clip, texts, tiles, Preprocess(*values)) for name, values in {named: ours, **known}.items()
    }
    best = report.choose("normalisation", measured, named)
    if best and best != named:
        report.warnings.append(f"The weights fit the normalisation {best!r} better than the configured {named!r}.")
    return best


def _check_text_length(source: ModelSource, found: int | None, report: _Report) -> None:
    configured = source.model_cfg["text_cfg"].get("context_length", 77)
    if found is None:
        report.undecided.append("The text length cannot be told: the text tower keeps no table of positions.")
        return
    report.details["context_length_configured"] = float(configured)
    if found != configured:
        report.warnings.append(
            f"The weights hold positions for {found} tokens of text, and {configured} are configured."
        )


def _tiles(source: ModelSource, folder: Path | None) -> Tiles:
    size = source.model_cfg["vision_cfg"].get("image_size", 224)
    size_px = int(min(size) if isinstance(size, list) else size)
    return reference_tiles(size_px) if folder is None else read_tiles(folder, size_px)


def _build(source: ModelSource, activation: str) -> Any:
    model_cfg = {**source.model_cfg, "quick_gelu": _ACTIVATIONS[activation]}
    return load_clip(replace(source, model_cfg=model_cfg)).eval()


@torch.inference_mode()
def _texts(clip: Any, source: ModelSource, tiles: Tiles) -> torch.Tensor:
    ids = load_tokenizer(source)(list(tiles.captions))
    return functional.normalize(clip.encode_text(ids).float(), dim=-1)


@torch.inference_mode()
def _measure(clip: Any, texts: torch.Tensor, tiles: Tiles, preprocess: Preprocess) -> _Measured:
    images = torch.from_numpy(tiles.images)
    vectors = torch.cat(
        [clip.encode_image(preprocess.normalise(batch, torch.float32)).float() for batch in torch.split(images, _BATCH)]
    )
    scale = float(clip.logit_scale.exp().clamp(max=100))
    return _Measured(scale * functional.normalize(vectors, dim=-1) @ texts.T, tiles.owners)


def _positions(state: Mapping[str, torch.Tensor]) -> int | None:
    for name in ("positional_embedding", "text.positional_embedding"):
        if name in state:
            return int(state[name].shape[-2])
    return None


def _same(one: tuple[Sequence[float], Sequence[float]], other: tuple[Sequence[float], Sequence[float]]) -> bool:
    return all(np.allclose(mine, theirs, atol=2e-3) for mine, theirs in zip(one, other, strict=True))


def _note(folder: Path, report: _Report) -> None:
    """Keep the outcome beside an installed model."""
    if report.warnings:
        outcome = f"Does not fit: {' '.join(report.warnings)}"
    else:
        outcome = f"Nothing wrong found; undecided: {len(report.undecided)}." if report.undecided else "Fits."
    if read_record(folder) is not None:
        note_check(folder, outcome)
