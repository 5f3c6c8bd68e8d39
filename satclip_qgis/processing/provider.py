"""The provider that QGIS's toolbox, model builder, batch dialog and ``qgis_process`` see."""

from __future__ import annotations

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from satclip_qgis.i18n import tr
from satclip_qgis.protocol import bundle_root

from .apply import ApplyAlgorithm
from .export_samples import ExportSamplesAlgorithm
from .fit import FitAlgorithm
from .segment import SegmentAlgorithm
from .train import TrainAlgorithm


class SatclipProvider(QgsProcessingProvider):
    """Provider ``satclip``."""

    def id(self) -> str:
        """Return the stable id."""
        return "satclip"

    def name(self) -> str:
        """Return the name in the toolbox."""
        return "SatCLIP"

    def longName(self) -> str:
        """Return the long name."""
        return tr("SatCLIP: maps from words")

    def icon(self) -> QIcon:
        """Return the plugin's icon."""
        return QIcon(str(bundle_root() / "resources" / "icons" / "satclip.svg"))

    def loadAlgorithms(self) -> None:
        """Add every algorithm."""
        for algorithm in (SegmentAlgorithm, FitAlgorithm, ApplyAlgorithm, ExportSamplesAlgorithm, TrainAlgorithm):
            self.addAlgorithm(algorithm())
