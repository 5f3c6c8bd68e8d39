"""Grounding: the peak of the similarity, and the box of the region that it stands on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from satclip_engine.harness.context import TaskContext
from satclip_engine.harness.datasets import BoxItem, load_folder
from satclip_engine.harness.grounding import evaluate_grounding, locate
from satclip_engine.harness.scenes import encoded_scene
from satclip_engine.heads.text_head import TextHead
from satclip_engine.protocol import ClassSet, ClassSpec, TextOptions


def test_box_is_the_region_around_the_peak_down_to_half_its_height() -> None:
    similarity = np.full((20, 30), 0.1)
    similarity[4:9, 10:14] = 0.31  # above half of 0.5 over the median of 0.1
    similarity[6, 12] = 0.5
    similarity[15:18, 2:5] = 0.45  # as high, but not connected
    similarity[4:9, 14] = 0.29  # just below half
    found = locate(similarity)
    assert found.peak == (12.5, 6.5)
    assert found.box.tolist() == [10, 4, 14, 9]


def test_a_flat_map_is_one_region() -> None:
    assert locate(np.zeros((5, 8))).box.tolist() == [0, 0, 8, 5]


def test_similarity_is_the_cosine_of_cell_and_phrase(
    make_raster: Callable[..., Path], context_of: Callable[..., TaskContext], masks_folder: Path
) -> None:
    context = context_of(load_folder(masks_folder))
    head = TextHead.from_classes(context.encoder, ClassSet((ClassSpec("tree"),)), TextOptions(global_bias=0.0))
    with encoded_scene(context, make_raster(width=160, height=128)) as scene:
        similarity = scene.logits(head)
        cosine = scene.tokens() @ head.phrase_vectors[0].numpy()
    assert similarity.shape == (1, 128, 160)
    assert cosine.shape == (8, 10)
    # In the middle between four cells stands their mean; blended tokens are a little shorter than unit ones.
    middle = cosine[3:5, 4:6].mean()
    assert similarity[0, 63:65, 79:81].mean() == pytest.approx(middle, abs=0.02)


def test_hits_and_boxes_of_phrases_in_pictures(
    make_raster: Callable[..., Path], context_of: Callable[..., TaskContext], masks_folder: Path
) -> None:
    context = context_of(load_folder(masks_folder))
    scene = make_raster(width=160, height=128)
    everywhere = BoxItem("a", scene, "tree", np.array([[0.0, 0.0, 160.0, 128.0]]))
    nowhere = BoxItem("b", scene, "tree", np.array([[-20.0, -20.0, -10.0, -10.0]]))
    result = evaluate_grounding(context, [everywhere, nowhere])
    assert result.metrics["hit_rate"] == 0.5
    assert result.per_image["hit_rate"] == [1, 0]
    assert result.per_image["mean_box_iou"][1] == 0.0
    assert 0 < result.per_image["mean_box_iou"][0] <= 1
    groups = {example.title: example.group for example in result.examples}
    assert groups == {"a": "Found", "b": "Where it fails"}
