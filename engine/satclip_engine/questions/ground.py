"""What words say about the ground of a scene: what samples must not change where they are not asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from satclip_engine.features.feature_map import FeatureMap
from satclip_engine.heads.text_head import Ground, TextHead
from satclip_engine.questions.scores import ScoreMap

# A few hundred cells from all over the scene; more would make a click wait.
_MOST_CHUNKS = 6
_MOST_CELLS = 300


def grounded(words: TextHead | None, feature_map: FeatureMap, n_classes: int) -> TextHead | None:
    """Return the words with their answers on cells of the finished part of a scene.

    Words that leave a class out, and scenes of which nothing is finished, stay as they are.

    Args:
        words: What the words say; None where no class has any.
        feature_map: Of the scene.
        n_classes: K.
    """
    if words is None or len(torch.unique(words.class_of_phrase)) < n_classes:
        return words
    finished = feature_map.done
    chunks = [finished[i] for i in np.linspace(0, len(finished) - 1, min(_MOST_CHUNKS, len(finished))).astype(int)]
    scores = ScoreMap(feature_map, words, keep_chunks=1)
    tokens, logits = [], []
    rng = np.random.default_rng(0)
    for chunk in chunks:
        found = scores.read(feature_map.layout.chunk_box(chunk))
        rows, cols = np.nonzero((found.known & found.valid).numpy())
        drawn = rng.permutation(len(rows))[: _MOST_CELLS // len(chunks)]
        tokens.append(torch.from_numpy(feature_map.read(chunk).tokens[rows[drawn], cols[drawn]]))
        logits.append(found.logits[:, rows[drawn], cols[drawn]].T)
    if not sum(map(len, tokens)):
        return words
    return replace(words, ground=Ground(torch.cat(tokens), torch.cat(logits)))
