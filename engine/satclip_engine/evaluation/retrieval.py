"""Recall at k between images and captions, each image owning several captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KS = (1, 5, 10)
_BLOCK = 256


@dataclass(frozen=True, eq=False)
class RetrievalScores:
    """Recall of every query.

    Attributes:
        ks: Cut-offs.
        rank_of_image: int64 (n_images,) captions of other images ahead of the image's best own one; -1 where the
            image owns no caption and so is no query.
        rank_of_text: int64 (n_texts,) images ahead of the caption's own.
        image_of_text: int64 (n_texts,) image that each caption describes.
    """

    ks: tuple[int, ...]
    rank_of_image: NDArray[np.int64]
    rank_of_text: NDArray[np.int64]
    image_of_text: NDArray[np.int64]

    @property
    def image_to_text(self) -> dict[int, float]:
        """Share of images with an own caption among the best k captions."""
        ranks = self.rank_of_image[self.rank_of_image >= 0]
        return {k: float((ranks < k).mean()) for k in self.ks}

    @property
    def text_to_image(self) -> dict[int, float]:
        """Share of captions with their image among the best k images."""
        return {k: float((self.rank_of_text < k).mean()) for k in self.ks}

    @property
    def metrics(self) -> dict[str, float]:
        """Metrics as reports name them, the mean over both ways and all cut-offs first."""
        there, back = self.image_to_text, self.text_to_image
        means = float(np.mean(list(there.values()))), float(np.mean(list(back.values())))
        return {
            "mean_recall": float(np.mean(means)),
            "image_to_text_mean": means[0],
            "text_to_image_mean": means[1],
            **{f"image_to_text_r{k}": share for k, share in there.items()},
            **{f"text_to_image_r{k}": share for k, share in back.items()},
        }

    def per_image(self) -> NDArray[np.int64]:
        """Return int64 (n_images, 2, 1 + len(ks)): queries, then hits at each k; image → text, then text → image."""
        cuts = np.array(self.ks)
        counts = np.zeros((len(self.rank_of_image), 2, 1 + len(cuts)), np.int64)
        is_query = self.rank_of_image >= 0
        counts[:, 0, 0] = is_query
        counts[:, 0, 1:] = is_query[:, None] & (self.rank_of_image[:, None] < cuts)
        hits = np.concatenate([np.ones((len(self.rank_of_text), 1), bool), self.rank_of_text[:, None] < cuts], 1)
        np.add.at(counts[:, 1], self.image_of_text, hits)
        return counts


def recall_of_counts(total: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64 (2, len(ks)) recalls of summed ``RetrievalScores.per_image`` counts (2, 1 + len(ks))."""
    out = np.full(total[:, 1:].shape, np.nan)
    recall: NDArray[np.float64] = np.divide(total[:, 1:], total[:, :1], out=out, where=total[:, :1] > 0)
    return recall


def retrieval_scores(
    similarity: NDArray[np.floating], image_of_text: NDArray[np.integer], ks: Sequence[int] = KS
) -> RetrievalScores:
    """Rank every query; equal similarities and NaN count as ahead, so that a model that answers all alike gets none.

    Args:
        similarity: (n_images, n_texts).
        image_of_text: (n_texts,) index of the image that each text describes.
        ks: Cut-offs.
    """
    owner = np.asarray(image_of_text).astype(np.int64)
    n_images, n_texts = similarity.shape
    score_of_text = similarity[owner, np.arange(n_texts)]
    rank_of_image = np.full(n_images, -1, np.int64)
    rank_of_text = np.full(n_texts, -1, np.int64)  # the own image is never below itself and is counted once too often
    for start in range(0, n_images, _BLOCK):
        rows = similarity[start : start + _BLOCK]
        own = owner[None, :] == np.arange(start, start + len(rows))[:, None]
        best_own = np.where(own, rows, -np.inf).max(1, keepdims=True)
        ahead = (~(rows < best_own) & ~own).sum(1)
        rank_of_image[start : start + len(rows)] = np.where(own.any(1), ahead, -1)
        rank_of_text += (~(rows < score_of_text[None, :])).sum(0)
    return RetrievalScores(tuple(ks), rank_of_image, rank_of_text, owner)


def recall_at(
    similarity: NDArray[np.floating], image_of_text: NDArray[np.integer], ks: Sequence[int] = KS
) -> dict[str, dict[int, float]]:
    """Return the share of queries with a right answer among the best k, both ways.

    Args:
        similarity: (n_images, n_texts).
        image_of_text: (n_texts,) index of the image that each text describes.
        ks: Cut-offs.

    Returns:
        ``{"image_to_text": {k: share}, "text_to_image": {k: share}}``.
    """
    scores = retrieval_scores(similarity, image_of_text, ks)
    return {"image_to_text": scores.image_to_text, "text_to_image": scores.text_to_image}


def distinct_captions(captions: Sequence[Sequence[str]]) -> tuple[list[str], NDArray[np.int64]]:
    """Return captions that belong to one image only, with its index.

    Repeats within an image are dropped; a caption of several images is kept once, for the first of them.
    """
    seen: dict[str, int] = {}
    for image, group in enumerate(captions):
        for caption in group:
            seen.setdefault(caption.strip(), image)
    return list(seen), np.array(list(seen.values()), dtype=np.int64)
