"""The plugin as QGIS loads it: what it adds, it takes away."""

from __future__ import annotations

from pathlib import Path

import pytest
from qgis.core import QgsApplication, QgsRasterLayer
from qgis.gui import QgsCollapsibleGroupBoxBasic, QgsFileWidget, QgsMapCanvasItem
from qgis.PyQt.QtCore import QCoreApplication, QEvent, Qt
from qgis.PyQt.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QDockWidget,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QSlider,
    QTabBar,
    QTableView,
    QTextBrowser,
    QWidget,
)

import satclip_qgis
from satclip_qgis.settings import Settings, save_settings
from tests.plugin.gui.window import Window


@pytest.fixture
def no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing installed, nothing running."""
    monkeypatch.setenv("SATCLIP_HOME", str(tmp_path / "home"))
    save_settings(Settings())


def canvas_items(window: Window) -> int:
    return sum(isinstance(item, QgsMapCanvasItem) for item in window.mapCanvas().scene().items())


def test_unload_leaves_nothing_behind(window: Window, scene: QgsRasterLayer, no_engine: None) -> None:
    main = window.mainWindow()
    before = (
        canvas_items(window),
        len(main.findChildren(QDockWidget)),
        len(QgsApplication.processingRegistry().providers()),
    )
    plugin = satclip_qgis.classFactory(window)
    plugin.initGui()
    assert len(main.findChildren(QDockWidget)) == before[1] + 1
    assert len(window.raster_tools.actions()) == 1
    assert QgsApplication.processingRegistry().providerById("satclip") is not None
    plugin.workbench.engine.show_set_up()
    plugin.unload()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    after = (
        canvas_items(window),
        len(main.findChildren(QDockWidget)),
        len(QgsApplication.processingRegistry().providers()),
    )
    assert after == before
    assert window.raster_tools.actions() == []
    assert window.raster_menu.actions() == []
    window.mapCanvas().setExtent(scene.extent().buffered(50))


def test_it_can_be_loaded_again_after_unload(window: Window, no_engine: None) -> None:
    for _ in range(2):
        plugin = satclip_qgis.classFactory(window)
        plugin.initGui()
        plugin.unload()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_every_control_has_a_tooltip_and_a_place_in_the_tab_order(window: Window, no_engine: None) -> None:
    plugin = satclip_qgis.classFactory(window)
    plugin.initGui()
    dock = plugin.workbench.dock
    plugin.workbench.engine.show_set_up()
    controls = [widget for root in (dock.widget(), plugin.workbench.engine.dialog) for widget in own_controls(root)]
    assert len(controls) > 30
    assert [name_of(widget) for widget in controls if not widget.toolTip()] == []
    assert [name_of(widget) for widget in controls if not widget.focusPolicy() & Qt.FocusPolicy.TabFocus] == []
    plugin.unload()


def test_labels_lead_to_their_controls(window: Window, no_engine: None) -> None:
    plugin = satclip_qgis.classFactory(window)
    plugin.initGui()
    labels = [label for label in plugin.workbench.dock.widget().findChildren(QLabel) if "&" in label.text()]
    assert len(labels) >= 6
    assert [label.text() for label in labels if label.buddy() is None] == []
    for page in (plugin.workbench.page, plugin.workbench.dock.models):
        mnemonics = [text[text.index("&") + 1].lower() for text in texts_of(page) if "&" in text]
        assert sorted(mnemonics) == sorted(set(mnemonics))
    plugin.unload()


def texts_of(page: QWidget) -> list[str]:
    widgets = [*page.findChildren(QLabel), *page.findChildren(QAbstractButton)]
    return [widget.text() for widget in widgets]


def own_controls(root: QWidget) -> list[QWidget]:
    """Return the controls that the plugin made; those inside composite Qt and QGIS widgets are theirs."""
    boxes = (QLineEdit, QComboBox, QAbstractSpinBox, QTableView, QTabBar, QgsFileWidget)
    composites = (*boxes, QgsCollapsibleGroupBoxBasic)
    kinds = (QAbstractButton, QComboBox, QAbstractSpinBox, QSlider, QTableView, QPlainTextEdit, QTextBrowser)
    found = []
    for widget in root.findChildren(QWidget):
        parent = widget.parentWidget()
        is_part = isinstance(parent, composites) and not isinstance(widget, (QComboBox, QAbstractSpinBox))
        if isinstance(widget, kinds) and not is_part and not inside(widget, boxes):
            found.append(widget)
    return found


def inside(widget: QWidget, kinds: tuple[type, ...]) -> bool:
    parent = widget.parentWidget()
    return parent is not None and (isinstance(parent, kinds) or inside(parent, kinds))


def name_of(widget: QWidget) -> str:
    text = widget.text() if hasattr(widget, "text") else ""
    return f"{type(widget).__name__} {widget.objectName()} {text}"
