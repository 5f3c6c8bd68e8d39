"""What every objective is made of."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from satclip_engine.pairs.images import PairImages
from satclip_engine.protocol import ClassSet, Pair, Stage, Views
from satclip_engine.training.learner import Learner
from satclip_engine.training.photo_vectors import PhotoVectors
from satclip_engine.training.views import Bytes, draw_part, draw_turn, recoloured, resized, turned

Rows = dict[str, Tensor]


def captions_of(pair: Pair) -> tuple[str, ...]:
    """Return a pair's captions, short and long; blank ones say nothing."""
    return tuple(caption for caption in pair.captions + pair.long_captions if caption.strip())


@dataclass(frozen=True)
class Material:
    """What objectives learn from.

    Attributes:
        images: Reads the pairs' pictures and masks.
        pairs: Those of the training split.
        classes: What labels and masks count, or None.
        photos: The pairs' photos, or None where no stage learns from any.
    """

    images: PairImages
    pairs: tuple[Pair, ...]
    classes: ClassSet | None
    photos: PhotoVectors | None = None


class Objective(nn.Module):
    """A loss over a batch, split so that batches larger than memory give the same gradient as if they fitted.

    The heavy part, ``embed``, works row by row; the loss, which may compare every row with every other, is a function
    of the embedded rows alone. A batch is therefore embedded in parts, its loss is taken over all of them, and each
    part is embedded once more with gradients. Several processes share a batch in the same way.
    Source: GradCache, Gao et al. 2021, https://arxiv.org/abs/2101.06983.

    Own parameters (an attention pool) and buffers (a queue, a teacher) belong to the run's state as those of any
    module do.

    Args:
        learner: The model in training.
        material: What it learns from.
        stage: Settings of the objective.
        views: How pictures are varied.
    """

    # What a pair must have, for the message where none has it; and the held-out score that chooses the best weights.
    needs: ClassVar[str]
    score: ClassVar[str]

    def __init__(self, learner: Learner, material: Material, stage: Stage, views: Views) -> None:
        super().__init__()
        self.learner = learner
        self.material = material
        self.stage = stage
        self.views = views

    @classmethod
    @abstractmethod
    def takes(cls, pair: Pair, stage: Stage) -> bool:
        """Return whether a pair has what the objective learns from."""

    @classmethod
    def distinct(cls, pairs: Sequence[Pair]) -> int:
        """Return how many different things the pairs say; a model cannot learn from fewer than two."""
        return len(pairs)

    @abstractmethod
    def row(self, pair: Pair, rng: np.random.Generator) -> Rows:
        """Return one row of a batch; called by several threads, and random by ``rng`` alone.

        Raises:
            PairsError: if the pair's image cannot be read.
        """

    @abstractmethod
    def embed(self, rows: Rows) -> Rows:
        """Return what the losses compare, one row each; tensors that are not of floats take no part in gradients."""

    @abstractmethod
    def losses(self, vectors: Rows) -> Rows:
        """Return the loss's summands by name, of all rows of the batch, in float32."""

    def after_step(self, vectors: Rows) -> None:
        """Take over what the next step needs of this one."""
        del vectors

    def picture(self, image: Bytes, rng: np.random.Generator, *, may_turn: bool) -> Tensor:
        """Return a random view of a picture as a whole, uint8 (3, side_px, side_px)."""
        image = turned(image, draw_turn(self.views, rng, may_turn=may_turn))
        part = draw_part(image, self.views.least_area, 1.0, rng).of(image)
        return torch.from_numpy(recoloured(resized(part, self.learner.side_px), self.views, rng))
