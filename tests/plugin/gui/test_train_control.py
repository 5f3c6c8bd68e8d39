"""A training while it goes on and after: paused, continued, kept, discarded, failed; compared, mixed, exported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from qgis.PyQt.QtWidgets import QMessageBox

from satclip_qgis.gui.workbench import Workbench
from satclip_qgis.protocol import ClassSpec, JobState
from tests.plugin.gui.hand import Hand
from tests.plugin.gui.test_dock_run import click
from tests.plugin.gui.training_data import write_ready_set
from tests.plugin.gui.window import Window

Until = Callable[[Callable[[], bool]], None]


@pytest.fixture
def bench(training_bench: Workbench, tmp_path: Path, until: Until) -> Workbench:
    """The Train page with a training set and the recipe for LoRA."""
    scene = Path(training_bench.page.layer().source())
    form = training_bench.dock.train.form
    until(lambda: form.recipe_combo.count() > 0)
    assert training_bench.pairs.open(write_ready_set(tmp_path / "set", scene))
    training_bench.dock.train.pairs.show_findings(())  # as if it had been looked through
    form.choose("tiny", "lora")
    return training_bench


def start(bench: Workbench, until: Until, steps: int, batch: int = 4) -> None:
    page = bench.dock.train
    page.form.rows[0].steps.setValue(steps)
    page.form.rows[0].batch.setValue(batch)
    until(page.run_bar.run_button.isEnabled)
    page.run_bar.run_button.click()
    until(lambda: bench.train.runs.standing() == "running")


def test_a_training_is_paused_continued_by_another_window_and_its_best_kept(
    bench: Workbench, window: Window, tiny_models: Path, until: Until
) -> None:
    page, runs = bench.dock.train, bench.train.runs
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
    assert (tiny_models / "tiny-lora" / "open_clip_config.json").is_file()
    until(lambda: page.form.name() == "tiny-lora-2")
    assert page.run_bar.run_button.isEnabled()


def test_a_training_is_discarded_and_a_failed_one_says_why(
    bench: Workbench, tiny_models: Path, tmp_path: Path, until: Until
) -> None:
    page, runs = bench.dock.train, bench.train.runs
    start(bench, until, 2000)
    until(lambda: len(runs.shown.curves.points) > 0)
    click(page.run_box.discard_button)
    box = bench.train.box
    assert "tiny-lora" in box.text()
    box.button(QMessageBox.StandardButton.Yes).click()
    until(lambda: runs.standing() == "nothing" and not (tiny_models / "tiny-lora").exists())
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


def test_no_training_begins_on_captions_that_nobody_has_looked_at(bench: Workbench, until: Until) -> None:
    page, store = bench.dock.train, bench.dock.train.pairs.store
    assert store.change({0: replace(store.current.pairs[0], captions=("",))}, "spoil")
    assert not page.pairs.is_checked
    page.form.rows[0].steps.setValue(2000)
    click(page.run_bar.run_button)
    assert "looked through" in page.run_bar.line.text()
    until(lambda: bench.train.box is not None)
    assert page.pairs.is_checked
    assert "bad captions" in bench.train.box.text()
    bench.train.box.button(QMessageBox.StandardButton.Cancel).click()

    store.undo.undo()
    click(page.run_bar.run_button)
    click(page.pairs.progress.cancel_button)
    until(lambda: bench.train.box is not None)
    assert not page.pairs.is_checked
    assert "not looked through" in bench.train.box.text()
    assert bench.train.runs.standing() == "nothing"
    bench.train.box.button(QMessageBox.StandardButton.Yes).click()
    until(lambda: bench.train.runs.standing() == "running")


def test_two_models_are_compared_on_the_map_mixed_and_taken_elsewhere(
    bench: Workbench, window: Window, tmp_path: Path, until: Until
) -> None:
    page = bench.dock.train
    bench.page.set_state(replace(bench.page.state(), classes=(ClassSpec("lake"), ClassSpec("field"))))
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
