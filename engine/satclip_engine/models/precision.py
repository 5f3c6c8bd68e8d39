"""Which number format the image tower computes in: the low one only where it is faster and close enough."""

from __future__ import annotations

import copy
import hashlib
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from satclip_engine.errors import OptionError
from satclip_engine.models.bands import input_convolution
from satclip_engine.models.tower import DenseFeatures, Tower
from satclip_engine.models.weights import write_note

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

# Low precision must win clearly, or a noisy measurement would decide; and must not turn any cell's vector.
_LEAST_GAIN = 1.15
_LEAST_COSINE = 0.995
_LEAST_MEAN_COSINE = 0.9995

_PROBE_WINDOWS = 4
_PROBE_RUNS = 4
_PROBE_LIMIT_S = 1.5


def named_precision(name: str, device: torch.device) -> torch.dtype:
    """Return the dtype called ``name`` on ``device``.

    Raises:
        OptionError: ``option.precision`` if there is none of that name, or the device cannot compute in it.
    """
    if name not in PRECISIONS:
        raise OptionError(
            f"There is no precision {name!r}.",
            remedy=f"Use auto or one of: {', '.join(PRECISIONS)}.",
            code="option.precision",
        )
    if name == "fp16" and device.type == "cpu":
        raise OptionError(
            "fp16 is not for processors: it is slow there and overflows.",
            remedy="Use auto, fp32 or bf16.",
            code="option.precision",
        )
    return PRECISIONS[name]


def choose_precision(
    visual: Any, make_tower: Callable[[Any], Tower], device: torch.device, weights_sha256: str, cache_dir: Path
) -> torch.dtype:
    """Return the dtype for these weights on this machine; measured once, then remembered on disk.

    Args:
        visual: The open_clip image tower in float32, on ``device``; left as it is.
        make_tower: Wraps an image tower with its dense head.
        device: Where it will run.
        weights_sha256: Digest of the weights file.
        cache_dir: The engine's cache folder; the verdict is kept under ``precision/``.
    """
    key = "|".join((weights_sha256, processor_name(device), str(torch.get_num_threads()), torch.__version__))
    note = cache_dir / "precision" / f"{hashlib.sha256(key.encode()).hexdigest()}.json"
    known = _remembered(note)
    if known is not None:
        return PRECISIONS[known]
    name = _measure(visual, make_tower, device)
    # Another process may have measured meanwhile, with another verdict: the first one holds for both, or a resumed
    # run would not find its own features.
    name = _remembered(note) or name
    write_note(note, {"key": key, "precision": name})
    return PRECISIONS[_remembered(note) or name]


def _remembered(note: Path) -> str | None:
    """Return the verdict on disk; None if never measured here, or if the note is damaged."""
    try:
        name = json.loads(note.read_text(encoding="utf-8"))["precision"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return name if name in PRECISIONS else None


def cast_visual(visual: Any, dtype: torch.dtype) -> None:
    """Cast an image tower in place; batch norms keep float32, whose running statistics bf16 would round."""
    visual.to(dtype)
    if dtype == torch.float32:
        return
    for module in visual.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.float()


def processor_name(device: torch.device) -> str:
    """Return the model of the processor or GPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith(("model name", "Hardware", "CPU part")):
                return f"{device.type} {line.partition(':')[2].strip()} {torch.backends.cpu.get_cpu_capability()}"
    except OSError:
        pass  # not Linux
    return f"{device.type} {platform.processor() or platform.machine()}"


def _measure(visual: Any, make_tower: Callable[[Any], Tower], device: torch.device) -> str:
    candidate = _candidate(device)
    low_visual = copy.deepcopy(visual)
    cast_visual(low_visual, PRECISIONS[candidate])
    exact, low = make_tower(visual), make_tower(low_visual)
    images = _probe_images(input_convolution(visual)[1].in_channels, exact.window_px).to(device)
    try:
        with torch.inference_mode():
            seconds, reference = _time(exact, images, device)
            low_seconds, answer = _time(low, images.to(PRECISIONS[candidate]), device)
    except RuntimeError:
        return "fp32"  # an operator of this tower has no low-precision kernel here
    cosines = torch.cosine_similarity(reference.tokens.float(), answer.tokens.float(), dim=1)
    close = float(cosines.min()) >= _LEAST_COSINE and float(cosines.mean()) >= _LEAST_MEAN_COSINE
    return candidate if close and seconds >= _LEAST_GAIN * low_seconds else "fp32"


def _candidate(device: torch.device) -> str:
    if device.type == "cpu" or (device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)):
        return "bf16"
    return "fp16"


def _probe_images(channels: int, side_px: int) -> torch.Tensor:
    """Return normalised images (4, channels, side, side) with structure at all scales, the same every time."""
    generator = torch.Generator().manual_seed(0)
    images = torch.zeros(_PROBE_WINDOWS, channels, side_px, side_px)
    for cells in (2, 8, 32):
        noise = torch.randn(_PROBE_WINDOWS, channels, cells, cells, generator=generator)
        images += torch.nn.functional.interpolate(noise, size=(side_px, side_px), mode="nearest") * 0.6
    return images


def _time(tower: Tower, images: torch.Tensor, device: torch.device) -> tuple[float, DenseFeatures]:
    if tower.is_convolutional:
        images = images.contiguous(memory_format=torch.channels_last)
    best, spent_s = float("inf"), 0.0
    for _ in range(_PROBE_RUNS):  # the first run also allocates and picks kernels, and rarely is the best
        _synchronise(device)
        start = time.perf_counter()
        features = tower(images)
        _synchronise(device)
        seconds = time.perf_counter() - start
        best, spent_s = min(best, seconds), spent_s + seconds
        if spent_s > _PROBE_LIMIT_S:
            break  # a large model on a slow processor: one run tells enough
    return best, features


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
