"""Downloads with the hub's real client from a hub on loopback that misbehaves as asked."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import close_session
from satclip_engine.config import Config
from satclip_engine.errors import CancelledError, DiskFullError, ModelError, SatclipError
from satclip_engine.models.catalogue import list_models
from satclip_engine.models.encoder import load_encoder
from satclip_engine.models.registry.download import download_model, forget_hash
from satclip_engine.models.registry.remove import remove_model

from tests.engine.helpers.hub_server import COMMIT, HubServer, running_hub
from tests.engine.helpers.registry_fixtures import put_on_hub, tiny_state, write_registry
from tests.engine.models.configs import engine_config

REPO, FILE = "acme/tiny-clip", "open_clip_model.safetensors"
KEY = f"{REPO}/{FILE}"


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    return tiny_state()


@pytest.fixture
def hub(tmp_path: Path, state: dict[str, torch.Tensor]) -> Iterator[HubServer]:
    put_on_hub(tmp_path / "hub", REPO, FILE, state)
    with running_hub(tmp_path / "hub") as server:
        yield server
    close_session()  # its connections lead to the server that is gone


@pytest.fixture
def config(tmp_path: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "no-token"))
    config = replace(engine_config(tmp_path), hub_endpoint=hub.endpoint)
    write_registry(config.models_dir, {"id": "tiny", "title": "Tiny CLIP", "repo": REPO, "file": FILE})
    return config


class Watch:
    """Notes progress, and cancels once ``cancel_at`` bytes are there."""

    def __init__(self, cancel_at: int | None = None) -> None:
        self.seen: list[tuple[int, int]] = []
        self._cancel_at = cancel_at

    def progress(self, done: int, total: int) -> None:
        self.seen.append((done, total))

    def check(self) -> None:
        if self._cancel_at is not None and self.seen and self.seen[-1][0] >= self._cancel_at:
            raise CancelledError("Stopped.")


def download(config: Config, watch: Watch | None = None, model: str = "tiny") -> Path:
    watch = watch or Watch()
    return download_model(model, config, watch.progress, watch.check)


def failure(config: Config, model: str = "tiny") -> SatclipError:
    with pytest.raises(SatclipError) as caught:
        download(config, model=model)
    assert caught.value.remedy
    assert not (config.models_dir / model).exists()
    assert [info.installed for info in list_models(config)] == [False]
    return caught.value


def parts(config: Config) -> list[Path]:
    return list(config.models_dir.rglob("*.part"))


def test_a_model_is_listed_downloaded_used_and_removed(config: Config, hub: HubServer) -> None:
    offer = list_models(config)[0]
    assert (offer.id, offer.installed, offer.downloadable, offer.licence) == ("tiny", False, True, "Acme licence 1.0")
    watch = Watch()
    folder = download(config, watch)
    size = (hub.root / KEY).stat().st_size
    assert folder == config.models_dir / "tiny"
    assert watch.seen[0] == (0, size)
    assert watch.seen[-1] == (size, size)
    assert len(watch.seen) > 10
    assert [done for done, _ in watch.seen] == sorted(done for done, _ in watch.seen)
    record = json.loads((folder / "installed.json").read_text())
    assert record["source"] == f"{KEY}@{COMMIT}"
    assert record["source_sha256"] == hashlib.sha256((hub.root / KEY).read_bytes()).hexdigest()
    listed = list_models(config)[0]
    assert (listed.installed, listed.imported, listed.window_px, listed.cell_px) == (True, False, 32, 16)
    encoder = load_encoder("tiny", device="cpu", precision="fp32", config=config)
    assert encoder.encode(torch.zeros(1, 3, 32, 32, dtype=torch.uint8)).tokens.shape == (1, 32, 2, 2)
    assert encoder.encode_texts(["water"]).shape == (1, 32)
    requests = len(hub.requests())
    assert download(config) == folder  # installed: nothing is asked
    assert len(hub.requests()) == requests
    assert not (config.models_dir / ".downloads" / "tiny").exists()
    remove_model("tiny", config)
    assert not folder.exists()
    assert [info.installed for info in list_models(config)] == [False]


def test_a_broken_line_is_taken_up_where_it_broke(config: Config, hub: HubServer) -> None:
    hub.set_fault(KEY, "cut:3000000")
    download(config)
    starts = [request["range"] for request in hub.requests() if request["path"].startswith("/cdn")]
    assert len(starts) > 3
    assert starts[0] == ""
    assert all(start.startswith("bytes=") for start in starts[1:])


def test_a_download_that_fails_goes_on_at_the_next_attempt(config: Config, hub: HubServer) -> None:
    watch = Watch(cancel_at=4_000_000)
    with pytest.raises(CancelledError):
        download(config, watch)
    assert [info.installed for info in list_models(config)] == [False]
    left = parts(config)[0].stat().st_size
    assert left >= 4_000_000
    hub.set_fault(KEY, "500")
    hub_down = failure(config)
    assert hub_down.code == "model.network"
    assert "500" in hub_down.detail
    hub.set_fault(KEY, "")
    again = Watch()
    download(config, again)
    assert again.seen[0][0] == left
    assert hub.requests()[-1]["range"] == f"bytes={left}-"


def test_a_server_that_goes_away_in_the_middle(config: Config, hub: HubServer) -> None:
    hub.set_fault(KEY, "cut:0")
    error = failure(config)
    assert error.code == "model.network"
    assert "goes on where it stopped" in error.remedy


def test_a_server_without_ranges_starts_over(config: Config, hub: HubServer) -> None:
    with pytest.raises(CancelledError):
        download(config, Watch(cancel_at=2_000_000))
    hub.set_fault(KEY, "norange")
    again = Watch()
    folder = download(config, again)
    assert again.seen[0][0] == 0
    assert json.loads((folder / "installed.json").read_text())["source_sha256"]


def test_other_bytes_than_announced_are_refused_and_deleted(config: Config, hub: HubServer) -> None:
    hub.set_fault(KEY, "wrong")
    error = failure(config)
    assert error.code == "model.hash"
    assert parts(config) == []
    hub.set_fault(KEY, "")
    assert download(config).is_dir()


def test_a_digest_in_the_registry_is_binding(config: Config) -> None:
    entry = {"id": "tiny", "title": "Tiny CLIP", "repo": REPO, "file": FILE, "sha256": "0" * 64}
    write_registry(config.models_dir, entry)
    assert failure(config).code == "model.hash"


def test_the_first_digest_is_binding_ever_after(config: Config, hub: HubServer, state: dict[str, torch.Tensor]) -> None:
    download(config)
    remove_model("tiny", config)
    put_on_hub(hub.root, REPO, FILE, {**state, "logit_scale": state["logit_scale"] + 1})
    error = failure(config)
    assert error.code == "model.hash"
    assert "first download" in error.detail
    forget_hash("tiny", config)
    assert download(config).is_dir()


@pytest.mark.parametrize("how", ["changed", "replaced", "record"])
def test_weights_changed_after_the_installation_are_not_loaded(config: Config, how: str) -> None:
    folder = download(config)
    weights = folder / FILE
    if how == "changed":
        raw = bytearray(weights.read_bytes())
        raw[-5] ^= 1
        weights.write_bytes(raw)
    elif how == "replaced":
        (folder / "model.safetensors").write_bytes(weights.read_bytes())
        weights.unlink()
    else:
        (folder / "installed.json").write_text("{")
    with pytest.raises(ModelError) as caught:
        load_encoder("tiny", device="cpu", precision="fp32", config=config)
    assert caught.value.code == ("model.record" if how == "record" else "model.hash")


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("gated", "model.gated", "admitted"),
        ("401", "model.gated", "log-in"),
        ("404", "model.not_found", "moved, renamed or taken down"),
        ("503", "model.network", "503"),
    ],
)
def test_what_the_hub_refuses_is_said(config: Config, hub: HubServer, fault: str, code: str, words: str) -> None:
    hub.set_fault(KEY, fault)
    error = failure(config)
    assert error.code == code
    assert words in error.detail
    assert KEY in error.detail


def test_a_repository_that_does_not_exist(config: Config) -> None:
    write_registry(config.models_dir, {"id": "tiny", "title": "T", "repo": "acme/nothing", "file": FILE})
    assert failure(config).code == "model.gated"  # so the hub answers strangers
    write_registry(config.models_dir, {"id": "tiny", "title": "T", "repo": REPO, "file": FILE, "revision": "v9"})
    assert failure(config).code == "model.not_found"
    assert failure(replace(config, hub_endpoint="http://127.0.0.1:9")).code == "model.network"
    with pytest.raises(ModelError) as caught:
        download(config, model="unheard-of")
    assert caught.value.code == "model.unknown"


def test_another_name_of_the_file_is_tried(config: Config, hub: HubServer) -> None:
    entry = {"id": "tiny", "title": "T", "repo": REPO, "file": "pytorch_model.bin", "other_files": [FILE]}
    write_registry(config.models_dir, entry)
    assert download(config).is_dir()


def test_the_users_token_goes_to_the_hub(config: Config, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    download(config)
    tokens = {request["path"].split("/")[1]: request["token"] for request in hub.requests()}
    assert tokens == {"acme": "Bearer hf_test", "cdn": ""}


def test_offline_nothing_is_asked(config: Config, hub: HubServer) -> None:
    error = failure(replace(config, offline=True))
    assert error.code == "model.offline"
    assert hub.requests() == []
    folder = download(config)
    assert download(replace(config, offline=True)) == folder


def test_a_disk_too_small_is_told_before_the_first_byte(config: Config, hub: HubServer) -> None:
    hub.set_fault(KEY, f"size:{10**15}")
    error = failure(config)
    assert isinstance(error, DiskFullError)
    assert error.params["needed_bytes"] > 10**15
    assert [request["method"] for request in hub.requests()] == ["HEAD"]


def test_a_disk_that_fills_up_meanwhile(config: Config, hub: HubServer) -> None:
    """In a process whose files may not grow past 5 MB: the system's own refusal, as for a full disk."""
    code = (
        "import json, resource, signal, sys\n"
        "from pathlib import Path\n"
        "from satclip_engine.config import Config\n"
        "from satclip_engine.errors import SatclipError\n"
        "from satclip_engine.models.registry.download import download_model\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5_000_000, 5_000_000))\n"
        "try:\n"
        "    download_model('tiny', Config.from_environment(), lambda done, total: None, lambda: None)\n"
        "except SatclipError as error:\n"
        "    print(json.dumps(error.to_problem()))\n"
    )
    environment = {**os.environ, **config.to_environment()}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    problem = json.loads(ran.stdout)
    assert problem["code"] == "resource.disk_full"
    assert "goes on where it stopped" in problem["remedy"]
    assert parts(config)[0].stat().st_size == 5_000_000
    assert [info.installed for info in list_models(config)] == [False]
    again = Watch()
    download(config, again)
    assert again.seen[0][0] == 5_000_000


