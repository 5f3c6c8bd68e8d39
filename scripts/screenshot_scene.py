"""What happens in one QGIS session of ``screenshots.py``; QGIS runs this file with ``--code``."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsFillSymbol,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
    QgsRendererCategory,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QPoint, QProcess, Qt, QTimer
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QDockWidget, QScrollArea, QWidget
from qgis.utils import iface, plugins

if TYPE_CHECKING:
    from satclip_qgis.gui.workbench import Workbench

OUT = Path(os.environ["SATCLIP_SHOTS"])
PREFIX = os.environ["SATCLIP_SHOTS_PREFIX"]
PATIENCE_S = 600.0
FETCHED_MODEL = "remoteclip-vit-b-32"
Step = Generator[Callable[[], bool], None, None]


def after(seconds: float) -> Callable[[], bool]:
    """Return a condition that holds after some time: painting has no signal of its own."""
    end_s = time.monotonic() + seconds
    return lambda: time.monotonic() > end_s


def shot(name: str, settle_s: float = 1.5) -> Step:
    """Take a picture of the whole screen as a person sees it, once it is painted."""
    yield after(settle_s)
    process = QProcess()
    process.start("import", ["-silent", "-window", "root", str(OUT / f"{PREFIX}{name}.png")])
    yield lambda: process.state() == QProcess.ProcessState.NotRunning


def map_story() -> Step:
    """Map a scene from words, as a user would."""
    bench = yield from show_scene()
    dock, page = bench.dock, bench.page
    yield lambda: "on disk" in page.run_bar.line.text()
    page.run_bar.run_button.click()
    yield lambda: page.run_bar.bar.value() > 250 and page.run_bar.is_running()
    yield from shot("running", settle_s=0.1)
    yield lambda: not page.run_bar.is_running()
    yield after(2)
    yield from shot("map")
    dock.tabs.setCurrentWidget(dock.jobs)
    yield from shot("jobs")
    dock.tabs.setCurrentIndex(0)
    QgsProject.instance().layerTreeRoot().children()[0].setItemVisibilityChecked(False)
    iface.messageBar().clearWidgets()
    known = []
    bench.preview.noted.connect(lambda noted: known.append(noted[1]))
    page.live.check.setChecked(True)
    yield lambda: bool(known) and known[-1] == 1.0
    yield from shot("live_preview")
    page.live.check.setChecked(False)
    bench.engine.show_set_up()
    yield lambda: "Looking" not in bench.engine.dialog.status.text()
    yield from shot("set_up")
    bench.engine.dialog.hide()
    yield from leave(bench)


# Share of the scene's width and height, from the top left, and the place of its class in the list.
TAUGHT = (
    (0.49, 0.74, 3), (0.577, 0.363, 3), (0.71, 0.48, 3), (0.03, 0.25, 3),
    (0.20, 0.43, 5), (0.66, 0.13, 5), (0.46, 0.08, 5), (0.20, 0.61, 5), (0.27, 0.80, 5),
    (0.13, 0.13, 7), (0.05, 0.58, 7), (0.76, 0.65, 7), (0.93, 0.68, 7),
)  # fmt: skip


LAKE = ((0.56, 0.56), (0.63, 0.54), (0.66, 0.60), (0.62, 0.66), (0.55, 0.64))


def click_at(
    layer: QgsRasterLayer, right: float, down: float, button: Qt.MouseButton = Qt.MouseButton.LeftButton
) -> None:
    """Click at a share of the layer's width and height from its top left."""
    canvas, extent = iface.mapCanvas(), layer.extent()
    x, y = extent.xMinimum() + right * extent.width(), extent.yMaximum() - down * extent.height()
    place = canvas.getCoordinateTransform().transform(QgsPointXY(x, y))
    QTest.mouseClick(canvas.viewport(), button, pos=QPoint(round(place.x()), round(place.y())))


def teach_story() -> Step:
    """Correct the map of the words by a few clicks."""
    bench = yield from show_scene()
    page = bench.dock.teach
    known = []
    bench.preview.noted.connect(lambda noted: known.append(noted[1]))
    bench.dock.tabs.setCurrentWidget(page)
    yield lambda: bool(known) and known[-1] == 1.0
    yield from shot("teach_words")
    page.tools.buttons["point"].click()
    canvas, layer = iface.mapCanvas(), bench.page.layer()
    for right, down, number in TAUGHT:
        QTest.keyClick(canvas, str(number))
        click_at(layer, right, down)
        yield after(0.5)
    yield lambda: f"{len(TAUGHT)} samples" in page.status.text() and page.curve.isVisible()
    yield from shot("teach_samples")
    page.tools.buttons["polygon"].click()
    QTest.keyClick(canvas, "3")
    for place in LAKE:
        click_at(layer, *place)
    click_at(layer, *LAKE[-1], Qt.MouseButton.RightButton)
    page.tools.buttons["select"].click()
    click_at(layer, 0.60, 0.60)
    click_at(layer, *LAKE[2])
    yield lambda: f"{len(TAUGHT) + 1} samples" in page.status.text()
    yield from shot("teach_vertices")
    bench.teach.samples.editor.stack.undo()
    yield lambda: f"{len(TAUGHT)} samples" in page.status.text()
    page.advice_button.click()
    yield lambda: page.advice.count() > 0
    yield from shot("teach_advice")
    yield from leave(bench)


