"""What every question about a new training set ends with: title, licence, folder, what is missing, OK and Cancel."""

from __future__ import annotations

from qgis.PyQt.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLineEdit, QVBoxLayout, QWidget

from satclip_qgis.gui.set_folder import SetFolder
from satclip_qgis.gui.widgets import told_label
from satclip_qgis.i18n import tr


class SetDialog(QDialog):
    """A question about a new training set; its heirs put their own rows above.

    Args:
        title: Of the window.
        verb: On the OK button.
        parent: Qt parent.
    """

    def __init__(self, title: str, verb: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.title_edit, self.licence_edit = QLineEdit(), QLineEdit()
        self.title_edit.setToolTip(tr("The training set's name for people"))
        self.licence_edit.setToolTip(tr("Stands on the card of every model that is trained on the set"))
        self.folder = SetFolder()
        self.note = told_label()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.ok_button = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.ok_button.setText(verb)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)

    def lay_out(self, form: QFormLayout) -> None:
        """Put the rows of ``form`` first and what all such questions have after them."""
        form.addRow(tr("&Title"), self.title_edit)
        form.addRow(tr("Lice&nce"), self.licence_edit)
        form.addRow(tr("Training s&et"), self.folder)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addStretch()
        layout.addWidget(self.note)
        layout.addWidget(self.buttons)
        self.resize(self.fontMetrics().averageCharWidth() * 80, self.sizeHint().height())