def test_the_users_proxy_is_used(config: Config, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, hub.endpoint)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    close_session()  # the client reads the proxies when it is made
    download(replace(config, hub_endpoint="http://hub.invalid"))
    assert {request["path"].split("/")[2] for request in hub.requests()} == {"hub.invalid", "cdn.hub.invalid"}


def test_one_download_of_a_model_at_a_time(config: Config, hub: HubServer) -> None:
    hub.set_fault(KEY, "slow:2000000")
    begun = threading.Event()
    outcome: list[BaseException] = []

    def check() -> None:
        if stop.is_set():
            raise CancelledError("Stopped.")

    def run() -> None:
        try:
            download_model("tiny", config, lambda _done, _total: begun.set(), check)
        except BaseException as error:
            outcome.append(error)

    stop = threading.Event()
    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(30)
    with pytest.raises(ModelError) as caught:
        download(config)
    stop.set()
    thread.join(30)
    assert caught.value.code == "model.busy"
    assert isinstance(outcome[0], CancelledError)


@pytest.mark.parametrize("member", ["run/checkpoints/epoch_20.pt", "../../epoch_20.pt"])
def test_an_archive_outside_the_hub(
    config: Config, hub: HubServer, state: dict[str, torch.Tensor], member: str, tmp_path: Path
) -> None:
    wrapped = {"epoch": 20, "state_dict": {f"module.{name}": tensor for name, tensor in state.items()}}
    torch.save(wrapped, tmp_path / "epoch_20.pt")
    with zipfile.ZipFile(hub.root / "tiny.zip", "w") as archive:
        archive.write(tmp_path / "epoch_20.pt", member)
        archive.writestr("run/params.txt", "lr: 1e-9")
    url = f"{hub.endpoint}/files/tiny.zip"
    write_registry(config.models_dir, {"id": "tiny", "title": "T", "url": url, "file": "epoch_20.pt"})
    hub.set_fault("tiny.zip", "cut:5000000")
    folder = download(config)
    assert json.loads((folder / "installed.json").read_text())["source"] == url
    assert load_encoder("tiny", device="cpu", precision="fp32", config=config).embed_dim == 32
    assert {request["token"] for request in hub.requests()} == {""}


