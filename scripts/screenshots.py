"""Drives the real dock in a real QGIS window under Xvfb and writes the pictures of README and docs.

Each theme is one QGIS session; what happens in it is in ``screenshot_scene.py``, which QGIS runs itself.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qgis_profile import DARK_THEME, DEFAULT_THEME, ROOT, environment, find_scene, link_plugin, write_profile
from x_display import x_display

TIMEOUT_S = 600


@contextmanager
def desktop() -> Iterator[str]:
    """Run an X server and a window manager; gives the display's name."""
    with x_display() as name:
        manager = subprocess.Popen(["openbox"], env={**os.environ, "DISPLAY": name}, stderr=subprocess.DEVNULL)  # noqa: S607
        time.sleep(1)
        yield name
        manager.terminate()
        manager.wait()


def take(theme: str, prefix: str, out: Path, display_name: str, model: str) -> int:
    """Run one QGIS session and return its exit status."""
    folder = ROOT / "build" / "screenshots" / (prefix or "light")
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
    }
    script = ROOT / "scripts" / "screenshot_scene.py"
    command = ["qgis", "--nologo", "--noversioncheck", "--profiles-path", str(profiles), "--code", str(script)]
    return subprocess.run(command, env=variables, check=False, timeout=TIMEOUT_S).returncode


def main() -> int:
    """Write every picture; the exit status says whether both sessions ended well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--model", default="mini", help="model id")
    parser.add_argument("--theme", choices=("light", "dark", "both"), default="both")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    themes = {"light": (DEFAULT_THEME, ""), "dark": (DARK_THEME, "dark_")}
    chosen = themes if options.theme == "both" else {options.theme: themes[options.theme]}
    with desktop() as name:
        statuses = [take(theme, prefix, options.out, name, options.model) for theme, prefix in chosen.values()]
    return max(statuses)


if __name__ == "__main__":
    sys.exit(main())
