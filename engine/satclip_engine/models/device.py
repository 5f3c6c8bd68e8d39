"""Which devices this machine has, and how to name them to people."""

from __future__ import annotations

import torch

from satclip_engine.errors import DeviceError

DTYPE_NAMES = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}


def available_devices() -> tuple[torch.device, ...]:
    """Return the devices that torch can use, the best first."""
    devices = [torch.device("cuda", index) for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append(torch.device("mps"))
    return (*devices, torch.device("cpu"))


def resolve_device(name: str) -> torch.device:
    """Return the device called ``name``: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Raises:
        DeviceError: ``resource.device`` if this machine does not have it.
    """
    devices = available_devices()
    if name == "auto":
        return devices[0]
    for device in devices:
        if name in (str(device), device.type):
            return device
    raise DeviceError(
        f"The device {name!r} is not available.",
        remedy=f"Use auto or one of: {', '.join(str(device) for device in devices)}.",
        name=name,
    )


def device_label(device: torch.device, dtype: torch.dtype | None = None) -> str:
    """Return a label such as ``CPU, 2 cores, bf16``."""
    parts = [_device_name(device)]
    if dtype is not None:
        parts.append(DTYPE_NAMES[dtype])
    return ", ".join(parts)


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU"
    count = torch.get_num_threads()
    return f"CPU, {count} core{'s' if count != 1 else ''}"
