"""The command ``satclip`` itself: results, exit codes, one line for each error, Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
import rasterio
from satclip_engine.cli.main import run, satclip

from tests.engine.helpers.engine_process import wait_until
from tests.engine.helpers.tiny_model import write_tiny_model

CLASSES = "water; forest: woods, trees; building"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of its own whose only model is a tiny random one, under the built-in model's name."""
    monkeypatch.setenv("SATCLIP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SATCLIP_RESOURCES", str(tmp_path / "resources"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return tmp_path / "home"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_tiny_model(tmp_path / "resources" / "models" / "mini")


def segment(scene: Path, out: Path, *more: str) -> list[str]:
    fixed = ["--device", "cpu", "--precision", "fp32"]
    return ["segment", str(scene), "--classes", CLASSES, "--out", str(out), *fixed, *more]


def one_line(text: str) -> str:
    lines = text.strip().splitlines()
    assert len(lines) == 1, text
    assert lines[0].startswith("satclip: ")
    return lines[0]


def test_a_map_from_words_and_the_same_again_from_its_card(
    make_raster: Callable[..., Path], model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = make_raster(width=150, height=120)
    assert run(segment(scene, tmp_path / "out", "--background", "water", "--threshold", "0.4", "--unknown", "0.2")) == 0
    text = capsys.readouterr().out
    assert "Mapped 3 classes" in text
    assert str(tmp_path / "out" / "thematic.tif") in text
    with rasterio.open(tmp_path / "out" / "thematic.tif") as map_, rasterio.open(scene) as source:
        assert (map_.shape, map_.transform, map_.crs) == (source.shape, source.transform, source.crs)

    card = tmp_path / "out" / "run.json"
    assert run(["replay", str(card), "--out", str(tmp_path / "again"), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["out_dir"] == str(tmp_path / "again")
    for artifact in result["artifacts"]:
        path = Path(artifact["path"])
        if path.suffix in (".tif", ".qml"):
            assert path.read_bytes() == (tmp_path / "out" / path.name).read_bytes(), path.name


def test_only_what_was_asked_for_is_written_over_the_area(
    make_raster: Callable[..., Path], model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = make_raster(width=150, height=120)
    options = [
        "--aoi",
        "600020,5199920,600080,5199960",
        "--probabilities",
        "none",
        "--no-confidence",
        "--polygons",
        "5",
    ]
    assert run(segment(scene, tmp_path / "out", *options, "--json")) == 0
    roles = {artifact["role"] for artifact in json.loads(capsys.readouterr().out)["artifacts"]}
    assert "polygons" in roles
    assert not roles & {"probabilities", "confidence"}
    with rasterio.open(tmp_path / "out" / "thematic.tif") as map_:
        assert tuple(map_.bounds) == (600_020.0, 5_199_920.0, 600_080.0, 5_199_960.0)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["segment"], 2, "Missing"),
        (["dance"], 2, "No such command"),
        (["segment", "a.tif", "--classes", "water;Water", "--out", "o"], 2, "twice"),
        (["segment", "a.tif", "--classes", "water", "--out", "o", "--threshold", "2"], 2, "not in the range"),
        (["segment", "a.tif", "--classes", "water", "--out", "o"], 2, "a.tif"),
        (["replay", "nowhere.json"], 2, "nowhere.json"),
        (["serve", "--host", "0.0.0.0"], 4, "does not listen on"),  # noqa: S104 -- refused
    ],
)
def test_every_error_is_one_line_and_an_exit_code(
    arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == code
    captured = capsys.readouterr()
    assert words in one_line(captured.err)
    assert captured.out == ""


def test_a_missing_model_is_no_input_error(make_raster: Callable[..., Path], tmp_path: Path) -> None:
    assert run(segment(make_raster(), tmp_path / "out", "--model", "none")) == 3
    assert not (tmp_path / "out" / "thematic.tif").exists()


def test_scripts_get_the_problem_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["segment", "a.tif", "--classes", "water", "--out", "o", "--gsd", "big", "--json"]) == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out)["problem"]["code"] == "option.gsd"
    assert one_line(captured.err)


def test_an_unforeseen_error_is_one_line_and_its_traceback_is_kept(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(satclip.commands, "stumble", click.Command("stumble", callback=lambda: {}["surprise"]))
    assert run(["stumble"]) == 4
    assert "KeyError" in one_line(capsys.readouterr().err)
    assert "lambda" in (home / "logs" / "cli.log").read_text()


@pytest.mark.parametrize("limit", ["plenty", "inf", "nan"])
def test_a_limit_that_is_no_size_is_refused(
    limit: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SATCLIP_CACHE_LIMIT_GB", limit)
    assert run(["cache", "show"]) == 2
    assert limit in one_line(capsys.readouterr().err)


def test_no_arguments_show_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    assert "segment" in capsys.readouterr().err
    assert run(["--help"]) == 0
    assert "Exit codes" in capsys.readouterr().out


def test_models_are_listed(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models"]) == 0
    assert "Tiny random model" in capsys.readouterr().out
    assert run(["models", "--json"]) == 0
    (info,) = json.loads(capsys.readouterr().out)["models"]
    assert (info["id"], info["installed"], info["builtin"]) == ("mini", True, True)


def test_the_cache_is_shown_and_cleared(
    make_raster: Callable[..., Path], model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(segment(make_raster(), tmp_path / "out", "--json"))
    capsys.readouterr()
    assert run(["cache", "show", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["cache_bytes"] > 0
    assert len(shown["entries"]) == 1
    assert run(["cache", "clear"]) == 0
    assert "Freed" in capsys.readouterr().out
    run(["cache", "show", "--json"])
    assert json.loads(capsys.readouterr().out)["cache_bytes"] == 0


def test_the_doctor_finds_a_healthy_engine_healthy(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    checks = {check["name"]: check for check in report["checks"]}
    assert report["ok"] is True
    assert all(check["ok"] for check in checks.values())
    assert checks["devices"]["facts"]["devices"][-1] == "cpu"
    assert checks["memory"]["facts"]["total_bytes"] > 0
    assert "torchvision" in checks["packages"]["facts"]
    assert checks["model"]["facts"]["id"] == "mini"


def test_the_doctor_names_what_is_wrong_and_checks_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SATCLIP_CACHE", str(tmp_path / "file" / "cache"))
    assert run(["doctor", "--json"]) == 3
    report = json.loads(capsys.readouterr().out)
    bad = {check["name"]: check for check in report["checks"] if not check["ok"]}
    assert report["ok"] is False
    assert set(bad) == {"folders", "model"}
    assert bad["model"]["code"] == "model.unknown"
    assert all(check["remedy"] for check in bad.values())


def test_ctrl_c_stops_cleanly_and_the_next_run_continues(
    make_raster: Callable[..., Path], model: Path, tmp_path: Path, home: Path
) -> None:
    scene, out = make_raster(width=1600, height=1500), tmp_path / "out"
    command = [sys.executable, "-m", "satclip_engine", *segment(scene, out, "--json")]
    with subprocess.Popen(command, env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        wait_until(lambda: list(home.glob("cache/features/*/*")) or process.poll() is not None)
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert json.loads(printed)["problem"]["code"] == "cancelled"
    assert "satclip: Stopped" in one_line(said.decode())
    assert [path.name for path in out.iterdir()] == []
