"""What is asked about models: the licence before a download, what to import, where downloads come from."""

from __future__ import annotations

from dataclasses import replace

from qgis.gui import QgsFileWidget
from qgis.PyQt.QtCore import QUrl
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from satclip_qgis.gui import model_words
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import ImportModelRequest, ModelInfo
from satclip_qgis.settings import Settings

FILE, FOLDER = "file", "folder"
_WEIGHTS = "*.safetensors *.pt *.pth *.bin"
_ARCHITECTURES = ("ViT-B-32", "ViT-B-16", "ViT-L-14", "ViT-L-14-336", "ViT-H-14", "RN50")


class LicenceDialog(QDialog):
    """Shows licence, size and source of a model; only who accepts can download.

    Args:
        model: The model.
        parent: Qt parent.
    """

    def __init__(self, model: ModelInfo, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Download a model"))
        self.text = QLabel(model_words.licence_html(model))
        self.text.setWordWrap(True)
        self.text.setOpenExternalLinks(True)
        self.check = QCheckBox(tr("I have read the terms above and &accept them"))
        self.check.setToolTip(tr("The terms are the publisher's; SatCLIP only fetches the files"))
        self.buttons, self.ok_button = _buttons(self, tr("&Download"), tr("Fetch the model now"))
        self.ok_button.setEnabled(False)
        self.check.toggled.connect(self.ok_button.setEnabled)
        _stack(self, self.text, self.check, self.buttons)


class ImportDialog(QDialog):
    """Asks for weights that lie on this machine."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Import a model"))
        self.kind_combo = QComboBox()
        self.kind_combo.addItem(tr("Weights file"), FILE)
        self.kind_combo.addItem(tr("Folder in open_clip's layout"), FOLDER)
        self.kind_combo.setToolTip(tr("A checkpoint alone, or a folder with open_clip_config.json beside the weights"))
        self.path = QgsFileWidget()
        self.path.setToolTip(tr("The model is copied, so the file may go afterwards"))
        self.name_edit = QLineEdit()
        self.name_edit.setPlaceholderText(tr("after the file"))
        self.name_edit.setToolTip(tr("What the model is called in lists and run cards"))
        self.architecture_combo = QComboBox()
        self.architecture_combo.setEditable(True)
        self.architecture_combo.addItem(tr("Find out"), "")
        for name in _ARCHITECTURES:
            self.architecture_combo.addItem(name, name)
        self.architecture_combo.setToolTip(tr("Needed only where the weights do not tell; any open_clip architecture"))
        self.buttons, self.ok_button = _buttons(self, tr("&Import"), tr("Copy the weights and add the model"))
        self.ok_button.setEnabled(False)
        form = QFormLayout()
        form.addRow(tr("&Kind"), self.kind_combo)
        form.addRow(tr("&Path"), self.path)
        form.addRow(tr("&Name"), self.name_edit)
        form.addRow(tr("A&rchitecture"), self.architecture_combo)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self.buttons)
        self.resize(self.fontMetrics().averageCharWidth() * 70, self.sizeHint().height())
        self.kind_combo.currentIndexChanged.connect(lambda _index: self._kind_changed())
        self.path.fileChanged.connect(lambda path: self.ok_button.setEnabled(bool(path.strip())))
        self._kind_changed()

    def request(self) -> ImportModelRequest:
        """Return what was asked for."""
        combo = self.architecture_combo
        index = combo.findText(combo.currentText())
        architecture = str(combo.itemData(index)) if index >= 0 else combo.currentText().strip()
        return ImportModelRequest(self.path.filePath().strip(), self.name_edit.text().strip(), architecture)

    def _kind_changed(self) -> None:
        is_file = self.kind_combo.currentData() == FILE
        mode = QgsFileWidget.StorageMode.GetFile if is_file else QgsFileWidget.StorageMode.GetDirectory
        self.path.setStorageMode(mode)
        self.path.setFilter(tr("Weights ({suffixes})").format(suffixes=_WEIGHTS))
        self.architecture_combo.setEnabled(is_file)


class DownloadSettingsDialog(QDialog):
    """Asks where models are downloaded from.

    Args:
        settings: As they are now.
        parent: Qt parent.
    """

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Model downloads"))
        self._settings = settings
        self.endpoint_edit = QLineEdit(settings.hub_endpoint)
        self.endpoint_edit.setPlaceholderText(model_words.HUB)
        self.endpoint_edit.setToolTip(tr("Address of a mirror of the Hugging Face hub, for example your company's"))
        self.offline_check = QCheckBox(tr("&Offline: never download models"))
        self.offline_check.setToolTip(tr("Models can still be imported from files"))
        self.offline_check.setChecked(bool(settings.offline))
        self.note = QLabel(tr("Downloads use the proxy set in QGIS. The engine is started again to apply changes."))
        self.note.setWordWrap(True)
        self.buttons, self.ok_button = _buttons(self, tr("&Save"), tr("Keep these settings"))
        form = QFormLayout()
        form.addRow(tr("&Mirror"), self.endpoint_edit)
        form.addRow("", self.offline_check)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self.note)
        layout.addWidget(self.buttons)
        self.resize(self.fontMetrics().averageCharWidth() * 60, self.sizeHint().height())
        self.endpoint_edit.textChanged.connect(lambda text: self.ok_button.setEnabled(_is_address(text.strip())))

    def settings(self) -> Settings:
        """Return the settings as they were asked for."""
        offline = "1" if self.offline_check.isChecked() else ""
        return replace(self._settings, hub_endpoint=self.endpoint_edit.text().strip().rstrip("/"), offline=offline)


def _is_address(text: str) -> bool:
    url = QUrl(text, QUrl.ParsingMode.StrictMode)
    return not text or (url.isValid() and url.scheme() in ("http", "https") and bool(url.host()))


def _buttons(dialog: QDialog, ok_text: str, ok_tip: str) -> tuple[QDialogButtonBox, QWidget]:
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
    ok = box.button(QDialogButtonBox.StandardButton.Ok)
    ok.setText(ok_text)
    ok.setToolTip(ok_tip)
    box.button(QDialogButtonBox.StandardButton.Cancel).setToolTip(tr("Change nothing"))
    box.accepted.connect(dialog.accept)
    box.rejected.connect(dialog.reject)
    return box, ok


def _stack(dialog: QDialog, *widgets: QWidget) -> None:
    layout = QVBoxLayout(dialog)
    for widget in widgets:
        layout.addWidget(widget)
