"""What a recipe will do with a training set, settled and refused before the first step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from satclip_engine.errors import PairsError, RecipeError
from satclip_engine.pairs.pair_set import PairSet
from satclip_engine.protocol import TEST, TRAIN, VALIDATION, Pair, Recipe, Stage
from satclip_engine.training.objectives import find_objective
from satclip_engine.training.objectives.objective import Objective

LEAST_PAIRS = 4
# Held-out pairs that are asked again and again while training; the scores before and after take all.
_MOST_VALIDATED = 400
# Points on a run's curves, and every how many of them the held-out pairs are asked.
_POINTS, _SCORED_EVERY = 200, 10


@dataclass(frozen=True)
class PlannedStage:
    """One stage with its data.

    Attributes:
        stage: As the recipe says, with a batch no larger than the pairs and of equal parts for all processes.
        objective: Of the stage.
        pairs: That it learns from.
        steps: Optimiser steps.
    """

    stage: Stage
    objective: type[Objective]
    pairs: tuple[Pair, ...]
    steps: int


@dataclass(frozen=True)
class Plan:
    """A run before it starts.

    Attributes:
        stages: In order.
        validation: Pairs that choose the best weights; empty keeps the last.
        reported: Pairs whose scores are reported before and after.
        reported_split: ``test``, or ``validation`` where there are no test pairs.
        notes: What the user should know.
    """

    stages: tuple[PlannedStage, ...]
    validation: tuple[Pair, ...]
    reported: tuple[Pair, ...]
    reported_split: str
    notes: tuple[str, ...]

    @property
    def steps(self) -> int:
        """Optimiser steps of all stages."""
        return sum(stage.steps for stage in self.stages)

    @property
    def point_every(self) -> int:
        """Steps from one point of the curves to the next."""
        return max(1, self.steps // _POINTS)

    @property
    def score_every(self) -> int:
        """Steps after which the held-out pairs are asked again; they are at the end of each stage too."""
        return self.point_every * _SCORED_EVERY


def plan_run(recipe: Recipe, pair_set: PairSet, seed: int, processes: int = 1) -> Plan:
    """Return what a recipe will do with a training set.

    Args:
        recipe: What trains, towards what.
        pair_set: The training set.
        seed: Of the choice of validation pairs.
        processes: That share each batch.

    Raises:
        PairsError: ``pairs.unfit`` if a stage finds nothing to learn from, ``pairs.one_kind`` if all its pairs say the
            same.
        RecipeError: ``recipe.batch`` if a batch is smaller than the number of processes.
    """
    validation, test = pair_set.of_split(VALIDATION), pair_set.of_split(TEST)
    notes = []
    if not validation:
        notes.append("No validation pairs: the last weights are kept, whether or not they are the best.")
    if not test and validation:
        notes.append("No test pairs: before and after are compared on the validation pairs, which chose the weights.")
    if not test and not validation:
        notes.append("Nothing was held out: nobody can say whether the training helped.")
    return Plan(
        stages=tuple(_planned(stage, pair_set, processes) for stage in recipe.stages),
        validation=_some(validation, _MOST_VALIDATED, seed),
        reported=test or validation,
        reported_split=TEST if test else VALIDATION,
        notes=tuple(notes),
    )


def _planned(stage: Stage, pair_set: PairSet, processes: int) -> PlannedStage:
    objective = find_objective(stage.objective)
    pairs = tuple(pair for pair in pair_set.of_split(TRAIN) if objective.takes(pair, stage))
    if len(pairs) < LEAST_PAIRS:
        raise PairsError(
            f"The stage {stage.objective!r} learns from pairs with {objective.needs}; {len(pairs)} of"
            f" {len(pair_set.of_split(TRAIN))} training pairs have them.",
            remedy=f"Add pairs with {objective.needs} (at least {LEAST_PAIRS}), or choose another recipe.",
            code="pairs.unfit",
        )
    if (count := objective.distinct(pairs)) < 2:
        raise PairsError(
            f"All {len(pairs)} training pairs say the same: there are {count} different {objective.needs}.",
            remedy="Add pairs of at least one other kind: a model learns by telling things apart.",
            code="pairs.one_kind",
        )
    batch = min(stage.batch, len(pairs)) // processes * processes
    if not batch:
        raise RecipeError(
            f"{processes} processes cannot share a batch of {min(stage.batch, len(pairs))} pairs.",
            remedy="Start fewer processes, or take larger batches.",
            code="recipe.batch",
        )
    steps = stage.steps or max(1, math.ceil(stage.epochs * len(pairs) / batch))
    return PlannedStage(replace(stage, batch=batch), objective, pairs, steps)


def _some(pairs: Sequence[Pair], most: int, seed: int) -> tuple[Pair, ...]:
    if len(pairs) <= most:
        return tuple(pairs)
    chosen = np.random.default_rng(seed).choice(len(pairs), most, replace=False)
    return tuple(pairs[i] for i in sorted(chosen))
