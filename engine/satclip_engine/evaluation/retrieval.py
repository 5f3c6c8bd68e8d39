"""Recall at k between images and captions, each image owning several captions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def recall_at(
    similarity: NDArray[np.floating], image_of_text: NDArray[np.integer], ks: Sequence[int] = (1, 5, 10)
) -> dict[str, dict[int, float]]:
    """Return the share of queries with a right answer among the best k, both ways.

    Args:
        similarity: (n_images, n_texts).
        image_of_text: (n_texts,) index of the image that each text describes.
        ks: Cut-offs.

    Returns:
        ``{"image_to_text": {k: share}, "text_to_image": {k: share}}``.
    """
    owner = np.asarray(image_of_text)
    own = owner[None, :] == np.arange(similarity.shape[0])[:, None]
    best_own = np.where(own, similarity, -np.inf).max(1, keepdims=True)
    rank_of_image = (similarity > best_own).sum(1)
    score_of_own = similarity[owner, np.arange(similarity.shape[1])]
    rank_of_text = (similarity > score_of_own[None, :]).sum(0)
    return {
        "image_to_text": {k: float((rank_of_image < k).mean()) for k in ks},
        "text_to_image": {k: float((rank_of_text < k).mean()) for k in ks},
    }


def distinct_captions(captions: Sequence[Sequence[str]]) -> tuple[list[str], NDArray[np.int64]]:
    """Return captions that belong to one image only, with its index.

    Repeats within an image are dropped; a caption of several images is kept once, for the first of them.
    """
    seen: dict[str, int] = {}
    for image, group in enumerate(captions):
        for caption in group:
            seen.setdefault(caption.strip(), image)
    return list(seen), np.array(list(seen.values()), dtype=np.int64)
