"""The photos of pairs as the start of a model sees them: what is trained towards, and asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from satclip_engine.errors import PairsError
from satclip_engine.harness.vectors import prepare
from satclip_engine.pairs.images import PairImages
from satclip_engine.protocol import Pair
from satclip_engine.training.learner import Learner

_BATCH = 16


@dataclass(frozen=True)
class PhotoVectors:
    """Photos that can be read.

    Attributes:
        places: Of the photos, by their names, among the vectors.
        vectors: Unit vectors (P, D), on the learner's device.
    """

    places: dict[str, int]
    vectors: Tensor

    def of(self, pair: Pair) -> list[int]:
        """Return the places of a pair's photos."""
        return [self.places[name] for name in pair.photos if name in self.places]


@torch.inference_mode(mode=False)
@torch.no_grad()
def photo_vectors(learner: Learner, pairs: Sequence[Pair], images: PairImages) -> PhotoVectors:
    """Return the photos of pairs as a learner sees them now; those that cannot be read are left out."""
    learner.eval()
    places: dict[str, int] = {}
    pictures, parts = [], []
    for name in dict.fromkeys(name for pair in pairs for name in pair.photos):
        try:
            pictures.append(prepare(images.read_photo(name), learner.side_px))
        except PairsError:
            continue
        places[name] = len(places)
        if len(pictures) == _BATCH:
            parts.append(learner.images(torch.from_numpy(np.stack(pictures))))
            pictures = []
    if pictures:
        parts.append(learner.images(torch.from_numpy(np.stack(pictures))))
    return PhotoVectors(places, torch.cat(parts) if parts else torch.zeros(0, 1, device=learner.device))
