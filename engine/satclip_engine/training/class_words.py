"""Classes as vectors of a learner: their phrases in the model's templates."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from satclip_engine.protocol import ClassSet, ClassSpec, Pair
from satclip_engine.training.learner import Learner


def class_vectors(learner: Learner, classes: ClassSet) -> Tensor:
    """Return unit vectors (K, D): the mean of each class's phrases in the model's templates."""
    templates = learner.source.card.templates
    prompts = [
        [template.format(phrase) for phrase in spec.prompts for template in templates] for spec in classes.classes
    ]
    vectors = learner.texts(learner.ids([text for texts in prompts for text in texts]))
    owners = torch.repeat_interleave(torch.tensor([len(texts) for texts in prompts]))
    return functional.normalize(torch.stack([vectors[owners == k].mean(dim=0) for k in range(len(prompts))]), dim=-1)


def classes_of_labels(pairs: Sequence[Pair], classes: ClassSet | None) -> ClassSet:
    """Return the classes that the pairs' labels name, in the labels' order; an unknown label is its own phrase."""
    known = {spec.name: spec for spec in classes.classes} if classes is not None else {}
    labels = sorted({pair.label for pair in pairs if pair.label})
    return ClassSet(tuple(known.get(label, ClassSpec(label)) for label in labels))


class ClassVectors:
    """The vectors of some classes while a learner trains: computed anew each time only if its text tower trains.

    Args:
        learner: The model.
        classes: Whose vectors.
    """

    def __init__(self, learner: Learner, classes: ClassSet) -> None:
        self._learner = learner
        self._classes = classes
        self._fixed: Tensor | None = None

    def now(self) -> Tensor:
        """Return unit vectors (K, D), with gradients where the text tower trains."""
        if self._fixed is not None:
            return self._fixed
        with torch.enable_grad():
            vectors = class_vectors(self._learner, self._classes)
        if not vectors.requires_grad:
            self._fixed = vectors
        return vectors
