"""Asks which images with captions become a training set."""

from __future__ import annotations

from pathlib import Path

from qgis.gui import QgsFileWidget
from qgis.PyQt.QtWidgets import QCheckBox, QComboBox, QFileDialog, QFormLayout, QPushButton, QWidget

from satclip_qgis.gui.icons import theme_icon
from satclip_qgis.gui.set_dialog import SetDialog
from satclip_qgis.gui.widgets import row_of
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import ImportPairsRequest


class ImportDialog(SetDialog):
    """A data set and where it goes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Import images with captions"), tr("&Import"), parent)
        self.source = QgsFileWidget()
        self.source.setToolTip(tr("The data set's folder, its list of captions, or its archive"))
        self.folder_button = QPushButton(theme_icon("mActionFileOpen.svg"), tr("Fo&lder…"))
        self.folder_button.setToolTip(tr("Choose a folder instead of a file"))
        self.layout_combo = QComboBox()
        for key, words in layout_choices():
            self.layout_combo.addItem(words, key)
        self.layout_combo.setToolTip(tr("How the data set is laid out; by itself it is recognised"))
        self.copy_check = QCheckBox(tr("&Copy the images into the training set"))
        self.copy_check.setToolTip(tr("Otherwise it names them where they lie, and breaks if they are moved"))
        self.title_edit.setPlaceholderText(tr("by itself the data set's"))
        self.licence_edit.setPlaceholderText(tr("of images and captions, as in CC BY 4.0"))
        form = QFormLayout()
        source = row_of(self.source, self.folder_button)
        source.setStretch(0, 1)
        form.addRow(tr("&Data set"), source)
        form.addRow(tr("&Format"), self.layout_combo)
        form.addRow("", self.copy_check)
        self.lay_out(form)
        self.folder_button.clicked.connect(lambda _checked: self._ask_folder())
        self.source.fileChanged.connect(lambda _path: self._source_changed())
        self.folder.fileChanged.connect(lambda _path: self._refresh())
        self._refresh()

    def request(self) -> ImportPairsRequest:
        """Return what was chosen."""
        return ImportPairsRequest(
            str(self._source()),
            str(self.folder.folder()),
            layout=str(self.layout_combo.currentData()),
            copy=self.copy_check.isChecked(),
            title=self.title_edit.text().strip(),
            licence=self.licence_edit.text().strip(),
        )

    def _source(self) -> Path:
        return Path(self.source.filePath().strip()).expanduser()

    def _ask_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, tr("Folder of the data set"), self.source.filePath())
        if folder:
            self.source.setFilePath(folder)

    def _source_changed(self) -> None:
        if self._source().name:
            self.folder.suggest(self._source().stem)
        self._refresh()

    def _refresh(self) -> None:
        missing = ""
        if not self.source.filePath().strip():
            missing = tr("Choose a data set.")
        elif not self._source().exists():
            missing = tr("There is nothing at {path}.").format(path=self._source())
        missing = missing or self.folder.missing()
        self.note.setText(missing)
        self.ok_button.setEnabled(not missing)


def layout_choices() -> tuple[tuple[str, str], ...]:
    """Return the layouts that can be imported as ``(engine's key, words for people)``."""
    return (
        ("", tr("Recognise by itself")),
        ("csv", tr("CSV list of images and captions")),
        ("jsonl", tr("JSON lines")),
        ("coco", tr("COCO captions or boxes")),
        ("webdataset", tr("webdataset shards")),
        ("rsicd", tr("RSICD and other Karpathy splits")),
        ("mgrs", tr("MGRS-200k")),
        ("aid", tr("AID in zip archives with RSICD captions")),
        ("samples", tr("Taught samples: images, masks and classes.txt")),
        ("texts", tr("Images with a text file each")),
        ("folders", tr("One folder per class")),
    )
