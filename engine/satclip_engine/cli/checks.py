"""The checks of ``satclip doctor``: each tries the real thing."""

from __future__ import annotations

import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from satclip_engine.cli.output import size_text
from satclip_engine.config import Config
from satclip_engine.errors import DiskFullError, EngineError, MemoryLimitError, OutputError
from satclip_engine.problems import as_satclip_error

_LEAST_MEMORY_BYTES = 2 * 1000**3
_LEAST_DISK_BYTES = 1 * 1000**3
_PACKAGES = (
    "torch", "torchvision", "open_clip_torch", "timm", "safetensors", "numpy", "rasterio", "pyogrio", "shapely",
    "scikit-learn", "zarr", "pillow", "starlette", "uvicorn", "click", "tqdm", "psutil", "platformdirs", "filelock",
)  # fmt: skip
_REINSTALL = "Set the engine up again from QGIS (engine badge > Set up)."


@dataclass(frozen=True)
class CheckResult:
    """What one check found.

    Attributes:
        name: Which check.
        ok: Whether the engine can work with it.
        detail: One sentence or list of facts.
        remedy: What to do where it is not ok.
        code: The error's code where it is not ok.
        seconds: How long it took.
        facts: The findings for machines.
    """

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    code: str = ""
    seconds: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)


# A check returns its sentence and its facts, or raises.
Check = Callable[[Config], tuple[str, dict[str, Any]]]


def run_checks(config: Config) -> tuple[CheckResult, ...]:
    """Run all checks; none stops the others."""
    checks: dict[str, Check] = {
        "python": check_python,
        "packages": check_packages,
        "memory": check_memory,
        "folders": check_folders,
        "disk": check_disk,
        "rasters": check_rasters,
        "torchvision": check_torchvision,
        "devices": check_devices,
        "model": check_model,
    }
    return tuple(_run(name, check, config) for name, check in checks.items())


def check_python(_config: Config) -> tuple[str, dict[str, Any]]:
    """Tell interpreter and system."""
    version = platform.python_version()
    facts = {"version": version, "executable": sys.executable, "platform": platform.platform()}
    return f"{version} on {platform.platform()}", facts


def check_packages(_config: Config) -> tuple[str, dict[str, Any]]:
    """Read the versions of what the engine needs."""
    versions: dict[str, Any] = {}
    missing = []
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        raise EngineError(f"Not installed: {', '.join(missing)}.", remedy=_REINSTALL, code="engine.packages")
    return ", ".join(f"{name} {version}" for name, version in versions.items()), versions


def check_memory(_config: Config) -> tuple[str, dict[str, Any]]:
    """Look at the machine's memory."""
    import psutil

    memory = psutil.virtual_memory()
    if memory.total < _LEAST_MEMORY_BYTES:
        raise MemoryLimitError(
            f"This machine has {size_text(memory.total)} of memory.",
            remedy=f"At least {size_text(_LEAST_MEMORY_BYTES)} are needed.",
        )
    facts = {"total_bytes": memory.total, "available_bytes": memory.available}
    return f"{size_text(memory.available)} of {size_text(memory.total)} available", facts


def check_folders(config: Config) -> tuple[str, dict[str, Any]]:
    """Write a file into each folder the engine uses."""
    folders = {"data": config.data_dir, "cache": config.cache_dir, "models": config.models_dir}
    for name, folder in folders.items():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=folder) as file:
                file.write(b"satclip")
        except OSError as error:
            raise OutputError(
                f"The {name} folder {folder} cannot be written: {error.strerror}.",
                remedy="Free it, or set SATCLIP_HOME to a folder that you can write to.",
                code="resource.data_dir",
            ) from error
    return f"data in {config.data_dir}", {name: str(folder) for name, folder in folders.items()}


