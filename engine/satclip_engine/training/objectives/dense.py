"""Cells and the masks over them: maps of just these classes."""

from __future__ import annotations

import numpy as np
import torch

from satclip_engine.errors import PairsError
from satclip_engine.protocol import Pair, Stage, Views
from satclip_engine.training.class_words import ClassVectors
from satclip_engine.training.learner import Learner
from satclip_engine.training.losses.pixels import IGNORED, mask_loss
from satclip_engine.training.objectives.objective import Material, Objective, Rows
from satclip_engine.training.views import draw_part, draw_turn, recoloured, resized, resized_mask, turned

# The masks' side is the window's over this: finer than the cells, so that their borders count.
_MASK_STRIDE_PX = 4
# Draws of a part until one has a labelled pixel; samples label a few pixels of a chip.
_DRAWS = 8


class Dense(Objective):
    """Each labelled pixel is to be nearest to the words of its class, as the map will decide it."""

    needs = "masks"
    score = "mean_iou"

    def __init__(self, learner: Learner, material: Material, stage: Stage, views: Views) -> None:
        super().__init__(learner, material, stage, views)
        if material.classes is None:
            raise no_classes()
        self._vectors = ClassVectors(learner, material.classes)
        # The factor the map will use: what is trained are the map's own probabilities.
        self._scale = learner.source.card.temperature

    @classmethod
    def takes(cls, pair: Pair, stage: Stage) -> bool:
        """Return whether the pair has a mask."""
        del stage
        return bool(pair.mask)

    def row(self, pair: Pair, rng: np.random.Generator) -> Rows:
        """Return a window of the picture and of its mask."""
        turn = draw_turn(self.views, rng, may_turn=True)
        image = turned(self.material.images.read(pair), turn)
        mask = turned(self.material.images.read_mask(pair), turn)
        for _ in range(_DRAWS):
            part = draw_part(image, self.views.least_area, 1.0, rng)
            if (part.of(mask) != IGNORED).any():
                break
        side_px = self.learner.window_px
        view = recoloured(resized(part.of(image), side_px), self.views, rng)
        codes = resized_mask(part.of(mask), side_px // _MASK_STRIDE_PX)
        return {"images": torch.from_numpy(view), "masks": torch.from_numpy(codes)}

    def embed(self, rows: Rows) -> Rows:
        """Return the dense tokens and the masks."""
        return {"tokens": self.learner.tokens(rows["images"]), "masks": rows["masks"].to(self.learner.device)}

    def losses(self, vectors: Rows) -> Rows:
        """Return the cross-entropy of the labelled pixels."""
        return {"pixels": mask_loss(vectors["tokens"], self._vectors.now(), vectors["masks"], self._scale)}


def no_classes() -> PairsError:
    """Return the error of masks whose codes have no names."""
    return PairsError(
        "The training set has masks, but does not say what their codes mean.",
        remedy="Import the masks with their classes, or write `classes` into set.json.",
        code="pairs.classes",
    )
