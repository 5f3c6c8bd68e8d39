"""Entries of the model registry: what is known of each published model before it is downloaded. No torch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from satclip_engine.config import Config
from satclip_engine.errors import ModelError

REGISTRY_FILE_NAME = "registry.json"

Triple = tuple[float, float, float]

# Channel mean and standard deviation by name. Source: open_clip/constants.py; "half" is SigLIP's, "none" leaves [0, 1].
NORMALISATIONS: Mapping[str, tuple[Triple, Triple]] = {
    "openai": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "none": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}


@dataclass(frozen=True)
class RegistryEntry:
    """One published model; facts of its family are repeated in it.

    Attributes:
        id: Stable id, used in requests; also its folder's name.
        title: For people.
        family: Name of its family.
        architecture: open_clip architecture.
        repo: Hub repository; "" where ``url`` says where it is.
        file: Weights file in the repository, or the member of the archive at ``url``.
        other_files: Names to try where the repository has no ``file``.
        extra_files: Further files of the repository that belong to the model, such as its tokenizer's.
        url: Address of the weights or of a zip archive of them, for models outside the hub.
        revision: Branch, tag or commit of the repository.
        sha256: Of the downloaded file; "" where unknown: then the first download's is recorded and checked ever after.
        bytes: Size of the download, from the number of parameters; the exact one is asked before a download.
        licence: SPDX id or the publisher's words.
        licence_url: Where it can be read.
        paper: Address of the publication.
        activation: ``quickgelu``, ``gelu``, or words where the architecture decides.
        image_size: Side of the native window in pixels.
        mean: Channel means of images in [0, 1].
        std: Channel standard deviations.
        context_length: Tokens of text.
        bands: What the three channels are.
        gsd_min_m: Finest recommended working ground sampling distance in metres per pixel.
        gsd_max_m: Coarsest recommended one.
        gsd_recommended_m: The one it does best at, or None.
        gsd_reason: Why that one.
        dense: Whether it has features per cell, so that it can make maps.
        good_at: One sentence.
        unconfirmed: Facts that the publisher does not state, each in words.
        needs: Python packages that this engine does not bring.
    """

    id: str
    title: str
    family: str
    architecture: str
    repo: str = ""
    file: str = ""
    other_files: tuple[str, ...] = ()
    extra_files: tuple[str, ...] = ()
    url: str = ""
    revision: str = "main"
    sha256: str = ""
    bytes: int | None = None
    licence: str = "unknown"
    licence_url: str = ""
    paper: str = ""
    activation: str = "gelu"
    image_size: int = 224
    mean: Triple = NORMALISATIONS["openai"][0]
    std: Triple = NORMALISATIONS["openai"][1]
    context_length: int = 77
    bands: str = "RGB"
    gsd_min_m: float = 0.1
    gsd_max_m: float = 10.0
    gsd_recommended_m: float | None = None
    gsd_reason: str = ""
    dense: bool = True
    good_at: str = ""
    unconfirmed: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """The hub repository, or the address."""
        return self.repo or self.url


def read_registry(config: Config) -> tuple[RegistryEntry, ...]:
    """Return the entries that ship with the engine and those of ``models_dir/registry.json``, by which they may differ.

    Raises:
        ModelError: ``model.registry`` if a registry file cannot be understood.
    """
    entries: dict[str, RegistryEntry] = {}
    for folder in (config.resources_dir / "models", config.models_dir):
        path = folder / REGISTRY_FILE_NAME
        if path.is_file():
            entries.update({entry.id: entry for entry in _read_file(path)})
    return tuple(entries.values())


def find_entry(model_id: str, config: Config) -> RegistryEntry:
    """Return the entry called ``model_id``.

    Raises:
        ModelError: ``model.unknown`` if there is none.
    """
    for entry in read_registry(config):
        if entry.id == model_id:
            return entry
    raise ModelError(
        f"The registry has no model {model_id!r}.",
        remedy="See the list of models for the ids, or import a weights file from this machine.",
        code="model.unknown",
        model=model_id,
    )


def _read_file(path: Path) -> list[RegistryEntry]:
    try:
        families = json.loads(path.read_text(encoding="utf-8"))["families"]
        return [entry for family in families for entry in _entries(family)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            f"The model registry {path} cannot be read: {type(error).__name__}: {error}.",
            remedy="Repair the file, or remove it if it is your own.",
            code="model.registry",
            path=str(path),
        ) from error


def _entries(family: Mapping[str, Any]) -> Iterator[RegistryEntry]:
    shared = {name: value for name, value in family.items() if name != "models"}
    names = {field.name for field in fields(RegistryEntry)}
    for model in family["models"]:
        facts = {**shared, **model}
        mean, std = _normalisation(facts.pop("normalisation", "openai"))
        if unknown := set(facts) - names:
            raise ValueError(f"unknown facts {', '.join(sorted(unknown))}")
        if not all(part.isalnum() for part in str(facts["id"]).replace(".", "-").replace("_", "-").split("-")):
            raise ValueError(f"the id {facts['id']!r} is no plain name")
        for name in ("other_files", "extra_files", "unconfirmed", "needs"):
            facts[name] = tuple(str(value) for value in facts.get(name, ()))
        yield RegistryEntry(**{**facts, "mean": mean, "std": std})


def _normalisation(value: Any) -> tuple[Triple, Triple]:
    if isinstance(value, str):
        return NORMALISATIONS[value]
    (r, g, b), (sr, sg, sb) = value
    return (float(r), float(g), float(b)), (float(sr), float(sg), float(sb))
