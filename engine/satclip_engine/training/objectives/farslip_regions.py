"""FarSLIP's second stage: objects and what they are called."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from satclip_engine.protocol import Box, Pair, Stage, Views
from satclip_engine.training.learner import Learner
from satclip_engine.training.losses.regions import multi_positive_loss
from satclip_engine.training.objectives.contrastive import Contrastive, caption_loss
from satclip_engine.training.objectives.objective import Material, Objective, Rows
from satclip_engine.training.views import Bytes, Part, draw_turn, recoloured, resized, turned

# Source: FarSLIP (arXiv:2511.14901). Its least side of an object is 64 px, on larger pictures than chips are.
_TEMPLATE = "a satellite image of {}"
_LEAST_SIDE_PX = 16


class FarslipRegions(Objective):
    """An object seen by itself is to be nearest to the words of its category; beside it, pictures and captions.

    Source: FarSLIP, stage 2.
    """

    needs = "boxes of objects"
    score = "recall"

    def __init__(self, learner: Learner, material: Material, stage: Stage, views: Views) -> None:
        super().__init__(learner, material, stage, views)
        self._captions = Contrastive(learner, material, stage, views)
        self._categories = sorted({box.category for pair in material.pairs for box in pair.boxes})
        self._ids: Tensor = learner.ids([_TEMPLATE.format(category) for category in self._categories])

    @classmethod
    def takes(cls, pair: Pair, stage: Stage) -> bool:
        """Return whether the pair has an object that is large enough, and a caption where captions count."""
        has_object = any(_is_large_enough(box) for box in pair.boxes)
        return has_object and (not stage.captions or Contrastive.takes(pair, stage))

    @classmethod
    def distinct(cls, pairs: Sequence[Pair]) -> int:
        """Return the number of different categories."""
        return len({box.category for pair in pairs for box in pair.boxes})

    def row(self, pair: Pair, rng: np.random.Generator) -> Rows:
        """Return views of some objects with their categories (-1 where there are fewer), the picture and a caption."""
        image = self.material.images.read(pair)
        boxes = [box for box in pair.boxes if _is_large_enough(box)]
        chosen = [boxes[i] for i in rng.permutation(len(boxes))[: self.stage.boxes]]
        views = np.zeros((self.stage.boxes, 3, self.learner.side_px, self.learner.side_px), np.uint8)
        categories = np.full(self.stage.boxes, -1, np.int64)
        for i, box in enumerate(chosen):
            part = _part(box, image).of(image)
            view = turned(resized(part, self.learner.side_px), draw_turn(self.views, rng, may_turn=True))
            views[i] = recoloured(view, self.views, rng)
            categories[i] = self._categories.index(box.category)
        rows = {"objects": torch.from_numpy(views), "categories": torch.from_numpy(categories)}
        return rows | (self._captions.row(pair, rng) if self.stage.captions else {})

    def embed(self, rows: Rows) -> Rows:
        """Return the vectors of the objects, and those of pictures and captions."""
        objects = self.learner.images(rows["objects"].flatten(0, 1))
        vectors = {
            "objects": objects.reshape(*rows["categories"].shape, -1),
            "categories": rows["categories"].to(self.learner.device),
        }
        return vectors | (self._captions.embed(rows) if self.stage.captions else {})

    def losses(self, vectors: Rows) -> Rows:
        """Return the loss between objects and categories, and the one on captions."""
        categories = vectors["categories"].flatten()
        named, places = torch.unique(categories.clamp_min(0), return_inverse=True)
        texts = self.learner.texts(self._ids[named.cpu()])[places]
        objects = vectors["objects"].flatten(0, 1)
        losses = {"objects": multi_positive_loss(objects, texts, categories, self.learner.logit_scale)}
        if self.stage.captions:
            losses["captions"] = self.stage.captions * caption_loss(vectors, self.learner)
        return losses


def _is_large_enough(box: Box) -> bool:
    left, top, right, bottom = box.bounds_px
    return min(right - left, bottom - top) >= _LEAST_SIDE_PX


def _part(box: Box, image: Bytes) -> Part:
    """Return the box in whole pixels within the picture."""
    height, width = image.shape[1:]
    left, top = min(max(int(box.bounds_px[0]), 0), width - 1), min(max(int(box.bounds_px[1]), 0), height - 1)
    right, bottom = min(round(box.bounds_px[2]), width), min(round(box.bounds_px[3]), height)
    return Part(left, top, max(right - left, 1), max(bottom - top, 1))
