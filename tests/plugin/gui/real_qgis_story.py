"""Run by QGIS itself with ``--code``: the plugin as QGIS loaded it makes a map; facts go to a JSON file."""

from __future__ import annotations

import json
import os
import time
import traceback
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

from qgis.core import QgsApplication, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtTest import QTest
from qgis.utils import iface, plugins, unloadPlugin

OUT = Path(os.environ["STORY_OUT"])


def story() -> Generator[Callable[[], bool], None, None]:
    layer = QgsRasterLayer(os.environ["STORY_SCENE"], "scene")
    QgsProject.instance().setCrs(layer.crs())
    QgsProject.instance().addMapLayer(layer)
    bench = plugins["satclip_qgis"].workbench
    page = bench.page
    bench.dock.show()
    state = page.state()
    features = replace(state.features, model="tiny")
    page.set_state(replace(state, layer_id=layer.id(), features=features, folder=os.environ["STORY_MAPS"]))
    yield lambda: bench.engine.connection.state == "ready"
    QTest.mouseClick(page.run_bar.run_button, Qt.MouseButton.LeftButton)
    yield page.run_bar.is_running
    yield lambda: not page.run_bar.is_running()
    yield lambda: len(QgsProject.instance().mapLayers()) == 2 + len(state.classes)
    tree = QgsProject.instance().layerTreeRoot()
    result = tree.children()[0].findLayers()[0].layer()
    facts = {
        "provider": QgsApplication.processingRegistry().providerById("satclip") is not None,
        "legend": [entry.label for entry in result.renderer().classes()],
        "aligned": result.extent() == layer.extent() and result.width() == layer.width(),
        "messages": [item.text() for item in iface.messageBar().items()],
    }
    bench.engine.connection.stop()
    yield lambda: bench.engine.connection.state == "stopped"
    facts["unloaded"] = bool(unloadPlugin("satclip_qgis"))
    OUT.write_text(json.dumps(facts), encoding="utf-8")


class Director:
    def __init__(self, steps: Generator[Callable[[], bool], None, None]) -> None:
        self._steps, self._holds, self._end_s = steps, lambda: True, time.monotonic() + 120
        self._timer = QTimer()
        self._timer.timeout.connect(self._advance)
        self._timer.start(50)

    def _advance(self) -> None:
        try:
            if self._holds():
                self._holds = next(self._steps)
            elif time.monotonic() > self._end_s:
                raise TimeoutError
        except StopIteration:
            os._exit(0)
        except Exception:
            OUT.write_text(json.dumps({"error": traceback.format_exc()}), encoding="utf-8")
            os._exit(1)


director = Director(story())
