"""Setting up the engine: the plan first, then a live log with cancel and retry."""

from __future__ import annotations

from qgis.PyQt.QtWidgets import QDialog, QWidget

from satclip_qgis.provision.connection import EngineConnection


class SetupDialog(QDialog):
    def __init__(self, connection: EngineConnection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
