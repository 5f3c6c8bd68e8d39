"""A QGIS profile of its own with the plugin switched on, and a demo project: for `make qgis` and screenshots."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENGINE_PYTHON = ROOT / ".venv" / "engine" / "bin" / "python"
DEFAULT_THEME = "default"
DARK_THEME = "Night Mapping"


def link_plugin(folder: Path) -> Path:
    """Make a plugin folder that QGIS can load from the working tree; returns what QGIS_PLUGINPATH must name."""
    plugin = folder / "plugins" / "satclip_qgis"
    shutil.rmtree(plugin, ignore_errors=True)
    plugin.mkdir(parents=True)
    for source in (*(ROOT / "satclip_qgis").iterdir(), ROOT / "metadata.txt", ROOT / "resources"):
        if source.name != "__pycache__":
            (plugin / source.name).symlink_to(source)
    return plugin.parent


def write_profile(folder: Path, theme: str = DEFAULT_THEME) -> Path:
    """Write settings that load the plugin and ask nothing; returns the folder for ``--profiles-path``."""
    settings = folder / "profiles" / "default" / "QGIS" / "QGIS3.ini"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(
        "\n".join(
            (
                "[PythonPlugins]",
                "satclip_qgis=true",
                "processing=true",
                "[UI]",
                f"UITheme={theme}",
                "[app]",
                "checkVersion=false",
                "projections\\unknownCrsBehavior=NoAction",
                "[qgis]",
                "checkVersion=false",
                "showTips323=false",
                "iconSize=20",
                "[satclip]",
                f"engine_python={ENGINE_PYTHON}",
                "",
            )
        ),
        encoding="utf-8",
    )
    return folder


def find_scene(folder: Path) -> Path:
    """Return a real scene where the data folder has one, else a small one drawn now.

    The real one is in the public domain (NAIP, USDA): pictures of it may stand in the docs.
    """
    data = Path(os.environ.get("SATCLIP_DATA") or ROOT.parent / "shared" / "data")
    real = data / "naip_series" / "naip_20200831.tif"
    return real if real.exists() else draw_scene(folder / "drawn_scene.tif")


def draw_scene(path: Path) -> Path:
    """Draw the project's own sample scene, with the engine's Python: QGIS's has no rasterio."""
    code = "import sys; from pathlib import Path; from scripts.sample_scene import draw_sample_scene as draw; "
    code += "draw(Path(sys.argv[1]))"
    subprocess.run([str(ENGINE_PYTHON), "-c", code, str(path)], check=True, cwd=ROOT)
    return path


def environment(plugins: Path) -> dict[str, str]:
    """Return the environment in which QGIS finds the plugin."""
    return {**os.environ, "QGIS_PLUGINPATH": str(plugins)}
