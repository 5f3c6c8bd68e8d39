"""A folder with everything that a machine without a network needs: a model, the engine, its wheels, and how to."""

from __future__ import annotations

import re
import shutil
import subprocess  # nosec B404 - runs this interpreter's pip only
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import satclip_engine
from satclip_engine.config import Config
from satclip_engine.errors import EngineError, ModelError, OutputError
from satclip_engine.models.folders import CONFIG_FILE_NAME, embedded_root, find_weights
from satclip_engine.models.registry.faults import is_disk_full
from satclip_engine.models.registry.installed import verify_weights
from satclip_engine.models.weights import weights_sha256

README_FILE_NAME = "README.txt"

# Where PyTorch publishes the builds that the package index does not carry. Source: pytorch.org, "Get started".
_PYTORCH_INDEX = {"cpu": "https://download.pytorch.org/whl/cpu", "cuda": "https://download.pytorch.org/whl/cu130"}
_NOT_COPIED = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")


def write_bundle(
    model_id: str,
    out: Path,
    config: Config,
    *,
    backend: str = "cpu",
    say: Callable[[str], None] = lambda _line: None,
    engine_root: Path | None = None,
) -> Path:
    """Write the bundle into the folder ``out`` and return it.

    Args:
        model_id: An installed model.
        out: A folder that does not exist yet, or is empty.
        config: Folders.
        backend: ``cpu`` or ``cuda``: whose wheels.
        say: Told what is being done.
        engine_root: Folder with ``satclip_engine/``, ``pyproject.toml`` and ``requirements/``; None is this engine's.

    Raises:
        ModelError: ``model.unknown`` if the model is not installed, ``model.hash`` if it was changed.
        OutputError: if ``out`` is not empty or cannot be written.
        EngineError: ``bundle.wheels`` if pip cannot fetch the wheels.
    """
    model = _installed_folder(model_id, config)
    weights = find_weights(model)
    verify_weights(weights, weights_sha256(weights, config.cache_dir))
    root = engine_root or Path(satclip_engine.__file__).resolve().parents[1]
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise OutputError(
                f"The folder {out} is not empty.", remedy="Give a new folder for the bundle.", path=str(out)
            )
        say(f"Copying the model {model_id}")
        shutil.copytree(model, out / "models" / model_id)
        say("Copying the engine")
        _copy_engine(root, config.resources_dir, out)
        say(f"Fetching the wheels ({backend}); this takes minutes")
        _fetch_wheels(root / "requirements", out, backend)
        (out / README_FILE_NAME).write_text(_readme(model_id, backend, out), encoding="utf-8")
    except OSError as error:
        reason = "the disk is full" if is_disk_full(error) else error.strerror or str(error)
        raise OutputError(
            f"The bundle cannot be written to {out}: {reason}.",
            remedy="Free some space or choose another folder, then start again.",
            path=str(out),
        ) from error
    return out


def _installed_folder(model_id: str, config: Config) -> Path:
    for root in (config.models_dir, embedded_root(config)):
        if model_id and Path(model_id).name == model_id and (root / model_id / CONFIG_FILE_NAME).is_file():
            return root / model_id
    raise ModelError(
        f"The model {model_id!r} is not installed.",
        remedy=f"Download it first: satclip models download {model_id}.",
        code="model.unknown",
        model=model_id,
    )


def _copy_engine(root: Path, resources: Path, out: Path) -> None:
    engine = out / "engine"
    shutil.copytree(root / "satclip_engine", engine / "satclip_engine", ignore=_NOT_COPIED)
    shutil.copytree(root / "requirements", engine / "requirements", ignore=_NOT_COPIED)
    shutil.copyfile(root / "pyproject.toml", engine / "pyproject.toml")
    if resources.is_dir():
        shutil.copytree(resources, out / "resources", ignore=_NOT_COPIED)


def _fetch_wheels(requirements: Path, out: Path, backend: str) -> None:
    """Fetch what the lock names, by its hashes; torch first and by itself, as it may come from PyTorch's index."""
    torch, packages = _split_lock((requirements / f"{backend}.lock").read_text(encoding="utf-8"))
    index = ("--extra-index-url", _PYTORCH_INDEX[backend])
    with tempfile.TemporaryDirectory() as folder:
        for name, text, places in (("packages.txt", packages, ((),)), ("torch.txt", torch, ((), index))):
            if text.strip():
                path = Path(folder, name)
                path.write_text(text, encoding="utf-8")
                _pip_download(path, out / "wheels", places, ("--require-hashes",))
        other = requirements / f"{backend}-pytorch.txt"
        if other.is_file():
            _pip_download(other, out / "wheels", ((), index), ())


def _pip_download(requirements: Path, wheels: Path, places: Sequence[Sequence[str]], hashes: Sequence[str]) -> None:
    """Run ``pip download`` with the options of each of ``places`` in turn until one succeeds."""
    wheels.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--progress-bar", "off"]
    command += ["--dest", str(wheels), "-r", str(requirements)]
    last = ""
    for place in places:
        ran = subprocess.run(  # nosec B603
            [*command, *hashes, *place], capture_output=True, text=True, check=False
        )
        if ran.returncode == 0:
            return
        lines = [line for line in (ran.stderr or ran.stdout).splitlines() if line.startswith("ERROR")]
        last = lines[-1] if lines else "pip failed"
    without_login = re.sub(r"(://)[^/@ ]+@", r"\1", last)
    raise EngineError(
        f"pip could not fetch the engine's wheels: {without_login[:300]}",
        remedy="Check the network and the package index that pip uses, remove the unfinished bundle, and start again.",
        code="bundle.wheels",
    )


def _split_lock(text: str) -> tuple[str, str]:
    """Return the part of a lock that pins torch, and the rest."""
    blocks = [block for block in re.split(r"\n(?=[A-Za-z0-9])", text) if not block.startswith("#")]
    torch = [block for block in blocks if block.startswith("torch==")]
    rest = [block for block in blocks if not block.startswith("torch==")]
    return "\n".join(torch) + "\n", "\n".join(rest) + "\n"


def _readme(model_id: str, backend: str, out: Path) -> str:
    system = f"{sys.platform}, Python {sys.version_info.major}.{sys.version_info.minor}"
    count = len(list((out / "wheels").glob("*.whl")))
    return f"""SatCLIP: everything for a machine without a network

  models/{model_id}   the model, verified by installed.json
  wheels/             {count} packages for {system}, backend {backend}
  engine/, resources/ the engine

The other machine needs the same system and the same version of Python.

A. With QGIS. Install the plugin from its zip. Tell pip to look here and nowhere else: put

     [global]
     no-index = true
     find-links = /path/to/this/folder/wheels

   into pip's configuration (pip config debug shows where it is), then let the plugin set up its engine.
   Then, on the page Models: Import..., and choose the folder models/{model_id}.

B. Without QGIS, in a terminal in this folder:

     python3 -m venv satclip-env
     satclip-env/bin/pip install --no-index --find-links wheels --no-deps wheels/*.whl
     export PYTHONPATH=$PWD/engine
     satclip-env/bin/python -m satclip_engine models import models/{model_id}
     satclip-env/bin/python -m satclip_engine models
"""
