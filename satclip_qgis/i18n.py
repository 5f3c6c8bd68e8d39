"""Translation of every string a person reads."""

from __future__ import annotations

from qgis.PyQt.QtCore import QCoreApplication


def tr(text: str) -> str:
    """Return ``text`` in the user's language; English where there is no translation."""
    return QCoreApplication.translate("SatCLIP", text)
