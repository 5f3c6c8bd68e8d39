"""The photos of pairs as a model that does not train sees them: what is trained towards, and asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from satclip_engine.config import Config
from satclip_engine.errors import PairsError, RecipeError
from satclip_engine.harness.vectors import prepare
from satclip_engine.pairs.images import PairImages
from satclip_engine.protocol import Pair, Recipe
from satclip_engine.training.learner import Learner, load_learner

if TYPE_CHECKING:
    from satclip_engine.training.plan import Plan

GROUND_PHOTOS = "ground_photos"
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


def photos_of_run(
    plan: Plan, recipe: Recipe, start: Learner, images: PairImages, config: Config, asked: Sequence[Pair] = ()
) -> PhotoVectors:
    """Return all photos that a run learns from, and those that it is asked about.

    Args:
        plan: Of the run.
        recipe: Names the model that looks at them.
        start: The model before its first step.
        images: Reads them.
        config: Folders.
        asked: Pairs that it is asked about.

    Raises:
        RecipeError: as ``photo_learner``.
    """
    learnt = (pair for planned in plan.stages if planned.stage.objective == GROUND_PHOTOS for pair in planned.pairs)
    return photo_vectors(photo_learner(recipe, start, config), (*asked, *learnt), images)


def photo_learner(recipe: Recipe, start: Learner, config: Config) -> Learner:
    """Return the model that looks at a recipe's photos: the start, unless the recipe names another.

    Raises:
        RecipeError: ``recipe.photo_model`` if its vectors are of another length, or the stages name two.
        ModelError: if it cannot be loaded.
    """
    named = {stage.photo_model for stage in recipe.stages if stage.objective == GROUND_PHOTOS and stage.photo_model}
    if not named:
        return start
    found = load_learner(sorted(named)[0], start.device, config)
    lengths = [len(learner.texts(learner.ids(["a"]))[0]) for learner in (start, found)]
    if len(named) > 1:
        raise _misfit(f"the stages name {' and '.join(sorted(named))}.")
    if lengths[0] != lengths[1]:
        raise _misfit(
            f"the vectors of {found.source.id} have {lengths[1]} numbers, those of {start.source.id} {lengths[0]}."
        )
    return found


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


def _misfit(why: str) -> RecipeError:
    return RecipeError(
        f"The photos need one model whose vectors can be compared with the start's: {why}",
        remedy="Name one photo_model with the start's text tower, or none.",
        code="recipe.photo_model",
    )