def check_disk(config: Config) -> tuple[str, dict[str, Any]]:
    """Look at the free disk under the data folder."""
    folder = next(path for path in (config.data_dir, *config.data_dir.parents) if path.exists())
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < _LEAST_DISK_BYTES:
        raise DiskFullError(
            f"{size_text(free_bytes)} are free on the disk of {folder}.",
            remedy="Free space, or set SATCLIP_HOME to a folder on another disk.",
        )
    return f"{size_text(free_bytes)} free", {"free_bytes": free_bytes}


def check_rasters(_config: Config) -> tuple[str, dict[str, Any]]:
    """Write and read a raster with a CRS: GDAL and PROJ find their own data, not those of another program."""
    import numpy as np
    import rasterio
    from rasterio.io import MemoryFile
    from rasterio.transform import from_origin

    values = np.arange(16, dtype=np.uint8).reshape(1, 4, 4)
    profile = {"driver": "GTiff", "width": 4, "height": 4, "count": 1, "dtype": "uint8", "crs": "EPSG:32633"}
    with MemoryFile() as memory:
        with memory.open(**profile, transform=from_origin(500_000, 5_000_000, 10, 10)) as raster:
            raster.write(values)
        with memory.open() as raster:
            if not np.array_equal(raster.read(), values) or raster.crs.to_epsg() != 32633:
                raise EngineError("A raster was not read as it was written.", remedy=_REINSTALL, code="engine.gdal")
    return f"GDAL {rasterio.__gdal_version__}", {"gdal": rasterio.__gdal_version__, "proj": rasterio.__proj_version__}


def check_torchvision(_config: Config) -> tuple[str, dict[str, Any]]:
    """Import torch and torchvision: a CPU build of one beside a CUDA build of the other needs our remedy."""
    from satclip_engine.models.torchvision_compat import ensure_torchvision_imports

    kept_alive = ensure_torchvision_imports()
    import torchvision

    state = "without its compiled operators, which are not needed" if kept_alive else "complete"
    return f"torchvision {torchvision.__version__} {state}", {"version": torchvision.__version__, "state": state}


def check_devices(_config: Config) -> tuple[str, dict[str, Any]]:
    """List the devices, best first, and compute something on the best."""
    import torch

    from satclip_engine.models.device import available_devices, device_label

    devices = available_devices()
    total = float(torch.ones(8, device=devices[0]).sum())
    if total != 8.0:
        raise EngineError(f"{devices[0]} computes wrongly.", remedy="Choose another device.", code="engine.device")
    labels = [device_label(device) for device in devices]
    facts = {"devices": [str(device) for device in devices], "labels": labels, "cuda_build": torch.version.cuda}
    return "; ".join(labels), facts


def check_model(config: Config) -> tuple[str, dict[str, Any]]:
    """Load the built-in model and encode one empty window and one word."""
    import torch

    from satclip_engine.models.encoder import load_encoder

    encoder = load_encoder("mini", device="cpu", precision="fp32", config=config)
    side_px = encoder.window_px
    features = encoder.encode(torch.zeros(1, 3, side_px, side_px, dtype=torch.uint8))
    text = encoder.encode_texts(["water"])
    if not (torch.isfinite(features.tokens).all() and torch.isfinite(text).all()):
        raise EngineError("The built-in model gives no numbers.", remedy=_REINSTALL, code="engine.model")
    facts = {"id": encoder.id, "sha256": encoder.weights_sha256, "folder": str(Path(config.resources_dir) / "models")}
    return f"{encoder.id} loads and encodes", facts


def _run(name: str, check: Check, config: Config) -> CheckResult:
    started_s = time.monotonic()
    try:
        detail, facts = check(config)
    except Exception as error:  # whatever it is, it is the finding
        typed = as_satclip_error(error)
        remedy = _REINSTALL if isinstance(error, ImportError) else typed.remedy
        return CheckResult(name, False, typed.detail, remedy, typed.code, _since(started_s), typed.params)
    return CheckResult(name, True, detail, seconds=_since(started_s), facts=facts)


def _since(started_s: float) -> float:
    return round(time.monotonic() - started_s, 3)
