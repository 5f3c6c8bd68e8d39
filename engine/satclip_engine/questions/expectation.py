"""How much of a map each class takes up, as its words see it: what balanced samples cannot tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch

from satclip_engine.features.feature_map import FeatureMap
from satclip_engine.features.layout import Chunk
from satclip_engine.heads.text_head import TextHead
from satclip_engine.questions.scores import ScoreMap

# A few thousand cells from all over the scene; more would make a click wait.
_MOST_CHUNKS = 6


def expecting(words: TextHead | None, feature_map: FeatureMap, n_classes: int) -> TextHead | None:
    """Return the words with the share of each class in their answers on the finished part of a scene.

    Words that leave a class out, and scenes of which nothing is finished, expect nothing.

    Args:
        words: What the words say; None where no class has any.
        feature_map: Of the scene.
        n_classes: K.
    """
    if words is None or len(torch.unique(words.class_of_phrase)) < n_classes:
        return words
    finished = finished_chunks(feature_map)
    chunks = [finished[i] for i in np.linspace(0, len(finished) - 1, min(_MOST_CHUNKS, len(finished))).astype(int)]
    scores = ScoreMap(feature_map, words, keep_chunks=1)
    total, cells = torch.zeros(n_classes), 0
    for chunk in chunks:
        found = scores.read(feature_map.layout.chunk_box(chunk))
        inside = found.known & found.valid
        total += torch.softmax(words.temperature * found.logits[:, inside], dim=0).sum(dim=1)
        cells += int(inside.sum())
    return replace(words, shares=tuple((total / cells).tolist())) if cells else words


def finished_chunks(feature_map: FeatureMap) -> Sequence[Chunk]:
    """Return the chunks whose features are there, row by row."""
    return [chunk for chunk in feature_map.layout.all_chunks() if feature_map.is_done(chunk)]
