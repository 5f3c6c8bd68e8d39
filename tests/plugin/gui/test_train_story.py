"""From the user's own layers, photos or pictures to a map of one's own model: all in the dock, with a real engine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from qgis.core import QgsProject

from satclip_qgis.gui.workbench import Workbench
from satclip_qgis.protocol import ClassSpec, FeatureOptions, Outputs
from tests.plugin.gui.set_dialogs import Until, ask, build, click, make, split, stop_job
from tests.plugin.gui.test_dock_run import results
from tests.plugin.gui.training_data import land_use, write_coco, write_photos

CLASSES = (ClassSpec("lake"), ClassSpec("meadow"), ClassSpec("roofs"), ClassSpec("wheat field"))


def choose(bench: Workbench, until: Until, model: str, recipe: str, steps: int) -> None:
    """Choose a recipe and let each of its stages take few steps; before there is a set, nothing is estimated."""
    form = bench.dock.train.form
    until(lambda: form.recipe_combo.count() > 0)
    form.choose(model, recipe)
    for row in form.rows:
        row.steps.setValue(steps)
        row.batch.setValue(4)


def train(bench: Workbench, until: Until) -> None:
    """Press Start, see the curves grow, and wait for the end."""
    page, runs = bench.dock.train, bench.train.runs
    until(page.run_bar.run_button.isEnabled)
    click(page.run_bar.run_button)
    until(lambda: len(runs.shown.curves.points) > 0)
    assert page.run_box.curves.isVisible()
    until(lambda: runs.standing() == "done")
    assert page.pairs.is_checked


def gains(bench: Workbench) -> list[str]:
    """Return which scores are compared before and after."""
    table = bench.dock.train.result_box.table
    return [table.item(row, 0).text() for row in range(table.rowCount())]


def map_with(bench: Workbench, until: Until, model: str, folder: Path) -> None:
    """Use the new model, and make a map with it."""
    until(lambda: bench.shelf.model(model) is not None)
    click(bench.dock.train.result_box.use_button)
    assert bench.page.state().features.model == model
    assert bench.dock.tabs.currentWidget() is bench.page
    asked = {"features": FeatureOptions(model=model, precision="fp32"), "outputs": Outputs(False, False, False)}
    bench.page.set_state(replace(bench.page.state(), classes=CLASSES, folder=str(folder), **asked))
    until(lambda: "on disk" in bench.page.run_bar.line.text())
    click(bench.page.run_bar.run_button)
    until(lambda: not bench.page.run_bar.is_running() and len(results(bench)) == 1)
    card = json.loads(next(folder.rglob("run.json")).read_text(encoding="utf-8"))
    assert card["request"]["features"]["model"] == model


def test_a_layers_words_train_the_embedded_model_and_the_new_one_maps(
    training_bench: Workbench, project: QgsProject, tmp_path: Path, until: Until
) -> None:
    bench = training_bench
    page = bench.dock.train
    choose(bench, until, "mini", "lora", 3)
    assert "first choice" in page.form.when.text()
    assert page.form.size_spin.value() == 8
    build(bench, land_use(project), tmp_path / "set", until)
    assert "wheat field" in " ".join(page.pairs.store.current.pairs[-1].captions)
    stop_job(bench, until)
    split(bench, 32)
    until(lambda: "test" in page.pairs.counts.text())
    until(lambda: "of the weights train" in page.run_bar.line.text())
    assert "3 steps" in page.run_bar.line.text()
    train(bench, until)
    assert "Step 3 of 3" in page.run_box.curves.accessibleName()
    assert "held-out recall" in page.run_box.curves.accessibleName()
    assert gains(bench)[-1] == "General pictures (forgetting)"
    assert page.result_box.table.horizontalHeaderItem(0).text() == "On test pairs"
    assert "3 steps" in page.result_box.facts.text()
    assert page.result_box.export_lora.isEnabled()
    map_with(bench, until, "mini-lora", tmp_path / "maps")


def test_photos_of_a_folder_train_a_model_that_maps(training_bench: Workbench, tmp_path: Path, until: Until) -> None:
    bench = training_bench
    choose(bench, until, "tiny", "senclip", 3)
    pixels = [(column, row) for column in range(20, 300, 40) for row in range(20, 200, 40)]
    dialog = ask(bench.dock.train.pairs.photos_action, bench)
    dialog.scene_combo.setLayer(bench.page.layer())
    dialog.photos.setFilePath(str(write_photos(tmp_path / "photos", pixels)))
    dialog.side_spin.setValue(16)
    dialog.group_spin.setValue(5)
    make(bench, dialog, tmp_path / "set", until)
    assert bench.dock.train.pairs.table.model.rowCount() == len(pixels)
    stop_job(bench, until)
    split(bench, 30, buffer_m=1)
    until(lambda: "validation" in bench.dock.train.pairs.counts.text())
    train(bench, until)
    assert [set(point.parts) for point in bench.train.runs.shown.curves.points] == [{"photos"}] * 3
    card = json.loads((Path(bench.train.runs.shown.out) / "card.json").read_text(encoding="utf-8"))
    assert card["training"]["recipe"]["name"] == "senclip"
    map_with(bench, until, "tiny-senclip", tmp_path / "maps")


def test_captions_and_boxes_train_both_stages_of_farslip(
    training_bench: Workbench, tmp_path: Path, until: Until
) -> None:
    bench = training_bench
    choose(bench, until, "tiny", "farslip", 2)
    dialog = ask(bench.dock.train.pairs.import_action, bench)
    data = write_coco(tmp_path / "data", {"train": 8, "val": 2, "test": 4})
    dialog.source.setFilePath(str(data))
    make(bench, dialog, tmp_path / "set", until)
    pairs = bench.dock.train.pairs.store.current.pairs
    assert {box.category for pair in pairs for box in pair.boxes} == {"lake", "house"}
    train(bench, until)
    points = bench.train.runs.shown.curves.points
    assert [(point.stage, set(point.parts)) for point in points] == [
        (0, {"patches", "captions"}),
        (0, {"patches", "captions"}),
        (1, {"objects", "captions"}),
        (1, {"objects", "captions"}),
    ]
    assert "stage 2 of 2" in bench.dock.train.run_box.curves.accessibleName()
    assert "Captions found (recall)" in gains(bench)
    map_with(bench, until, "tiny-farslip", tmp_path / "maps")
