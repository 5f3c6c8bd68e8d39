"""Drives the real dock in a real QGIS window under Xvfb and writes the pictures of README and docs.

Each story in each theme is one QGIS session; what happens in it is in ``screenshot_scene.py``, which QGIS runs itself.
Models are fetched from a stand-in of the hub on this computer: its file is as large as the real one, and empty.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qgis_profile import (
    DARK_THEME,
    DEFAULT_THEME,
    ENGINE_PYTHON,
    ROOT,
    environment,
    find_scene,
    link_plugin,
    write_profile,
)
from x_display import x_display

TIMEOUT_S = 1800
STORIES = ("map", "teach", "assess", "models", "pairs", "train")
FETCHED_FILE = "chendelong/RemoteCLIP/RemoteCLIP-ViT-B-32.pt"
FETCHED_BYTES = 605_219_813
# Of the training set that the story "train" begins with.
CHIP_PX, BLOCK_M = 128, 400


@contextmanager
def desktop() -> Iterator[str]:
    """Run an X server and a window manager; gives the display's name."""
    with x_display() as name:
        manager = subprocess.Popen(["openbox"], env={**os.environ, "DISPLAY": name}, stderr=subprocess.DEVNULL)  # noqa: S607
        time.sleep(1)
        yield name
        manager.terminate()
        manager.wait()


@contextmanager
def stand_in_hub(root: Path) -> Iterator[str]:
    """Serve a file in the place of a published model, slowly; gives the hub's address."""
    weights = root / FETCHED_FILE
    weights.parent.mkdir(parents=True)
    with weights.open("wb") as file:
        file.truncate(FETCHED_BYTES)
    (root / "faults.json").write_text(json.dumps({FETCHED_FILE: f"slow:{FETCHED_BYTES // 20}"}), encoding="utf-8")
    command = [sys.executable, str(ROOT / "tests" / "engine" / "helpers" / "hub_server.py"), "--root", str(root)]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield str(json.loads(server.stdout.readline())["endpoint"])
    finally:
        server.communicate()


def take(story: str, theme: str, prefix: str, out: Path, display_name: str, model: str) -> int:
    """Run one QGIS session and return its exit status."""
    folder = ROOT / "build" / "screenshots" / f"{prefix or 'light_'}{story}"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "home" / "Documents").mkdir(parents=True)
    profiles = write_profile(folder, theme)
    variables = {
        **environment(link_plugin(folder)),
        "DISPLAY": display_name,
        "QT_QPA_PLATFORM": "xcb",
        "SATCLIP_SHOTS": str(out),
        "SATCLIP_SHOTS_PREFIX": prefix,
        "SATCLIP_SHOTS_SCENE": str(find_scene(folder)),
        # A home of its own: no path of this computer is in the pictures, and nothing is left in the user's.
        "HOME": str(folder / "home"),
        "SATCLIP_SHOTS_MODEL": model,
        "SATCLIP_SHOTS_STORY": story,
    }
    if story in ("pairs", "train"):
        town = prepare_town(folder)
        variables |= {"SATCLIP_SHOTS_TOWN": str(town), "SATCLIP_SHOTS_SCENE": str(town / "town.tif")}
    script = ROOT / "scripts" / "screenshot_scene.py"
    command = ["qgis", "--nologo", "--noversioncheck", "--profiles-path", str(profiles), "--code", str(script)]
    with stand_in_hub(folder / "hub") as endpoint:
        variables["SATCLIP_HUB_ENDPOINT"] = endpoint
        return subprocess.run(command, env=variables, check=False, timeout=TIMEOUT_S).returncode


def prepare_town(folder: Path) -> Path:
    """Return a folder with a scene, a layer of land use and the training set that the engine makes of them."""
    data, town = os.environ.get("SATCLIP_DATA") or ROOT.parent / "shared" / "data", folder / "town"
    satclip = [str(ENGINE_PYTHON), "-m", "satclip_engine"]
    known = ["--samples", str(town / "land_use.geojson"), "--attribute", "use", "--chip", str(CHIP_PX)]
    for command in (
        [str(ENGINE_PYTHON), str(ROOT / "scripts" / "town_scene.py"), str(data), str(town)],
        [*satclip, "samples", "export", str(town / "town.tif"), *known, "--out", str(town / "chips")],
        [*satclip, "captions", "import", str(town / "chips"), "--out", str(town / "set"), "--title", "Town, west"],
        [*satclip, "captions", "split", str(town / "set"), "--block", str(BLOCK_M)],
    ):
        variables = {**os.environ, "PYTHONPATH": str(ROOT / "engine"), "SATCLIP_HOME": str(folder / "cli")}
        subprocess.run(command, env=variables, check=True)
    return town


def main() -> int:
    """Write every picture; the exit status says whether all sessions ended well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--model", default="mini", help="model id")
    parser.add_argument("--theme", choices=("light", "dark", "both"), default="both")
    parser.add_argument("--story", choices=(*STORIES, "all"), default="all")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    themes = {"light": (DEFAULT_THEME, ""), "dark": (DARK_THEME, "dark_")}
    chosen = themes if options.theme == "both" else {options.theme: themes[options.theme]}
    stories = STORIES if options.story == "all" else (options.story,)
    with desktop() as name:
        statuses = [
            take(story, theme, prefix, options.out, name, options.model)
            for theme, prefix in chosen.values()
            for story in stories
        ]
    return max(statuses)


if __name__ == "__main__":
    sys.exit(main())
