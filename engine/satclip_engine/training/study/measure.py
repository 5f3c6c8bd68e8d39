"""What a model of the study is asked, score by score."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from satclip_engine.evaluation.classification import linear_probe
from satclip_engine.harness.datasets import find_dataset
from satclip_engine.models.registry.card_facts import read_facts
from satclip_engine.pairs.images import PairImages
from satclip_engine.pairs.pair_set import PairSet, read_pair_set
from satclip_engine.protocol import TEST, TRAIN
from satclip_engine.training.held_out import held_out_scores, picture_vectors
from satclip_engine.training.learner import Learner, load_learner
from satclip_engine.training.mini.validation import metrics_of
from satclip_engine.training.study.places import Places

SHOTS = 5
_POOL_PER_CLASS = 60
Scores = Mapping[str, float]


class Judge:
    """Asks models.

    Args:
        places: Where data and training sets are.
    """

    def __init__(self, places: Places) -> None:
        self._places = places
        self._asked: Mapping[str, Callable[[Path], Scores]] = {
            "new": lambda model: self._held_out(model, places.new),
            "new_few_shot": lambda model: {"accuracy": self._few_shot(model, places.new)},
            "known": lambda model: self._held_out(model, places.known),
            "sharp": lambda model: self._held_out(model, places.whole),
            "coarse": lambda model: self._held_out(model, places.close_ups),
            "dubai": lambda model: metrics_of(find_dataset("dubai_mbrsc", places.data), "segmentation", model),
        }

    def scores(self, model: Path, columns: Sequence[str]) -> dict[str, float]:
        """Return the scores named ``what: score``, each in [0, 1], and what the model's training has cost.

        Args:
            model: Folder of the model.
            columns: Names out of ``what``: new, new_few_shot, known, sharp, coarse, dubai; and their scores.
        """
        found: dict[str, float] = {}
        for what in dict.fromkeys(column.split(": ")[0] for column in columns):
            found |= {f"{what}: {name}": value for name, value in self._asked[what](model).items()}
        cost = read_facts(model).get("training", {}).get("before_after", {})
        costs = {name: float(cost.get(name, 0)) for name in ("trained_weights", "all_weights", "seconds")}
        return {name: found[name] for name in columns} | costs

    def _held_out(self, model: Path, folder: Path) -> Scores:
        learner, pair_set = self._learner(model), read_pair_set(folder)
        with PairImages(pair_set) as images:
            return held_out_scores(learner, pair_set.of_split(TEST), images, pair_set.info.classes, lambda: None)

    def _few_shot(self, model: Path, folder: Path) -> float:
        learner, pair_set = self._learner(model), read_pair_set(folder)
        with PairImages(pair_set) as images:
            return _probe(learner, pair_set, images)

    def _learner(self, model: Path) -> Learner:
        return load_learner(str(model), torch.device("cpu"), self._places.config)


def _probe(learner: Learner, pair_set: PairSet, images: PairImages) -> float:
    """Return the accuracy of a linear probe on a few images per class, the mean over five draws."""
    learner.eval()
    names = sorted({pair.label for pair in pair_set.pairs})
    train_pairs, test_pairs = pair_set.of_split(TRAIN), pair_set.of_split(TEST)
    order = np.random.default_rng(0).permutation(len(train_pairs))[: _POOL_PER_CLASS * len(names)]
    with torch.inference_mode():
        pool, pool_pairs = picture_vectors(learner, [train_pairs[i] for i in order], images, lambda: None)
        test, seen = picture_vectors(learner, test_pairs, images, lambda: None)
    pool_labels = np.array([names.index(pair.label) for pair in pool_pairs])
    test_labels = np.array([names.index(pair.label) for pair in seen])
    return linear_probe(pool, pool_labels, test, test_labels, shots=(SHOTS,))[0].mean
