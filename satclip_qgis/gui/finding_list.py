"""What is wrong with a training set, the gravest first, each with what can be done about it."""

from __future__ import annotations

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from satclip_qgis import training_words
from satclip_qgis.gui.icons import theme_icon
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import BAD, DOUBTFUL, Finding

_ICON_PX = 16


class FindingList(QWidget):
    """Shows findings.

    Signals:
        shown(object): The pairs of this ``Finding`` are to be seen.
        fix_wanted(object): This ``Finding`` is to be fixed.
    """

    shown = pyqtSignal(object)
    fix_wanted = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[FindingRow] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(2)

    def show_findings(self, findings: tuple[Finding, ...]) -> None:
        """Show ``findings`` in their order."""
        for row in self.rows:
            self._layout.removeWidget(row)
            row.hide()
            row.deleteLater()
        self.rows = [FindingRow(finding) for finding in findings]
        for row in self.rows:
            self._layout.addWidget(row)
            row.show_button.clicked.connect(lambda _checked, row=row: self.shown.emit(row.finding))
            row.fix_button.clicked.connect(lambda _checked, row=row: self.fix_wanted.emit(row.finding))

    def allow_fixes(self, allowed: bool) -> None:
        """Offer fixes, or not while the engine works on the set."""
        for row in self.rows:
            row.fix_button.setEnabled(allowed)


class FindingRow(QWidget):
    """One finding: its sentence, Show and Fix."""

    def __init__(self, finding: Finding, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.finding = finding
        icon = QLabel()
        icon.setPixmap(theme_icon(_icon_name(finding.severity)).pixmap(_ICON_PX, _ICON_PX))
        icon.setToolTip(training_words.severity(finding.severity))
        self.text = QLabel(f"<b>{training_words.severity(finding.severity)}:</b> {_plain(finding.sentence)}")
        self.text.setWordWrap(True)
        self.text.setTextFormat(Qt.TextFormat.RichText)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.show_button = QToolButton()
        self.show_button.setText(tr("Show {count}").format(count=f"{len(finding.pairs):,}"))
        self.show_button.setToolTip(tr("Show only these pairs in the table"))
        self.show_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.show_button.setVisible(bool(finding.pairs))
        self.fix_button = QToolButton()
        self.fix_button.setText(tr("Fix"))
        self.fix_button.setToolTip(finding.fix)
        self.fix_button.setAccessibleDescription(finding.fix)
        self.fix_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.fix_button.setVisible(bool(finding.fix))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.text, 1)
        row.addWidget(self.show_button, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.fix_button, 0, Qt.AlignmentFlag.AlignTop)


def _icon_name(severity: str) -> str:
    return {BAD: "mIconCritical.svg", DOUBTFUL: "mIconWarning.svg"}.get(severity, "mIconInfo.svg")


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
