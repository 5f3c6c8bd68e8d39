"""``satclip models``: from the list over a download to the removal, as typed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import close_session
from satclip_engine.cli.main import run

from tests.engine.helpers.hub_server import HubServer, running_hub
from tests.engine.helpers.registry_fixtures import put_on_hub, tiny_state, write_registry
from tests.engine.helpers.tiny_model import write_tiny_model

REPO, FILE = "acme/tiny-clip", "open_clip_model.safetensors"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SATCLIP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SATCLIP_RESOURCES", str(tmp_path / "resources"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    write_tiny_model(tmp_path / "resources" / "models" / "mini")
    entry = {"id": "tiny", "title": "Tiny CLIP", "repo": REPO, "file": FILE, "unconfirmed": ["Nothing is known."]}
    write_registry(tmp_path / "home" / "models", entry, licence_url="https://example.org/licence")
    return tmp_path / "home"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    put_on_hub(tmp_path / "hub", REPO, FILE, tiny_state())
    with running_hub(tmp_path / "hub") as server:
        monkeypatch.setenv("SATCLIP_HUB_ENDPOINT", server.endpoint)
        yield server
    close_session()


@pytest.fixture
def json_of(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run ``satclip models ...`` with ``--json`` and return what it says."""

    def ask(*arguments: str, code: int = 0) -> Any:
        capsys.readouterr()
        assert run(["models", *arguments, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return ask


def test_the_list_is_what_models_says_by_itself(
    json_of: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models"]) == 0
    text = capsys.readouterr().out
    assert run(["models", "list"]) == 0
    assert capsys.readouterr().out == text
    assert "tiny" in text
    assert "can be downloaded" in text
    assert [model["id"] for model in json_of()["models"]] == ["mini", "tiny"]
    assert [model["id"] for model in json_of("list", "--installed")["models"]] == ["mini"]


def test_the_licence_is_shown_first(hub: HubServer, capsys: pytest.CaptureFixture[str], home: Path) -> None:
    assert run(["models", "show", "tiny"]) == 0
    shown = capsys.readouterr().out
    assert "Acme licence 1.0  https://example.org/licence" in shown
    assert "Unconfirmed:   Nothing is known." in shown
    assert run(["models", "download", "tiny", "--json"]) == 2
    said = capsys.readouterr()
    assert json.loads(said.out)["problem"]["code"] == "option.licence"
    assert "Acme licence 1.0" in said.err
    assert hub.requests() == []


def test_from_download_to_removal(
    hub: HubServer, json_of: Callable[..., Any], capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    assert run(["models", "download", "tiny", "--yes"]) == 0
    assert "satclip models check tiny" in capsys.readouterr().out
    assert json_of("show", "tiny")["model"]["installed"]
    check = json_of("check", "tiny")["check"]
    assert check["context_length"] == 77
    assert run(["models", "check", "tiny"]) == 0
    text = capsys.readouterr().out
    assert "Text: 77 tokens." in text
    assert "Cannot tell" in text
    assert json_of("show", "tiny")["model"]["checked"]
    assert json_of("remove", "tiny")["freed_bytes"] > 10_000_000
    assert not json_of("show", "tiny")["model"]["installed"]
    assert json_of("remove", "tiny", code=3)["problem"]["code"] == "model.unknown"
    assert json_of("remove", "mini", code=3)["problem"]["code"] == "model.builtin"


def test_a_hub_that_has_it_no_more(hub: HubServer, capsys: pytest.CaptureFixture[str]) -> None:
    hub.set_fault(f"{REPO}/{FILE}", "404")
    assert run(["models", "download", "tiny", "--yes"]) == 3
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("satclip: 127.0.0.1 has no acme/tiny-clip/open_clip_model.safetensors")


def test_a_replaced_file_is_accepted_once_its_digest_is_forgotten(hub: HubServer, json_of: Callable[..., Any]) -> None:
    json_of("download", "tiny", "--yes")
    json_of("remove", "tiny")
    put_on_hub(hub.root, REPO, FILE, tiny_state(seed=1))
    assert json_of("download", "tiny", "--yes", code=3)["problem"]["code"] == "model.hash"
    json_of("remove", "tiny", "--forget-hash")
    assert json_of("download", "tiny", "--yes")["model"] == "tiny"


def test_import(json_of: Callable[..., Any], tmp_path: Path) -> None:
    torch.save(tiny_state(), tmp_path / "mine.pt")
    assert json_of("import", str(tmp_path / "mine.pt"))["model"] == "mine"
    assert json_of("import", str(tmp_path / "mine.pt"), "--id", "yours")["model"] == "yours"
    assert json_of("import", str(tmp_path / "mine.pt"), code=3)["problem"]["code"] == "model.exists"
    problem = json_of("import", str(tmp_path / "mine.pt"), "--id", "b", "--architecture", "ViT-B-16", code=3)["problem"]
    assert problem["code"] == "model.mismatch"
    assert [model["id"] for model in json_of("list", "--installed")["models"]] == ["mini", "mine", "yours"]


def test_unknown_models(json_of: Callable[..., Any], tmp_path: Path) -> None:
    assert json_of("show", "nobody", code=2)["problem"]["code"] == "model.unknown"
    assert json_of("download", "nobody", code=2)["problem"]["code"] == "model.unknown"
    assert json_of("check", "nobody", code=3)["problem"]["code"] == "model.unknown"
    assert json_of("bundle", "nobody", "--out", str(tmp_path / "b"), code=3)["problem"]["code"] == "model.unknown"


def test_a_model_is_mixed_with_its_start_and_exported(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tiny_model(home / "models" / "tuned", seed=1)
    out = home.parent / "half"
    assert run(["models", "mix", "mini", "tuned", "--weight", "0.25", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["path"] == str(out)
    assert run(["models", "export", str(out), "--out", str(home.parent / "stick")]) == 0
    assert run(["models", "import", str(home.parent / "stick"), "--id", "half"]) == 0
    assert "half is installed" in capsys.readouterr().out
    assert run(["models", "mix", "mini", "tuned", "--weight", "2", "--out", str(out)]) == 2
