"""Weights files: damaged, missing or dangerous ones are refused with a remedy; digests are remembered."""

from __future__ import annotations

import hashlib
import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from satclip_engine.errors import ModelError
from satclip_engine.models.weights import read_state_dict, weights_sha256


class Payload:
    """Runs a command when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.target),)


def refusal(path: Path) -> ModelError:
    with pytest.raises(ModelError) as caught:
        read_state_dict(path)
    assert caught.value.remedy
    return caught.value


def test_wrappers_and_prefixes_are_removed(tmp_path: Path) -> None:
    state = {"visual.proj": torch.ones(2, 3), "logit_scale": torch.tensor(1.0)}
    wrapped = {"epoch": 3, "state_dict": {f"module.{name}": value for name, value in state.items()}, "name": "x"}
    torch.save(wrapped, tmp_path / "a.pt")
    save_file(state, tmp_path / "b.safetensors")
    for name in ("a.pt", "b.safetensors"):
        read = read_state_dict(tmp_path / name)
        assert set(read) == set(state)
        assert torch.equal(read["visual.proj"], state["visual.proj"])


def test_a_pickle_never_runs(tmp_path: Path) -> None:
    for number, save in enumerate((torch.save, lambda value, path: Path(path).write_bytes(pickle.dumps(value)))):
        path, target = tmp_path / f"{number}.pt", tmp_path / f"made-{number}"
        save({"state_dict": {"a": torch.ones(1)}, "extra": Payload(target)}, path)
        assert refusal(path).code == "model.pickle"
        assert not target.exists()


def test_torchscript_is_refused(tmp_path: Path) -> None:
    with pytest.warns(DeprecationWarning, match="jit"):
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), tmp_path / "a.pt")
    assert refusal(tmp_path / "a.pt").code == "model.torchscript"


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".bin"])
def test_damaged_files(suffix: str, tmp_path: Path) -> None:
    whole = tmp_path / f"whole{suffix}"
    if suffix == ".safetensors":
        save_file({"a": torch.randn(100, 100)}, whole)
    else:
        torch.save({"a": torch.randn(100, 100)}, whole)
    raw = whole.read_bytes()
    for name, content in {"cut": raw[: len(raw) // 2], "empty": b"", "text": b"<html>not found</html>" * 9}.items():
        path = tmp_path / f"{name}{suffix}"
        path.write_bytes(content)
        error = refusal(path)
        assert error.code == "model.corrupt", name
        assert path.name in error.detail


def test_missing_and_tensorless_files(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.pt").code == "model.missing"
    torch.save({"state_dict": {}, "epoch": 4}, tmp_path / "hollow.pt")
    assert refusal(tmp_path / "hollow.pt").code == "model.corrupt"
    torch.save([1, 2], tmp_path / "list.pt")
    assert refusal(tmp_path / "list.pt").code == "model.corrupt"


def test_digest_is_remembered_until_the_file_changes(tmp_path: Path) -> None:
    path, cache = tmp_path / "weights.bin", tmp_path / "cache"
    path.write_bytes(b"first")
    facts = path.stat()
    first = weights_sha256(path, cache)
    assert first == hashlib.sha256(b"first").hexdigest()
    # Same size and time: the note answers and the file is not read again.
    path.write_bytes(b"other")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert weights_sha256(path, cache) == first
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1_000_000))
    assert weights_sha256(path, cache) == hashlib.sha256(b"other").hexdigest()


def test_a_damaged_note_or_a_read_only_cache_is_no_error(tmp_path: Path) -> None:
    path, cache = tmp_path / "weights.bin", tmp_path / "cache"
    path.write_bytes(b"first")
    digest = weights_sha256(path, cache)
    for note in cache.rglob("*.json"):
        note.write_text("{")
    assert weights_sha256(path, cache) == digest
    blocked = tmp_path / "file"
    blocked.write_text("a file where a folder should be")
    assert weights_sha256(path, blocked) == digest
