"""Which engine is installed: the pointer file that switches atomically from one environment to the next.

Layout below the data folder::

    engine/current.json                 which of the folders below is used, and which was before it
    engine/venv-<hash of the lock>/     packages; only ever made, never repaired in place
    engine/code-<hash of the code>/     copy of the plugin's engine/ and resources/
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

_POINTER = "current.json"
_ID_CHARACTERS = 12


@dataclass(frozen=True)
class InstalledEngine:
    """A verified environment and the engine code that runs in it.

    Attributes:
        venv: Folder of the virtual environment.
        code: Folder that holds ``engine/`` and ``resources/``.
        backend: ``cpu`` or ``cuda``.
    """

    venv: str
    code: str
    backend: str

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return venv_python(Path(self.venv))

    @property
    def code_dir(self) -> Path:
        """The folder to put on the module path."""
        return Path(self.code) / "engine"


def engine_root(data_dir: Path) -> Path:
    """Return the folder of all environments."""
    return data_dir / "engine"


def venv_python(venv: Path) -> Path:
    """Return the interpreter of the virtual environment ``venv``."""
    return venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python"


def read_installed(data_dir: Path) -> InstalledEngine | None:
    """Return the engine in use, or None where none is installed or its folders are gone."""
    return _read(data_dir, "current")


def read_previous(data_dir: Path) -> InstalledEngine | None:
    """Return the engine used before the present one, kept for rollback, or None."""
    return _read(data_dir, "previous")


def switch_to(data_dir: Path, engine: InstalledEngine) -> None:
    """Make ``engine`` the one in use, atomically; the one before it is kept as the previous."""
    before = read_installed(data_dir)
    kept = before if before is not None and before != engine else read_previous(data_dir)
    content = {"current": asdict(engine), "previous": asdict(kept) if kept else None}
    pointer = engine_root(data_dir) / _POINTER
    pointer.parent.mkdir(parents=True, exist_ok=True)
    temporary = pointer.with_suffix(".tmp")
    temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
    temporary.replace(pointer)


def lock_id(lock: Path) -> str:
    """Return the short hash that names the environment made from ``lock``."""
    return hashlib.sha256(lock.read_bytes()).hexdigest()[:_ID_CHARACTERS]


def code_id(root: Path) -> str:
    """Return the short hash of the engine's code and the list of resources below ``root``."""
    digest = hashlib.sha256()
    for path in sorted((root / "engine").rglob("*.py")):
        if "__pycache__" not in path.parts:
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    for path in sorted((root / "resources").rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(root).as_posix()}\0{path.stat().st_size}\0".encode())
    return digest.hexdigest()[:_ID_CHARACTERS]


def is_current(engine: InstalledEngine, root: Path) -> bool:
    """Return whether ``engine`` was made from the lock and the code below ``root``, this plugin's own."""
    lock = root / "engine" / "requirements" / f"{engine.backend}.lock"
    is_same_lock = Path(engine.venv).name.startswith(f"venv-{engine.backend}-{lock_id(lock)}")
    return is_same_lock and Path(engine.code).name == f"code-{code_id(root)}"


def _read(data_dir: Path, key: str) -> InstalledEngine | None:
    try:
        content = json.loads((engine_root(data_dir) / _POINTER).read_text(encoding="utf-8"))
        engine = InstalledEngine(**content[key])
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return engine if engine.python.exists() and engine.code_dir.is_dir() else None
