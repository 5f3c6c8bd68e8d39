"""A LoRA by itself in a file: its two small matrices per weight, and the base model that they belong to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch.nn.utils import parametrize

from satclip_engine.errors import ModelError
from satclip_engine.models.lora import LowRankUpdate, lora_updates

_FORMAT = "satclip-lora-1"
_A, _B = ".lora_a", ".lora_b"


@dataclass(frozen=True)
class LoraFile:
    """A LoRA as read from a file.

    Attributes:
        base: Id of the model that it was trained on, for people.
        base_sha256: Digest of that model's weights: the same LoRA on other weights is another model.
        alpha: α of the scale α/√r.
        matrices: A (parts, r, columns) and B (parts, rows / parts, r) by the name of the base model's parameter.
    """

    base: str
    base_sha256: str
    alpha: float
    matrices: dict[str, tuple[torch.Tensor, torch.Tensor]]


def save_lora(clip: torch.nn.Module, path: Path, *, base: str, base_sha256: str) -> None:
    """Write the LoRA of ``clip``, at the share in use; see ``LoraFile`` for the two facts about its base.

    Raises:
        ValueError: if the model has no LoRA.
    """
    updates = lora_updates(clip)
    if not updates:
        raise ValueError("the model has no LoRA")
    state: dict[str, torch.Tensor] = {}
    for name, update in updates.items():
        state[f"{name}{_A}"] = update.a
        state[f"{name}{_B}"] = update.b * update.share
    alpha = next(iter(updates.values())).alpha
    facts = {"format": _FORMAT, "base": base, "base_sha256": base_sha256, "alpha": str(alpha)}
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}, path, metadata=facts)


def is_lora_file(path: Path) -> bool:
    """Return whether ``path`` is a file that ``save_lora`` wrote."""
    if path.suffix != ".safetensors" or not path.is_file():
        return False
    try:
        with safe_open(path, "pt") as stored:
            return (stored.metadata() or {}).get("format") == _FORMAT
    except (SafetensorError, OSError):
        return False


def read_lora_file(path: Path) -> LoraFile:
    """Return the LoRA in ``path``.

    Raises:
        ModelError: ``model.corrupt`` if it is no LoRA file or a damaged one.
    """
    try:
        with safe_open(path, "pt") as stored:
            facts = stored.metadata() or {}
            names = [name.removesuffix(_A) for name in stored.keys() if name.endswith(_A)]  # noqa: SIM118 - no mapping
            matrices = {name: (stored.get_tensor(f"{name}{_A}"), stored.get_tensor(f"{name}{_B}")) for name in names}
        if facts.get("format") != _FORMAT or not matrices:
            raise ValueError("it is no LoRA of SatCLIP")
        return LoraFile(facts["base"], facts["base_sha256"], float(facts["alpha"]), matrices)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"The LoRA file {path.name} cannot be read: {error}.",
            remedy="The file is damaged, incomplete or of another program; export or copy it again.",
            code="model.corrupt",
            path=str(path),
        ) from error


def apply_lora(clip: torch.nn.Module, lora: LoraFile) -> None:
    """Insert the LoRA of a file into its base model.

    Raises:
        ModelError: ``model.mismatch`` if it does not fit.
    """
    for name, (a, b) in lora.matrices.items():
        path, _, own = name.rpartition(".")
        try:
            module = clip.get_submodule(path)
            weight = module.get_parameter(own)
            update = LowRankUpdate(weight, len(a), rank=a.shape[1], alpha=lora.alpha, dropout=0.0)
            update.load_state_dict({"a": a, "b": b})
        except (AttributeError, RuntimeError) as error:
            raise ModelError(
                f"The LoRA does not fit the model: {str(error).splitlines()[-1].strip()}.",
                remedy=f"It was made for the model {lora.base}; install that one.",
                code="model.mismatch",
            ) from error
        parametrize.register_parametrization(module, own, update)
