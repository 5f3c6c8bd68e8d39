"""Project first, upsample after: cosines at full size from the few channels that the question needs.

With cells t, mixing M = I + 0.1·W and offset b, the finest feature is z = U(M t) + 0.1·b, where U, the four passes, is
linear. A phrase's score ⟨p, z⟩ is therefore U(pᵀ M t) + 0.1·pᵀ b: exact, with one channel per phrase. Only the length
|z| of a cosine is not linear. It is the length over the principal components of the cells, so these travel along as
further channels; before each pass the least of them are melted into one channel that holds the length of the rest.
Early passes have few pixels and lose much detail, so they keep many components; the last keeps the fewest.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor

from satclip_engine.models.learned_upsampler import CORRECTION, LearnedUpsampler

# Share of the cells' energy that may be melted before each pass: cosines then stay within 1e-3 (docs/scale-study.md).
MELTED_SHARES = (0.0001, 0.001, 0.005, 0.01)
# The cells' own lengths, upsampled: one channel, for comparison.
LENGTH_ONLY = (1.0, 1.0, 1.0, 1.0)

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
    fine: Tensor = upsampler(tokens, guidance)
    scores = torch.einsum("pd,dhw->phw", phrases, fine)
    cosines: Tensor = scores / torch.linalg.vector_norm(fine, dim=0).clamp_min(_LEAST_NORM)
    return cosines


def project_then_upsample(
    upsampler: LearnedUpsampler,
    tokens: Tensor,
    guidance: Tensor,
    phrases: Tensor,
    melted_shares: tuple[float, ...] = MELTED_SHARES,
) -> Tensor:
    """Return the same cosines from the channels that the phrases and the length need.

    Args:
        upsampler: As in ``upsample_then_project``.
        tokens: As there.
        guidance: As there.
        phrases: As there.
        melted_shares: For each pass, how much of the cells' energy need not be followed by direction, in [0, 1].
    """
    mixed, offset = _mix(upsampler, tokens)
    # The offset's own channel is the share that it brings to the length.
    linear = torch.einsum("pd,dhw->phw", torch.cat([phrases, offset[None]]), mixed)
    components, energy = _principal(mixed)
    rest = mixed.new_zeros(1, *mixed.shape[1:])
    for number, share in enumerate(melted_shares):
        keep = int((energy < 1 - share).sum()) + 1 if share < 1 else 0
        rest = torch.cat([rest, components[keep:]]).square().sum(0, keepdim=True).sqrt()
        values = torch.cat([linear, components[:keep], rest])
        values = upsampler.upsample(values, guidance, start=number, stop=number + 1)
        linear, components, rest = values[: len(linear)], values[len(linear) : -1], values[-1:]
    square = torch.cat([components, rest]).square().sum(0) + 2 * linear[-1] + offset.square().sum()
    return (linear[:-1] + (phrases @ offset)[:, None, None]) / square.clamp_min(_LEAST_NORM**2).sqrt()


def _mix(upsampler: LearnedUpsampler, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Return M t (D, h, w) and 0.1·b (D,)."""
    if upsampler.mixing is None:
        return tokens, tokens.new_zeros(tokens.shape[0])
    weight, bias = upsampler.mixing.weight.flatten(1), cast("Tensor", upsampler.mixing.bias)
    return tokens + CORRECTION * torch.einsum("ed,dhw->ehw", weight, tokens), CORRECTION * bias


def _principal(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the cells' coordinates along their principal axes (r, h, w) and the share of energy in the first ones."""
    flat = values.flatten(1)
    if flat.shape[1] <= flat.shape[0]:  # the smaller of the two Gram matrices has the same eigenvalues
        energies, axes = torch.linalg.eigh(flat.T @ flat)
        coordinates = (axes * energies.clamp_min(0).sqrt()).T
    else:
        energies, axes = torch.linalg.eigh(flat @ flat.T)
        coordinates = axes.T @ flat
    energies = energies.flip(0).clamp_min(0)
    shares = energies.cumsum(0) / energies.sum().clamp_min(_LEAST_NORM)
    return coordinates.flip(0).reshape(-1, *values.shape[1:]), shares
