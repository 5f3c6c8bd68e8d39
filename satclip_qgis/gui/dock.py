"""The dock: badge on top, the pages below."""

from __future__ import annotations

from qgis.gui import QgsDockWidget
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QHBoxLayout, QSizePolicy, QTabWidget, QVBoxLayout, QWidget

from satclip_qgis.gui.assess_page import AssessPage
from satclip_qgis.gui.badge import Badge
from satclip_qgis.gui.icons import own_icon
from satclip_qgis.gui.job_panel import JobPanel
from satclip_qgis.gui.job_tracker import JobTracker
from satclip_qgis.gui.map_page import MapPage
from satclip_qgis.gui.model_shelf import ModelShelf
from satclip_qgis.gui.models_page import ModelsPage
from satclip_qgis.gui.teach_page import TeachPage
from satclip_qgis.gui.train_page import TrainPage
from satclip_qgis.i18n import tr


class SatclipDock(QgsDockWidget):
    """Holds the badge, the pages Map, Teach, Assess and Train, the job panel and the Models page."""

    def __init__(self, tracker: JobTracker, shelf: ModelShelf, parent: QWidget | None = None) -> None:
        super().__init__(tr("SatCLIP"), parent)
        self.setObjectName("SatclipDock")
        self.setWindowIcon(own_icon("satclip"))
        self.setAllowedAreas(Qt.DockWidgetArea.LeftDockWidgetArea | Qt.DockWidgetArea.RightDockWidgetArea)
        self.badge = Badge()
        self.badge.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.page = MapPage()
        self.teach = TeachPage(self.page.classes.model)
        self.assess = AssessPage()
        self.train = TrainPage()
        self.jobs = JobPanel(tracker)
        self.models = ModelsPage(shelf)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        for page, title, tip in (
            (self.page, tr("Map"), tr("Say the classes, see the map")),
            (self.teach, tr("Teach"), tr("Show examples where the map is wrong, watch it correct itself")),
            (self.assess, tr("Assess"), tr("Label points drawn at random, learn how good a map is")),
            (self.train, tr("Train"), tr("Teach a model your own imagery and words")),
            (self.jobs, tr("Jobs"), tr("Everything the engine has done and is doing")),
            (self.models, tr("Models"), tr("What the engine can see with: fetch, import, check, remove")),
        ):
            self.tabs.setTabToolTip(self.tabs.addTab(page, title), tip)
        top = QHBoxLayout()
        top.setContentsMargins(6, 4, 6, 0)
        top.addWidget(self.badge)
        top.addStretch()
        inside = QWidget()
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(top)
        layout.addWidget(self.tabs, 1)
        self.setWidget(inside)

    def show_job_count(self, active: int) -> None:
        """Say on the tab how many jobs wait or run."""
        text = tr("Jobs ({count})").format(count=active) if active else tr("Jobs")
        self.tabs.setTabText(self.tabs.indexOf(self.jobs), text)
