"""Finds a Python that can make the engine's environment, and the tool that fills it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .commands import run_command

# What engine/requirements/*.lock has wheels for.
OLDEST_PYTHON = (3, 11)
NEWEST_PYTHON = (3, 14)
# What uv fetches where the machine has none of its own.
PREFERRED_PYTHON = "3.12"

_PROBE = (
    "import sys,struct,json,importlib.util as u;"
    "print(json.dumps([sys.executable,list(sys.version_info[:3]),struct.calcsize('P')*8,"
    "all(u.find_spec(m) is not None for m in ('venv','ensurepip'))]))"
)
_INDEX_KEYS = ("index-url", "extra-index-url", "find-links", "no-index", "proxy", "cert", "trusted-host")


@dataclass(frozen=True)
class Interpreter:
    """A Python on this machine.

    Attributes:
        path: Of the executable.
        version: (major, minor, patch).
        bits: 64 or 32.
        has_venv: Whether ``venv`` and ``ensurepip`` are there (Debian packages them apart).
    """

    path: str
    version: tuple[int, int, int]
    bits: int
    has_venv: bool

    @property
    def is_supported(self) -> bool:
        """Whether the locked requirements have files for it."""
        return self.bits == 64 and OLDEST_PYTHON <= self.version[:2] <= NEWEST_PYTHON

    @property
    def label(self) -> str:
        """For people, e.g. ``Python 3.12.3``."""
        return "Python " + ".".join(str(part) for part in self.version)


def find_interpreters(preferred: str = "") -> tuple[Interpreter, ...]:
    """Return the Pythons of this machine, the ``preferred`` one and QGIS's own first."""
    found: dict[str, Interpreter] = {}
    for candidate in [preferred] if preferred else _candidates():
        interpreter = probe(candidate)
        if interpreter is not None:
            found.setdefault(str(Path(interpreter.path).resolve()), interpreter)
    return tuple(found.values())


def probe(program: str) -> Interpreter | None:
    """Ask ``program`` what it is; None where it is no working Python."""
    result = run_command(program, ["-I", "-c", _PROBE])
    try:
        path, version, bits, has_venv = json.loads(result.output)
    except ValueError:
        return None
    return Interpreter(path, (version[0], version[1], version[2]), bits, has_venv)


def find_uv() -> str | None:
    """Return the path of ``uv``, or None."""
    name = "uv.exe" if os.name == "nt" else "uv"
    homes = [Path.home() / ".local" / "bin" / name, Path.home() / ".cargo" / "bin" / name]
    return shutil.which("uv") or next((str(path) for path in homes if path.is_file()), None)


def pip_has_own_sources(environment: Mapping[str, str], config_files: Iterable[Path]) -> bool:
    """Return whether the user or the company told pip where packages come from: then pip installs, not uv.

    uv reads no pip configuration, so it would miss a company's mirror.
    """
    if any(environment.get("PIP_" + key.replace("-", "_").upper()) for key in _INDEX_KEYS):
        return True
    return any(_mentions_sources(path) for path in config_files)


def pip_config_files(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Return where pip looks for its configuration. Source: pip's user guide, "Configuration"."""
    home = Path.home()
    named = [Path(environment["PIP_CONFIG_FILE"])] if environment.get("PIP_CONFIG_FILE") else []
    if os.name == "nt":
        roots = [environment.get("PROGRAMDATA", ""), environment.get("APPDATA", "")]
        folders = [Path(root) / "pip" for root in roots if root]
        return (*named, *(folder / "pip.ini" for folder in folders), home / "pip" / "pip.ini")
    xdg = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    system = [Path("/etc/pip.conf"), Path("/etc/xdg/pip/pip.conf"), Path("/Library/Application Support/pip/pip.conf")]
    mac = home / "Library" / "Application Support" / "pip" / "pip.conf"
    return (*named, *system, home / ".pip" / "pip.conf", xdg / "pip" / "pip.conf", mac)


def _mentions_sources(path: Path) -> bool:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    keys = {line.split("=")[0].strip() for line in text.splitlines() if "=" in line}
    return any(key in _INDEX_KEYS for key in keys)


def _candidates() -> list[str]:
    """Return QGIS's own interpreter (``sys.executable`` may be QGIS itself), then those on the PATH."""
    major, minor = sys.version_info[:2]
    base = Path(sys.base_prefix)
    if os.name == "nt":
        own = [base / "python.exe", base / "python3.exe"]
    else:
        own = [base / "bin" / f"python{major}.{minor}", base / "bin" / "python3"]
    numbered = [f"python3.{minor}" for minor in range(NEWEST_PYTHON[1], OLDEST_PYTHON[1] - 1, -1)]
    on_path = [shutil.which(name) for name in (*numbered, "python3", "python")]
    return [str(path) for path in own if path.is_file()] + [path for path in on_path if path] + _windows_launcher()


def _windows_launcher() -> list[str]:
    """Return what the Windows launcher knows; its Pythons are often not on the PATH."""
    launcher = shutil.which("py") if os.name == "nt" else None
    if launcher is None:
        return []
    found = []
    for minor in range(NEWEST_PYTHON[1], OLDEST_PYTHON[1] - 1, -1):
        result = run_command(launcher, [f"-3.{minor}", "-c", "import sys;print(sys.executable)"])
        if result.exit_code == 0:
            found.append(result.output.strip())
    return found
