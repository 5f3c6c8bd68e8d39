"""``satclip train``: its help, recipes shown and changed, the cost before, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from satclip_engine.cli.main import run

from tests.engine.helpers.miniature_set import write_miniature_set
from tests.engine.helpers.tiny_model import write_tiny_model


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SATCLIP_HOME", str(tmp_path / "home"))


@pytest.fixture
def basic(tmp_path: Path) -> list[str]:
    pairs = write_miniature_set(tmp_path / "pairs").folder
    model = write_tiny_model(tmp_path / "tiny")
    return ["train", str(pairs), "--out", str(tmp_path / "out"), "--model", str(model), "--device", "cpu"]


def said(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_help_lists_every_recipe_with_when_to_use_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for path in (Path(__file__).resolve().parents[3] / "resources" / "recipes").glob("*.yaml"):
        when = yaml.safe_load(path.read_text())["when"]
        assert f"{path.stem} {when}" in text


def test_a_recipe_is_shown_with_its_changes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "--show", "--recipe", "farslip", "--set", "steps=5", "--set", "learning_rate=2e-5"]) == 0
    shown = yaml.safe_load(capsys.readouterr().out)
    assert [(stage["steps"], float(stage["learning_rate"])) for stage in shown["stages"]] == [(5, 2e-5)] * 2


def test_the_cost_is_measured_and_nothing_is_left(
    basic: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*basic, "--recipe", "farslip", "--set", "batch=4", "--estimate", "--json"]) == 0
    found = said(capsys)
    assert found["steps"] == 40
    assert found["trained_weights"] == found["all_weights"] == 342_529
    assert found["seconds"] > 0
    assert found["memory_bytes"] > 10**8
    assert found["disk_bytes"] > 4 * found["all_weights"]
    assert not (tmp_path / "out").exists()
    assert run([*basic, "--set", "batch=4", "--estimate"]) == 0
    assert "40 steps on CPU" in capsys.readouterr().out


def test_a_model_is_made_and_told(basic: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*basic, "--set", "steps=2", "--set", "batch=4", "--title", "Drawn ground"]) == 0
    out = capsys.readouterr().out
    assert "Trained" in out
    assert "on the test pairs" in out
    assert str(tmp_path / "out") in out
    assert json.loads((tmp_path / "out" / "card.json").read_text())["title"] == "Drawn ground"


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--recipe", "lorra"], 2, "There is no recipe 'lorra'"),
        (["--set", "method.rnk=4"], 2, "there is no setting 'method.rnk'"),
        (["--set", "method.rank"], 2, "'method.rank' is no setting"),
        (["--set", "views=["], 2, "is no YAML"),
        (["--set", "steps=many"], 2, "Stage.steps: expected int"),
        (["--seed", "-1"], 2, "--seed"),
        (["--model", "no-such-model"], 3, "no-such-model"),
        (["--device", "tpu"], 3, "tpu"),
        (["--set", "objective=ground_photos", "--set", "method.towers=text"], 2, "Nothing would be trained"),
    ],
)
def test_what_is_refused_in_one_line(
    basic: list[str], more: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*basic, *more]) == code
    told = capsys.readouterr().err
    assert message in told
    assert "Traceback" not in told
