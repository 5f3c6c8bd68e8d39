"""What the machine offers, found out without torch."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from .commands import run_command

_MIB = 1024**2
# Source: NVIDIA CUDA 13.0 release notes: driver 580 or newer; Maxwell, Pascal and Volta are no longer supported.
LEAST_DRIVER = 580
LEAST_CAPABILITY = 7.5


@dataclass(frozen=True)
class Gpu:
    """An NVIDIA graphics card.

    Attributes:
        name: For people.
        memory_bytes: Of the card.
        driver: Major version of the driver.
        capability: Compute capability, e.g. 8.6; 0 where the driver is too old to tell.
    """

    name: str
    memory_bytes: int
    driver: int
    capability: float

    @property
    def objection(self) -> str:
        """Why the CUDA engine cannot use it; empty if it can."""
        if self.driver < LEAST_DRIVER:
            return f"its driver {self.driver} is older than {LEAST_DRIVER}: update the driver to use the GPU"
        if self.capability < LEAST_CAPABILITY:
            return f"its compute capability {self.capability:g} is below {LEAST_CAPABILITY:g}"
        return ""


@dataclass(frozen=True)
class Hardware:
    """What decides between CPU and CUDA, and what the dialog shows."""

    cores: int
    memory_bytes: int
    gpus: tuple[Gpu, ...]
    machine: str
    system: str

    @property
    def cuda_gpu(self) -> Gpu | None:
        """The first card that the CUDA engine can use, or None."""
        return next((gpu for gpu in self.gpus if not gpu.objection), None)


def detect_hardware() -> Hardware:
    """Look at processor, memory and graphics cards; asking the driver can take a second."""
    return Hardware(
        cores=os.cpu_count() or 1,
        memory_bytes=_memory_bytes(),
        gpus=_find_gpus(),
        machine=platform.machine(),
        system=sys.platform,
    )


def parse_nvidia_smi(text: str) -> tuple[Gpu, ...]:
    """Return the cards in ``nvidia-smi --query-gpu=name,memory.total,driver_version,compute_cap`` output (CSV, MiB)."""
    gpus = []
    for line in text.splitlines():
        fields = [field.strip() for field in line.rsplit(",", 3)]
        try:
            name, memory_mib, driver = fields[0], float(fields[1]), int(fields[2].split(".")[0])
        except (IndexError, ValueError):
            continue
        gpus.append(Gpu(name, int(memory_mib * _MIB), driver, _number(fields[3:])))
    return tuple(gpus)


def free_disk_bytes(folder: Path) -> int:
    """Return the free bytes of the disk that holds ``folder``, or will."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(existing).free


def _find_gpus() -> tuple[Gpu, ...]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    style = "--format=csv,noheader,nounits"
    result = run_command(program, ["--query-gpu=name,memory.total,driver_version,compute_cap", style])
    if result.exit_code != 0:  # drivers before 510 do not know compute_cap
        result = run_command(program, ["--query-gpu=name,memory.total,driver_version", style])
        return parse_nvidia_smi("\n".join(f"{line}, 0" for line in result.output.splitlines()))
    return parse_nvidia_smi(result.output)


def _number(fields: list[str]) -> float:
    try:
        return float(fields[0])
    except (IndexError, ValueError):
        return 0.0


def _memory_bytes() -> int:
    if sys.platform == "win32":
        return _windows_memory_bytes()
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0


def _windows_memory_bytes() -> int:
    """Return the installed memory. Source: GetPhysicallyInstalledSystemMemory, sysinfoapi.h (kibibytes)."""
    kibibytes = ctypes.c_ulonglong()
    kernel32 = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    kernel32.GetPhysicallyInstalledSystemMemory(ctypes.byref(kibibytes))
    return kibibytes.value * 1024
