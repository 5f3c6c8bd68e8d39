"""Batches of a training set: drawn by seed and step alone, read ahead by threads."""

from __future__ import annotations

import functools
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import torch
from lightning_fabric import Fabric

from satclip_engine.errors import PairsError
from satclip_engine.protocol import Pair
from satclip_engine.training.objectives.objective import Objective, Rows

# Batches that are being read while one is trained on.
_AHEAD = 3
# Reading and cutting pictures leaves the interpreter's lock; more threads than this wait for the disk.
_READERS = 4


class Batches:
    """The rows of every step; the same whenever and wherever a step is asked for.

    Pairs come in a new random order each epoch. One whose image cannot be read is replaced by the next that can.

    Args:
        pairs: At least one; ``usable`` by the objective.
        objective: Makes rows.
        batch: Rows per step, over all processes, of which each makes as many as the others.
        seed: Of the order and of every random view.
        fabric: Tells which of the processes this is, whose share of the rows it makes.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        objective: Objective,
        batch: int,
        seed: int,
        fabric: Fabric,
    ) -> None:
        self._pairs = pairs
        self._objective = objective
        self._batch = batch
        self._seed = seed
        self._rank, self._share = fabric.global_rank, batch // fabric.world_size
        self.unreadable: dict[str, str] = {}

    def steps(self, first: int, last: int) -> Generator[Rows]:
        """Yield the rows of steps ``first`` to ``last`` (not included).

        Raises:
            PairsError: ``pairs.image`` if no image can be read.
        """
        pool = ThreadPoolExecutor(_READERS, thread_name_prefix="pairs")
        try:
            waiting: list[list[Future[Rows]]] = []
            for step in range(first, last):
                while len(waiting) < min(_AHEAD, last - step):
                    waiting.append(self._begin(pool, step + len(waiting)))
                rows = [future.result() for future in waiting.pop(0)]
                yield {name: torch.stack([row[name] for row in rows]) for name in rows[0]}
        finally:  # whoever closes the rasters next must find no reader at work
            pool.shutdown(cancel_futures=True)

    def _begin(self, pool: ThreadPoolExecutor, step: int) -> list[Future[Rows]]:
        first = step * self._batch + self._rank * self._share
        return [pool.submit(self._row, place) for place in range(first, first + self._share)]

    def _row(self, place: int) -> Rows:
        """Return the row at ``place`` of the endless sequence of epochs."""
        count = len(self._pairs)
        epoch, at = divmod(place, count)
        order = _order(self._seed, epoch, count)
        rng = np.random.default_rng((self._seed, 1, place))
        reason = ""
        for offset in range(count):
            pair = self._pairs[order[(at + offset) % count]]
            try:
                return self._objective.row(pair, rng)
            except PairsError as error:
                reason = self.unreadable[pair.id] = error.detail
        raise PairsError(
            f"None of the {count} images can be read. The last one: {reason}",
            remedy="Check that the training set's images are where they were.",
            code="pairs.image",
        )


@functools.lru_cache(maxsize=4)
def _order(seed: int, epoch: int, count: int) -> npt.NDArray[np.int64]:
    return np.random.default_rng((seed, 0, epoch)).permutation(count)
