"""Labelled tokens: what heads learn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from satclip_engine.errors import HeadError

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Examples:
    """Tokens under drawn objects.

    Attributes:
        vectors: float32 (N, D): tokens as they lie in the feature map, means of unit vectors.
        labels: int64 (N,) class positions from 0.
        objects: int64 (N,) id of the drawn object a row comes from.
        places: int64 (N,) id of the spatial block: rows of one place are never on both sides of a split.
        window_vectors: float32 (N, D) global features of the windows over each cell, blended as the feature map does;
            None where no head with a global bias is fitted.

    Raises:
        HeadError: ``head.vectors`` on a value that is not finite or a row that is zero.
        ValueError: on shapes that do not fit or a negative label.
    """

    vectors: Float32
    labels: Int64
    objects: Int64
    places: Int64
    window_vectors: Float32 | None = None

    def __post_init__(self) -> None:
        count = len(self.vectors)
        if self.vectors.ndim != 2 or any(ids.shape != (count,) for ids in (self.labels, self.objects, self.places)):
            raise ValueError(f"{self.vectors.shape} vectors do not fit {self.labels.shape} labels and their groups")
        if self.window_vectors is not None and self.window_vectors.shape != self.vectors.shape:
            raise ValueError(f"{self.window_vectors.shape} window vectors do not fit {self.vectors.shape} vectors")
        if count and self.labels.min() < 0:
            raise ValueError("a label is negative")
        bad = ~np.isfinite(self.vectors).all(axis=1) | ~self.vectors.any(axis=1)
        if self.window_vectors is not None:
            bad |= ~np.isfinite(self.window_vectors).all(axis=1)
        if bad.any():
            raise HeadError(
                f"{int(bad.sum())} of {count} examples have no usable features (not finite, or all zero).",
                remedy="Remove the samples that lie on nodata; if there are none, clear the feature cache.",
                code="head.vectors",
                rows=np.flatnonzero(bad)[:10].tolist(),
            )

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def object_count(self) -> int:
        """The number of drawn objects."""
        return len(np.unique(self.objects))

    def objects_per_class(self, n_classes: int) -> Int64:
        """Return int64 (K,): how many drawn objects each class has."""
        pairs = np.unique(np.stack([self.labels, self.objects]), axis=1)
        return np.bincount(pairs[0], minlength=n_classes).astype(np.int64)

    def take(self, rows: Bools | Int64) -> Examples:
        """Return the examples of ``rows``, a mask or positions."""
        windows = None if self.window_vectors is None else self.window_vectors[rows]
        return Examples(self.vectors[rows], self.labels[rows], self.objects[rows], self.places[rows], windows)

    def check_classes(self, n_classes: int) -> None:
        """Refuse labels past the last class.

        Raises:
            HeadError: ``head.labels``.
        """
        if len(self) and self.labels.max() >= n_classes:
            raise HeadError(
                f"A sample belongs to class {int(self.labels.max()) + 1}, but there are {n_classes} classes.",
                remedy="Add the class, or remove its samples.",
                code="head.labels",
            )

    def present(self, n_classes: int) -> Bools:
        """Return bool (K,): which classes have an example."""
        return np.bincount(self.labels, minlength=n_classes) > 0

    def weights(self, n_classes: int) -> Float64:
        """Return float64 (N,) row weights of mean 1: one object one vote, and every class that occurs the same.

        Rows of an object share its vote equally, and objects of a class share the class's weight equally.
        """
        if not len(self):
            return np.zeros(0)
        # An object may hold rows of several classes (a later sample drawn over it): then it votes in each.
        pairs = np.stack([self.labels, self.objects])
        _, voter, rows = np.unique(pairs, axis=1, return_inverse=True, return_counts=True)
        share = 1.0 / rows[voter.reshape(-1)]
        votes = np.bincount(self.labels, weights=share, minlength=n_classes)
        weights: Float64 = share / votes[self.labels]
        weights *= len(self) / weights.sum()
        return weights

    def independent_places(self) -> Int64:
        """Return int64 (N,) ids from 0: places that share a drawn object count as one, so that it is never split."""
        if not len(self):
            return np.zeros(0, dtype=np.int64)
        places, place = np.unique(self.places, return_inverse=True)
        drawn, drawn_object = np.unique(self.objects, return_inverse=True)
        # A graph of places and objects; each row joins one of each.
        edges = (place.reshape(-1), len(places) + drawn_object.reshape(-1))
        size = len(places) + len(drawn)
        graph = coo_array((np.ones(len(self), dtype=np.int8), edges), shape=(size, size))
        component = connected_components(graph, directed=False)[1]
        return np.asarray(component[edges[0]], dtype=np.int64)

    def places_per_class(self, n_classes: int) -> Int64:
        """Return int64 (K,): in how many independent places each class has examples."""
        pairs = np.unique(np.stack([self.labels, self.independent_places()]), axis=1)
        return np.bincount(pairs[0], minlength=n_classes).astype(np.int64)

    def thinned(self, most: int) -> Examples:
        """Return at most ``most`` examples: rows of every object in turn, objects of every class in turn."""
        if len(self) <= most:
            return self
        rng = np.random.default_rng(0)
        pairs, voter = np.unique(np.stack([self.labels, self.objects]), axis=1, return_inverse=True)
        row_turn = _turns(voter.reshape(-1), rng)
        object_turn = _turns(pairs[0], rng)[voter.reshape(-1)]
        return self.take(np.sort(np.lexsort((object_turn, row_turn))[:most]))


def _turns(groups: Int64, rng: np.random.Generator) -> Int64:
    """Return int64 (N,): a random order from 0 within each group."""
    order = np.lexsort((rng.random(len(groups)), groups))
    ordered = groups[order]
    first = np.searchsorted(ordered, ordered)
    turns = np.empty(len(groups), dtype=np.int64)
    turns[order] = np.arange(len(groups)) - first
    return turns
