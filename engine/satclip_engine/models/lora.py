"""Low-rank adaptation (LoRA) of a model's weights, by parametrization: whoever reads a weight reads it adapted.

The dense head reads ``attention.in_proj_weight``, open_clip's text tower calls its blocks, timm its own: none of them
needs to know. Why not peft: ``docs/decisions/0004-lora-by-parametrization.md``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch.nn import Parameter
from torch.nn.utils import parametrize

from satclip_engine.models.adapters import ADAPTERS

# Linear layers that make queries, keys and values, as timm, open_clip and transformers call them, and how many of the
# three each makes.
_ATTENTION_PARTS = {
    "qkv": 3,
    "q_proj": 1,
    "k_proj": 1,
    "v_proj": 1,
    "query": 1,
    "key": 1,
    "value": 1,
}


class LowRankUpdate(torch.nn.Module):
    """W + s · α/√r · B A, for each of the equal row blocks of W by itself.

    Source: LoRA (arXiv:2106.09685); scale α/√r: rank-stabilised LoRA (arXiv:2312.03732). B starts at zero, so nothing
    changes before the first step.

    Args:
        weight: (rows, columns, ...) to adapt; its dtype and device are taken.
        parts: Row blocks, 3 for queries, keys and values in one matrix.
        rank: r.
        alpha: α.
        dropout: Share of the input features that ``draw_dropout`` leaves out.

    Attributes:
        a: (parts, r, columns).
        b: (parts, rows / parts, r).
        share: s in 0..1, the part of the update that is used (WiSE-FT).
    """

    def __init__(self, weight: torch.Tensor, parts: int, *, rank: int, alpha: float, dropout: float) -> None:
        super().__init__()
        rows, columns = weight.flatten(1).shape
        # Source: Kaiming's uniform start with a = √5, as peft and the LoRA paper's code use: bound 1/√columns.
        self.a = Parameter(weight.new_empty(parts, rank, columns).uniform_(-1, 1) / math.sqrt(columns))
        self.b = Parameter(weight.new_zeros(parts, rows // parts, rank))
        self.rank = rank
        self.alpha = alpha
        self.dropout = dropout
        self.share = 1.0
        self._kept: torch.Tensor | None = None

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """Return the weight with its update; in training mode without the dropped features."""
        a = self.a if self._kept is None or not self.training else self.a * self._kept
        return self._updated(weight, a)

    def merged(self, weight: torch.Tensor) -> torch.Tensor:
        """Return the weight with the whole update, whatever the mode."""
        return self._updated(weight, self.a)

    def draw_dropout(self) -> None:
        """Draw the features that the next steps leave out, from torch's random numbers."""
        kept = torch.rand_like(self.a[:, :1], requires_grad=False) >= self.dropout
        self._kept = kept.to(self.a.dtype) / (1 - self.dropout) if self.dropout else None

    def _updated(self, weight: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
        # Autocast would round the update before it is added to a weight of full precision.
        with torch.autocast(weight.device.type, enabled=False):
            update = (self.b @ a).reshape(weight.shape)
            return weight + self.share * self.alpha / math.sqrt(self.rank) * update


def insert_lora(tower: torch.nn.Module, *, rank: int, alpha: float, dropout: float) -> None:
    """Adapt the weights of ``tower`` that make queries, keys and values, and those of pointwise convolutions.

    Where it has neither (ConvNeXt), the linear layers of its MLPs are adapted; where nothing fits, nothing happens.
    """
    for module, name, parts in list(_sites(tower)):
        update = LowRankUpdate(getattr(module, name), parts, rank=rank, alpha=alpha, dropout=dropout)
        parametrize.register_parametrization(module, name, update)


def draw_dropout(clip: torch.nn.Module) -> None:
    """Draw which input features the updates leave out from now on; call before each training step.

    All images and texts of a step share the draw: an update of the weight cannot tell them apart, and so the step
    does not depend on how it is cut into smaller batches.
    """
    for update in lora_updates(clip).values():
        update.draw_dropout()


def set_lora_share(clip: torch.nn.Module, share: float) -> None:
    """Use ``share`` in 0..1 of every update: the weights between the start and the trained ones (WiSE-FT)."""
    for update in lora_updates(clip).values():
        update.share = share


def lora_updates(clip: torch.nn.Module) -> dict[str, LowRankUpdate]:
    """Return the updates by the name of the base model's parameter that each adapts."""
    return {
        f"{path}.{name}".lstrip("."): update
        for path, module in clip.named_modules()
        if parametrize.is_parametrized(module)
        for name, updates in module.parametrizations.items()
        for update in updates
        if isinstance(update, LowRankUpdate)
    }


def merge_lora(clip: torch.nn.Module) -> None:
    """Add every update to its weight for good: the model is an ordinary one again."""
    for name, update in lora_updates(clip).items():
        path, _, own = name.rpartition(".")
        update.eval()
        parametrize.remove_parametrizations(clip.get_submodule(path), own, leave_parametrized=True)


def merged_state_dict(clip: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return the base model's state dict, by its own names, with the updates added and without adapters."""
    updates = lora_updates(clip)
    state: dict[str, torch.Tensor] = {}
    for name, tensor in clip.state_dict().items():
        base = name.replace("parametrizations.", "").removesuffix(".original")
        if ADAPTERS in name.split("."):
            continue
        if base in updates and name.endswith(".original"):
            with torch.no_grad():
                state[base] = updates[base].merged(tensor)
        elif ".parametrizations." not in name:
            state[name] = tensor
    return state


def _sites(tower: torch.nn.Module) -> Iterator[tuple[Any, str, int]]:
    """Yield module, name of its weight and number of row blocks."""
    found = False
    for path, module in tower.named_modules():
        if ADAPTERS in path.split("."):
            continue
        parts = _ATTENTION_PARTS.get(path.rpartition(".")[2])
        if isinstance(getattr(module, "in_proj_weight", None), Parameter):
            found = True
            yield module, "in_proj_weight", 3
        elif (isinstance(module, torch.nn.Linear) and parts) or _is_pointwise(module):
            found = True
            yield module, "weight", parts or 1
    if not found:
        for path, module in tower.named_modules():
            if isinstance(module, torch.nn.Linear) and "mlp" in path.split("."):
                yield module, "weight", 1


def _is_pointwise(module: torch.nn.Module) -> bool:
    return isinstance(module, torch.nn.Conv2d) and module.kernel_size == (1, 1) and module.groups == 1
