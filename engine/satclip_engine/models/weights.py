"""Weights files: read without ever unpickling code, and told apart by their SHA-256."""

from __future__ import annotations

import hashlib
import json
import pickle  # nosec B403 - only its error class is used
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from satclip_engine.errors import ModelError
from satclip_engine.models.folders import ADAPTERS_FILE_NAME

# Wrappers that training scripts put around the weights.
_WRAPPERS = ("state_dict", "model_state_dict", "model", "module", "CLIP")

_HASH_BLOCK_BYTES = 8 * 1024**2


def read_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a weights file on the CPU, with wrappers and a ``module.`` prefix removed.

    ``.safetensors`` is read as such; everything else through ``torch.load(weights_only=True)``.

    Raises:
        ModelError: ``model.missing``, ``model.corrupt``, ``model.pickle`` (would run code) or ``model.torchscript``.
    """
    if not path.is_file():
        raise ModelError(
            f"The weights file {path} does not exist.",
            remedy="Check the path, or download the model again.",
            code="model.missing",
            path=str(path),
        )
    raw = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    state = _unwrap(raw, path)
    if all(name.startswith("module.") for name in state):
        state = {name[len("module.") :]: tensor for name, tensor in state.items()}
    return state


def weights_sha256(path: Path, cache_dir: Path) -> str:
    """Return the SHA-256 of a model's weights: of the file, and of the adapters beside it where there are some.

    Args:
        path: The weights file.
        cache_dir: The engine's cache folder; a digest is kept under ``weights/`` in it, by path, size and
            modification time.
    """
    digest = _file_sha256(path, cache_dir)
    adapters = path.parent / ADAPTERS_FILE_NAME
    if not adapters.is_file():
        return digest
    return hashlib.sha256(f"{digest} {_file_sha256(adapters, cache_dir)}".encode()).hexdigest()


def _file_sha256(path: Path, cache_dir: Path) -> str:
    facts = path.stat()
    key = f"{path.resolve()}|{facts.st_size}|{facts.st_mtime_ns}"
    note = cache_dir / "weights" / f"{hashlib.sha256(key.encode()).hexdigest()}.json"
    try:
        remembered = json.loads(note.read_text(encoding="utf-8"))
        if remembered["key"] == key:
            return str(remembered["sha256"])
    except (OSError, ValueError, KeyError):
        pass  # not hashed yet, or a damaged note: hash the file
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_HASH_BLOCK_BYTES):
            digest.update(block)
    write_note(note, {"key": key, "sha256": digest.hexdigest()})
    return digest.hexdigest()


def write_note(path: Path, value: Mapping[str, Any]) -> None:
    """Write a small JSON note atomically; a cache that cannot be written is no error."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{id(value):x}.part")
        part.write_text(json.dumps(value), encoding="utf-8")
        part.replace(path)
    except OSError:
        return


def _read_safetensors(path: Path) -> Any:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise _corrupt(path, error) from error


def _read_torch(path: Path) -> Any:
    if _is_torchscript(path):
        raise ModelError(
            f"{path.name} is a TorchScript archive, which carries code.",
            remedy="Use the model's safetensors or plain state-dict file.",
            code="model.torchscript",
            path=str(path),
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about pickle protocols; what matters is whether the tensors come out
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "unsupported" not in str(error).lower() or not _looks_like_torch(path):
            raise _corrupt(path, error) from error
        raise ModelError(
            f"{path.name} holds more than tensors: reading it would run code stored in the file.",
            remedy="Convert it to safetensors on a machine where you trust it, or ask for the plain weights.",
            code="model.pickle",
            path=str(path),
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise _corrupt(path, error) from error


def _looks_like_torch(path: Path) -> bool:
    """Return whether the file is a zip archive or starts like a pickle, rather than being some other kind of file."""
    with path.open("rb") as stream:
        return stream.read(1) == b"\x80" or zipfile.is_zipfile(path)


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("constants.pkl") for name in archive.namelist())


def _unwrap(raw: Any, path: Path) -> dict[str, torch.Tensor]:
    while isinstance(raw, Mapping):
        inner = next((raw[name] for name in _WRAPPERS if isinstance(raw.get(name), Mapping)), None)
        if inner is None:
            break
        raw = inner
    items = raw.items() if isinstance(raw, Mapping) else ()
    tensors = {str(name): value for name, value in items if isinstance(value, torch.Tensor)}
    if not tensors:
        raise ModelError(
            f"{path.name} holds no tensors.",
            remedy="Choose the file that holds the model's weights.",
            code="model.corrupt",
            path=str(path),
        )
    return tensors


def _corrupt(path: Path, error: Exception) -> ModelError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return ModelError(
        f"The weights file {path.name} cannot be read: {reason}.",
        remedy="The file is damaged or incomplete; download or copy it again.",
        code="model.corrupt",
        path=str(path),
    )
