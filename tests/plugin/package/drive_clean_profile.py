"""Runs in a process of its own: a clean QGIS profile, the zip as QGIS installs it, the set-up dialog, a map.

Usage: ``python drive_clean_profile.py ZIP PROFILE SCENE OUT``. Prints one JSON object as its last line.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import qgis.utils
from pyplugin_installer.unzip import unzip
from qgis.core import QgsApplication, QgsRasterLayer

INSTALL_S = 900.0
PATIENCE_S = 120.0


def main(archive: Path, profile: Path, scene: Path, out: Path) -> dict[str, Any]:
    """Drive the whole first use and return what there is to check."""
    plugins = profile / "python" / "plugins"
    plugins.mkdir(parents=True)
    sys.path.insert(0, str(plugins))
    qgis.utils.plugin_paths.append(str(plugins))
    with archive.open("rb") as file:
        unzip(file, str(plugins))
    qgis.utils.updateAvailablePlugins()
    window = _window()
    qgis.utils.iface = window
    assert qgis.utils.loadPlugin("processing")
    assert qgis.utils.loadPlugin("satclip_qgis"), "QGIS could not load the plugin"
    assert qgis.utils.startPlugin("satclip_qgis")
    plugin = qgis.utils.plugins["satclip_qgis"]
    found_in = str(Path(sys.modules["satclip_qgis"].__file__).parent)
    _wait(lambda: plugin.connection.state == "absent", PATIENCE_S)

    plugin.workbench.engine.show_set_up()
    dialog = plugin.workbench.engine.dialog
    _wait(dialog.start_button.isEnabled, PATIENCE_S)
    outcome: list[Any] = []
    dialog.installer.succeeded.connect(outcome.append)
    dialog.installer.failed.connect(outcome.append)
    dialog.start_button.click()
    _wait(lambda: bool(outcome), INSTALL_S)
    status, log = dialog.status.text(), dialog.log.toPlainText()
    if not hasattr(outcome[0], "venv"):
        return {"plugin": found_in, "status": status, "log": log}
    _wait(lambda: plugin.connection.state == "ready", PATIENCE_S)
    dialog.hide()

    import processing
    from processing.core.Processing import Processing

    Processing.initialize()
    results = processing.run(
        "satclip:segment", {"INPUT": str(scene), "CLASSES": "water; grass; building", "OUTPUT": str(out)}
    )
    layer = QgsRasterLayer(results["THEMATIC"], "map")
    labels = [item.label for item in layer.renderer().classes()]
    plugin.connection.stop()
    _wait(lambda: plugin.connection.state == "stopped", PATIENCE_S)
    assert qgis.utils.unloadPlugin("satclip_qgis")
    return {
        "plugin": found_in,
        "status": status,
        "log": log,
        "size_px": [layer.width(), layer.height()],
        "labels": labels,
        "python": str(outcome[0].python),
    }


def _window() -> Any:
    """Return the tests' QGIS window; its module is loaded by path so that the repository stays off ``sys.path``."""
    import importlib.util

    path = Path(__file__).resolve().parents[1] / "gui" / "window.py"
    spec = importlib.util.spec_from_file_location("qgis_window_for_tests", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Window()


def _wait(condition: Callable[[], bool], timeout_s: float) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"waited {timeout_s:g} s in vain")
        QgsApplication.processEvents()
        time.sleep(0.02)


if __name__ == "__main__":
    application = QgsApplication([], True)
    application.initQgis()
    report = main(*(Path(argument) for argument in sys.argv[1:]))
    print(json.dumps(report), flush=True)
    application.exitQgis()
