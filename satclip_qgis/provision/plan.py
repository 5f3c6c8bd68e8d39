"""What an installation will do, said before it is done: what, where, how large, CPU or CUDA, and why."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from satclip_qgis.i18n import tr
from satclip_qgis.protocol import Problem, bundle_root
from satclip_qgis.settings import Settings

from .hardware import Hardware, detect_hardware, free_disk_bytes
from .installed import code_id, engine_root, lock_id
from .interpreters import (
    PREFERRED_PYTHON,
    Interpreter,
    find_interpreters,
    find_uv,
    pip_config_files,
    pip_has_own_sources,
)
from .progress_file import is_complete, is_doubtful

CPU = "cpu"
CUDA = "cuda"
_MB = 10**6
# Measured on Linux with the locks of this version, rounded up.
DOWNLOAD_BYTES = {CPU: 350 * _MB, CUDA: 2_900 * _MB}
DISK_BYTES = {CPU: 1_700 * _MB, CUDA: 7_500 * _MB}


class PlanProblem(Exception):  # noqa: N818 - carries a Problem, and is named after it
    """No engine can be installed here as things are; ``problem`` says what to do."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.sentence)
        self.problem = problem


@dataclass(frozen=True)
class InstallPlan:
    """One installation.

    Attributes:
        backend: ``cpu`` or ``cuda``.
        reason: Why this backend, for people.
        tool: Path of uv, or empty for venv and pip.
        python: Interpreter that makes the environment, or a version that uv fetches.
        python_label: For people.
        data_dir: The engine's data folder.
        venv: Folder of the environment.
        code: Folder of the copy of the engine's code.
        source: Folder that holds ``engine/`` and ``resources/`` of this plugin.
        lock: The locked requirements.
        download_bytes: About how much comes over the network.
        disk_bytes: About how much is written.
        free_bytes: Free on that disk.
    """

    backend: str
    reason: str
    tool: str
    python: str
    python_label: str
    data_dir: Path
    venv: Path
    code: Path
    source: Path
    lock: Path
    download_bytes: int
    disk_bytes: int
    free_bytes: int

    @property
    def tool_label(self) -> str:
        """The tool's name for people."""
        return "uv" if self.tool else "pip"


def make_plan(settings: Settings, backend: str = "", afresh: bool = False) -> InstallPlan:
    """Look at the machine and return the plan; takes up to some seconds, so call it in a thread.

    Args:
        settings: Where to install, and with which Python.
        backend: ``cpu`` or ``cuda``; empty lets the hardware decide.
        afresh: Build another environment although a finished one exists.

    Raises:
        PlanProblem: if no suitable Python is found or the disk is too full.
    """
    hardware = detect_hardware()
    chosen = backend or (CUDA if hardware.cuda_gpu and hardware.system in ("linux", "win32") else CPU)
    source = bundle_root()
    lock = source / "engine" / "requirements" / f"{chosen}.lock"
    root = engine_root(settings.data_path)
    uv = "" if pip_has_own_sources(os.environ, pip_config_files(os.environ)) else find_uv() or ""
    python, label = choose_python(find_interpreters(settings.install_python), uv)
    venv = _venv_folder(root / f"venv-{chosen}-{lock_id(lock)}", afresh)
    finished = is_complete(venv)
    plan = InstallPlan(
        backend=chosen,
        reason=explain_backend(hardware, chosen),
        tool=uv,
        python=python,
        python_label=label,
        data_dir=settings.data_path,
        venv=venv,
        code=root / f"code-{code_id(source)}",
        source=source,
        lock=lock,
        download_bytes=0 if finished else DOWNLOAD_BYTES[chosen],
        disk_bytes=50 * _MB if finished else DISK_BYTES[chosen],
        free_bytes=free_disk_bytes(root),
    )
    check_disk(plan)
    return plan


def choose_python(found: tuple[Interpreter, ...], uv: str) -> tuple[str, str]:
    """Return interpreter and label; with uv a missing Python is fetched.

    Raises:
        PlanProblem: if no interpreter fits.
    """
    for interpreter in found:
        if interpreter.is_supported and (uv or interpreter.has_venv):
            return interpreter.path, interpreter.label
    if uv:
        return PREFERRED_PYTHON, tr("Python {version}, fetched by uv").format(version=PREFERRED_PYTHON)
    without_venv = next((item for item in found if item.is_supported), None)
    if without_venv is not None:
        major, minor, _ = without_venv.version
        raise PlanProblem(
            Problem(
                code="provision.no_venv",
                detail=tr("{python} lacks the module that makes environments.").format(python=without_venv.label),
                remedy=tr("Install it, on Debian and Ubuntu with: sudo apt install python{version}-venv").format(
                    version=f"{major}.{minor}"
                ),
            )
        )
    seen = ", ".join(item.label for item in found) or tr("none")
    raise PlanProblem(
        Problem(
            code="provision.no_python",
            detail=tr("No 64-bit Python 3.11 to 3.14 was found (found: {seen}).").format(seen=seen),
            remedy=tr("Install Python 3.12 from python.org or your system's packages, or install uv; then try again."),
        )
    )


def explain_backend(hardware: Hardware, backend: str) -> str:
    """Return in one sentence why ``backend`` fits this machine."""
    gpu = hardware.cuda_gpu
    if backend == CUDA and gpu is not None:
        return tr("CUDA, because {name} can be used.").format(name=gpu.name)
    if backend == CUDA:
        return tr("CUDA, as chosen; no usable NVIDIA GPU was found.")
    if gpu is not None:
        return tr("CPU, as chosen; {name} could be used with CUDA.").format(name=gpu.name)
    if hardware.gpus:
        first = hardware.gpus[0]
        return tr("CPU: {name} was found, but {why}.").format(name=first.name, why=first.objection)
    if hardware.system == "darwin" and hardware.machine == "arm64":
        return tr("The engine for Apple processors, which uses their GPU.")
    return tr("CPU, because no NVIDIA GPU was found.")


def check_disk(plan: InstallPlan) -> None:
    """Check that the plan fits on the disk.

    Raises:
        PlanProblem: with the numbers, if it does not.
    """
    if plan.free_bytes >= plan.disk_bytes:
        return
    raise PlanProblem(
        Problem(
            code="provision.disk_full",
            detail=tr("The engine needs {need} MB in {folder}, but only {free} MB are free.").format(
                need=plan.disk_bytes // _MB, free=plan.free_bytes // _MB, folder=plan.data_dir
            ),
            remedy=tr("Free disk space, or choose another data folder in the settings."),
            params={"need_bytes": plan.disk_bytes, "free_bytes": plan.free_bytes},
        )
    )


def _venv_folder(base: Path, afresh: bool) -> Path:
    """Return the folder to build in: the first that is sound and, afresh, holds no finished environment."""
    folder, number = base, 2
    while is_doubtful(folder) or (afresh and is_complete(folder)):
        folder = base.with_name(f"{base.name}-{number}")
        number += 1
    return folder
