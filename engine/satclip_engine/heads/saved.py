"""A head on disk: a folder with ``head.safetensors`` and ``head.json``, for other layers and other people."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from satclip_engine.errors import HeadError, OutputError, SatclipError
from satclip_engine.heads.choice import FittedHead
from satclip_engine.heads.linear import LinearHead
from satclip_engine.heads.prototypes import PrototypeHead
from satclip_engine.heads.residual import ResidualHead
from satclip_engine.heads.tip_adapter import CacheHead
from satclip_engine.heads.words import WordPrior
from satclip_engine.problems import as_satclip_error
from satclip_engine.protocol import HeadCard, HeadCardError, to_json
from satclip_engine.protocol.heads import (
    HEAD_CARD,
    HEAD_FORMAT,
    HEAD_TENSORS,
    card_from_facts,
    damaged_head,
    read_head_facts,
)

# What decides whether two encoders give the same features; device and precision only round them.
_SAME_ENCODER = ("weights_sha256", "head_variant", "cell_px", "mean", "std")


@dataclass(frozen=True, eq=False)
class SavedHead:
    """A head read from its folder.

    Attributes:
        head: Ready to use.
        card: What it says of itself.
    """

    head: FittedHead
    card: HeadCard


def save_head(folder: Path, head: FittedHead, card: HeadCard) -> None:
    """Write a head; the folder appears whole or not at all, and an older head in it is replaced.

    Other files in the folder, samples for example, are kept.

    Raises:
        OutputError: ``head.folder`` if the folder cannot be written or holds something else.
        ValueError: if the card's classes are not as many as the head's.
    """
    if len(card.classes) != head.class_count:
        raise ValueError(f"{len(card.classes)} classes do not fit a head of {head.class_count}")
    folder = folder.absolute()
    tensors, facts = _pack(head)
    data = save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    text = json.dumps(
        {
            "format": HEAD_FORMAT,
            "kind": facts.pop("kind"),
            "settings": facts,
            "tensors_sha256": hashlib.sha256(data).hexdigest(),
            "classes": to_json(card.classes),
            "encoder": card.encoder,
            "provenance": card.provenance,
        },
        indent=1,
        ensure_ascii=False,
    )
    check_folder(folder)
    try:
        _replace_folder(folder, data, text)
    except OSError as error:
        raise OutputError(
            f"The head cannot be written to {folder}: {error.strerror or error}.",
            remedy="Choose a folder that you may write to, with free space.",
            code="head.folder",
            path=str(folder),
        ) from error


def load_head(folder: Path, encoder_identity: dict[str, Any]) -> SavedHead:
    """Read a head for the features of one encoder.

    Raises:
        HeadError: ``head.missing``, ``head.damaged``, ``head.format`` or ``head.encoder``.
    """
    try:
        facts = read_head_facts(folder)
        card = card_from_facts(folder, facts)
    except HeadCardError as error:
        raise as_satclip_error(error) from error
    different = [name for name in _SAME_ENCODER if card.encoder.get(name) != encoder_identity.get(name)]
    if different:
        raise HeadError(
            f"The head in {folder.name} was taught on features of the model {card.encoder.get('id')!r}, not of"
            f" {encoder_identity.get('id')!r} as it is set now (different: {', '.join(different)}).",
            remedy=f"Choose the model {card.encoder.get('id')!r} with the same settings, or teach the head again.",
            code="head.encoder",
            different=different,
        )
    try:
        data = (folder / HEAD_TENSORS).read_bytes()
    except OSError as error:
        raise _damaged(folder, f"{HEAD_TENSORS} cannot be read") from error
    if hashlib.sha256(data).hexdigest() != facts.get("tensors_sha256"):
        raise _damaged(folder, f"{HEAD_TENSORS} is not the file that was saved")
    try:
        head = _unpack(facts["kind"], facts["settings"], load(data))
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise _damaged(folder, f"{HEAD_TENSORS} and {HEAD_CARD} do not fit") from error
    if head.class_count != len(card.classes):
        raise _damaged(folder, f"it has {head.class_count} classes, its card {len(card.classes)}")
    return SavedHead(head, card)


def check_folder(folder: Path) -> None:
    """Make sure that a head may be written to ``folder``, before what costs time.

    Raises:
        OutputError: ``head.folder`` if it holds something else.
    """
    if folder.exists() and not (folder / HEAD_CARD).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(
            f"{folder} is there already and is not a saved head.",
            remedy="Choose another folder.",
            code="head.folder",
            path=str(folder),
        )


def discard_unfinished(folder: Path) -> None:
    """Remove what a killed process left beside ``folder``; the head that it was about to replace stays."""
    for old in folder.parent.glob(f".{glob.escape(folder.name)}.*.old"):
        if not folder.exists():
            old.replace(folder)
        shutil.rmtree(old, ignore_errors=True)
    for fresh in folder.parent.glob(f".{glob.escape(folder.name)}.*.new"):
        shutil.rmtree(fresh, ignore_errors=True)


def _damaged(folder: Path, why: str) -> SatclipError:
    return as_satclip_error(damaged_head(folder, why))


def _replace_folder(folder: Path, data: bytes, text: str) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = folder.with_name(f".{folder.name}.{os.getpid()}.new")
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        fresh.mkdir()
        if folder.is_dir():
            kept = shutil.ignore_patterns(HEAD_TENSORS, HEAD_CARD)
            shutil.copytree(folder, fresh, ignore=kept, dirs_exist_ok=True)
        for name, content in ((HEAD_TENSORS, data), (HEAD_CARD, text.encode())):
            with (fresh / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        if folder.exists():
            folder.replace(old)
        try:
            fresh.replace(folder)
        except OSError:
            if old.exists():
                old.replace(folder)
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def _pack(head: FittedHead) -> tuple[dict[str, Tensor], dict[str, Any]]:
    facts: dict[str, Any] = {"temperature": head.temperature}
    if isinstance(head, PrototypeHead):
        return {"means": head.means}, {"kind": "prototypes", **facts}
    if isinstance(head, LinearHead):
        return {"weights": head.weights, "bias": head.bias}, {"kind": "linear", **facts}
    tensors = {"phrase_vectors": head.words.phrase_vectors, "class_of_phrase": head.words.class_of_phrase}
    facts |= {
        "class_count": head.words.class_count,
        "words_temperature": head.words.temperature,
        "global_bias": head.words.global_bias,
    }
    if isinstance(head, ResidualHead):
        return {**tensors, "weights": head.weights, "bias": head.bias}, {
            "kind": "residual",
            "scale": head.scale,
            **facts,
        }
    return {**tensors, "keys": head.keys, "values": head.values}, {
        "kind": "tip_adapter",
        "alpha": head.alpha,
        "beta": head.beta,
        **facts,
    }


def _unpack(kind: str, facts: dict[str, Any], tensors: dict[str, Tensor]) -> FittedHead:
    if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
        raise ValueError("a tensor is not finite")
    temperature = float(facts["temperature"])
    if kind == "prototypes":
        return PrototypeHead.of(tensors["means"], temperature)
    if kind == "linear":
        return LinearHead(tensors["weights"], tensors["bias"], temperature)
    words = WordPrior(
        tensors["phrase_vectors"],
        tensors["class_of_phrase"],
        int(facts["class_count"]),
        float(facts["words_temperature"]),
        float(facts["global_bias"]),
    )
    if kind == "residual":
        return ResidualHead(words, float(facts["scale"]), tensors["weights"], tensors["bias"], temperature)
    if kind == "tip_adapter":
        return CacheHead(
            words, tensors["keys"], tensors["values"], float(facts["alpha"]), float(facts["beta"]), temperature
        )
    raise ValueError(f"no head is called {kind!r}")
