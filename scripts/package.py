"""Builds dist/satclip_qgis-VERSION.zip: what QGIS's "Install from ZIP" takes and the plugin site accepts.

Usage: python scripts/package.py [--out dist]. Needs bandit and detect-secrets in the same Python (make qgis-env).

The zip holds one folder, ``satclip_qgis``: the plugin, ``metadata.txt``, ``LICENSE``, the engine's source in
``engine/`` and ``resources/``. No compiled file, no test; the embedded model's weights are data.
"""

from __future__ import annotations

import argparse
import configparser
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAME = "satclip_qgis"
# The site's limit. Source: plugins.qgis.org, "Publish a plugin".
MAX_ZIP_BYTES = 25 * 1024**2
# Only these may enter: an allow-list cannot let a binary slip in.
SUFFIXES = frozenset({
    ".py", ".txt", ".lock", ".toml", ".md", ".json", ".svg", ".png", ".qml", ".safetensors", ".gz", ".tif", ".csv",
    ".ts", ".qm", ".yaml",
})  # fmt: skip
_TREES = (
    (ROOT / "satclip_qgis", Path()),
    (ROOT / "engine" / "satclip_engine", Path("engine", "satclip_engine")),
    (ROOT / "engine" / "requirements", Path("engine", "requirements")),
    (ROOT / "resources", Path("resources")),
)
_FILES = (
    (ROOT / "metadata.txt", Path("metadata.txt")),
    (ROOT / "LICENSE", Path("LICENSE")),
    (ROOT / "engine" / "pyproject.toml", Path("engine", "pyproject.toml")),
)
# The first moment a zip can hold: the same sources give the same bytes.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


class PackageError(Exception):
    """The zip cannot be published as things are."""


def main() -> int:
    """Build and check the zip; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    out_dir: Path = parser.parse_args().out
    try:
        with tempfile.TemporaryDirectory() as folder:
            plugin = stage(Path(folder))
            check_with_bandit(plugin)
            check_for_secrets(plugin)
            archive = write_zip(plugin, out_dir / f"{NAME}-{plugin_version()}.zip")
    except PackageError as error:
        print(f"package: {error}", file=sys.stderr)
        return 1
    print(f"{archive} ({archive.stat().st_size / 1024**2:.1f} MiB)")
    return 0


def plugin_version() -> str:
    """Return the version in metadata.txt."""
    metadata = configparser.ConfigParser()
    metadata.read(ROOT / "metadata.txt", encoding="utf-8")
    return metadata["general"]["version"]


def stage(folder: Path) -> Path:
    """Copy everything that belongs into the zip below ``folder`` and return the plugin's folder.

    Raises:
        PackageError: if a file of an unexpected kind is among the sources.
    """
    plugin = folder / NAME
    for source, target in (*_FILES, *_tree_files()):
        (plugin / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, plugin / target)
    return plugin


def check_with_bandit(plugin: Path) -> None:
    """Let bandit read the Python code.

    Raises:
        PackageError: with bandit's findings.
    """
    command = [sys.executable, "-m", "bandit", "--quiet", "--recursive", "--format", "custom"]
    style = ["--msg-template", "{relpath}:{line}: {test_id} {msg}"]
    result = subprocess.run([*command, *style, NAME], cwd=plugin.parent, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise PackageError("bandit found:\n" + (result.stdout.strip() or result.stderr.strip()))


def check_for_secrets(plugin: Path) -> None:
    """Let detect-secrets read every text file.

    Raises:
        PackageError: with what looks like a secret.
    """
    texts = [str(path.relative_to(plugin.parent)) for path in sorted(plugin.rglob("*")) if _is_text(path)]
    command = [sys.executable, "-m", "detect_secrets", "scan", "--all-files", "--exclude-files", r"requirements/.*"]
    result = subprocess.run([*command, *texts], cwd=plugin.parent, capture_output=True, text=True, check=True)
    findings = json.loads(result.stdout)["results"]
    if findings:
        lines = [f"{path}:{item['line_number']}: {item['type']}" for path in findings for item in findings[path]]
        raise PackageError("detect-secrets found:\n" + "\n".join(lines))


def write_zip(plugin: Path, archive: Path) -> Path:
    """Write the zip in a fixed order with fixed times and return its path.

    Raises:
        PackageError: if it is larger than the plugin site takes.
    """
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for path in sorted(plugin.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(path.relative_to(plugin.parent).as_posix(), _ZIP_TIME)
                entry.external_attr = 0o644 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                file.writestr(entry, path.read_bytes())
    if archive.stat().st_size > MAX_ZIP_BYTES:
        raise PackageError(f"{archive} has {archive.stat().st_size} bytes, the plugin site takes {MAX_ZIP_BYTES}.")
    return archive


def _tree_files() -> Iterator[tuple[Path, Path]]:
    for tree, target in _TREES:
        for path in sorted(tree.rglob("*")):
            parts = path.relative_to(tree).parts
            if not path.is_file() or any(part == "__pycache__" or part.startswith(".") for part in parts):
                continue
            if path.suffix not in SUFFIXES and path.name != "LICENSE":
                raise PackageError(f"{path.relative_to(ROOT)} is of a kind that does not belong into the zip.")
            yield path, target / path.relative_to(tree)


def _is_text(path: Path) -> bool:
    return path.is_file() and path.suffix in (".py", ".txt", ".lock", ".toml", ".md", ".json", ".svg", ".qml", ".yaml")


if __name__ == "__main__":
    sys.exit(main())
