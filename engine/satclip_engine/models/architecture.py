"""From an open_clip configuration to a model with weights."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch

from satclip_engine.errors import ModelError
from satclip_engine.models.preprocess import Preprocess
from satclip_engine.models.torchvision_compat import ensure_torchvision_imports

# Facts that OpenAI's files carry beside the weights, and a buffer that newer versions rebuild.
_IGNORED_KEYS = ("input_resolution", "context_length", "vocab_size", "attn_mask", "text.attn_mask")


def architecture_config(name: str) -> dict[str, Any] | None:
    """Return open_clip's own configuration called ``name``, or None."""
    ensure_torchvision_imports()
    import open_clip

    return open_clip.get_model_config(name) if name in open_clip.list_models() else None


def architecture_preprocess(name: str) -> Preprocess:
    """Return how the published weights of open_clip's architecture ``name`` want their images."""
    ensure_torchvision_imports()
    import open_clip

    tags = open_clip.list_pretrained_tags_by_model(name)
    return Preprocess.from_config(open_clip.get_pretrained_cfg(name, tags[0]) or {}) if tags else Preprocess()


def build_model(model_cfg: dict[str, Any]) -> Any:
    """Return an open_clip model with random weights, in evaluation mode; nothing is downloaded.

    Raises:
        ModelError: ``model.config`` if open_clip cannot build it.
    """
    ensure_torchvision_imports()
    from open_clip.coca_model import CoCa
    from open_clip.model import CLIP, CustomTextCLIP

    cfg = deepcopy(model_cfg)
    try:
        text_cfg, vision_cfg = cfg["text_cfg"], cfg["vision_cfg"]
        if "timm_model_name" in vision_cfg:
            vision_cfg["timm_model_pretrained"] = False
        if "hf_model_name" in text_cfg:
            text_cfg["hf_model_pretrained"] = False
        is_custom = cfg.pop("custom_text", False) or "hf_model_name" in text_cfg
        kind = CLIP if not is_custom else CoCa if "multimodal_cfg" in cfg else CustomTextCLIP
        model = kind(**cfg)
    except Exception as error:  # open_clip and timm raise anything on a configuration they do not know
        raise ModelError(
            f"The model's configuration cannot be built: {type(error).__name__}: {error}.",
            remedy="Check open_clip_config.json, or update the engine if the model is newer than it.",
            code="model.config",
        ) from error
    return model.eval()


def build_unfilled(model_cfg: dict[str, Any]) -> Any:
    """Return the model of ``build_model`` for ``load_weights`` to fill; drawing random weights first takes longer.

    Raises:
        ModelError: ``model.config`` if open_clip cannot build it.
    """
    text_cfg, vision_cfg = model_cfg.get("text_cfg", {}), model_cfg.get("vision_cfg", {})
    if "hf_model_name" in text_cfg or "timm_model_name" in vision_cfg or "multimodal_cfg" in model_cfg:
        return build_model(model_cfg)  # may keep buffers that no weights file holds
    with torch.device("meta"):
        model = build_model(model_cfg)
    model.to_empty(device="cpu")
    for module in model.modules():
        mask = getattr(module, "attn_mask", None)
        if isinstance(mask, torch.Tensor):  # the causal mask, the one buffer that the weights do not hold
            module.attn_mask = torch.full_like(mask, float("-inf")).triu_(1)
    return model


def load_weights(model: Any, state: dict[str, torch.Tensor]) -> None:
    """Load a state dict of any layout that open_clip understands into ``model``.

    Raises:
        ModelError: ``model.mismatch`` if tensors are missing, too many or of other shapes.
    """
    from open_clip.convert import convert_state_dict
    from open_clip.model import convert_to_custom_text_state_dict, resize_pos_embed, resize_text_pos_embed

    try:
        state = convert_state_dict(model, dict(state))
        if "positional_embedding" in state and not hasattr(model, "positional_embedding"):
            state = convert_to_custom_text_state_dict(state)
        elif "text.positional_embedding" in state and not hasattr(model, "text"):
            state = {name.removeprefix("text."): tensor for name, tensor in state.items()}
        for name in ("logit_scale", "logit_bias"):
            if name in state and getattr(model, name, None) is not None:
                state[name] = state[name].reshape(getattr(model, name).shape)
        resize_pos_embed(state, model)
        if hasattr(model, "positional_embedding") or hasattr(getattr(model, "text", None), "positional_embedding"):
            resize_text_pos_embed(state, model)
        result = model.load_state_dict(state, strict=False)
    except (RuntimeError, KeyError, AssertionError, ValueError) as error:
        raise _mismatch(str(error).splitlines()[-1].strip()) from error
    unexpected = [
        name for name in result.unexpected_keys if name not in _IGNORED_KEYS and not name.endswith("position_ids")
    ]
    if result.missing_keys or unexpected:
        words = [f"missing {name}" for name in result.missing_keys[:2]] + [f"extra {name}" for name in unexpected[:2]]
        raise _mismatch(", ".join(words))


def _mismatch(reason: str) -> ModelError:
    return ModelError(
        f"The weights do not fit the model's architecture: {reason}.",
        remedy="Name the architecture before the path, for example  ViT-B-16-quickgelu:/path/to/weights.pt.",
        code="model.mismatch",
    )
