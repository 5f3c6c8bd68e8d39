"""A few labelled pictures and the names of their classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from satclip_engine.protocol import Pair, Stage, Views
from satclip_engine.training.class_words import ClassVectors, classes_of_labels
from satclip_engine.training.learner import Learner
from satclip_engine.training.objectives.objective import Material, Objective, Rows


class FewShot(Objective):
    """Each picture is to be nearest to the words of its class. Source: CLIP-LoRA (arXiv:2405.18541)."""

    needs = "labels"
    score = "accuracy"

    def __init__(self, learner: Learner, material: Material, stage: Stage, views: Views) -> None:
        super().__init__(learner, material, stage, views)
        self._classes = classes_of_labels(material.pairs, material.classes)
        self._vectors = ClassVectors(learner, self._classes)

    @classmethod
    def takes(cls, pair: Pair, stage: Stage) -> bool:
        """Return whether the pair has a label."""
        del stage
        return bool(pair.label)

    @classmethod
    def distinct(cls, pairs: Sequence[Pair]) -> int:
        """Return the number of different labels."""
        return len({pair.label for pair in pairs})

    def row(self, pair: Pair, rng: np.random.Generator) -> Rows:
        """Return a view of the picture and the place of its class."""
        view = self.picture(self.material.images.read(pair), rng, may_turn=True)
        return {"images": view, "label": torch.tensor(self._classes.names.index(pair.label))}

    def embed(self, rows: Rows) -> Rows:
        """Return the vectors of the pictures and the places of their classes."""
        return {"image": self.learner.images(rows["images"]), "label": rows["label"].to(self.learner.device)}

    def losses(self, vectors: Rows) -> Rows:
        """Return the cross-entropy of the classes."""
        logits = self.learner.logit_scale * vectors["image"] @ self._vectors.now().T
        return {"classes": functional.cross_entropy(logits, vectors["label"])}
