"""What words say about the ground of a scene: cells of its map with the scores that it shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from satclip_engine.config import Config
from satclip_engine.protocol import TextOptions, parse_classes
from satclip_engine.questions.ground import grounded
from satclip_engine.questions.taught import words_of
from satclip_engine.questions.teach import TeachSession

from tests.engine.questions.teaching_scene import CLASSES, Make, fit_request, grounds
from tests.engine.questions.test_fit import encode_all, view_of


@pytest.fixture
def session(config: Config) -> TeachSession:
    return TeachSession(config)


def test_the_ground_is_of_the_map_with_the_words_own_scores(
    session: TeachSession, make_raster: Make, tiny_folder: Path
) -> None:
    request = fit_request(make_raster(data=grounds(384, 256)), tiny_folder, ())
    source, feature_map = session.source(request.scene, request.features)
    words = words_of(source.encoder, CLASSES, TextOptions(temperature=30.0, global_bias=0.0))
    assert words is not None
    assert grounded(words, feature_map, 3) is words  # nothing is finished yet

    session.preview(view_of(request, ""))
    encode_all(session)
    found = grounded(words, feature_map, 3)
    assert found is not None
    assert found.ground is not None
    cells = np.concatenate(
        [feature_map.read(chunk).tokens.reshape(-1, feature_map.dim) for chunk in source.layout.all_chunks()]
    )
    drawn = found.ground.tokens.numpy()
    assert 200 < len(drawn) <= 300
    assert {row.tobytes() for row in drawn} <= {row.tobytes() for row in cells}
    torch.testing.assert_close(found.ground.logits, words.pool(found.ground.tokens @ words.vectors.T))


def test_without_words_for_every_class_there_is_no_ground(
    session: TeachSession, make_raster: Make, tiny_folder: Path
) -> None:
    request = fit_request(make_raster(data=grounds(384, 256)), tiny_folder, ())
    session.preview(view_of(request, ""))
    encode_all(session)
    source, feature_map = session.source(request.scene, request.features)
    some = words_of(source.encoder, parse_classes("water; 7; road"), TextOptions())
    assert some is not None
    assert grounded(some, feature_map, 3) is some
    assert grounded(None, feature_map, 3) is None
