"""A learned joint-bilateral upsampler: four passes of x2 whose kernels depend on the image alone.

Because no kernel looks at what is upsampled, the operator is linear in it: K class scores may take the place of D
feature channels (``models/projected_upsampling.py``).

Source: SimFeatUp of SegEarth-OV (arXiv:2410.01768), after FeatUp (arXiv:2403.10516); formulas of algorithms.md §2.4.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from satclip_engine.errors import ModelError

PASSES = 4
KEY_CHANNELS = 32
# Weight of the correction of a kernel, and of the final mixing of the channels.
CORRECTION = 0.1

# Pixels of a strip: kernels of 121 taps and their correction then stay in the processor's cache.
_STRIP_PIXELS = 4 * 1024


class JointBilateralPass(nn.Module):
    """One pass: from an image, a kernel of (2R + 1)² weights for each of its pixels.

    The names of the parts are those of the published checkpoints.

    Args:
        radius_px: R, in pixels of the pass's output.
    """

    def __init__(self, radius_px: int) -> None:
        super().__init__()
        taps = (2 * radius_px + 1) ** 2
        self.radius_px = radius_px
        self.range_temp = nn.Parameter(torch.zeros(()))
        self.sigma_spatial = nn.Parameter(torch.ones(()))
        self.range_proj = _two_layers(3, KEY_CHANNELS)
        self.fixup_proj = _two_layers(taps + 3, taps)

    def keys(self, guidance: Tensor) -> Tensor:
        """Return the keys (32, h + 2R, w + 2R) of a guidance image (3, h, w), reflected at its border."""
        # Keys belong to single pixels, so padding them equals padding the image.
        keys: Tensor = self.range_proj(guidance[None])[0]
        return _reflect(keys, self.radius_px)

    def kernel(self, keys: Tensor, guidance: Tensor) -> Tensor:
        """Return the weights of the neighbours, row-major, vertical offset first.

        Args:
            keys: (32, h + 2R, w + 2R) padded keys of a strip.
            guidance: (3, h, w) image of the same strip.

        Returns:
            ((2R + 1)², h, w) float; the sum over the first axis is 1 but for the learned correction.
        """
        first, first_bias = _affine(self.fixup_proj[0])
        second, second_bias = _affine(self.fixup_proj[3])
        bilateral = self._bilateral(keys, guidance.shape[1], guidance.shape[2]).flatten(1)
        # Biases as columns for a channel of ones: two plain products, nothing else to write.
        image = torch.cat([guidance.flatten(1), torch.ones_like(guidance[:1]).flatten(1)])
        of_taps, of_image = first[:, : len(bilateral)], first[:, len(bilateral) :]
        seen = torch.addmm(torch.cat([of_image, first_bias], dim=1) @ image, of_taps, bilateral)
        base = bilateral + CORRECTION * second_bias
        kernel = torch.addmm(base, second, functional.gelu(seen), alpha=CORRECTION)
        return kernel.reshape(-1, *guidance.shape[1:])

    def forward(self, values: Tensor, guidance: Tensor) -> Tensor:
        """Return ``values`` (C, h, w) at twice their size, along the edges of ``guidance`` (3, 2h, 2w)."""
        radius = self.radius_px
        smooth = functional.interpolate(values[None], scale_factor=2, mode="bicubic", align_corners=False)[0]
        height, width = smooth.shape[1:]
        padded = _reflect(smooth, radius)
        keys = self.keys(guidance)
        strips = []
        step = max(_STRIP_PIXELS // width, 1)
        for row in range(0, height, step):
            stop = min(row + step, height)
            around = slice(row, stop + 2 * radius)
            kernel = self.kernel(keys[:, around], guidance[:, row:stop])
            strips.append(weighted_sum(padded[:, around], kernel))
        return torch.cat(strips, dim=1)

    def _bilateral(self, keys: Tensor, height: int, width: int) -> Tensor:
        """Return softmax(temperature · ⟨key, neighbour's key⟩) times the Gaussian, with sum 1: (taps, h, w)."""
        radius, side = self.radius_px, 2 * self.radius_px + 1
        neighbours = keys.unfold(1, height, 1).unfold(2, width, 1)
        centres = keys[:, radius : radius + height, radius : radius + width]
        # The temperature belongs to one of the two factors; e^temp is kept in [1e-4, 1e4] as the reference does.
        centres = centres * self.range_temp.exp().clamp(1e-4, 1e4)
        # softmax(s) · g, divided by its sum, is softmax(s + ln g).
        likeness = self._log_gaussian(keys)[:, :, None, None].expand(side, side, height, width).contiguous()
        for centre, around in zip(centres, neighbours, strict=True):
            # One channel for all offsets at a time: no (taps x channels) products are ever stored.
            likeness = likeness.addcmul_(centre, around)
        return likeness.flatten(0, 1).softmax(0)

    def _log_gaussian(self, like: Tensor) -> Tensor:
        """Return -r² / (2σ²), (2R + 1, 2R + 1), with r in units of R."""
        offset = torch.linspace(-1, 1, 2 * self.radius_px + 1, dtype=like.dtype, device=like.device)
        return -(offset[:, None] ** 2 + offset**2) / (2 * self.sigma_spatial**2)


class LearnedUpsampler(nn.Module):
    """Sixteen times finer features or scores, along the edges of the image.

    Args:
        radii_px: Radius of each pass; one module serves all passes where there is a single number.
        dim: Channels that the final mixing was made for; None has no mixing.
    """

    def __init__(self, radii_px: tuple[int, ...], dim: int | None) -> None:
        super().__init__()
        if len(radii_px) not in (1, PASSES):
            raise ValueError(f"radii of one shared module or of {PASSES} passes, not {len(radii_px)}")
        self.steps = nn.ModuleList(JointBilateralPass(radius) for radius in radii_px)
        self.mixing = None if dim is None else nn.Conv2d(dim, dim, 1)

    def passes(self) -> tuple[nn.Module, ...]:
        """Return the modules of the four passes, in order."""
        return tuple(self.steps) * (PASSES // len(self.steps))

    def upsample(self, values: Tensor, guidance: Tensor, *, start: int = 0, stop: int = PASSES) -> Tensor:
        """Run passes ``start`` to ``stop`` without the final mixing; linear in ``values``.

        Args:
            values: (C, h, w) float, any C.
            guidance: (3, H, W) image, normalised as in training; shrunk by areas to the size of each pass.
            start: First pass.
            stop: Pass to stop before.

        Returns:
            (C, h · 2ⁿ, w · 2ⁿ) after n passes.
        """
        for step in self.passes()[start:stop]:
            size = (2 * values.shape[1], 2 * values.shape[2])
            image = functional.adaptive_avg_pool2d(guidance[None], size)[0]
            values = step(values, image)
        return values

    def forward(self, features: Tensor, guidance: Tensor) -> Tensor:
        """Return y + 0.1 · mixing(y) of the upsampled features y, (D, 16h, 16w)."""
        fine = self.upsample(features, guidance)
        return fine if self.mixing is None else fine + CORRECTION * self.mixing(fine[None])[0]


def upsampler_from_state(state: Mapping[str, Tensor]) -> LearnedUpsampler:
    """Return the upsampler of a published state dict: ``up1`` to ``up4``, or ``up`` for all passes.

    Raises:
        ModelError: ``model.upsampler`` if the tensors are not those of such an upsampler.
    """
    prefixes = ["up."] if "up.range_temp" in state else [f"up{number}." for number in range(1, PASSES + 1)]
    names = {prefix: f"steps.{index}." for index, prefix in enumerate(prefixes)} | {"fixup_proj.1.": "mixing."}
    renamed = {
        ours + name.removeprefix(theirs): tensor
        for name, tensor in state.items()
        for theirs, ours in names.items()
        if name.startswith(theirs)
    }
    try:
        radii = tuple(_radius(renamed[f"steps.{index}.fixup_proj.3.bias"]) for index in range(len(prefixes)))
        mixing = renamed.get("mixing.bias")
        upsampler = LearnedUpsampler(radii, None if mixing is None else len(mixing))
        upsampler.load_state_dict(renamed)
    except (KeyError, RuntimeError, ValueError) as error:
        raise ModelError(
            "The weights are not those of a joint-bilateral upsampler.",
            remedy="Give a checkpoint with the modules up1 to up4, or up, of SimFeatUp.",
            code="model.upsampler",
        ) from error
    return upsampler.eval().requires_grad_(requires_grad=False)


def weighted_sum(padded: Tensor, kernel: Tensor) -> Tensor:
    """Return Σ kernel · neighbour for every pixel, by shifting and adding: nothing is unfolded.

    Args:
        padded: (C, h + 2R, w + 2R) values with their border.
        kernel: ((2R + 1)², h, w).

    Returns:
        (C, h, w).
    """
    side = math.isqrt(kernel.shape[0])
    height, width = kernel.shape[1:]
    total = padded.new_zeros(padded.shape[0], height, width)
    for index, weights in enumerate(kernel):
        row, col = divmod(index, side)
        total.addcmul_(weights, padded[:, row : row + height, col : col + width])
    return total


def _two_layers(inputs: int, outputs: int) -> nn.Sequential:
    # The third place is dropout in the published modules, which does nothing outside training.
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1), nn.GELU(), nn.Identity(), nn.Conv2d(outputs, outputs, 1))


def _affine(layer: nn.Module) -> tuple[Tensor, Tensor]:
    """Return the matrix (outputs, inputs) and the column of biases (outputs, 1) of a 1 x 1 convolution."""
    convolution = cast("nn.Conv2d", layer)
    return convolution.weight.flatten(1), cast("Tensor", convolution.bias)[:, None]


def _radius(bias: Tensor) -> int:
    side = math.isqrt(len(bias))
    if side * side != len(bias) or side % 2 == 0:
        raise ValueError(f"a kernel of {len(bias)} taps is no odd square")
    return side // 2


def _reflect(values: Tensor, radius_px: int) -> Tensor:
    return functional.pad(values[None], (radius_px,) * 4, mode="reflect")[0]
