"""A plugin bundle with a toy engine and a toy lock, so that a real installation takes seconds and no network."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path

DOCTOR = """
import json, sys
assert sys.argv[1:] == ["doctor", "--json"]
import toypackage, torch
checks = [{{"name": "toy", "ok": {is_healthy}, "detail": "toy " + toypackage.VERSION, "remedy": "Mend it."}}]
print(json.dumps({{"ok": {is_healthy}, "checks": checks}}))
sys.exit(0 if {is_healthy} else 3)
"""


def write_bundle(root: Path, *, is_healthy: bool = True) -> Path:
    """Write ``engine/`` and ``resources/`` with locks for two wheels, which lie in ``root/wheels``."""
    package = root / "engine" / "satclip_engine"
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "__main__.py").write_text(DOCTOR.format(is_healthy=is_healthy), encoding="utf-8")
    resources = root / "resources"
    resources.mkdir(exist_ok=True)
    (resources / "note.txt").write_text("resource", encoding="utf-8")
    requirements = root / "engine" / "requirements"
    requirements.mkdir(exist_ok=True)
    torch = write_wheel(root / "wheels", "torch", "9.0")
    toy = write_wheel(root / "wheels", "toypackage", "1.5")
    lock = f"torch==9.0 \\\n    --hash=sha256:{torch}\ntoypackage==1.5 \\\n    --hash=sha256:{toy}\n"
    (requirements / "cpu.lock").write_text(lock, encoding="utf-8")
    (requirements / "cpu-pytorch.txt").write_text("torch==9.0 ; sys_platform == 'nowhere'\n", encoding="utf-8")
    return root


def write_wheel(folder: Path, name: str, version: str) -> str:
    """Write a wheel with one module that knows its version; return its sha256."""
    folder.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: toy\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},{_record_hash(text)},{len(text.encode())}\n" for path, text in files.items())
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in {**files, f"{info}/RECORD": record + f"{info}/RECORD,,\n"}.items():
            archive.writestr(zipfile.ZipInfo(member), text)  # a fixed time: the same wheel has the same hash
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _record_hash(text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
    return f"sha256={digest.decode()}"
