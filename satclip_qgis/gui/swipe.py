"""Two pictures of one view, one left and one right of a line that is dragged over the map."""

from __future__ import annotations

from qgis.gui import QgsMapCanvas, QgsMapCanvasItem, QgsMapMouseEvent, QgsMapTool
from qgis.PyQt.QtCore import QPointF, QRectF, Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor, QKeyEvent, QPainter, QPen

from satclip_qgis.gui.preview_item import PreviewItem

_KEY_STEP = 0.02
_LINE_PX, _GRIP_PX = 2, 9
_LABEL_ALPHA = 170


class HalfItem(PreviewItem):
    """A picture of the view, of which only a part from left to right is seen.

    Args:
        canvas: The map view.
    """

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._part = (0.0, 1.0)

    def set_part(self, start: float, end: float) -> None:
        """Show what lies between these shares of the view's width."""
        self._part = (start, end)
        self.update()

    def paint(self, painter: QPainter, _option: object = None, _widget: object = None) -> None:
        """Paint the part."""
        width, height = self._canvas.width(), self._canvas.height()
        painter.save()
        painter.setClipRect(QRectF(self._part[0] * width, 0, (self._part[1] - self._part[0]) * width, height))
        super().paint(painter)
        painter.restore()


class LineItem(QgsMapCanvasItem):
    """The line with its grip, and what is seen on either side of it.

    Args:
        canvas: The map view.
    """

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._share = 0.5
        self._names = ("", "")
        self.setZValue(3)

    def set_share(self, share: float) -> None:
        """Move the line to a share of the view's width."""
        self._share = share
        self.update()

    def set_names(self, left: str, right: str) -> None:
        """Say what is seen left and right of the line."""
        self._names = (left, right)
        self.update()

    def boundingRect(self) -> QRectF:
        """The whole view."""
        return QRectF(self._canvas.rect())

    def updatePosition(self) -> None:
        """Follow the view's size."""
        self.prepareGeometryChange()
        self.update()

    def paint(self, painter: QPainter, _option: object = None, _widget: object = None) -> None:
        """Paint line, grip and names."""
        x, height = self._share * self._canvas.width(), self._canvas.height()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for colour, width in ((QColor("black"), _LINE_PX + 2), (QColor("white"), _LINE_PX)):
            painter.setPen(QPen(colour, width))
            painter.drawLine(QPointF(x, 0), QPointF(x, height))
        painter.setBrush(QColor("white"))
        painter.setPen(QPen(QColor("black"), 1))
        painter.drawEllipse(QPointF(x, height / 2), _GRIP_PX, _GRIP_PX)
        for name, sign in zip(self._names, (-1, 1)):
            self._write(painter, name, x, sign)

    def _write(self, painter: QPainter, name: str, x: float, sign: int) -> None:
        metrics = self._canvas.fontMetrics()
        width, height = metrics.horizontalAdvance(name) + 12, metrics.height() + 6
        box = QRectF(x + 8 if sign > 0 else x - 8 - width, 8, width, height)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(0, 0, 0, _LABEL_ALPHA))
        painter.drawRoundedRect(box, 3, 3)
        painter.setPen(QColor("white"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, name)


class SwipeTool(QgsMapTool):
    """Drags the line; the arrow keys move it too. The wheel zooms as ever, the middle button or Space moves the view.

    Args:
        canvas: The map view.

    Signals:
        moved(float): The line is at this share of the view's width.
    """

    moved = pyqtSignal(float)

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._share = 0.5
        self.setCursor(Qt.CursorShape.SplitHCursor)

    def canvasPressEvent(self, event: QgsMapMouseEvent) -> None:
        """Take the line to the mouse."""
        self._follow(event)

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:
        """Drag the line."""
        self._follow(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the line with the arrow keys."""
        step = {Qt.Key.Key_Left: -_KEY_STEP, Qt.Key.Key_Right: _KEY_STEP}.get(event.key())
        if step is None:
            event.ignore()
            return
        self._move(self._share + step)
        # Else the view would move as well.
        event.accept()

    def _follow(self, event: QgsMapMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._move(event.pos().x() / max(self.canvas().width(), 1))

    def _move(self, share: float) -> None:
        self._share = min(1.0, max(0.0, share))
        self.moved.emit(self._share)
