"""The dialogs about training sets, filled in as a person does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qgis.core import QgsVectorLayer
from qgis.PyQt.QtCore import QCoreApplication
from qgis.PyQt.QtWidgets import QAbstractButton, QAction, QDialog

from satclip_qgis.gui.workbench import Workbench
from tests.plugin.gui import test_dock_run

Until = Callable[[Callable[[], bool]], None]


def click(button: QAbstractButton) -> None:
    """Click a button that may have come to light just now."""
    QCoreApplication.processEvents()
    test_dock_run.click(button)


def ask(action: QAction, bench: Workbench) -> QDialog:
    """Open the question behind a menu's entry."""
    action.trigger()
    assert bench.pairs.maker.dialog is not None
    return bench.pairs.maker.dialog


def make(bench: Workbench, dialog: QDialog, folder: Path, until: Until) -> None:
    """Answer with OK and wait until the new set is chosen."""
    dialog.folder.setFilePath(str(folder))
    click(dialog.ok_button)
    until(lambda: bench.dock.train.pairs.folder == str(folder))


def build(bench: Workbench, layer: QgsVectorLayer, folder: Path, until: Until) -> None:
    """Make a set of a layer's field ``use`` over the map page's raster."""
    dialog = ask(bench.dock.train.pairs.layers_action, bench)
    dialog.scene_combo.setLayer(bench.page.layer())
    dialog.layers.tick(layer.id(), "use")
    dialog.chip_spin.setValue(32)
    dialog.region_edit.setText("Testland")
    make(bench, dialog, folder, until)


def split(bench: Workbench, block_m: float, buffer_m: float = 0.0) -> None:
    """Divide the chosen set by blocks of ground; a buffer of 0 is the dialog's own."""
    click(bench.dock.train.pairs.split_button)
    bench.pairs.dialog.block_spin.setValue(block_m)
    bench.pairs.dialog.buffer_spin.setValue(buffer_m)
    click(bench.pairs.dialog.ok_button)


def stop_job(bench: Workbench, until: Until) -> None:
    """Cancel the check that follows each new set and each division."""
    if bench.pairs.jobs.is_busy():
        click(bench.dock.train.pairs.progress.cancel_button)
        until(lambda: not bench.pairs.jobs.is_busy())
