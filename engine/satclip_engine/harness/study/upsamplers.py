"""The upsamplers that the study compares: from class scores on cells to class scores on fine pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from satclip_engine.models.learned_upsampler import PASSES, LearnedUpsampler, upsampler_from_state
from satclip_engine.models.preprocess import OPENAI_MEAN, OPENAI_STD
from satclip_engine.models.weights import read_state_dict
from satclip_engine.questions.pixels import fine_factor
from satclip_engine.questions.scores import CellScores
from satclip_engine.questions.upsample import bilinear_upsample, guided_upsample

# Source: He, Sun 2015, "Fast Guided Filter" (arXiv:1505.00996); ε for colours in [0, 1], radius in cells.
_FILTER_EPSILON = 1e-3
_FILTER_RADIUS_CELLS = 2


class Upsampler(Protocol):
    """A way from cells to pixels."""

    def factor(self, cell_px: int, working_per_px: float) -> int:
        """Return how many fine pixels a cell side gets."""
        ...

    def __call__(self, scores: CellScores, guide: Tensor) -> Tensor:
        """Return (K, rows · f, cols · f) float32.

        Args:
            scores: On rows + 2 by cols + 2 cells: one cell of margin on each side.
            guide: (3, rows · f, cols · f) uint8 image of the inner cells.
        """
        ...


class _HalfDetail:
    """The product's choice of detail: about half the image's."""

    def factor(self, cell_px: int, working_per_px: float) -> int:
        return fine_factor(cell_px, working_per_px)


class Bilinear(_HalfDetail):
    """No guide."""

    def __call__(self, scores: CellScores, guide: Tensor) -> Tensor:
        """See ``Upsampler``."""
        return bilinear_upsample(scores.logits, guide.shape[1] // (scores.logits.shape[1] - 2))


class JointBilateral(_HalfDetail):
    """The product's joint-bilateral upsampling of scores."""

    def __call__(self, scores: CellScores, guide: Tensor) -> Tensor:
        """See ``Upsampler``."""
        return guided_upsample(scores.logits, scores.colours, guide)


class GuidedFilter(_HalfDetail):
    """Scores as locally linear functions of the colour: fitted on cells, applied to fine pixels."""

    def __call__(self, scores: CellScores, guide: Tensor) -> Tensor:
        """See ``Upsampler``."""
        factor = guide.shape[1] // (scores.logits.shape[1] - 2)
        slopes, intercept = _local_lines(scores.colours.float() / 255, scores.logits)
        classes = len(intercept)
        fine = bilinear_upsample(torch.cat([slopes.flatten(0, 1), intercept]), factor)
        slopes, intercept = fine[:-classes].reshape(classes, 3, *fine.shape[1:]), fine[-classes:]
        return torch.einsum("kchw,chw->khw", slopes, guide.float() / 255) + intercept


@dataclass(frozen=True)
class LearnedJointBilateral:
    """A trained upsampler on the class scores, its mixing of features left out: that belongs to one model.

    Attributes:
        weights: The upsampler.
        halvings: Passes left out: 1 ends at half the working resolution, as the product does.
    """

    weights: LearnedUpsampler
    halvings: int

    def factor(self, cell_px: int, working_per_px: float) -> int:
        """See ``Upsampler``."""
        del working_per_px  # its passes are tied to the working grid, whatever the output
        return 1 << self._passes(cell_px)

    def __call__(self, scores: CellScores, guide: Tensor) -> Tensor:
        """See ``Upsampler``."""
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (OPENAI_MEAN, OPENAI_STD))
        guidance = (guide.float() / 255 - mean) / std
        inner = scores.logits[:, 1:-1, 1:-1]
        passes = int(math.log2(guide.shape[1] // inner.shape[1]))
        return self.weights.upsample(inner, guidance, stop=passes)

    def _passes(self, cell_px: int) -> int:
        return min(int(math.log2(cell_px)), PASSES) - self.halvings


def study_upsamplers(weights: Path | None) -> dict[str, Upsampler]:
    """Return the upsamplers by name; the learned ones only with trained ``weights``.

    Raises:
        ModelError: if the weights cannot be read or are not those of an upsampler.
    """
    plain: dict[str, Upsampler] = {
        "bilinear": Bilinear(),
        "joint-bilateral": JointBilateral(),
        "guided filter": GuidedFilter(),
    }
    if weights is None:
        return plain
    learned = upsampler_from_state(read_state_dict(weights))
    return plain | {
        "learned, half detail": LearnedJointBilateral(learned, 1),
        "learned": LearnedJointBilateral(learned, 0),
    }


def _local_lines(colours: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Return slopes (K, 3, h, w) and intercept (K, h, w) of the best line from colour to value around each cell.

    Args:
        colours: (3, h, w) in [0, 1].
        values: (K, h, w).
    """
    products = torch.cat([(colours[:, None] * colours).flatten(0, 1), (values[:, None] * colours).flatten(0, 1)])
    moments = _box_mean(torch.cat([colours, values, products]))
    count = len(values)
    mean_colour, mean_value, rest = moments[:3], moments[3 : 3 + count], moments[3 + count :]
    cells = colours.shape[1:]
    spread = rest[:9].reshape(3, 3, *cells) - mean_colour[:, None] * mean_colour
    shared = rest[9:].reshape(count, 3, *cells) - mean_value[:, None] * mean_colour
    matrices = spread.permute(2, 3, 0, 1) + _FILTER_EPSILON * torch.eye(3)
    slopes = torch.linalg.solve(matrices, shared.permute(2, 3, 1, 0)).permute(3, 2, 0, 1)
    intercept = mean_value - (slopes * mean_colour).sum(1)
    return _box_mean(slopes.flatten(0, 1)).reshape(count, 3, *cells), _box_mean(intercept)


def _box_mean(values: Tensor) -> Tensor:
    side = 2 * _FILTER_RADIUS_CELLS + 1
    pooled: Tensor = functional.avg_pool2d(
        values[None], side, stride=1, padding=_FILTER_RADIUS_CELLS, count_include_pad=False
    )
    return pooled[0]
