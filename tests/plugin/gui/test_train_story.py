"""From a layer's attributes to a map of one's own model: captions, LoRA, curves, model, map; all in a real engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from qgis.core import QgsProject, QgsRasterLayer
from qgis.PyQt.QtWidgets import QMessageBox

from satclip_qgis.gui.workbench import Workbench
from satclip_qgis.layers import RUN_CARD_PROPERTY
from satclip_qgis.protocol import ClassSpec, FeatureOptions, JobState, Outputs
from tests.plugin.conftest import ENGINE_PYTHON
from tests.plugin.gui.conftest import running_workbench
from tests.plugin.gui.hand import Hand
from tests.plugin.gui.test_dock_run import click
from tests.plugin.gui.training_data import build_training_set, write_land_use
from tests.plugin.gui.window import Window

Until = Callable[[Callable[[], bool]], None]
CLASSES = (ClassSpec("lake"), ClassSpec("meadow"), ClassSpec("roofs"), ClassSpec("wheat field"))


@pytest.fixture
def bench(
    window: Window,
    own_home: Path,
    engine_python: Path,
    tiny_models: Path,
    tmp_path: Path,
    scene: QgsRasterLayer,
    qtbot: object,
) -> Iterator[Workbench]:
    """The dock with an engine and a models folder of its own, which holds the tiny model."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "tiny").symlink_to(tiny_models / "tiny")
    with running_workbench(window, own_home, tmp_path / "models", scene, qtbot) as bench:
        yield bench


def open_page(bench: Workbench, until: Until, model: str, recipe: str) -> None:
    """Bring the Train page to the front with a training set and a recipe."""
    scene = Path(bench.page.layer().source())
    layer = write_land_use(scene.with_name("use.gpkg"))
    bench.dock.tabs.setCurrentWidget(bench.dock.train)
    until(lambda: bench.dock.train.form.recipe_combo.count() > 0)
    assert bench.pairs.open(build_training_set(ENGINE_PYTHON, scene, layer, scene.with_name("set")))
    bench.dock.train.form.choose(model, recipe)


def start(bench: Workbench, until: Until, steps: int, batch: int = 4) -> None:
    page = bench.dock.train
    page.form.rows[0].steps.setValue(steps)
    page.form.rows[0].batch.setValue(batch)
    until(page.run_bar.run_button.isEnabled)
    page.run_bar.run_button.click()
    until(lambda: bench.train.runs.standing() == "running")


def results() -> list[QgsRasterLayer]:
    nodes = QgsProject.instance().layerTreeRoot().findLayers()
    return [node.layer() for node in nodes if node.layer().customProperty(RUN_CARD_PROPERTY)]


def test_a_layers_words_train_the_embedded_model_and_the_new_one_maps(
    bench: Workbench, tmp_path: Path, until: Until
) -> None:
    page = bench.dock.train
    asked = {"features": FeatureOptions(precision="fp32"), "outputs": Outputs(probabilities=False, confidence=False)}
    bench.page.set_state(replace(bench.page.state(), classes=CLASSES, folder=str(tmp_path / "maps"), **asked))
    open_page(bench, until, "mini", "lora")
    assert "first choice" in page.form.when.text()
    assert page.form.size_spin.value() == 8
    page.form.rows[0].steps.setValue(3)
    page.form.rows[0].batch.setValue(4)
    until(lambda: "of the weights train" in page.run_bar.line.text())
    assert "3 steps" in page.run_bar.line.text()
    until(lambda: not any(job.spec.kind == "estimate_training" for job in bench.tracker.jobs.values()))

    click(page.run_bar.run_button)
    until(lambda: len(bench.train.runs.shown.curves.points) > 0)
    assert page.run_box.isVisible()
    until(lambda: bench.train.runs.standing() == "done")
    assert "Step 3 of 3" in page.run_box.curves.accessibleName()
    assert "held-out recall" in page.run_box.curves.accessibleName()
    names = [page.result_box.table.item(row, 0).text() for row in range(page.result_box.table.rowCount())]
    assert names[-1] == "General pictures (forgetting)"
    assert page.result_box.table.horizontalHeaderItem(0).text() == "On test pairs"
    assert "3 steps" in page.result_box.facts.text()
    assert page.result_box.export_lora.isEnabled()

    until(lambda: bench.shelf.model("mini-lora") is not None)
    page.result_box.use_button.click()
    assert bench.page.state().features.model == "mini-lora"
    assert bench.dock.tabs.currentWidget() is bench.page
    until(lambda: "on disk" in bench.page.run_bar.line.text())
    click(bench.page.run_bar.run_button)
    until(lambda: not bench.page.run_bar.is_running() and len(results()) == 1)
    card = json.loads(next((tmp_path / "maps").rglob("run.json")).read_text(encoding="utf-8"))
    assert card["request"]["features"]["model"] == "mini-lora"


