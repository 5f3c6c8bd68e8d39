"""The class table's model: edits, colours that stay, order, unfinished rows."""

from __future__ import annotations

import pytest
from qgis.PyQt.QtCore import Qt

from satclip_qgis.gui.class_files import list_presets, load_class_file, save_class_file
from satclip_qgis.gui.class_model import COLOUR, NAME, PHRASES, THRESHOLD, VISIBLE, ClassModel
from satclip_qgis.protocol import ClassSpec, ClassSyntaxError


@pytest.fixture
def model(qgis_app: object) -> ClassModel:
    model = ClassModel()
    for name in ("water", "forest", "building"):
        model.add(ClassSpec(name=name))
    return model


def test_a_named_class_gets_the_colour_the_class_set_gives_it(model: ClassModel) -> None:
    assert [row.colour for row in model.classes()] == [row.colour for row in model.class_set().classes]
    assert model.classes()[0].colour == "#3B7DD8"


def test_a_colour_stays_with_its_class_when_others_go_and_move(model: ClassModel) -> None:
    colour = model.classes()[2].colour
    model.move(2, 0)
    model.remove(1)
    assert [row.name for row in model.classes()] == ["building", "forest"]
    assert model.classes()[0].colour == colour


def test_a_colour_stays_when_the_class_is_renamed(model: ClassModel) -> None:
    colour = model.classes()[0].colour
    model.setData(model.index(0, NAME), "trees")
    assert model.classes()[0].colour == colour


def test_phrases_are_split_cleaned_and_deduplicated(model: ClassModel) -> None:
    model.setData(model.index(1, PHRASES), " forest,  dark   woods, forest,, 森林 ")
    assert model.classes()[1].phrases == ("forest", "dark woods", "森林")
    assert model.data(model.index(1, PHRASES)) == "forest, dark woods, 森林"


def test_threshold_shows_auto_until_it_is_set(model: ClassModel) -> None:
    index = model.index(0, THRESHOLD)
    assert model.data(index) == "auto"
    model.setData(index, 0.3)
    assert model.data(index) == "0.30"
    model.setData(index, None)
    assert model.classes()[0].threshold is None


def test_visibility_is_a_tick(model: ClassModel) -> None:
    model.setData(model.index(0, VISIBLE), Qt.CheckState.Unchecked, Qt.ItemDataRole.CheckStateRole)
    assert model.classes()[0].visible is False
    assert model.data(model.index(0, VISIBLE), Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Unchecked


def test_a_colour_can_be_chosen(model: ClassModel) -> None:
    model.setData(model.index(0, COLOUR), "#abcdef")
    assert model.classes()[0].colour == "#ABCDEF"


def test_an_empty_row_is_left_out_until_it_has_a_name(model: ClassModel) -> None:
    row = model.add(ClassSpec(name=""))
    assert len(model.class_set()) == 3
    model.setData(model.index(row, NAME), "road")
    assert model.class_set().names == ("water", "forest", "building", "road")


def test_a_name_twice_is_refused_with_a_remedy(model: ClassModel) -> None:
    model.setData(model.index(1, NAME), "Water")
    with pytest.raises(ClassSyntaxError, match="twice") as caught:
        model.class_set()
    assert caught.value.remedy


def test_the_background_class_stays_last(model: ClassModel) -> None:
    model.add(ClassSpec(name="background", background=True))
    model.add(ClassSpec(name="road"))
    assert [row.name for row in model.classes()] == ["water", "forest", "building", "road", "background"]


def test_every_move_and_edit_is_told(model: ClassModel, qtbot: object) -> None:
    with qtbot.waitSignal(model.rowsMoved, timeout=100):
        model.move(0, 2)
    assert [row.name for row in model.classes()] == ["forest", "building", "water"]
    with qtbot.waitSignal(model.dataChanged, timeout=100):
        model.setData(model.index(0, THRESHOLD), 0.5)
    assert model.move(0, -1) is False


def test_every_preset_can_be_loaded_and_survives_a_file(qgis_app: object, tmp_path: object) -> None:
    presets = list_presets()
    assert presets[0].title == "Basic land cover"
    assert len(presets) == 4
    for preset in presets:
        classes = load_class_file(preset.path)
        assert len({spec.colour for spec in classes}) == len(classes)
        save_class_file(tmp_path / "classes.txt", classes)
        assert load_class_file(tmp_path / "classes.txt") == classes
