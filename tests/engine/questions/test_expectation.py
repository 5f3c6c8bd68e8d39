"""What words expect of a scene: the mean of the probabilities that its map would show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from satclip_engine.config import Config
from satclip_engine.protocol import TextOptions, parse_classes
from satclip_engine.questions.expectation import expecting
from satclip_engine.questions.taught import words_of
from satclip_engine.questions.teach import TeachSession

from tests.engine.questions.teaching_scene import CLASSES, Make, fit_request, grounds
from tests.engine.questions.test_fit import encode_all, view_of


@pytest.fixture
def session(config: Config) -> TeachSession:
    return TeachSession(config)


def test_the_shares_are_those_of_the_words_own_map(session: TeachSession, make_raster: Make, tiny_folder: Path) -> None:
    request = fit_request(make_raster(data=grounds(384, 256)), tiny_folder, ())
    source, feature_map = session.source(request.scene, request.features)
    words = words_of(source.encoder, CLASSES, TextOptions(temperature=30.0, global_bias=0.0))
    assert words is not None
    assert expecting(words, feature_map, 3) is words  # nothing is finished yet

    session.preview(view_of(request, ""))
    encode_all(session)
    found = expecting(words, feature_map, 3)
    assert found is not None
    tokens = np.concatenate(
        [feature_map.read(chunk).tokens.reshape(-1, feature_map.dim) for chunk in source.layout.all_chunks()]
    )
    logits = torch.from_numpy(tokens[tokens.any(axis=1)]) @ words.phrase_vectors.T
    np.testing.assert_allclose(found.shares, torch.softmax(30 * logits, dim=1).mean(0), atol=1e-5)
    assert sum(found.shares) == pytest.approx(1, abs=1e-5)


def test_without_words_for_every_class_nothing_is_expected(
    session: TeachSession, make_raster: Make, tiny_folder: Path
) -> None:
    request = fit_request(make_raster(data=grounds(384, 256)), tiny_folder, ())
    session.preview(view_of(request, ""))
    encode_all(session)
    source, feature_map = session.source(request.scene, request.features)
    some = words_of(source.encoder, parse_classes("water; 7; road"), TextOptions())
    assert some is not None
    assert expecting(some, feature_map, 3) is some
    assert expecting(None, feature_map, 3) is None
