"""Undo and redo, wherever this Qt keeps them: QtWidgets in Qt 5, QtGui in Qt 6."""

from __future__ import annotations

try:
    from qgis.PyQt.QtGui import QUndoCommand, QUndoStack
except ImportError:
    from qgis.PyQt.QtWidgets import QUndoCommand, QUndoStack

__all__ = ["QUndoCommand", "QUndoStack"]
