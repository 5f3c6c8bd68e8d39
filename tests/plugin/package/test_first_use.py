"""The packaged plugin on a machine that has only QGIS: clean profile, set-up dialog, a map."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from osgeo import gdal

from tests.plugin.conftest import end_engine

DRIVER = Path(__file__).with_name("drive_clean_profile.py")


def clean_environment(**extra: str) -> dict[str, str]:
    """Return this process's environment without anything that could lead back to the repository."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SATCLIP", "QGIS"))}
    return {**kept, "QT_QPA_PLATFORM": "offscreen", **extra}


@pytest.mark.slow
@pytest.mark.timeout(1_300)
def test_the_zip_installs_sets_up_its_engine_and_makes_a_map(archive: Path, scene_file: Path, tmp_path: Path) -> None:
    profile, home, out = tmp_path / "profile", tmp_path / "home", tmp_path / "out"
    environment = clean_environment(QGIS_CUSTOM_CONFIG_PATH=str(profile), SATCLIP_HOME=str(home))
    # The system's Python: a virtual environment could lend packages that a user does not have.
    environment["PYTHONPATH"] = "/usr/share/qgis/python/plugins:/usr/share/qgis/python"
    python = Path(sys.base_prefix) / "bin" / "python3"
    result = subprocess.run(
        [str(python), str(DRIVER), str(archive), str(profile), str(scene_file), str(out)],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
        timeout=1_200,
        check=False,
    )
    end_engine(home)
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    report = json.loads(result.stdout.strip().splitlines()[-1])
    assert report["plugin"] == str(profile / "python" / "plugins" / "satclip_qgis")
    assert "python" in report, report["status"] + "\n" + report["log"][-3000:]
    assert Path(report["python"]).is_relative_to(home)
    assert "ok  model" in report["log"]
    assert report["size_px"] == [200, 160]
    assert report["labels"][:3] == ["water", "grass", "building"]


def test_qgis_process_runs_the_packaged_plugin(
    archive: Path, qgis_process: str, engine_python: Path, scene_file: Path, tmp_path: Path
) -> None:
    plugins, profile, home, out = (tmp_path / name for name in ("plugins", "profile", "home", "out"))
    with zipfile.ZipFile(archive) as file:
        file.extractall(plugins)
    settings = profile / "profiles" / "default" / "QGIS" / "QGIS3.ini"
    settings.parent.mkdir(parents=True)
    settings.write_text(f"[satclip]\nengine_python={engine_python}\ndata_dir={home}\n", encoding="utf-8")
    environment = clean_environment(QGIS_CUSTOM_CONFIG_PATH=str(profile), QGIS_PLUGINPATH=str(plugins))

    def call(*arguments: str) -> str:
        result = subprocess.run(
            [qgis_process, *arguments], capture_output=True, text=True, env=environment, timeout=240, check=False
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    call("plugins", "enable", "satclip_qgis")
    assert "satclip:segment" in call("list")
    try:
        said = call("run", "satclip:segment", f"--INPUT={scene_file}", "--CLASSES=water; grass", f"--OUTPUT={out}")
    finally:
        end_engine(home)
    assert str(out / "thematic.tif") in said
    image, thematic = gdal.Open(str(scene_file)), gdal.Open(str(out / "thematic.tif"))
    assert thematic.GetGeoTransform() == image.GetGeoTransform()
    assert (thematic.RasterXSize, thematic.RasterYSize) == (image.RasterXSize, image.RasterYSize)
