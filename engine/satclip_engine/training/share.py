"""The weights between a start and what was trained from it: most of the gain, little of the forgetting.

Source: WiSE-FT, Wortsman et al. 2022, https://arxiv.org/abs/2109.01903.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from satclip_engine.models.lora import lora_updates, set_lora_share


def use_share(clip: nn.Module, weights: Mapping[str, nn.Parameter], start: Mapping[str, Tensor], share: float) -> None:
    """Give a model the weights at ``share`` in (0, 1] of the way from its start to what was trained.

    Args:
        clip: With trained weights.
        weights: Those that trained, by name.
        start: Their values before.
        share: 1 leaves the trained ones.
    """
    if lora_updates(clip):
        set_lora_share(clip, share)
    else:
        with torch.no_grad():
            for name, weight in weights.items():
                weight.copy_(torch.lerp(start[name].to(weight), weight, share))
