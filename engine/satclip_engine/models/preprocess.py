"""How a model wants its images normalised."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

# Source: open_clip/constants.py.
OPENAI_MEAN = (0.48145466, 0.4578275, 0.40821073)
OPENAI_STD = (0.26862954, 0.26130258, 0.27577711)

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Preprocess:
    """Channel mean and standard deviation of images in [0, 1]."""

    mean: Triple = OPENAI_MEAN
    std: Triple = OPENAI_STD

    @classmethod
    def from_config(cls, settings: Mapping[str, Any]) -> Preprocess:
        """Return the values of an open_clip ``preprocess_cfg``; missing ones are CLIP's.

        Raises:
            ValueError: if mean or std are not three numbers, or a std is not above zero.
        """
        mean, std = (_triple(settings.get(name) or default) for name, default in _DEFAULTS)
        if min(std) <= 0:
            raise ValueError("std must be above zero")
        return cls(mean, std)

    def normalise(self, images: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """Return uint8 ``images`` (N, C, H, W) as (image/255 - mean)/std in ``dtype``.

        Channels after the third are normalised as the three together.
        """
        # Computed in float32 whatever ``dtype``: 8-bit steps do not survive bf16 arithmetic.
        scale, shift = _constants(self, images.shape[1], images.device)
        return (images.float() * scale - shift).to(dtype)


_DEFAULTS = (("mean", OPENAI_MEAN), ("std", OPENAI_STD))


@functools.cache
def _constants(preprocess: Preprocess, channels: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return 1/(255·std) and mean/std (1, C, 1, 1); kept, because a copy to a GPU waits until the GPU is idle."""
    means, stds = _continued(preprocess.mean, channels), _continued(preprocess.std, channels)
    scale = [1 / (255 * std) for std in stds]
    shift = [mean / std for mean, std in zip(means, stds, strict=True)]
    return _per_channel(scale, device), _per_channel(shift, device)


def _per_channel(values: list[float], device: torch.device) -> torch.Tensor:
    with torch.inference_mode(mode=False):  # so that training may use them too
        return torch.tensor(values, device=device).view(1, -1, 1, 1)


def _continued(values: Triple, channels: int) -> list[float]:
    """Return the three values, and for every further channel their mean."""
    return [*values, *[sum(values) / len(values)] * (channels - len(values))]


def _triple(values: Any) -> Triple:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