def assess_story() -> Step:
    """Map a scene from words, label a sample of the map and see how good it is."""
    bench = yield from show_scene()
    page, walk = bench.dock.assess, bench.assess.walk
    bench.page.run_bar.run_button.click()
    yield lambda: bench.page.run_bar.is_running()
    yield lambda: not bench.page.run_bar.is_running()
    yield after(2)
    iface.messageBar().clearWidgets()
    bench.dock.tabs.setCurrentWidget(page)
    page.least_spin.setValue(10)
    page.total_spin.setValue(120)
    yield lambda: page.plan_text.text().startswith("120 points")
    yield from shot("assess_sample")
    page.draw_button.click()
    yield lambda: len(walk.points) == 120
    page.start_button.click()
    canvas = iface.mapCanvas()
    for _ in range(16):
        QTest.keyClick(canvas, seen_class(bench))
        yield after(0.3)
    QTest.keyClick(canvas, "U")
    yield from shot("assess_label")
    while walk.current() is not None:
        QTest.keyClick(canvas, seen_class(bench))
        yield after(0.02)
    page.run_bar.run_button.click()
    yield page.result_box.isVisible
    yield from shot("assess_result")
    yield from leave(bench)


def seen_class(bench: Workbench) -> str:
    """Return the key of the class that the image itself shows at the point in question, by its colour."""
    point, image = bench.assess.walk.current(), bench.page.layer()
    red, green, blue = (image.dataProvider().sample(QgsPointXY(point.x, point.y), band)[0] for band in (1, 2, 3))
    name = "water" if red + green + blue < 220 else "grass" if green > red else "bare ground"
    table = bench.dock.assess.class_table
    return str(1 + next(row for row in range(table.rowCount()) if table.item(row, 0).text() == name))


def models_story() -> Step:
    """Look at the models and fetch one; the hub is a stand-in on this computer."""
    bench = yield from show_scene()
    page = bench.dock.models
    bench.show_models()
    yield lambda: page.list.row_of(FETCHED_MODEL) >= 0
    page.select(FETCHED_MODEL)
    yield from shot("models")
    page.download_button.click()
    yield from shot("models_licence")
    bench.models.dialog.check.click()
    bench.models.dialog.ok_button.click()
    yield lambda: page.bar.maximum() > 0 and page.bar.value() > 300
    yield from shot("models_download", settle_s=0.1)
    page.cancel_button.click()
    yield lambda: page.shown_job() is None
    page.select(bench.page.state().features.model)
    page.check_button.click()
    yield lambda: "Checked" in page.details.toPlainText()
    yield from shot("models_check")
    yield from leave(bench)


def pairs_story() -> Step:
    """Make a training set of a layer of land use, look it through and divide it by place."""
    bench = yield from show_scene()
    panel, town = bench.dock.train.pairs, Path(os.environ["SATCLIP_SHOTS_TOWN"])
    land_use = QgsVectorLayer(str(town / "land_use.geojson"), "land_use")
    QgsProject.instance().addMapLayer(land_use)
    bench.dock.tabs.setCurrentWidget(bench.dock.train)
    panel.layers_action.trigger()
    dialog = bench.pairs.maker.dialog
    dialog.layers.tick(land_use.id(), "use")
    dialog.chip_spin.setValue(96)
    dialog.region_edit.setText("Dubai")
    yield from shot("pairs_new")
    dialog.ok_button.click()
    yield lambda: panel.is_checked
    QgsProject.instance().removeMapLayer(land_use.id())
    iface.messageBar().clearWidgets()
    panel.split_button.click()
    bench.pairs.dialog.block_spin.setValue(300)
    yield from shot("pairs_split")
    bench.pairs.dialog.ok_button.click()
    yield lambda: "test" in panel.counts.text() and panel.is_checked
    yield from shot("pairs")
    yield from leave(bench)


TRAINED_STEPS = 24


