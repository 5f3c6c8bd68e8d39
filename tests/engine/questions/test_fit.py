"""Teaching: samples change the map, at once; what is missing is encoded, and what was taught can be kept."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from satclip_engine.config import Config
from satclip_engine.errors import HeadError
from satclip_engine.protocol import (
    FitRequest,
    FitResult,
    PreviewRequest,
    PreviewResult,
    SaveHeadRequest,
    SegmentRequest,
    parse_classes,
)
from satclip_engine.questions.segment import segment
from satclip_engine.questions.teach import TeachSession
from satclip_engine.raster.scene import open_scene
from satclip_engine.samples.reading import read_samples

from tests.engine.helpers.tiny_model import write_tiny_model
from tests.engine.questions.teaching_scene import CLASSES, LEFT, TOP, Make, fit_request, grounds, point, scattered

WIDTH, HEIGHT = 384, 256
PALETTE = np.array([[0, 0, 255], [0, 170, 0], [119, 119, 119]], np.uint8)


@pytest.fixture
def session(config: Config) -> TeachSession:
    return TeachSession(config)


@pytest.fixture
def scene(make_raster: Make) -> Path:
    return make_raster(data=grounds(WIDTH, HEIGHT))


def view_of(request: FitRequest, head_id: str) -> PreviewRequest:
    bounds = (LEFT, TOP - HEIGHT, LEFT + WIDTH, TOP)
    return PreviewRequest(request.scene, request.classes, bounds, WIDTH, HEIGHT, request.features, head_id=head_id)


def accuracy(result: PreviewResult) -> float:
    """Return the share of the painted pixels that have their ground's colour."""
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(result.png_base64))))
    assert picture[..., 3].all()
    truth = np.minimum(np.arange(WIDTH) * 3 // WIDTH, 2)
    return float((picture[..., :3] == PALETTE[truth][None]).all(axis=-1).mean())


def encode_all(session: TeachSession) -> None:
    while session.encode_missing(lambda: False):
        pass


def fit_fully(session: TeachSession, request: FitRequest) -> FitResult:
    """Fit, wait for missing features and for the search, and fit again."""
    session.fit(replace(request, classes=CLASSES))  # says what is missing, with words to answer meanwhile
    encode_all(session)
    result = session.fit(request)
    while session.encode_missing(lambda: False) or session.finish_search(lambda: False):
        result = session.fit(request)
    assert result.missing_fraction == 0
    return result


def test_samples_turn_a_map_of_words_into_the_right_one(session: TeachSession, scene: Path, tiny_folder: Path) -> None:
    request = fit_request(scene, tiny_folder, ())
    by_words = session.preview(view_of(request, ""))
    encode_all(session)
    by_words = session.preview(view_of(request, ""))
    nothing_taught = session.fit(request)
    assert session.preview(view_of(request, nothing_taught.head_id)).png_base64 == by_words.png_base64

    request = replace(request, samples=scattered(30, WIDTH, HEIGHT))
    at_once = session.fit(request)
    assert at_once.method == "residual"
    assert not at_once.candidates
    assert at_once.curve == ()  # nothing is known yet
    taught = fit_fully(session, request)
    after = accuracy(session.preview(view_of(request, taught.head_id)))
    assert after > max(0.85, accuracy(by_words))
    assert taught.missing_fraction == 0
    assert [one.samples for one in taught.classes] == [10, 10, 10]
    assert taught.method in {candidate.method for candidate in taught.candidates}
    assert all(one.places > 1 for one in taught.classes)
    assert all(one.f1 is not None and one.f1 > 0.7 for one in taught.classes)
    counts = [at.samples for at in taught.curve]
    assert counts[:3] == [1, 2, 5]
    assert counts == sorted(set(counts))
    assert {at.objects for at in taught.curve} == {30}
    mean_f1 = sum(one.f1 or 0.0 for one in taught.classes) / len(taught.classes)
    assert taught.curve[-1].f1 == pytest.approx(mean_f1)


def test_the_kind_is_chosen_anew_only_when_there_is_much_more_to_learn_from(
    session: TeachSession, scene: Path, tiny_folder: Path
) -> None:
    samples = scattered(45, WIDTH, HEIGHT)
    request = fit_request(scene, tiny_folder, samples[:30])
    first = fit_fully(session, request)
    edited = session.fit(replace(request, samples=samples[:33]))
    assert not session.finish_search(lambda: False)
    assert edited.head_id != first.head_id
    assert edited.candidates == first.candidates  # not measured again
    assert [one.samples for one in edited.classes] == [11, 11, 11]
    more = replace(request, samples=samples)
    assert session.fit(more).candidates == first.candidates  # a click does not wait for the search
    assert not session.finish_search(lambda: True)
    assert session.finish_search(lambda: False)
    assert session.fit(more).candidates != first.candidates
    # A class that had none before is a new situation, however few samples it brings.
    without = tuple(sample for sample in samples if sample.label < 2)
    two = fit_fully(session, replace(request, samples=without))
    three = fit_fully(session, replace(request, samples=(*without, point(99, 2, 350, 100))))
    assert two.candidates != three.candidates


def test_samples_on_ground_not_seen_yet_are_encoded_next(
    session: TeachSession, make_raster: Make, tiny_folder: Path
) -> None:
    width = 64 * 16 * 8
    scene = make_raster(data=grounds(width, 48))
    places = [64 * 16 * chunk + 500 for chunk in range(8)]
    samples = tuple(point(number, min(col * 3 // width, 2), col, 20) for number, col in enumerate(places))
    request = fit_request(scene, tiny_folder, samples)
    first = session.fit(request)
    assert first.missing_fraction == 1  # more chunks than a click may wait for
    assert session.encode_missing(lambda: False)
    assert 0 < session.fit(request).missing_fraction < 1
    encode_all(session)
    last = session.fit(request)
    assert last.missing_fraction == 0
    assert sum(one.samples for one in last.classes) == 8


def test_without_words_it_is_said_that_samples_wait_for_their_features(
    session: TeachSession, make_raster: Make, tiny_folder: Path
) -> None:
    width = 64 * 16 * 8  # more chunks than a click may wait for
    scene = make_raster(data=grounds(width, 48))
    samples = tuple(point(number, number % 2, 64 * 16 * number + 500, 20) for number in range(8))
    request = fit_request(scene, tiny_folder, samples, classes=parse_classes("1; 2"))
    with pytest.raises(HeadError) as refused:
        session.fit(request)
    assert (refused.value.code, bool(refused.value.remedy)) == ("head.no_features", True)
    encode_all(session)
    assert session.fit(request).missing_fraction == 0


def test_a_head_answers_only_for_its_own_classes_and_model(
    session: TeachSession, scene: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    request = fit_request(scene, tiny_folder, scattered(6, WIDTH, HEIGHT))
    result = fit_fully(session, request)
    view = view_of(request, result.head_id)
    session.preview(replace(view, classes=parse_classes("water #123456; forest; road: street")))  # only looks differ
    with pytest.raises(HeadError, match="water, forest, road") as refused:
        session.preview(replace(view, classes=parse_classes("forest; water; road")))
    assert refused.value.code == "head.classes"
    other = replace(request.features, model=str(write_tiny_model(tmp_path / "other", seed=1)))
    session.preview(replace(view, features=other, head_id=""))
    encode_all(session)
    with pytest.raises(HeadError) as refused:
        session.preview(replace(view, features=other))
    assert refused.value.code == "head.encoder"
    with pytest.raises(HeadError) as refused:
        session.preview(replace(view, head_id="gone"))
    assert (refused.value.code, bool(refused.value.remedy)) == ("head.unknown", True)


def test_one_class_is_nothing_to_tell_apart(session: TeachSession, scene: Path, tiny_folder: Path) -> None:
    request = fit_request(scene, tiny_folder, (point(0, 0, 20, 20),), classes=parse_classes("water"))
    with pytest.raises(HeadError) as refused:
        session.fit(request)
    assert refused.value.code == "head.one_class"


def test_names_without_letters_are_no_words(session: TeachSession, scene: Path, tiny_folder: Path) -> None:
    classes = parse_classes("1; 2; 3")
    request = fit_request(scene, tiny_folder, scattered(6, WIDTH, HEIGHT), classes=classes)
    result = fit_fully(session, request)
    assert result.method in ("linear", "prototypes")
    with pytest.raises(HeadError) as refused:
        session.fit(replace(request, samples=request.samples[:1]))
    assert refused.value.code == "head.one_class"
    with pytest.raises(HeadError) as refused:
        session.fit(replace(request, samples=request.samples[:2]))
    assert refused.value.code == "head.unanswerable"
    assert '"3"' in refused.value.detail


def test_a_saved_head_maps_another_layer_as_the_preview_showed_it(
    session: TeachSession, scene: Path, tiny_folder: Path, config: Config, tmp_path: Path, make_raster: Make
) -> None:
    request = fit_request(scene, tiny_folder, scattered(24, WIDTH, HEIGHT))
    result = fit_fully(session, request)
    saved = session.save_head(SaveHeadRequest(result.head_id, str(tmp_path / "head"), "Three grounds"))
    again = session.save_head(SaveHeadRequest(result.head_id, str(tmp_path / "head"), "Three grounds"))
    assert saved == again
    assert {path.name for path in (tmp_path / "head").iterdir()} == {"head.json", "head.safetensors", "samples.gpkg"}
    card = json.loads((tmp_path / "head" / "head.json").read_text())["provenance"]
    assert (card["title"], card["samples"], card["method"]) == ("Three grounds", 24, result.method)
    assert card["scene"]["fingerprint"]
    with open_scene(scene) as opened:
        read = read_samples(tmp_path / "head" / "samples.gpkg", opened.grid)
    labelled, _ = read.labelled_by(CLASSES.names)
    assert [(one.label, one.geometry) for one in labelled] == [(one.label, one.geometry) for one in request.samples]

    other = make_raster("other.tif", data=grounds(WIDTH, HEIGHT, seed=5))
    asked = SegmentRequest(str(other), CLASSES, str(tmp_path / "out"), request.features, head=saved.folder)
    run = {"config": config, "progress": lambda _: None, "check_cancelled": lambda: None, "job_id": "x"}
    segment(asked, **run)
    with rasterio.open(tmp_path / "out" / "thematic.tif") as product:
        codes = product.read(1)
    truth = np.minimum(np.arange(WIDTH) * 3 // WIDTH, 2) + 1
    assert (codes == truth).mean() > 0.85
    facts = json.loads((tmp_path / "out" / "run.json").read_text())["facts"]["head"]
    assert (facts["folder"], facts["title"], facts["method"]) == (saved.folder, "Three grounds", result.method)

    with pytest.raises(HeadError) as refused:
        segment(replace(asked, classes=parse_classes("water; forest")), **run)
    assert refused.value.code == "head.classes"
    stranger = replace(request.features, model=str(write_tiny_model(tmp_path / "other_model", seed=1)))
    with pytest.raises(HeadError) as refused:
        segment(replace(asked, features=stranger), **run)
    assert refused.value.code == "head.encoder"
