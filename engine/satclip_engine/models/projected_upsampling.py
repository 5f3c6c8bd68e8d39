"""Project first, upsample after: cosines at full size from the few channels that the question needs.

With cells t, mixing M = I + 0.1·W and offset b, the finest feature is z = U(M t) + 0.1·b, where U, the four passes, is
linear. A phrase's score ⟨p, z⟩ is therefore U(pᵀ M t) + 0.1·pᵀ b: exact, with one channel per phrase. Only the length
|z| of a cosine is not linear. It is computed exactly after the first n passes (where there are few pixels) and carried
through the others as one more channel; n = 4 is exact, n = 0 takes the cells' own lengths.
"""

from __future__ import annotations

import torch
from torch import Tensor

from satclip_engine.models.learned_upsampler import CORRECTION, LearnedUpsampler

# Two passes of all channels cost a twelfth of four.
DEFAULT_NORM_PASSES = 1

_LEAST_NORM = 1e-12


def upsample_then_project(upsampler: LearnedUpsampler, tokens: Tensor, guidance: Tensor, phrases: Tensor) -> Tensor:
    """Return the cosines of all upsampled features with the phrases: the definition, at D channels per pixel.

    Args:
        upsampler: Its mixing, if any, is of D channels.
        tokens: (D, h, w) float32, not normalised.
        guidance: (3, 16h, 16w) normalised image.
        phrases: (P, D) unit rows.

    Returns:
        (P, 16h, 16w) float32.
    """
    fine = upsampler(tokens, guidance)
    scores = (phrases @ fine.flatten(1)).unflatten(1, fine.shape[1:])
    return scores / torch.linalg.vector_norm(fine, dim=0).clamp_min(_LEAST_NORM)


def project_then_upsample(
    upsampler: LearnedUpsampler,
    tokens: Tensor,
    guidance: Tensor,
    phrases: Tensor,
    norm_passes: int = DEFAULT_NORM_PASSES,
) -> Tensor:
    """Return the same cosines from P + 2 channels.

    Args:
        upsampler: As in ``upsample_then_project``.
        tokens: As there.
        guidance: As there.
        phrases: As there.
        norm_passes: Passes run on all D channels to get the length, 0 to 4.
    """
    mixed, offset = _mix(upsampler, tokens)
    # One product gives the phrases' scores and the share of the length that the offset brings.
    directions = torch.cat([phrases, offset[None]])
    coarse = upsampler.upsample(mixed, guidance, stop=norm_passes)
    linear = (directions @ coarse.flatten(1)).unflatten(1, coarse.shape[1:])
    length = torch.linalg.vector_norm(coarse, dim=0, keepdim=True)
    fine = upsampler.upsample(torch.cat([linear, length]), guidance, start=norm_passes)
    scores, along, length = fine[:-2], fine[-2], fine[-1]
    square = length.square() + 2 * along + offset.square().sum()
    return (scores + (phrases @ offset)[:, None, None]) / square.clamp_min(_LEAST_NORM**2).sqrt()


def _mix(upsampler: LearnedUpsampler, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Return M t (D, h, w) and 0.1·b (D,)."""
    if upsampler.mixing is None:
        return tokens, tokens.new_zeros(tokens.shape[0])
    mixed = tokens + CORRECTION * torch.nn.functional.conv2d(tokens[None], upsampler.mixing.weight)[0]
    return mixed, CORRECTION * upsampler.mixing.bias
