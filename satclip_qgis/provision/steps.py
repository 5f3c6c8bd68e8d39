"""The steps of an installation as commands: pure, so that they can be read and tested without running them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from satclip_qgis.i18n import tr

from .environment import engine_environment, installer_environment
from .installed import venv_python
from .plan import CPU, InstallPlan

_SCRIPTS = Path(__file__).resolve().parent / "child_scripts"
# Where PyTorch publishes the builds that the package index does not carry. Source: pytorch.org, "Get started".
PYTORCH_INDEX = "https://download.pytorch.org/whl/"
_PYTORCH_FOLDER = {CPU: "cpu", "cuda": "cu130"}
TORCH_FILE = "satclip-torch.txt"
PACKAGES_FILE = "satclip-packages.txt"


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        id: Recorded when the step is done.
        title: For people.
        commands: Tried in order until one succeeds; each is a program and its arguments.
        environment: Of the child.
        weight: Share of the whole in the progress bar.
        expected_lines: Of the log, to tell how far the step is; 0 where that says nothing.
    """

    id: str
    title: str
    commands: tuple[tuple[str, ...], ...]
    environment: dict[str, str]
    weight: float
    expected_lines: int = 0


def installation_steps(
    plan: InstallPlan,
    finished: tuple[str, ...],
    interrupted: str,
    parent: Mapping[str, str],
    proxy: Mapping[str, str],
) -> tuple[Step, ...]:
    """Return the steps of ``plan`` that remain.

    Args:
        plan: What to install.
        finished: Ids of the steps already done.
        interrupted: Id of the step that was cut off; what it had installed is installed again.
        parent: Environment of this process.
        proxy: Proxy variables.
    """
    environment = installer_environment(parent, proxy)
    python = str(venv_python(plan.venv))
    packages = _install(plan, plan.venv / PACKAGES_FILE, interrupted == "packages")
    torch = _install(plan, plan.venv / TORCH_FILE, interrupted == "torch")
    other_torch = _install(plan, plan.lock.with_name(f"{plan.backend}-pytorch.txt"), interrupted == "torch-index")
    hashes = ("--require-hashes",)
    index = ("--extra-index-url", PYTORCH_INDEX + _PYTORCH_FOLDER[plan.backend])
    count = plan.lock.read_text(encoding="utf-8").count("==")
    code = (python, str(_SCRIPTS / "copy_code.py"), str(plan.source), str(plan.code))
    engine = engine_environment(parent, plan.data_dir, plan.code / "engine")
    steps = (
        Step("venv", tr("Make the environment"), (_make_venv(plan),), environment, 0.05),
        Step("torch", tr("Install PyTorch"), ((*torch, *hashes), (*torch, *hashes, *index)), environment, 0.45),
        Step(
            "torch-index",
            tr("Install PyTorch's build for this system"),
            (other_torch, (*other_torch, *index)),
            environment,
            0.05,
        ),
        Step("packages", tr("Install the other packages"), ((*packages, *hashes),), environment, 0.35, count),
        Step("code", tr("Copy the engine"), (code,), environment, 0.02),
        Step("verify", tr("Check the engine"), ((python, "-m", "satclip_engine", "doctor", "--json"),), engine, 0.08),
    )
    return tuple(step for step in steps if step.id not in finished or step.id in ("code", "verify"))


def write_requirements(plan: InstallPlan) -> None:
    """Split the lock: torch first, because it is the largest and may come from another index."""
    torch, packages = split_lock(plan.lock.read_text(encoding="utf-8"))
    (plan.venv / TORCH_FILE).write_text(torch, encoding="utf-8")
    (plan.venv / PACKAGES_FILE).write_text(packages, encoding="utf-8")


def split_lock(text: str) -> tuple[str, str]:
    """Return the part of a lock that pins torch, and the rest."""
    blocks = [block for block in re.split(r"\n(?=[A-Za-z0-9])", text) if not block.startswith("#")]
    torch = [block for block in blocks if block.startswith("torch==")]
    rest = [block for block in blocks if not block.startswith("torch==")]
    return "\n".join(torch).rstrip() + "\n", "\n".join(rest).rstrip() + "\n"


def _make_venv(plan: InstallPlan) -> tuple[str, ...]:
    if plan.tool:
        return (plan.tool, "venv", "--python", plan.python, str(plan.venv))
    return (plan.python, "-m", "venv", str(plan.venv))


def _install(plan: InstallPlan, requirements: Path, again: bool) -> tuple[str, ...]:
    """Return the command that installs a requirements file: wheels only, so that nothing is compiled or executed."""
    common = ("--no-deps", "--only-binary", ":all:", "-r", str(requirements))
    if plan.tool:
        python = ("--python", str(venv_python(plan.venv)))
        return (plan.tool, "pip", "install", *python, *common, *(("--reinstall",) if again else ()))
    pip = (str(venv_python(plan.venv)), "-m", "pip", "install", "--progress-bar", "off")
    return (*pip, *common, *(("--force-reinstall",) if again else ()))


def log_path(data_dir: Path) -> Path:
    """Return the file that keeps the log of the last installation."""
    return data_dir / "logs" / "install.log"


def redact(line: str) -> str:
    """Return ``line`` without user names and passwords in addresses, and with the home folder as ``~``."""
    without_login = re.sub(r"(\w+://)[^/@\s]+@", r"\1***@", line)
    return without_login.replace(str(Path.home()), "~")
