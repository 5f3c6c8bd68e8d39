"""How many clicks a map takes: simulated teaching with and without advice on where to click."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from satclip_engine.harness.teaching.curves import half_of_regions, score
from satclip_engine.harness.teaching.methods import examples_of
from satclip_engine.harness.teaching.pools import Int64, Pool
from satclip_engine.heads.choice import RESIDUAL, fit_choice
from satclip_engine.heads.held_out import answer
from satclip_engine.heads.words import WordPrior
from satclip_engine.questions.advice import Doubts, most_helpful

BUDGET = 60
SHARE_OF_FINAL = 0.9
# Parts of a tile lie side by side, so that cells of different parts are far from each other.
_PART_CELLS = 10_000

Floats = npt.NDArray[np.float32]
# Probabilities (n, K) of the cells that may be clicked, their rows, the rows clicked so far → the next row.
Policy = Callable[[Pool, Floats, Int64, Sequence[int], np.random.Generator], int]


@dataclass(frozen=True)
class ClickCurve:
    """The score of a map against the number of clicks, mean over the draws.

    Attributes:
        policy: How places were chosen.
        scores: After 0, 1, 2, ... clicks, in [0, 1].
        clicks_to_share: Mean number of clicks after which 90 % of the score with all of them is reached for good.
    """

    policy: str
    scores: tuple[float, ...]
    clicks_to_share: float


def at_random(_pool: Pool, _found: Floats, rows: Int64, clicked: Sequence[int], rng: np.random.Generator) -> int:
    """Click anywhere."""
    return int(rng.choice(np.setdiff1d(rows, np.array(clicked, np.int64))))


def where_wrong(pool: Pool, found: Floats, rows: Int64, clicked: Sequence[int], rng: np.random.Generator) -> int:
    """Click somewhere where the map is wrong, as a person does who sees it."""
    wrong = np.setdiff1d(rows[found.argmax(axis=1) != pool.labels[rows]], np.array(clicked, np.int64))
    return int(rng.choice(wrong)) if len(wrong) else at_random(pool, found, rows, clicked, rng)


def by_advice(pool: Pool, found: Floats, rows: Int64, clicked: Sequence[int], _rng: np.random.Generator) -> int:
    """Click where the product's advice says."""
    order = found.argsort(axis=1)
    taken = np.arange(len(rows)), order[:, -1], order[:, -2]
    margin = found[taken[0], taken[1]] - found[taken[0], taken[2]]
    row, col = pool.cells[rows].T
    doubts = Doubts(row, col + pool.regions[rows] * _PART_CELLS, order[:, -1], order[:, -2], margin)
    shortlist = np.argsort(margin, kind="stable")[:512]
    shortlist = shortlist[~np.isin(rows[shortlist], np.array(clicked, np.int64))]
    examples = examples_of(pool, np.array(clicked, np.int64))
    best = most_helpful(doubts.take(shortlist), pool.vectors[rows[shortlist]], examples, count=1, region_cells=1)
    return int(rows[shortlist[best[0] if best else 0]])


POLICIES: MappingProxyType[str, Policy] = MappingProxyType(
    {"anywhere": at_random, "where the map is wrong": where_wrong, "by advice": by_advice}
)


def simulate(pool: Pool, policy: str, seeds: int, budget: int = BUDGET) -> ClickCurve:
    """Teach from the words alone, click by click, in one half of the regions and score the other.

    Args:
        pool: Cells.
        policy: A name in ``POLICIES``.
        seeds: Draws of the halves.
        budget: Clicks.
    """
    curves = np.array([_one(pool, POLICIES[policy], seed, budget) for seed in range(seeds)])
    return ClickCurve(policy, tuple(curves.mean(axis=0).tolist()), float(np.mean([clicks_to(c) for c in curves])))


def clicks_to(scores: npt.NDArray[np.float64], share: float = SHARE_OF_FINAL) -> int:
    """Return after how many clicks the score stays at ``share`` of the last one or more."""
    below = np.flatnonzero(scores < share * scores[-1])
    return int(below[-1]) + 1 if len(below) else 0


def _one(pool: Pool, policy: Policy, seed: int, budget: int) -> list[float]:
    rng = np.random.default_rng(seed)
    half = half_of_regions(pool, rng)
    rows, scored = np.flatnonzero(half), np.flatnonzero(~half)
    # A few thousand cells are the ground that is looked at; all of them would only take longer.
    rows, scored = (rng.permutation(part)[:4000] for part in (rows, scored))
    prior = WordPrior.of(pool.words, len(pool.class_names), pool.vectors.shape[1])
    ground, test = examples_of(pool, rows), examples_of(pool, scored)
    clicked: list[int] = []
    scores: list[float] = []
    while True:
        head = fit_choice(examples_of(pool, np.array(clicked, np.int64)), prior, RESIDUAL)
        scores.append(score(pool, scored, np.asarray(answer(head, test).argmax(axis=1), dtype=np.int64)))
        if len(clicked) == budget:
            return scores
        clicked.append(policy(pool, softmax(answer(head, ground), axis=1), rows, clicked, rng))