def test_a_training_is_paused_continued_by_another_window_and_its_best_kept(
    bench: Workbench, window: Window, own_home: Path, tmp_path: Path, until: Until, qtbot: object
) -> None:
    page, runs = bench.dock.train, bench.train.runs
    open_page(bench, until, "tiny", "lora")
    start(bench, until, 2000)
    assert not page.form.isEnabled()
    assert page.form_box.isCollapsed()
    until(lambda: len(runs.shown.curves.points) > 1)
    click(page.run_bar.cancel_button)
    until(lambda: runs.standing() == "paused")
    assert "paused" in page.run_box.status.text()
    assert not page.run_bar.run_button.isEnabled()
    seen = runs.shown.curves.points

    # As when QGIS is closed and opened again: all of it is told by the engine and the run's own folder.
    other = Workbench(window, bench.engine.connection)
    other.tracker.refresh()
    until(lambda: other.train.runs.standing() == "paused")
    assert other.train.runs.shown.curves.points == seen
    other.close()
    other.dock.deleteLater()
    other.deleteLater()

    click(page.run_box.resume_button)
    until(lambda: len(runs.shown.curves.points) > len(seen) and runs.can_keep())
    assert runs.shown.curves.points[: len(seen)] == seen
    click(page.run_box.keep_button)
    until(lambda: runs.standing() == "done")
    assert "best weights" in page.result_box.notes.text()
    assert (tmp_path / "models" / "tiny-lora" / "open_clip_config.json").is_file()
    until(lambda: page.form.name() == "tiny-lora-2")
    assert page.run_bar.run_button.isEnabled()


def test_a_training_is_discarded_and_a_failed_one_says_why(bench: Workbench, tmp_path: Path, until: Until) -> None:
    page, runs = bench.dock.train, bench.train.runs
    open_page(bench, until, "tiny", "lora")
    start(bench, until, 2000)
    until(lambda: len(runs.shown.curves.points) > 0)
    click(page.run_box.discard_button)
    box = bench.train.box
    assert "tiny-lora" in box.text()
    box.button(QMessageBox.StandardButton.Yes).click()
    until(lambda: runs.standing() == "nothing" and not (tmp_path / "models" / "tiny-lora").exists())
    assert not page.run_box.isVisible()

    (tmp_path / "fields.tif").rename(tmp_path / "moved.tif")
    start_button = page.run_bar.run_button
    until(start_button.isEnabled)
    start_button.click()
    until(lambda: runs.standing() == "failed")
    assert "fields.tif" in page.run_box.status.text()
    assert "Traceback" not in page.run_box.status.text()
    (tmp_path / "moved.tif").rename(tmp_path / "fields.tif")
    start(bench, until, 2)
    until(lambda: runs.standing() == "done")


def test_two_models_are_compared_on_the_map_mixed_and_taken_elsewhere(
    bench: Workbench, window: Window, tmp_path: Path, until: Until
) -> None:
    page = bench.dock.train
    bench.page.set_state(replace(bench.page.state(), classes=CLASSES))
    open_page(bench, until, "tiny", "lora")
    page.form.rows[0].rate.setText("0.05")
    start(bench, until, 10)
    until(lambda: bench.train.runs.standing() == "done")
    compare, canvas = bench.trained.compare, window.mapCanvas()
    page.result_box.compare_button.click()
    until(lambda: compare.known() == 1.0)
    left, right = (item.picture() for item in compare.items)
    assert left != right
    hand, extent = Hand(canvas), canvas.extent()
    x, y = extent.xMinimum() + extent.width() * 0.8, extent.center().y()
    hand.drag([(extent.center().x(), y), (x, y)])
    assert compare.items[0]._part[1] == pytest.approx(0.8, abs=0.01)

    page.result_box.slider.setValue(2)
    until(lambda: compare.known() == 1.0 and compare.items[1].picture() != right)
    assert compare.items[1].picture() != left
    page.result_box.save_button.click()
    until(lambda: bench.shelf.model("tiny-lora-50") is not None)
    page.result_box.compare_button.click()
    assert compare.items == ()
    assert canvas.mapTool() is not compare.tool

    bench.trained.export(tmp_path / "away" / "lora.safetensors")
    until(lambda: any(job.state is JobState.FAILED for job in bench.tracker.jobs.values()))
    (tmp_path / "away").mkdir()
    bench.trained.export(tmp_path / "away" / "lora.safetensors")
    bench.trained.export(tmp_path / "away" / "whole")
    until(lambda: (tmp_path / "away" / "lora.safetensors").is_file())
    until(lambda: (tmp_path / "away" / "whole" / "open_clip_config.json").is_file())
    assert not (tmp_path / "away" / "whole" / "run").exists()
