"""Transformers' ``CLIPModel`` to open_clip's native layout: the same weights under other names.

Source: the parameter names of transformers' CLIPModel and of open_clip's CLIP.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch

from satclip_engine.errors import ModelError

_ANCHOR = "vision_model.embeddings.patch_embedding.weight"

# Names outside the layers: transformers → open_clip; the last element says whether the matrix is transposed.
_PLAIN = {
    "vision_model.embeddings.class_embedding": ("visual.class_embedding", False),
    "vision_model.embeddings.position_embedding.weight": ("visual.positional_embedding", False),
    "vision_model.embeddings.patch_embedding.weight": ("visual.conv1.weight", False),
    "vision_model.pre_layrnorm.weight": ("visual.ln_pre.weight", False),
    "vision_model.pre_layrnorm.bias": ("visual.ln_pre.bias", False),
    "vision_model.post_layernorm.weight": ("visual.ln_post.weight", False),
    "vision_model.post_layernorm.bias": ("visual.ln_post.bias", False),
    "visual_projection.weight": ("visual.proj", True),
    "text_model.embeddings.token_embedding.weight": ("token_embedding.weight", False),
    "text_model.embeddings.position_embedding.weight": ("positional_embedding", False),
    "text_model.final_layer_norm.weight": ("ln_final.weight", False),
    "text_model.final_layer_norm.bias": ("ln_final.bias", False),
    "text_projection.weight": ("text_projection", True),
    "logit_scale": ("logit_scale", False),
}
_TOWERS = {"vision_model.": "visual.", "text_model.": ""}
_IN_LAYER = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}
_LAYER = re.compile(r"(vision_model\.|text_model\.)encoder\.layers\.(\d+)\.(.+)\.(weight|bias)")


def transformers_prefix(state: Mapping[str, torch.Tensor]) -> str | None:
    """Return what stands before the names of transformers' layout, or None if it is not that layout."""
    found = [name.removesuffix(_ANCHOR) for name in state if name.endswith(_ANCHOR)]
    return min(found, key=len) if found else None


def from_transformers(state: Mapping[str, torch.Tensor], prefix: str = "") -> tuple[dict[str, torch.Tensor], set[str]]:
    """Return the tensors by open_clip's names, and the names in ``state`` that were used.

    Raises:
        ModelError: ``model.unrecognised`` if a part of the model is missing.
    """
    native: dict[str, torch.Tensor] = {}
    thirds: dict[str, dict[str, torch.Tensor]] = {}
    used = set()
    for name, tensor in state.items():
        short = name.removeprefix(prefix)
        layer = _LAYER.fullmatch(short)
        if short in _PLAIN:
            target, is_transposed = _PLAIN[short]
            native[target] = tensor.T.contiguous() if is_transposed else tensor
        elif layer is not None:
            tower, number, part, kind = layer.groups()
            block = f"{_TOWERS[tower]}transformer.resblocks.{number}."
            if part in _IN_LAYER:
                native[f"{block}{_IN_LAYER[part]}.{kind}"] = tensor
            elif part in ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"):
                thirds.setdefault(f"{block}attn.in_proj_{kind}", {})[part[-6]] = tensor
            else:
                continue
        else:
            continue
        used.add(name)
    native |= {name: _joined(name, parts) for name, parts in thirds.items()}
    missing = [target for target, _ in _PLAIN.values() if target not in native]
    if missing:
        raise ModelError(
            f"The weights are of transformers' CLIP layout but lack {missing[0]}.",
            remedy="Choose the file with the whole CLIP model, not one tower of it.",
            code="model.unrecognised",
            missing=missing,
        )
    return native, used


def _joined(name: str, parts: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return query, key and value as open_clip's one matrix."""
    if set(parts) != {"q", "k", "v"}:
        raise ModelError(
            f"The weights lack a part of {name}.",
            remedy="The file is damaged or incomplete; download or copy it again.",
            code="model.unrecognised",
        )
    return torch.cat([parts["q"], parts["k"], parts["v"]])
