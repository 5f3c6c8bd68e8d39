"""Opens QGIS with the plugin and a demo project: `make qgis`."""

from __future__ import annotations

import subprocess
import sys

from qgis_profile import ROOT, environment, find_scene, link_plugin, write_profile


def main() -> int:
    """Start QGIS on a scene and wait until it is closed."""
    folder = ROOT / "build" / "qgis"
    folder.mkdir(parents=True, exist_ok=True)
    command = ["qgis", "--nologo", "--profiles-path", str(write_profile(folder)), str(find_scene(folder))]
    print("Opening", command[-1])
    return subprocess.run(command, env=environment(link_plugin(folder)), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
