"""Images and their captions: CLIP's own objective."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from satclip_engine.pairs.directions import names_a_direction
from satclip_engine.protocol import Pair, Stage
from satclip_engine.training.learner import Learner
from satclip_engine.training.losses.regions import multi_positive_loss
from satclip_engine.training.objectives.objective import Objective, Rows, captions_of


class Contrastive(Objective):
    """Each image is to find its caption among those of the batch, and each caption its image.

    Captions made from layers repeat: two images with one caption are no error of each other, so equal captions count
    as right answers alike. Where all captions differ this is CLIP's symmetric InfoNCE.
    """

    needs = "captions"
    score = "recall"

    @classmethod
    def takes(cls, pair: Pair, stage: Stage) -> bool:
        """Return whether the pair has a caption."""
        del stage
        return bool(captions_of(pair))

    @classmethod
    def distinct(cls, pairs: Sequence[Pair]) -> int:
        """Return the number of different captions."""
        return len({caption for pair in pairs for caption in captions_of(pair)})

    def row(self, pair: Pair, rng: np.random.Generator) -> Rows:
        """Return a view of the picture and the ids of one of its captions."""
        captions = captions_of(pair)
        caption = captions[rng.integers(len(captions))]
        view = self.picture(self.material.images.read(pair), rng, may_turn=not names_a_direction(caption))
        return {"images": view, "ids": self.learner.ids([caption])[0]}

    def embed(self, rows: Rows) -> Rows:
        """Return the vectors of pictures and captions."""
        return {
            "image": self.learner.images(rows["images"]),
            "text": self.learner.texts(rows["ids"]),
            "ids": rows["ids"].to(self.learner.device),
        }

    def losses(self, vectors: Rows) -> Rows:
        """Return the loss between pictures and captions."""
        return {"captions": caption_loss(vectors, self.learner)}


def caption_loss(vectors: Rows, learner: Learner) -> Tensor:
    """Return the symmetric loss between ``image`` and ``text``; rows with equal ``ids`` are right answers alike."""
    same = torch.unique(vectors["ids"], dim=0, return_inverse=True)[1]
    return multi_positive_loss(vectors["image"], vectors["text"], same, learner.logit_scale)