def train_story() -> Step:
    """Train the embedded model on the land use of the scene's west, and compare both models in its east."""
    bench = yield from show_scene()
    page, canvas = bench.dock.train, iface.mapCanvas()
    town = Path(os.environ["SATCLIP_SHOTS_TOWN"])
    names = ("buildings", "bare land", "roads", "vegetation", "water")
    specs = tuple(replace(bench.page.state().classes[i], name=name, phrases=()) for i, name in enumerate(names))
    bench.page.set_state(replace(bench.page.state(), classes=specs))
    land_use = QgsVectorLayer(str(town / "land_use.geojson"), "land_use")
    colours = {spec.name: QColor(spec.colour) for spec in specs}
    land_use.setRenderer(QgsCategorizedSymbolRenderer("use", [category(*item) for item in colours.items()]))
    QgsProject.instance().addMapLayer(land_use)
    bench.dock.tabs.setCurrentWidget(page)
    bench.pairs.open(town / "set")
    yield lambda: page.form.recipe_combo.count() > 0
    page.form.choose(os.environ["SATCLIP_SHOTS_MODEL"], "dense")
    page.form.rows[0].steps.setValue(TRAINED_STEPS)
    page.pairs_box.setCollapsed(True)
    yield lambda: "of the weights train" in page.run_bar.line.text()
    yield from shot("train_recipe")
    QgsProject.instance().removeMapLayer(land_use.id())
    canvas.refreshAllLayers()
    page.run_bar.run_button.click()
    yield lambda: len(bench.train.runs.shown.curves.points) > TRAINED_STEPS // 3
    yield from shot("train_running", settle_s=0.3)
    yield lambda: len(bench.train.runs.shown.curves.points) > TRAINED_STEPS * 2 // 3
    yield lambda: bench.train.runs.standing() == "done"
    iface.messageBar().clearWidgets()
    yield from scrolled_to(page, page.result_box)
    yield from shot("train_result")
    page.result_box.compare_button.click()
    yield lambda: bench.trained.compare.known() == 1.0
    bench.trained.compare.tool.moved.emit(0.4)
    canvas.refresh()
    yield from scrolled_to(page, page.result_box)
    yield from shot("train_compare")
    yield from leave(bench)


def category(name: str, colour: QColor) -> QgsRendererCategory:
    """Return how one land use is drawn: the image shines through."""
    colour.setAlpha(120)
    symbol = QgsFillSymbol.createSimple({"outline_style": "no"})
    symbol.setColor(colour)
    return QgsRendererCategory(name, symbol, name)


def scrolled_to(page: QWidget, box: QWidget) -> Step:
    """Bring a part of a page into sight, its end first."""
    yield after(0.5)
    area = page.findChild(QScrollArea)
    area.ensureVisible(0, box.geometry().bottom(), 0, 0)


def show_scene() -> Generator[Callable[[], bool], None, Workbench]:
    """Open a scene and the dock, and wait for the engine."""
    window, canvas = iface.mainWindow(), iface.mapCanvas()
    window.showMaximized()
    window.findChild(QDockWidget, "Browser").hide()
    layer = QgsRasterLayer(os.environ["SATCLIP_SHOTS_SCENE"], Path(os.environ["SATCLIP_SHOTS_SCENE"]).stem)
    QgsProject.instance().setCrs(layer.crs())
    QgsProject.instance().addMapLayer(layer)
    bench = plugins["satclip_qgis"].workbench
    dock, page = bench.dock, bench.page
    dock.show()
    window.resizeDocks([window.findChild(QDockWidget, "Layers"), dock], [360, 470], Qt.Orientation.Horizontal)
    yield after(2)
    canvas.setExtent(layer.extent())
    canvas.refresh()
    state = page.state()
    features = replace(state.features, model=os.environ["SATCLIP_SHOTS_MODEL"])
    page.set_state(replace(state, layer_id=layer.id(), features=features))
    page.live.check.setChecked(False)
    yield lambda: bench.engine.connection.state == "ready"
    return bench


def leave(bench: Workbench) -> Step:
    """Stop the engine and let QGIS ask nothing."""
    bench.engine.connection.stop()
    yield after(2)
    QgsProject.instance().setDirty(False)


class Director:
    """Advances the story whenever its condition holds; ends QGIS when it is over."""

    def __init__(self, steps: Step) -> None:
        self._steps = steps
        self._waits_for: Callable[[], bool] = lambda: True
        self._end_s = time.monotonic() + PATIENCE_S
        self._timer = QTimer()
        self._timer.timeout.connect(self._advance)
        self._timer.start(100)

    def _advance(self) -> None:
        try:
            if time.monotonic() > self._end_s:
                raise TimeoutError("the next step of the story did not come")
            if self._waits_for():
                self._waits_for = next(self._steps)
                self._end_s = time.monotonic() + PATIENCE_S
        except StopIteration:
            self._leave(0)
        except Exception:
            traceback.print_exc()
            self._leave(1)

    def _leave(self, status: int) -> None:
        self._timer.stop()
        # QGIS would ask about the unsaved project; nothing here is worth keeping.
        os._exit(status)


STORIES = {
    "map": map_story,
    "teach": teach_story,
    "assess": assess_story,
    "models": models_story,
    "pairs": pairs_story,
    "train": train_story,
}
director = Director(STORIES[os.environ["SATCLIP_SHOTS_STORY"]]())
