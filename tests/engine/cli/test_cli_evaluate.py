"""``satclip evaluate``: a folder of one's own to a report, the list of data sets, two reports side by side."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from satclip_engine.cli.main import run

from tests.engine.harness.conftest import masks_folder
from tests.engine.helpers.tiny_model import write_tiny_model

__all__ = ["masks_folder"]

FIXED = ["--device", "cpu", "--precision", "fp32"]


@pytest.fixture(autouse=True)
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of its own whose only model is a tiny random one, under the built-in model's name."""
    monkeypatch.setenv("SATCLIP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SATCLIP_RESOURCES", str(tmp_path / "resources"))
    monkeypatch.delenv("SATCLIP_DATA", raising=False)
    return write_tiny_model(tmp_path / "resources" / "models" / "mini")


def test_a_folder_of_ones_own_becomes_a_report(
    masks_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report"
    assert run(["evaluate", str(masks_folder), "--out", str(out), "--templates", "a map of {}", *FIXED]) == 0
    text = capsys.readouterr().out
    assert "mIoU" in text
    assert str(out / "report.html") in text
    assert {path.name for path in out.iterdir()} == {"report.html", "report.json", "row.md"}
    saved = json.loads((out / "report.json").read_text(encoding="utf-8"))
    words = shlex.split(saved["command"])
    assert words[:3] == ["satclip", "evaluate", str(masks_folder)]
    assert words[words.index("--templates") + 1] == "a map of {}"
    assert "--out" not in words
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 12
    assert "forest" in page


def test_json_for_scripts_and_two_reports_side_by_side(
    masks_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [tmp_path / name for name in ("a", "b")]
    for folder, upsampler in zip(folders, ("guided", "bilinear"), strict=True):
        command = ["evaluate", str(masks_folder), "--out", str(folder), "--upsampler", upsampler, "--json", *FIXED]
        assert run(command) == 0
        said = json.loads(capsys.readouterr().out)
        assert said["report"] == str(folder / "report.html")
        assert 0 <= said["metrics"]["mean_iou"] <= 1
        assert len(said["intervals"]["mean_iou"]) == 2
    assert run(["evaluate", "--compare", str(folders[0]), str(folders[1]), "--out", str(tmp_path / "both")]) == 0
    assert str(tmp_path / "both" / "comparison.html") in capsys.readouterr().out


def test_the_list_says_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", "--list", "--data", str(tmp_path), "--json"]) == 0
    rows = {row["id"]: row for row in json.loads(capsys.readouterr().out)["datasets"]}
    assert rows["dubai_mbrsc"]["tasks"] == ["segmentation"]
    assert rows["dubai_mbrsc"]["found"] is False
    assert rows["dubai_mbrsc"]["licence"] == "CC0"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Name a data set or a folder"),
        (["no_such_set"], "There is no data set 'no_such_set'"),
        (["dubai_mbrsc"], "SATCLIP_DATA"),
        (["--compare", "nowhere", "nothing"], "There is no report at nowhere"),
    ],
)
def test_wrong_input_is_one_line(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", *arguments]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert words in said[0]


def test_a_mask_that_does_not_fit_stops_before_any_map(
    masks_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (masks_folder / "masks" / "part1.png").unlink()
    assert run(["evaluate", str(masks_folder), "--out", str(tmp_path / "report"), *FIXED]) == 2
    assert "part1" in capsys.readouterr().err
    assert not (tmp_path / "report").exists()
