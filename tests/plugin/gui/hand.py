"""A hand on the map view: real mouse and key events at places in the map's coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from qgis.core import QgsPointXY
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QCoreApplication, QEvent, QPoint, Qt
from qgis.PyQt.QtGui import QMouseEvent
from qgis.PyQt.QtTest import QTest

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
NONE = Qt.KeyboardModifier.NoModifier


class Hand:
    """Clicks, drags and types on a canvas."""

    def __init__(self, canvas: QgsMapCanvas) -> None:
        self.canvas = canvas

    def pixel(self, x: float, y: float) -> QPoint:
        place = self.canvas.getCoordinateTransform().transform(QgsPointXY(x, y))
        return QPoint(round(place.x()), round(place.y()))

    def click(self, x: float, y: float, button: Qt.MouseButton = LEFT, modifier: Qt.KeyboardModifier = NONE) -> None:
        QTest.mouseClick(self.canvas.viewport(), button, modifier, self.pixel(x, y))

    def double_click(self, x: float, y: float) -> None:
        viewport, pixel = self.canvas.viewport(), self.pixel(x, y)
        QTest.mouseClick(viewport, LEFT, NONE, pixel)
        QTest.mouseDClick(viewport, LEFT, NONE, pixel)
        QTest.mouseRelease(viewport, LEFT, NONE, pixel)

    def hover(self, x: float, y: float) -> None:
        self._move(self.pixel(x, y), Qt.MouseButton.NoButton)

    def drag(self, places: Sequence[tuple[float, float]]) -> None:
        pixels = [self.pixel(*place) for place in places]
        QTest.mousePress(self.canvas.viewport(), LEFT, NONE, pixels[0])
        for start, end in pairwise(pixels):
            for step in range(1, 6):
                self._move(start + (end - start) * step / 5)
        QTest.mouseRelease(self.canvas.viewport(), LEFT, NONE, pixels[-1])

    def key(self, key: Qt.Key, modifier: Qt.KeyboardModifier = NONE) -> None:
        QTest.keyClick(self.canvas, key, modifier)

    def _move(self, pixel: QPoint, held: Qt.MouseButton = LEFT) -> None:
        viewport = self.canvas.viewport()
        event = QMouseEvent(QEvent.Type.MouseMove, pixel, viewport.mapToGlobal(pixel), held, held, NONE)
        QCoreApplication.sendEvent(viewport, event)
