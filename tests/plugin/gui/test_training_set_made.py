"""Training sets made in the real dock by a real engine: from layers, data sets and photos; checked, fixed, divided."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from qgis.core import QgsFeature, QgsGeometry, QgsPointXY, QgsProject, QgsRasterLayer, QgsVectorLayer
from qgis.PyQt.QtCore import QCoreApplication, Qt
from qgis.PyQt.QtGui import QColor, QImage

from satclip_qgis.gui.fact_layers import WORDS
from satclip_qgis.gui.pair_model import CAPTIONS, CHIP
from satclip_qgis.gui.training_set_panel import TrainingSetPanel
from satclip_qgis.gui.workbench import Workbench
from tests.plugin.gui.pair_files import on_disk, write_pairs, write_set
from tests.plugin.gui.set_dialogs import Until, ask, build, click, make, split, stop_job
from tests.plugin.gui.training_data import land_use, place_of, write_photos
from tests.plugin.gui.window import Window


@pytest.fixture
def panel(workbench: Workbench, until: Until) -> Iterator[TrainingSetPanel]:
    workbench.dock.tabs.setCurrentWidget(workbench.dock.train)
    QCoreApplication.processEvents()
    yield workbench.dock.train.pairs
    stop_job(workbench, until)


def told(window: Window) -> str:
    return " | ".join(item.text() for item in window.messageBar().items())


def test_captions_come_from_a_layer_that_only_qgis_has(
    workbench: Workbench, panel: TrainingSetPanel, project: QgsProject, tmp_path: Path, until: Until, window: Window
) -> None:
    layer = land_use(project)
    layer.setSubsetString("\"use\" <> 'roofs'")
    assert layer.startEditing()
    lake = next(feature.id() for feature in layer.getFeatures() if feature["use"] == "lake")
    assert layer.changeAttributeValue(lake, 0, "pond")  # not saved
    build(workbench, layer, tmp_path / "set", until)
    pairs = on_disk(tmp_path / "set")
    assert {pair["label"] for pair in pairs} == {"pond", "wheat field"}
    assert all("Testland" in pair["captions"][0] for pair in pairs)
    assert panel.table.model.rowCount() == len(pairs) > 10
    assert "pond" in panel.table.model.index(0, CAPTIONS).data()
    assert "chips" in told(window)
    assert layer.isEditable()
    # Nothing is held out yet: the check says so, and the map shows all chips as to be learnt from.
    until(lambda: panel.is_checked)
    assert any("held out" in row.finding.sentence for row in panel.findings.rows)
    drawn = workbench.pairs.map.parts_layer()
    assert panel.map_button.isChecked()
    assert {feature["split"] for feature in drawn.getFeatures()} == {"train"}

    # Divided by place, drawn anew, undone.
    split(workbench, 32)
    until(lambda: {one["split"] for one in workbench.pairs.map.parts_layer().getFeatures()} >= {"train", "test"})
    assert {pair["split"] for pair in on_disk(tmp_path / "set")} >= {"train", "validation", "test"}
    assert "train" in panel.counts.text()
    assert project.mapLayersByName(drawn.name()) == [drawn]
    stop_job(workbench, until)
    # Written as shards, from the chosen set, which stays chosen.
    assert panel.export_button.isEnabled()
    workbench.pairs.export(tmp_path / "shards")
    until(lambda: (tmp_path / "shards" / "train-000000.tar").is_file() and not workbench.pairs.jobs.is_busy())
    assert "Shards are written" in told(window)
    assert panel.folder == str(tmp_path / "set")
    click(panel.table.undo_button)
    assert {pair["split"] for pair in on_disk(tmp_path / "set")} == {"train"}
    click(panel.map_button)
    assert workbench.pairs.map.parts_layer() is None
    # The project remembers the set; it is looked through once the page is looked at.
    panel.store.close()
    workbench.pairs.restore()
    assert panel.folder == str(tmp_path / "set")
    assert not workbench.pairs.jobs.is_busy()
    workbench.dock.tabs.setCurrentWidget(workbench.dock.jobs)
    workbench.dock.tabs.setCurrentWidget(workbench.dock.train)
    assert workbench.pairs.jobs.is_busy()


def test_a_finding_is_shown_fixed_and_the_fix_undone(
    workbench: Workbench, panel: TrainingSetPanel, scene_file: Path, tmp_path: Path, until: Until
) -> None:
    folder = write_set(tmp_path / "set", scene_file, 30)
    pairs = on_disk(folder)
    pairs[3]["captions"] = ["lake", "a lake in a field"]
    pairs[4]["captions"] = [""]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    assert workbench.pairs.open(folder)
    click(panel.check_button)
    assert not panel.check_button.isEnabled()
    until(lambda: panel.is_checked)
    assert panel.worst_finding is not None
    row = next(row for row in panel.findings.rows if row.finding.code == "short")
    assert row.finding.pairs == ("p003",)
    click(row.show_button)
    assert [panel.table.model.pair(0).id, panel.table.model.rowCount()] == ["p003", 1]
    assert row.fix_button.toolTip()
    click(row.fix_button)
    until(lambda: panel.is_checked and all(one.finding.code != "short" for one in panel.findings.rows))
    assert on_disk(folder)[3]["captions"] == ["a satellite image of lake", "a lake in a field"]
    click(panel.table.undo_button)
    assert on_disk(folder)[3]["captions"] == ["lake", "a lake in a field"]
    assert not panel.is_checked


def test_regions_are_held_out_by_name(
    workbench: Workbench, panel: TrainingSetPanel, scene_file: Path, tmp_path: Path, until: Until
) -> None:
    folder = write_set(tmp_path / "set", scene_file, 40)
    pairs = on_disk(folder)
    for pair in pairs:
        column, row = pair["window_px"][:2]
        pair |= {"region": "west" if column < 150 else "east", "lon": 6.94 + column * 7e-6, "lat": 50.93 - row * 4.5e-6}
    (folder / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    assert workbench.pairs.open(folder)
    click(panel.split_button)
    dialog = workbench.pairs.dialog
    click(dialog.regions)
    assert not dialog.ok_button.isEnabled()
    dialog.region_list.item(0).setCheckState(Qt.CheckState.Checked)
    click(dialog.ok_button)
    until(lambda: "test" in panel.counts.text() and on_disk(folder) != pairs)
    assert {pair["region"] for pair in on_disk(folder) if pair["split"] == "test"} == {"east"}


def test_a_data_set_is_imported_and_what_was_left_out_is_named(
    workbench: Workbench, panel: TrainingSetPanel, tmp_path: Path, until: Until, window: Window
) -> None:
    (tmp_path / "data").mkdir()
    for number in range(3):
        picture = QImage(40, 40, QImage.Format.Format_RGB32)
        picture.fill(QColor(40 * number, 90, 120))
        assert picture.save(str(tmp_path / "data" / f"{number}.png"))
    lines = "".join(f"{number}.png,a river {number}\n" for number in range(4))
    (tmp_path / "data" / "captions.csv").write_text(f"file,caption\n{lines}")
    dialog = ask(panel.import_action, workbench)
    assert not dialog.ok_button.isEnabled()
    dialog.source.setFilePath(str(tmp_path / "data"))
    make(workbench, dialog, tmp_path / "set", until)
    assert panel.table.model.rowCount() == 3
    assert (tmp_path / "set" / "skipped.txt").read_text().startswith("3.png")
    assert not panel.map_button.isChecked()
    assert "No place is known" in told(window)


def write_photo(path: Path, colour: QColor) -> None:
    picture = QImage(64, 48, QImage.Format.Format_RGB32)
    picture.fill(colour)
    assert picture.save(str(path))


def test_a_layer_of_photos_becomes_a_set_and_points_with_pictures(
    workbench: Workbench, panel: TrainingSetPanel, project: QgsProject, tmp_path: Path, until: Until
) -> None:
    (tmp_path / "photos").mkdir()
    points = QgsVectorLayer("Point?crs=EPSG:25832&field=picture:string&field=heading:double", "trip", "memory")
    for number, pixel in enumerate(((80, 60), (200, 120), (10_000, 0))):
        write_photo(tmp_path / "photos" / f"{number}.jpg", QColor(200, 60 * number, 40))
        feature = QgsFeature(points.fields())
        feature.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(*place_of(*pixel))))
        feature.setAttributes([str(tmp_path / "photos" / f"{number}.jpg"), 90.0])
        points.dataProvider().addFeature(feature)
    project.addMapLayer(points)
    dialog = ask(panel.photos_action, workbench)
    dialog.scene_combo.setLayer(workbench.page.layer())
    click(dialog.from_layer)
    dialog.layer_combo.setLayer(points)
    assert dialog.field_combo.currentField() == "picture"
    dialog.side_spin.setValue(20)
    make(workbench, dialog, tmp_path / "set", until)
    assert [len(pair["photos"]) for pair in on_disk(tmp_path / "set")] == [1, 1]
    tip = panel.table.model.index(0, CHIP).data(Qt.ItemDataRole.ToolTipRole)
    assert "photos/0.jpg" in tip
    layer = next(one for one in project.mapLayers().values() if one.name().startswith("Photos of"))
    assert sorted(bool(feature["problem"]) for feature in layer.getFeatures()) == [False, False, True]
    assert {feature["direction"] for feature in layer.getFeatures()} == {90.0}
    assert "<img" in layer.mapTipTemplate()
    assert len([one for one in project.mapLayers().values() if one.name().startswith("Chips of")]) == 1


def test_photos_of_a_folder_tell_their_places_themselves(
    workbench: Workbench, panel: TrainingSetPanel, tmp_path: Path, until: Until, window: Window
) -> None:
    dialog = ask(panel.photos_action, workbench)
    dialog.photos.setFilePath(str(write_photos(tmp_path / "photos", [(10_000, 0)])))
    dialog.side_spin.setValue(20)
    dialog.folder.setFilePath(str(tmp_path / "set"))
    click(dialog.ok_button)
    until(lambda: "No photo of" in told(window))
    assert panel.folder == ""
    assert not (tmp_path / "set").exists()
    assert panel.new_button.isEnabled()


# What goes wrong


def test_a_layer_that_goes_while_the_question_is_open_is_not_taken(
    workbench: Workbench, panel: TrainingSetPanel, project: QgsProject, scene: QgsRasterLayer, tmp_path: Path
) -> None:
    layer = land_use(project)
    dialog = ask(panel.layers_action, workbench)
    dialog.layers.tick(layer.id(), "use")
    dialog.folder.setFilePath(str(tmp_path / "set"))
    assert dialog.ok_button.isEnabled()
    project.removeMapLayer(layer.id())
    assert dialog.layers.choices() == ()
    assert not dialog.ok_button.isEnabled()
    assert "Tick a layer" in dialog.note.text()
    project.removeMapLayer(scene.id())
    assert not dialog.ok_button.isEnabled()
    assert "raster layer" in dialog.note.text()
    dialog.reject()


def test_questions_say_what_is_missing(
    workbench: Workbench, panel: TrainingSetPanel, project: QgsProject, tmp_path: Path
) -> None:
    layer = land_use(project)
    dialog = ask(panel.layers_action, workbench)
    assert "Tick a layer" in dialog.note.text()
    dialog.layers.tick(layer.id(), "use")
    dialog.layers.cellWidget(0, WORDS).setText("1: wheat; 1: rye")
    assert "twice" in dialog.note.text()
    dialog.layers.cellWidget(0, WORDS).setText("lake: pond, lake; roofs: town")
    assert [spec.name for spec in dialog.layers.choices()[0].classes().classes] == ["lake", "roofs"]
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("do not lose")
    dialog.folder.setFilePath(str(tmp_path / "full"))
    assert "not empty" in dialog.note.text()
    assert not dialog.ok_button.isEnabled()
    write_pairs(tmp_path / "old", [{"id": "a", "image": "a.png"}], {})
    dialog.folder.setFilePath(str(tmp_path / "old"))
    assert "are added to it" in dialog.note.text()
    assert dialog.ok_button.isEnabled()
    dialog.reject()


def test_a_folder_that_cannot_be_made_is_said_before_any_job(
    workbench: Workbench, panel: TrainingSetPanel, project: QgsProject, tmp_path: Path, until: Until, window: Window
) -> None:
    layer = land_use(project)
    (tmp_path / "file").write_text("")
    dialog = ask(panel.layers_action, workbench)
    dialog.layers.tick(layer.id(), "use")
    dialog.folder.setFilePath(str(tmp_path / "file" / "set"))
    click(dialog.ok_button)
    until(lambda: "cannot be made" in told(window))
    assert not workbench.pairs.jobs.is_busy()
    assert panel.new_button.isEnabled()
