"""The questions about new training sets: every control explains itself and can be reached by a key of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from qgis.core import QgsProject, QgsRasterLayer, QgsVectorLayer
from qgis.gui import QgsFileWidget
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QDialog, QLineEdit, QWidget

from satclip_qgis.gui.build_dialog import BuildDialog
from satclip_qgis.gui.caption_files import code_list, code_lists
from satclip_qgis.gui.import_dialog import ImportDialog, layout_choices
from satclip_qgis.gui.photo_dialog import PhotoDialog
from satclip_qgis.gui.split_dialog import SplitDialog
from satclip_qgis.training_sets import read_training_set
from tests.plugin.gui.pair_files import write_pairs, write_set
from tests.plugin.gui.test_plugin import name_of, own_controls, texts_of


def make(kind: str, project: QgsProject, folder: Path, scene: Path) -> QDialog:
    if kind == "build":
        return BuildDialog(project)
    if kind == "import":
        return ImportDialog()
    if kind == "photos":
        return PhotoDialog(project)
    return SplitDialog(read_training_set(write_set(folder, scene, 10)))


def lines_of(dialog: QDialog) -> list[QWidget]:
    return [one for one in vars(dialog).values() if isinstance(one, (QLineEdit, QgsFileWidget))]


@pytest.mark.parametrize("kind", ["build", "import", "photos", "split"])
def test_controls_explain_themselves(
    kind: str, project: QgsProject, scene: QgsRasterLayer, scene_file: Path, tmp_path: Path
) -> None:
    project.addMapLayer(QgsVectorLayer("Polygon?crs=EPSG:25832&field=use:string", "land use", "memory"))
    dialog = make(kind, project, tmp_path / "set", scene_file)
    buttons = (dialog.ok_button, *dialog.ok_button.parent().buttons())
    controls = [widget for widget in own_controls(dialog) if widget not in buttons]
    assert len(controls) >= 3
    assert [name_of(widget) for widget in (*controls, *lines_of(dialog)) if not widget.toolTip()] == []
    assert [name_of(widget) for widget in controls if not widget.focusPolicy() & Qt.FocusPolicy.TabFocus] == []
    mnemonics = [text[text.index("&") + 1].lower() for text in texts_of(dialog) if "&" in text and text != "&Cancel"]
    assert sorted(mnemonics) == sorted(set(mnemonics))
    dialog.close()
    dialog.deleteLater()


def test_pictures_without_places_are_divided_by_folders(project: QgsProject, tmp_path: Path) -> None:
    dialog = SplitDialog(read_training_set(write_pairs(tmp_path / "set", [{"id": "a", "image": "a/a.png"}], {})))
    assert "folders" in dialog.blocks.text()
    assert not dialog.block_spin.isEnabled()
    assert dialog.request().block_m is None
    assert "No places" in dialog.reason.text()
    dialog.deleteLater()


def test_every_list_of_codes_can_be_read() -> None:
    assert {"worldcover", "corine", "nlcd", "dynamic-world"} <= set(code_lists())
    assert all(code_list(name).classes for name in code_lists())


def test_the_layouts_are_those_of_the_engine() -> None:
    source = Path(__file__).resolve().parents[3] / "engine" / "satclip_engine" / "pairs" / "importing" / "layouts.py"
    text = source.read_text(encoding="utf-8")
    known = {line.split('"')[1] for line in text.splitlines() if line.startswith('        "') and "Layout(" in line}
    assert {key for key, _ in layout_choices()} == known | {""}
