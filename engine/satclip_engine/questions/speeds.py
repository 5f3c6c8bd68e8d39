"""Measured speeds of this machine, kept so that the next run's duration can be said before it starts."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from satclip_engine.features.batch_runner import BatchRunner
from satclip_engine.models.encoder import Encoder

_FILE_NAME = "speeds.json"


@dataclass(frozen=True)
class Speeds:
    """How fast this machine is with one encoder.

    Attributes:
        windows_per_s: Encoder windows per second.
        pixels_per_s: Output pixels scored, upsampled and written per second; None before the first map.
    """

    windows_per_s: float
    pixels_per_s: float | None


class SpeedBook:
    """The speeds on disk, one entry per encoder and device.

    Args:
        cache_dir: ``Config.cache_dir``.
    """

    def __init__(self, cache_dir: Path) -> None:
        self._path = cache_dir / _FILE_NAME

    def get(self, encoder: Encoder) -> Speeds | None:
        """Return the last measured speeds, or None."""
        entry = self._read().get(_key(encoder))
        if not entry or not entry.get("windows_per_s"):
            return None
        return Speeds(float(entry["windows_per_s"] or 0.0), entry.get("pixels_per_s"))

    def put_windows(self, encoder: Encoder, windows_per_s: float) -> None:
        """Keep how fast ``encoder`` was."""
        self._put(encoder, "windows_per_s", windows_per_s)

    def put_pixels(self, encoder: Encoder, pixels_per_s: float) -> None:
        """Keep how fast its scores became written pixels."""
        self._put(encoder, "pixels_per_s", pixels_per_s)

    def _put(self, encoder: Encoder, name: str, value: float) -> None:
        """Change one number and leave the other; a run killed meanwhile leaves the old file."""
        entries = self._read()
        entries.setdefault(_key(encoder), {})[name] = value
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(entries, indent=1), encoding="utf-8")
        temporary.replace(self._path)

    def measure(self, encoder: Encoder, runner: BatchRunner) -> Speeds:
        """Encode two batches of noise and keep the second one's speed."""
        shape = (runner.batch_size, encoder.channels, encoder.window_px, encoder.window_px)
        images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
        runner.run(images)
        started_s = time.perf_counter()
        runner.run(images).tokens.cpu()
        windows_per_s = runner.batch_size / (time.perf_counter() - started_s)
        self.put_windows(encoder, windows_per_s)
        return self.get(encoder) or Speeds(windows_per_s, None)

    def _read(self) -> dict[str, dict[str, float | None]]:
        try:
            entries = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return entries if isinstance(entries, dict) else {}


def _key(encoder: Encoder) -> str:
    return json.dumps([encoder.identity(), encoder.device_label], sort_keys=True)
