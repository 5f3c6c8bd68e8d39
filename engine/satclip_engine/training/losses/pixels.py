"""The loss of dense features against masks."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

# Code of pixels that nobody looked at; the classes count from 1.
IGNORED = 0


def mask_loss(tokens: Tensor, classes: Tensor, masks: Tensor, scale: Tensor | float) -> Tensor:
    """Return the mean cross-entropy of the pixels' classes, the cells' scores brought to the masks' size.

    Args:
        tokens: (N, D, h, w), not normalised.
        classes: Unit vectors (K, D).
        masks: (N, H, W) integers: 0 takes no part, k is row k - 1 of ``classes``.
        scale: Factor on cosines.
    """
    scores = torch.einsum("ndhw,kd->nkhw", functional.normalize(tokens, dim=1), classes)
    logits = functional.interpolate(scale * scores, size=masks.shape[-2:], mode="bilinear", align_corners=False)
    if not bool((masks != IGNORED).any()):
        return logits.sum() * 0.0  # no loss, and a gradient of zeros
    return functional.cross_entropy(logits, masks.long() - 1, ignore_index=IGNORED - 1)
