"""Options become the request that dock and Processing send too; wrong ones say what to write."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from satclip_engine.cli.request import SegmentOptions, build_request, parse_gsd, read_classes
from satclip_engine.cli.segment import job_id_of
from satclip_engine.errors import ClassesError, InputError, OptionError
from satclip_engine.protocol import SegmentRequest, from_json, to_json

DEFAULTS = SegmentOptions(
    scene="/vsicurl/https://example.org/a.tif",
    classes="water; forest: woods, trees; building",
    out="out",
    model="mini",
    gsd="auto",
    bands="auto",
    scaling="auto",
    aoi=None,
    device="auto",
    precision="auto",
    threshold=None,
    background=None,
    unknown=None,
    templates=(),
    probabilities="uint8",
    confidence=True,
    polygons=None,
)


def request(**changes: Any) -> SegmentRequest:
    return build_request(replace(DEFAULTS, **changes))


def test_the_defaults_are_those_of_the_protocol() -> None:
    built = request()
    plain = SegmentRequest(DEFAULTS.scene, read_classes(DEFAULTS.classes), str(Path("out").resolve()))
    assert built == plain
    assert from_json(SegmentRequest, to_json(built)) == built
    assert built.classes.classes[1].phrases == ("woods", "trees")


def test_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.tif").write_bytes(b"")
    (tmp_path / "mini").mkdir()
    monkeypatch.chdir(tmp_path)
    built = request(scene="a.tif", out="maps")
    assert built.scene == str(tmp_path / "a.tif")
    assert built.out_dir == str(tmp_path / "maps")
    assert built.features.model == "mini"
    assert request(model="./mini").features.model == str(tmp_path / "mini")


def test_threshold_goes_to_all_classes_but_the_background() -> None:
    classes = request(threshold=0.4, background="Water").classes.classes
    assert [(spec.threshold, spec.background) for spec in classes] == [(None, True), (0.4, False), (0.4, False)]


def test_a_background_that_is_no_class_names_the_classes() -> None:
    with pytest.raises(ClassesError, match="none of the classes") as caught:
        request(background="sky")
    assert "water, forest, building" in caught.value.remedy


def test_outputs_follow_the_options() -> None:
    built = request(probabilities="float32", confidence=False, polygons=25.0).outputs
    assert (built.probabilities, built.probability_dtype, built.confidence) == (True, "float32", False)
    assert built.polygons is not None
    assert built.polygons.min_area_m2 == 25.0
    assert request(probabilities="none").outputs.probabilities is False


@pytest.mark.parametrize(("text", "gsd_m"), [("auto", None), ("0.5", 0.5), ("30", 30.0)])
def test_gsd_is_auto_or_metres(text: str, gsd_m: float | None) -> None:
    assert parse_gsd(text) == gsd_m


@pytest.mark.parametrize("text", ["0", "-1", "inf", "nan", "ten", ""])
def test_a_gsd_that_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match="not a number of metres"):
        parse_gsd(text)


@pytest.mark.parametrize("template", ["a photo", "{} and {}"])
def test_a_template_has_one_place_for_the_word(template: str) -> None:
    with pytest.raises(OptionError, match="exactly one"):
        request(templates=(template,))


def test_classes_come_from_a_file_too(tmp_path: Path) -> None:
    path = tmp_path / "classes.txt"
    path.write_text("\ufeff# a comment\nwasser: река, 河流  #0000FF\n\nwald\n", encoding="utf-8")
    classes = read_classes(str(path)).classes
    assert classes[0].phrases == ("река", "河流")
    assert classes[0].colour == "#0000FF"
    assert classes[1].name == "wald"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("water\n: river\n", "Line 2"),
        ("water  #12345G\n", "#12345G"),
        ("water\nWater\n", "twice"),
        ("# nothing\n", "no class"),
        ("water:\n", "colon"),
        ("x: " + "a" * 1001, "1001 characters"),
    ],
)
def test_a_broken_class_file_names_its_line(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "classes.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ClassesError, match=words) as caught:
        read_classes(str(path))
    assert caught.value.remedy


def test_a_class_file_that_is_not_there_or_not_text_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ClassesError, match="no class file"):
        read_classes(str(tmp_path / "classes.txt"))
    (tmp_path / "latin.txt").write_bytes("fl\xfcsse".encode("latin-1"))
    with pytest.raises(ClassesError, match="cannot be read"):
        read_classes(str(tmp_path / "latin.txt"))


def test_the_same_request_has_the_same_job_id() -> None:
    assert job_id_of(request()) == job_id_of(request())
    assert job_id_of(request()) != job_id_of(request(gsd="2"))


def test_all_input_errors_are_input_errors() -> None:
    for changes in ({"gsd": "x"}, {"classes": ""}, {"aoi": "x"}, {"templates": ("x",)}):
        with pytest.raises(InputError):
            request(**changes)
