"""Where a new training set goes."""

from __future__ import annotations

import re
from pathlib import Path

from qgis.core import QgsProject
from qgis.gui import QgsFileWidget
from qgis.PyQt.QtWidgets import QWidget

from satclip_qgis.gui.requests import base_folder
from satclip_qgis.gui.state import MapState
from satclip_qgis.i18n import tr
from satclip_qgis.training_sets import INFO_FILE


class SetFolder(QgsFileWidget):
    """Asks for a folder; suggests one that is not there yet until the user has written another."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        self.setDialogTitle(tr("Folder of the new training set"))
        self.setToolTip(tr("Where the training set goes: a folder that is not there yet, or an empty one"))
        self._suggested = ""

    def suggest(self, name: str) -> None:
        """Suggest a folder for a set of ``name``, unless the user has written one."""
        if self.filePath() != self._suggested:
            return
        stem = re.sub(r"[^\w.-]+", "_", name).strip("_.") or "training_set"
        base = base_folder(MapState(), QgsProject.instance())
        path, number = base / f"training_{stem}", 1
        while path.exists():
            number += 1
            path = base / f"training_{stem}_{number}"
        self._suggested = str(path)
        self.setFilePath(self._suggested)

    def folder(self) -> Path:
        """Return the folder."""
        return Path(self.filePath().strip()).expanduser()

    def missing(self) -> str:
        """Return why the folder cannot take a new set; empty where it can."""
        if not self.filePath().strip():
            return tr("Choose a folder for the training set.")
        folder = self.folder()
        if not folder.is_absolute():
            return tr("Write the whole path of the folder.")
        if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
            return tr("The folder {folder} is not empty: choose a new one.").format(folder=folder.name)
        return ""

    def holds_set(self) -> bool:
        """Return whether a training set lies there already."""
        return bool(self.filePath().strip()) and (self.folder() / INFO_FILE).is_file()
