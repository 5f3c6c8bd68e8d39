"""The QGIS program itself, with a profile of its own: it loads the plugin, makes a map and unloads the plugin."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.qgis_profile import environment, link_plugin, write_profile
from scripts.x_display import x_display
from tests.plugin.conftest import end_engine


@pytest.mark.skipif(not (shutil.which("qgis") and shutil.which("Xvfb")), reason="needs the programs qgis and Xvfb")
def test_qgis_loads_the_plugin_and_makes_a_map(tmp_path: Path, tiny_models: Path, scene_file: Path) -> None:
    facts_file = tmp_path / "facts.json"
    variables = {
        **environment(link_plugin(tmp_path)),
        "HOME": str(tmp_path),
        "QT_QPA_PLATFORM": "xcb",
        "SATCLIP_HOME": str(tmp_path / "home"),
        "SATCLIP_MODELS": str(tiny_models),
        "STORY_OUT": str(facts_file),
        "STORY_SCENE": str(scene_file),
        "STORY_MAPS": str(tmp_path / "maps"),
    }
    script = Path(__file__).with_name("real_qgis_story.py")
    command = ["qgis", "--nologo", "--noversioncheck", "--profiles-path", str(write_profile(tmp_path))]
    log = tmp_path / "qgis.log"
    command += ["--code", str(script)]
    # The program needs a screen: on Qt's offscreen platform QGIS itself crashes for want of a clipboard.
    with x_display() as name, log.open("wb") as output:
        variables["DISPLAY"] = name
        done = subprocess.run(command, env=variables, stdout=output, stderr=output, timeout=240, check=False)
    end_engine(tmp_path / "home")
    assert facts_file.exists(), log.read_text(encoding="utf-8", errors="replace")[-2000:]
    facts = json.loads(facts_file.read_text(encoding="utf-8"))
    assert "error" not in facts, facts["error"]
    assert done.returncode == 0
    assert facts["provider"]
    assert facts["aligned"]
    assert facts["unloaded"]
    assert facts["legend"][:3] == ["building", "road", "water"]
