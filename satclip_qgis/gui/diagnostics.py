"""What helps someone else understand a problem, without anything private: for `Copy diagnostics`."""

from __future__ import annotations

import configparser
import platform
import re
from pathlib import Path

from qgis.core import Qgis
from qgis.PyQt.QtCore import QT_VERSION_STR

from satclip_qgis.protocol import Hello, Problem, bundle_root, to_json

_TAIL_BYTES = 6_000
_LOGS = ("engine.log", "workers.log", "start.log", "install.log")
_TOKEN = re.compile(r"[A-Za-z0-9_\-]{40,}|[0-9a-fA-F]{32,}")


def diagnostics(state: str, problem: Problem | None, hello: Hello | None, data_dir: Path) -> str:
    """Return versions, the engine's state and the ends of its logs; home folders and tokens are taken out."""
    lines = [
        f"SatCLIP {plugin_version()} · QGIS {Qgis.QGIS_VERSION} · Qt {QT_VERSION_STR}",
        f"Python {platform.python_version()} · {platform.platform()}",
        f"Engine: {state}",
    ]
    if hello is not None:
        lines.append(f"Hello: {to_json(hello)}")
    if problem is not None:
        lines.append(f"Problem: {to_json(problem)}")
    for name in _LOGS:
        tail = _tail(data_dir / "logs" / name)
        if tail:
            lines += ["", f"--- {name}", tail]
    return scrub("\n".join(lines) + "\n")


def scrub(text: str) -> str:
    """Return ``text`` with home folders as ``~`` and everything that looks like a secret as ``***``."""
    return _TOKEN.sub("***", text.replace(str(Path.home()), "~"))


def plugin_version() -> str:
    """Return the plugin's version from its metadata."""
    parser = configparser.ConfigParser()
    for folder in (Path(__file__).resolve().parents[1], bundle_root()):
        if parser.read(folder / "metadata.txt", encoding="utf-8"):
            return parser.get("general", "version", fallback="?")
    return "?"


def _tail(path: Path) -> str:
    try:
        return path.read_bytes()[-_TAIL_BYTES:].decode("utf-8", "replace").strip()
    except OSError:
        return ""
