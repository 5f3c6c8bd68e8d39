"""Bench: how long is QGIS's main thread ever blocked while a job runs from the dock? Run with QGIS's Python.

A timer that should tick every 10 ms runs beside everything the dock does: live preview, edits, estimate, a job with
its events, loading and styling the results. The largest gap between two ticks is the longest block.

Usage: ``QT_QPA_PLATFORM=offscreen .venv/qgis/bin/python -m tests.benchmarks.heartbeat [--scene PATH] [--model ID]``
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from qgis.core import QgsApplication, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QCoreApplication, Qt, QTimer

ROOT = Path(__file__).resolve().parents[2]
TICK_MS = 10
PATIENCE_S = 600.0


class Heartbeat:
    """Measures the gaps between ticks, by phase."""

    def __init__(self) -> None:
        self.phase = "start"
        self.worst_ms: dict[str, float] = {}
        self._last_s = time.perf_counter()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(TICK_MS)

    def enter(self, phase: str) -> None:
        """Count the following ticks under another name."""
        self._tick()
        self.phase = phase

    def _tick(self) -> None:
        now_s = time.perf_counter()
        gap_ms = (now_s - self._last_s) * 1000 - TICK_MS
        self.worst_ms[self.phase] = max(self.worst_ms.get(self.phase, 0.0), gap_ms)
        self._last_s = now_s


def wait(condition: Callable[[], bool]) -> None:
    """Run the event loop until ``condition`` holds."""
    end_s = time.monotonic() + PATIENCE_S
    while not condition():
        QCoreApplication.processEvents()
        time.sleep(0.001)
        if time.monotonic() > end_s:
            raise TimeoutError("the job did not come to its end")


def main() -> None:
    """Print the longest block of each phase as JSON."""
    data = Path(os.environ.get("SATCLIP_DATA") or ROOT.parent / "shared" / "data")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scene", type=Path, default=data / "scenes" / "ortho_nepal.tif")
    parser.add_argument("--model", default="mini")
    parser.add_argument("--gsd", type=float, default=0.3, help="working metres per pixel")
    options = parser.parse_args()
    QgsApplication.setPrefixPath("/usr", True)
    application = QgsApplication([], True)
    application.initQgis()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(options.scene, options.model, options.gsd, Path(folder)), indent=1))
    sys.stdout.flush()
    # QGIS's widgets would outlive their application in an orderly end.
    os._exit(0)


def measure(scene: Path, model: str, gsd_m: float, folder: Path) -> dict[str, float]:
    """Drive the dock through a whole run and return the longest block of each phase in milliseconds."""
    from dataclasses import replace

    from satclip_qgis.gui.workbench import Workbench
    from satclip_qgis.layers import RUN_CARD_PROPERTY
    from satclip_qgis.provision.connection import EngineConnection
    from satclip_qgis.settings import Settings, save_settings
    from tests.plugin.gui.window import Window

    save_settings(Settings(engine_python=str(ROOT / ".venv/engine/bin/python"), data_dir=str(folder / "home")))
    window = Window()
    layer = QgsRasterLayer(str(scene), scene.stem)
    QgsProject.instance().setCrs(layer.crs())
    QgsProject.instance().addMapLayer(layer)
    connection = EngineConnection()
    bench = Workbench(window, connection)
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, bench.dock)
    page = bench.page
    state = page.state()
    features = replace(state.features, model=model, gsd_m=gsd_m)
    page.set_state(replace(state, features=features, folder=str(folder / "maps"), live=False))
    window.mapCanvas().setExtent(layer.extent())
    heart = Heartbeat()
    connection.start()
    wait(lambda: connection.state == "ready" and "on disk" in page.run_bar.line.text())
    heart.enter("run")
    page.run_bar.run_button.click()
    wait(lambda: any(job.state.is_final for job in bench.tracker.jobs.values()))
    heart.enter("load")
    expected = 1 + len(state.classes)
    wait(lambda: _loaded(RUN_CARD_PROPERTY) == expected)
    heart.enter("draw")
    wait(lambda: not window.mapCanvas().isDrawing())
    heart.enter("preview")
    known: list[float] = []
    bench.preview.noted.connect(lambda noted: known.append(noted[1]))
    window.mapCanvas().setExtent(layer.extent().buffered(-layer.extent().width() * 0.3))
    page.live.check.setChecked(True)
    wait(lambda: bool(known) and known[-1] == 1.0)
    for step in range(20):
        known.clear()
        page.classes.model.setData(page.classes.model.index(step % 3, 3), 0.2 + step / 100)
        wait(lambda: bool(known))
    heart.enter("end")
    connection.stop()
    wait(lambda: connection.state != "ready")
    bench.close()
    save_settings(Settings())
    return {phase: round(gap_ms, 1) for phase, gap_ms in heart.worst_ms.items()}


def _loaded(mark: str) -> int:
    return sum(bool(layer.customProperty(mark)) for layer in QgsProject.instance().mapLayers().values())


if __name__ == "__main__":
    main()
