"""``satclip assess``: from a map to points, from labelled points to a report, errors in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from satclip_engine.cli.assess import parse_accuracies
from satclip_engine.cli.main import run
from satclip_engine.errors import OptionError

from tests.engine.harness.assessment_maps import NAMES, blocks_map, label, name_classes


@pytest.fixture
def thematic(make_raster: Callable[..., Path]) -> Path:
    return name_classes(make_raster("thematic.tif", data=blocks_map()[None], gsd=10.0, nodata=0), NAMES)


def test_from_a_map_to_its_report(thematic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    points, out = tmp_path / "points.gpkg", tmp_path / "report"
    asked = ["--standard-error", "0.03", "--expected-accuracy", "0.8", "--expected-accuracy", "forest=0.9"]
    assert run(["assess", "design", str(thematic), "--out", str(points), "--min-per-class", "20", *asked]) == 0
    text = capsys.readouterr().out
    assert str(points) in text
    assert "forest" in text
    assert "“unknown”" in text

    labelled = label(points, lambda i, row: None if i == 0 else row["map_class"])
    assert run(["assess", "report", str(thematic), str(labelled), "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "Overall accuracy 100.0 %" in text
    assert "1 point was left out" in text
    assert sorted(path.name for path in out.iterdir()) == [
        "assessment.html",
        "assessment.json",
        "error_matrix_points.csv",
        "error_matrix_shares.csv",
        "estimates.csv",
    ]
    html = (out / "assessment.html").read_text(encoding="utf-8")
    assert "satclip assess report" in html


def test_json_for_scripts(thematic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    points = tmp_path / "points.gpkg"
    assert run(["assess", "design", str(thematic), "--out", str(points), "--total", "90", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["problem"]["code"] == "option.total"
    design = ["assess", "design", str(thematic), "--out", str(points), "--total", "200", "--seed", "3", "--json"]
    assert run(design) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["total"], made["area_unit"]) == (200, "m2")
    assert sum(one["points"] for one in made["classes"]) == 200
    seen = iter([True])
    labelled = label(
        points, lambda _i, row: row["map_class"] if row["map_code"] != 1 or next(seen, False) else "unsure"
    )
    assert run(["assess", "report", str(thematic), str(labelled), "--out", str(tmp_path / "r"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["overall_accuracy"]["value"] == pytest.approx(1.0)
    assert report["overall_accuracy"]["standard_error"] is None  # one point of water has no variance
    assert [one["name"] for one in report["classes"]] == ["water", "forest", "crop"]
    assert Path(report["report"]).is_file()
    assert report["unlabelled"] == 200 - report["points"]


def test_errors_are_one_line(thematic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "points.gpkg")
    assert run(["assess", "design", str(tmp_path / "none.tif"), "--out", out]) == 2
    assert run(["assess", "design", str(thematic), "--out", out, "--expected-accuracy", "moor=0.8"]) == 2
    assert run(["assess", "report", str(thematic), out, "--out", str(tmp_path / "r")]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert [line[:9] for line in lines] == ["satclip: "] * 3
    assert "There is no file" in lines[0]
    assert "moor" in lines[1]
    assert "does not exist" in lines[2]


def test_expected_accuracies_are_numbers_of_classes() -> None:
    assert parse_accuracies((), 0.85) == (0.85, {})
    assert parse_accuracies(("0.7", "a=b=0.9"), 0.85) == (0.7, {"a=b": 0.9})
    with pytest.raises(OptionError, match="no number"):
        parse_accuracies(("forest",), 0.85)
