"""Pictures from above and the photos taken on their ground."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from satclip_engine.errors import PairsError
from satclip_engine.protocol import Pair, Stage, Views
from satclip_engine.training.learner import Learner
from satclip_engine.training.losses.ground import (
    AttentionPool,
    PhotoQueue,
    batch_loss,
    mean_pool,
    queue_loss,
)
from satclip_engine.training.losses.regions import cosine_loss
from satclip_engine.training.objectives.objective import Material, Objective, Rows

# Photos of a place that one step looks at. Source: SenCLIP (arXiv:2412.08536): one for each direction.
_PHOTOS = 4


class GroundPhotos(Objective):
    """A chip is to be near the photos taken there, as a model that does not train sees them.

    Words come along: its photos lie where its words do. Source: SenCLIP.
    """

    needs = "geotagged photos"
    score = "photo_recall"

    def __init__(self, learner: Learner, material: Material, stage: Stage, views: Views) -> None:
        super().__init__(learner, material, stage, views)
        if material.photos is None or not any(map(material.photos.of, material.pairs)):
            raise PairsError(
                "None of the training set's photos can be read.",
                remedy="Check that the photos are where they were.",
                code="pairs.image",
            )
        self._photos = material.photos
        dim = self._photos.vectors.shape[1]
        self.log_scale = nn.Parameter(torch.tensor(-math.log(stage.temperature)))
        self.queue = PhotoQueue(stage.queue, dim) if stage.queue else None
        self.pool = AttentionPool(dim) if stage.pooling == "attention" else None

    @classmethod
    def takes(cls, pair: Pair, stage: Stage) -> bool:
        """Return whether the pair has a photo."""
        del stage
        return bool(pair.photos)

    def row(self, pair: Pair, rng: np.random.Generator) -> Rows:
        """Return a view of the chip and which photos belong to it, -1 where there are fewer."""
        known = self._photos.of(pair)
        if not known:
            raise PairsError(f"No photo of {pair.id} can be read.", remedy="Put the photos back.", code="pairs.image")
        chosen = [known[i] for i in rng.permutation(len(known))[:_PHOTOS]]
        places = torch.tensor(chosen + [-1] * (_PHOTOS - len(chosen)))
        return {"images": self.picture(self.material.images.read(pair), rng, may_turn=True), "places": places}

    def embed(self, rows: Rows) -> Rows:
        """Return the vectors of the chips and which photos belong to them."""
        return {"image": self.learner.images(rows["images"]), "places": rows["places"].to(self.learner.device)}

    def losses(self, vectors: Rows) -> Rows:
        """Return the loss between chips and the photos of their places."""
        chips, places = vectors["image"], self._pooled(vectors["places"])
        if self.stage.loss == "cosine":
            return {"photos": cosine_loss(chips, places)}
        scale = self.log_scale.exp().clamp(max=100.0)
        if self.queue is not None:
            return {"photos": queue_loss(chips, places, self.queue.vectors, scale)}
        return {"photos": batch_loss(chips, places, scale)}

    @torch.no_grad()
    def after_step(self, vectors: Rows) -> None:
        """Remember the step's places as wrong answers for the next."""
        if self.queue is not None:
            self.queue.push(self._pooled(vectors["places"]))

    def _pooled(self, places: Tensor) -> Tensor:
        photos, taken = self._photos.vectors[places.clamp_min(0)], places >= 0
        return self.pool(photos, taken) if self.pool is not None else mean_pool(photos, taken)