def test_weights_that_are_no_model_leave_nothing_that_looks_installed(config: Config, hub: HubServer) -> None:
    put_on_hub(hub.root, REPO, FILE, {"layer.weight": torch.ones(3, 3)})
    assert failure(config).code == "model.unrecognised"
    put_on_hub(hub.root, REPO, "model.pt", {"state_dict": tiny_state(), "run": _Payload()})  # type: ignore[dict-item]
    write_registry(config.models_dir, {"id": "tiny", "title": "T", "repo": REPO, "file": "model.pt"})
    assert failure(config).code == "model.pickle"


class _Payload:
    """Would run code when unpickled."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, ("/nonexistent/made-by-a-pickle",)


def test_a_package_that_is_missing_is_told_before(config: Config, hub: HubServer) -> None:
    entry = {"id": "tiny", "title": "T", "repo": REPO, "file": FILE, "needs": ["no_such_package_here"]}
    write_registry(config.models_dir, entry)
    assert failure(config).code == "model.needs"
    assert hub.requests() == []


def test_what_is_not_installed_or_ships_is_not_removed(config: Config) -> None:
    for name in ("tiny", "", "..", ".downloads", "../models"):
        with pytest.raises(ModelError) as caught:
            remove_model(name, config)
        assert caught.value.code == "model.unknown"
    folder = download(config)
    folder.replace(config.models_dir / "shipped")
    (config.resources_dir / "models").mkdir(parents=True)
    (config.models_dir / "shipped").replace(config.resources_dir / "models" / "shipped")
    with pytest.raises(ModelError) as caught:
        remove_model("shipped", config)
    assert caught.value.code == "model.builtin"


def test_an_unfinished_download_can_be_thrown_away(config: Config) -> None:
    with pytest.raises(CancelledError):
        download(config, Watch(cancel_at=2_000_000))
    assert remove_model("tiny", config) >= 2_000_000
    assert parts(config) == []
