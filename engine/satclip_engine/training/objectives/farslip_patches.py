"""FarSLIP's first stage: what a crop shows is what the patches under it say."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from satclip_engine.pairs.directions import names_a_direction
from satclip_engine.protocol import Pair, Stage, Views
from satclip_engine.training.learner import Learner
from satclip_engine.training.losses.regions import cosine_loss, pool_cells, pool_regions
from satclip_engine.training.objectives.contrastive import Contrastive, caption_loss
from satclip_engine.training.objectives.objective import Material, Objective, Rows, captions_of
from satclip_engine.training.views import draw_part, draw_turn, recoloured, resized, turned

# Source: FarSLIP (arXiv:2511.14901): shares of the picture that a crop shows, and the decay of an averaged teacher.
_LEAST_CROP, _MOST_CROP = 0.3, 0.7
_TEACHER_DECAY = 0.99


class FarslipPatches(Objective):
    """The mean of a picture's patches within a box is to agree with the mean patch of the box seen by itself.

    With ``captions`` above zero pictures and captions are told apart beside it. Source: FarSLIP, stage 1.
    """

    needs = "captions (or take captions: 0 and learn from images alone)"
    score = "recall"

    def __init__(self, learner: Learner, material: Material, stage: Stage, views: Views) -> None:
        super().__init__(learner, material, stage, views)
        self._teacher = learner if stage.teacher == "active" else learner.frozen_copy()
        # A teacher of its own belongs to the run's state: it began as the model was when the stage began.
        self.teacher_weights = nn.Module() if stage.teacher == "active" else self._teacher.clip.visual

    @classmethod
    def takes(cls, pair: Pair, stage: Stage) -> bool:
        """Return whether the pair has a caption, where captions count."""
        return not stage.captions or Contrastive.takes(pair, stage)

    def row(self, pair: Pair, rng: np.random.Generator) -> Rows:
        """Return the whole picture, crops of it with their boxes, and the ids of a caption."""
        captions = captions_of(pair)
        caption = captions[rng.integers(len(captions))] if captions and self.stage.captions else ""
        image = turned(
            self.material.images.read(pair), draw_turn(self.views, rng, may_turn=not names_a_direction(caption))
        )
        image = recoloured(image, self.views, rng)
        parts = [draw_part(image, _LEAST_CROP, _MOST_CROP, rng) for _ in range(self.stage.crops)]
        height, width = image.shape[1:]
        boxes = [
            (part.left / width, part.top / height, (part.left + part.width) / width, (part.top + part.height) / height)
            for part in parts
        ]
        side_px = self.learner.window_px
        return {
            "images": torch.from_numpy(resized(image, side_px)),
            "wholes": torch.from_numpy(resized(image, self.learner.side_px)),
            "crops": torch.from_numpy(np.stack([resized(part.of(image), side_px) for part in parts])),
            "boxes": torch.tensor(boxes),
            "ids": self.learner.ids([caption])[0],
        }

    def embed(self, rows: Rows) -> Rows:
        """Return what the patches under each crop say and what the crop by itself says."""
        tokens = self.learner.tokens(rows["images"])
        count, crops = rows["crops"].shape[:2]
        by_itself = pool_cells(self._teacher.tokens(rows["crops"].flatten(0, 1)))
        vectors = {
            "under": pool_regions(tokens, rows["boxes"].to(tokens.device)),
            "by_itself": by_itself.reshape(count, crops, -1),
        }
        if self.stage.captions:
            vectors["image"] = self.learner.images(rows["wholes"])
            vectors["text"] = self.learner.texts(rows["ids"])
            vectors["ids"] = rows["ids"].to(self.learner.device)
        return vectors

    def losses(self, vectors: Rows) -> Rows:
        """Return the disagreement of patches and crops, and the loss on captions."""
        losses = {"patches": self.stage.distillation * cosine_loss(vectors["under"], vectors["by_itself"])}
        if self.stage.captions:
            losses["captions"] = self.stage.captions * caption_loss(vectors, self.learner)
        return losses

    @torch.no_grad()
    def after_step(self, vectors: Rows) -> None:
        """Move an averaged teacher towards the model."""
        del vectors
        if self.stage.teacher == "ema":
            students = self.learner.clip.visual.parameters()
            for taught, student in zip(self._teacher.clip.visual.parameters(), students, strict=True):
                taught.lerp_(student, 1 - _TEACHER_DECAY)
