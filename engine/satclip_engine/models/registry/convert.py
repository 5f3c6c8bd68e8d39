"""Published state dicts of every family, in whatever wrapping, to open_clip's native CLIP layout.

A publisher's training script decides what stands around the two towers: ``module.`` of parallel training,
``encoder.model.`` of SenCLIP's wrapper, ``visual_encoder.`` and ``text_encoder.`` of two-tower code, heads, queues and
teachers beside them. The towers are recognised by what is inside them, wherever they are; all else is left out and
named. Layouts as published: OpenAI CLIP, open_clip (both text layouts), Long-CLIP (arXiv:2403.15378), SenCLIP,
transformers' CLIPModel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch

from satclip_engine.errors import ModelError
from satclip_engine.models.registry.transformers_layout import from_transformers, transformers_prefix

State = Mapping[str, torch.Tensor]

# Positions that Long-CLIP keeps from CLIP; those after them are its own. Source: arXiv:2403.15378, section 3.1.
LONG_CLIP_KEPT_POSITIONS = 20

_TEXT_NAMES = (
    "token_embedding.",
    "positional_embedding",
    "transformer.",
    "ln_final.",
    "text_projection",
)
# Copies that training scripts keep of a model; the model itself is wanted.
_COPIES = ("teacher", "momentum", "ema", "frozen", "target", "zero_shot")


@dataclass(frozen=True)
class Converted:
    """A state dict in open_clip's native layout.

    Attributes:
        state: Tensors by open_clip's names.
        left_out: Names in the published file that are no part of the two towers, by the first part of each.
        is_native: Whether the image tower is open_clip's own, so that shapes tell the configuration.
    """

    state: dict[str, torch.Tensor]
    left_out: tuple[str, ...]
    is_native: bool


def to_open_clip(state: State) -> Converted:
    """Return ``state`` in open_clip's native layout.

    Raises:
        ModelError: ``model.unrecognised`` if no image tower and text tower are found in it.
    """
    if (prefix := transformers_prefix(state)) is not None:
        native, used = from_transformers(state, prefix)
        return Converted(native, _left_out(state, used), is_native=True)
    trunk = _shortest(name[: name.index("visual.trunk.")] for name in state if "visual.trunk." in name)
    if trunk is not None:  # a timm trunk: open_clip's layout already, whatever stands before it
        kept = {name: name.removeprefix(trunk) for name in state if name.startswith(trunk)}
        return Converted({kept[name]: state[name] for name in kept}, _left_out(state, set(kept)), is_native=False)
    return _from_towers(state)


def _from_towers(state: State) -> Converted:
    visual = _shortest(_visual_prefixes(state))
    text = _shortest(
        name.removesuffix("token_embedding.weight")
        for name in state
        if name.endswith("token_embedding.weight")
        and f"{name.removesuffix('token_embedding.weight')}positional_embedding" in state
    )
    scale = _shortest(name for name in state if name == "logit_scale" or name.endswith(".logit_scale"))
    if visual is None or text is None or scale is None:
        parts = (("image tower", visual), ("text tower", text), ("logit scale", scale))
        missing = [words for words, found in parts if found is None]
        raise ModelError(
            f"The weights hold no {' and no '.join(missing)} in a layout that is known.",
            remedy="Choose the file with the whole CLIP model, or convert it to open_clip's layout.",
            code="model.unrecognised",
            missing=missing,
        )
    names = {name: f"visual.{name.removeprefix(visual)}" for name in state if name.startswith(visual)}
    names |= {
        name: short
        for name in state
        if name.startswith(text) and (short := name.removeprefix(text)).startswith(_TEXT_NAMES) and name not in names
    }
    names[scale] = "logit_scale"
    native = {short: state[name] for name, short in names.items()}
    return Converted(_merge_long_positions(native), _left_out(state, set(names)), is_native=True)


def _visual_prefixes(state: State) -> list[str]:
    """Return what stands before the names of every image tower, a Vision Transformer's or a ResNet's."""
    ends = [name.removesuffix("conv1.weight") for name in state if name.endswith("conv1.weight")]
    return [end for end in ends if f"{end}class_embedding" in state or f"{end}attnpool.positional_embedding" in state]


def _merge_long_positions(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the state with Long-CLIP's two tables of positions as one.

    Long-CLIP masks the first table after its first 20 rows and the second before them, and adds: rows 0-19 are the
    first's, the rest the second's. Source: arXiv:2403.15378.
    """
    rest = state.pop("positional_embedding_res", None)
    if rest is None:
        return state
    first = state["positional_embedding"]
    if first.shape != rest.shape:
        raise ModelError(
            f"The two tables of text positions have different sizes: {tuple(first.shape)} and {tuple(rest.shape)}.",
            remedy="The file is damaged; download or copy it again.",
            code="model.corrupt",
        )
    kept = LONG_CLIP_KEPT_POSITIONS
    return {**state, "positional_embedding": torch.cat([first[:kept], rest[kept:].to(first.dtype)])}


def _shortest(candidates: Iterable[str]) -> str | None:
    """Return the shortest candidate that is no copy's, else the shortest."""
    found = sorted(set(candidates), key=lambda prefix: (len(prefix), prefix))
    own = [prefix for prefix in found if not any(copy in prefix.lower() for copy in _COPIES)]
    return next(iter(own or found), None)


def _left_out(state: State, used: set[str]) -> tuple[str, ...]:
    """Return the first parts of the names that were not used, e.g. ``projection_head`` and ``queue``."""
    return tuple(sorted({name.split(".")[0] for name in state if name not in used}))
