"""The Train page's own widgets: curves in words and paint, settings checked as they are typed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from qgis.core import QgsRasterLayer
from qgis.PyQt.QtGui import QColor, QPalette

from satclip_qgis.gui.curve_file import CurveFile
from satclip_qgis.gui.curve_view import CurveView
from satclip_qgis.gui.recipe_form import RecipeForm
from satclip_qgis.gui.stage_row import parse_rate
from satclip_qgis.gui.train_result_box import TrainResultBox
from satclip_qgis.protocol import (
    CurvePoint,
    Event,
    JobSpec,
    JobState,
    JobView,
    Method,
    ModelInfo,
    ProgressUpdate,
    Recipe,
    Stage,
    TrainingResult,
    to_json,
)
from satclip_qgis.train_words import result_rows
from tests.plugin.gui.test_teach_samples import bench_without_engine
from tests.plugin.gui.window import Window

LIGHT, DARK = ("#ffffff", "#202020"), ("#202020", "#f0f0f0")
LORA = Recipe("lora", "LoRA", "The first choice.", Method("lora", rank=4), (Stage(batch=16, learning_rate=5e-4),))
FARSLIP = Recipe(
    "farslip", "FarSLIP", "Finer maps.", Method("full"), (Stage("farslip_patches"), Stage("farslip_regions", batch=8))
)
MINI = ModelInfo("mini", "Mini", "CC0", builtin=True, installed=True, dense=True)


def point(step: int, loss: float, held_out: dict[str, float] | None = None) -> CurvePoint:
    return CurvePoint(step, 100, 0, loss, {"captions": loss}, 5e-4, 12.0, 2_000_000_000, held_out)


POINTS = (point(10, 3.0), point(20, 2.5, {"recall": 0.2}), point(40, 1.5, {"recall": 0.4}), point(50, 1.4))


@pytest.fixture
def form(qgis_app: object) -> Iterator[RecipeForm]:
    form = RecipeForm()
    form.set_recipes((LORA, FARSLIP))
    form.set_models((MINI, replace(MINI, id="mini-lora", builtin=False)))
    yield form
    form.deleteLater()


@pytest.mark.parametrize(("paper", "ink"), [LIGHT, DARK])
def test_curves_are_painted_in_the_windows_colours_and_said_in_words(qgis_app: object, paper: str, ink: str) -> None:
    view = CurveView()
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.Window, QColor(paper))
    palette.setColor(QPalette.ColorRole.WindowText, QColor(ink))
    palette.setColor(QPalette.ColorRole.Highlight, QColor("#e04000"))
    view.setPalette(palette)
    view.setAutoFillBackground(True)
    view.resize(400, view.sizeHint().height())
    empty = view.grab().toImage()
    view.show_points(POINTS, ("contrastive",))
    image = view.grab().toImage()
    assert image.pixelColor(395, 2) == QColor(paper)
    colours = {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())}
    assert "#e04000" in colours
    assert image != empty
    assert view.accessibleName() == (
        "Step 50 of 100, loss from 3.000 to 1.400, held-out recall from 0.200 to 0.400, at best 0.400, "
        "learning rate 5.0e-04"
    )
    view.show_points((*POINTS[:3], replace(POINTS[3], stage=1)), ("farslip_patches", "farslip_regions"))
    assert view.accessibleName().startswith("Step 50 of 100, stage 2 of 2: objects and words, loss")
    assert view.grab().toImage() != image
    view.deleteLater()


def test_a_curve_that_is_being_written_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    file = CurveFile(str(tmp_path))
    assert not file.read()
    (tmp_path / "run").mkdir()
    path = tmp_path / "run" / "curves.jsonl"
    lines = [json.dumps(to_json(one)) for one in POINTS]
    path.write_text("\n".join(lines[:2]) + "\n" + lines[2][:40], encoding="utf-8")
    assert file.read()
    assert file.points == POINTS[:2]
    assert not file.read()
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert file.read()
    assert file.points == POINTS


def test_settings_are_the_recipes_until_they_are_edited(form: RecipeForm) -> None:
    assert form.recipe() == LORA
    form.size_spin.setValue(2)
    form.rows[0].steps.setValue(30)
    form.more.share.setValue(50)
    edited = form.recipe()
    assert (edited.method.rank, edited.stages[0].steps, edited.weight) == (2, 30, 0.5)
    form.choose("mini", "farslip")
    assert form.recipe() == FARSLIP
    assert [row.batch.value() for row in form.rows] == [64, 8]
    assert not form.size_spin.isVisibleTo(form)
    form.method_combo.setCurrentIndex(form.method_combo.findData("last_blocks"))
    assert form.size_spin.isVisibleTo(form)
    assert form.recipe().method.blocks == 2


@pytest.mark.parametrize(
    ("text", "rate"), [("0.001", 1e-3), ("5e-4", 5e-4), ("0,001", 1e-3), ("0", None), ("2", None), ("fast", None)]
)
def test_rates_as_people_write_them(text: str, rate: float | None) -> None:
    assert parse_rate(text) == rate


def test_what_is_wrong_is_said_while_it_is_typed(form: RecipeForm) -> None:
    assert form.error() == ""
    assert form.name() == "mini-lora-2"
    form.rows[0].rate.setText("fast")
    assert "above 0" in form.wrong.text()
    assert form.recipe() is None
    form.rows[0].rate.setText("1e-3")
    assert not form.wrong.isVisibleTo(form)
    for name, said in (("Mini-LoRA", "already"), ("../x", "begin with a letter"), ("", "begin with a letter")):
        form.name_edit.setText(name)
        assert said in form.error()


def test_small_changes_are_none() -> None:
    found = TrainingResult({"recall": 0.2}, {"recall": 0.35}, "test", 0.5, 0.5001, 10, 100, 5, 3.0)
    assert result_rows(found) == (
        ("Captions found (recall)", "", ("0.200", "0.350", "+0.150")),
        ("General pictures (forgetting)", "", ("0.500", "0.500", "±0")),
    )


def test_a_training_that_makes_room_for_a_map_goes_on_in_the_eyes_of_its_reader(
    window: Window, scene: QgsRasterLayer, tmp_path: Path
) -> None:
    out, standings = tmp_path / "ours", []
    (out / "run").mkdir(parents=True)
    (out / "run" / "curves.jsonl").write_text("".join(json.dumps(to_json(one)) + "\n" for one in POINTS))
    spec = JobSpec("train", {"out": str(out)}, "Train ours")
    told = ProgressUpdate("train", 0.5, 60.0, "CPU")
    with bench_without_engine(window, tmp_path / "data", scene) as bench:
        page, runs = bench.dock.train, bench.train.runs
        runs.changed.connect(lambda: standings.append((runs.standing(), page.run_box.curves.isVisibleTo(page))))

        def tell(state: JobState, seconds: float, progress: ProgressUpdate | None = told) -> None:
            job = JobView("j", spec, state, created_s=1.0, updated_s=seconds, attempt=1, progress=progress)
            bench.engine.connection.event_received.emit(Event(int(seconds), "job", to_json(job)))

        tell(JobState.RUNNING, 2.0)
        (out / "run" / "state.pt").touch()
        tell(JobState.INTERRUPTED, 3.0)
        tell(JobState.QUEUED, 4.0)
        assert page.run_box.status.text() == "ours: waits while another job has the device, then continues."
        assert page.run_bar.line.text() == "Waits for another job, then continues"
        assert page.run_bar.cancel_button.isEnabled()
        tell(JobState.STARTING, 5.0, None)
        tell(JobState.RUNNING, 6.0)
        assert page.run_box.status.text() == "ours: Running"
        assert set(standings) == {("running", True)}
        tell(JobState.QUEUED, 7.0)
        tell(JobState.CANCELLED, 8.0)
        assert runs.standing() == "paused"
        assert page.run_box.resume_button.isVisibleTo(page)


def test_which_classes_are_taken_for_which(qgis_app: object) -> None:
    found = TrainingResult({"accuracy": 0.5}, {"accuracy": 0.9}, "test", 0.5, 0.5, 10, 100, 5, 3.0)
    box = TrainResultBox()
    box.show()  # a group box that is not seen says nothing when it is unfolded
    box.show_result("ours", found, has_lora=False)
    assert not box.confusion.isVisibleTo(box)  # a card of an older version
    before = {"forest": {"forest": 5, "park": 5}, "park": {"park": 8}}
    after = {"forest": {"forest": 9, "park": 1}, "park": {"park": 6, "lake": 2}}
    counted = replace(found, confusions_before={"accuracy": before}, confusions_after={"accuracy": after})
    box.show_result("ours", counted, has_lora=False)
    confusion, table = box.confusion, box.confusion.table
    assert confusion.isVisibleTo(box)
    assert confusion.isCollapsed()
    confusion.setCollapsed(False)

    def texts() -> list[list[str]]:
        cells = [[table.item(row, column) for column in range(3)] for row in range(3)]
        return [["" if cell is None else cell.text() for cell in row] for row in cells]

    assert [table.verticalHeaderItem(row).text() for row in range(3)] == ["1 forest", "2 park", "3 lake"]
    assert [table.horizontalHeaderItem(column).toolTip() for column in range(3)] == ["forest", "park", "lake"]
    assert texts() == [["90", "10", ""], ["", "75", "25"], ["", "", ""]]
    assert table.item(1, 2).toolTip() == "2 of 8: park taken for lake"
    assert confusion.line.text() == "Most often: park → lake (25 %), forest → park (10 %)"
    confusion.combo.setCurrentIndex(1)
    assert "before" in confusion.combo.currentText()
    assert texts() == [["50", "50", ""], ["", "100", ""], ["", "", ""]]
    box.show_result("ours", counted, has_lora=False)
    assert "before" in confusion.combo.currentText()  # told once more, it stays as it was chosen
    names = [f"class of land use number {n}" for n in range(40)]
    many = {name: {name: 1, names[0]: 1} for name in names}
    box.show_result("many", replace(counted, confusions_after={"accuracy": many}), has_lora=False)
    assert table.columnCount() == 42
    assert confusion.minimumSizeHint().width() < box.minimumSizeHint().width()  # it makes the dock no wider
    assert table.height() < 20 * table.verticalHeader().defaultSectionSize()
    box.deleteLater()
