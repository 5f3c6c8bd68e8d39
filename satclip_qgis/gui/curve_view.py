"""How a training goes: loss, held-out scores and learning rate over its steps, small, in the window's own colours."""

from __future__ import annotations

from collections.abc import Sequence

from qgis.PyQt.QtCore import QPointF, QRectF, QSize, Qt
from qgis.PyQt.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from qgis.PyQt.QtWidgets import QLabel, QSizePolicy, QWidget

from satclip_qgis import train_words
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import CurvePoint

_LINE_PX, _DOT_PX = 1.5, 4.0
_FAINT_ALPHA = 170
# Heights of the three panels in lines of text: the loss and the scores are what one looks at.
_LINES = (4.5, 4.5, 3.0)
_GAP = 0.4
_STYLES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)
Series = Sequence[tuple[int, float]]


class CurveView(QLabel):
    """Paints the points of a training; the same is said in words to screen readers and in the tooltip.

    A label, because themes of QGIS colour labels and nothing that they do not know.

    Args:
        parent: Qt parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._points: tuple[CurvePoint, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.show_points(())

    def show_points(self, points: tuple[CurvePoint, ...]) -> None:
        """Show how far the curves are."""
        self._points = points
        text = train_words.curves(points)
        self.setAccessibleName(text)
        self.setToolTip(text)
        self.update()

    def sizeHint(self) -> QSize:
        """The three panels below each other, and the numbers of steps."""
        lines = sum(_LINES) + _GAP * len(_LINES) + 1
        return QSize(12 * self._line_px(), round(lines * self._line_px()))

    def minimumSizeHint(self) -> QSize:
        """As high as the panels; as narrow as the dock."""
        return QSize(8 * self._line_px(), self.sizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint loss, held-out scores and learning rate."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        scores = train_words.held_out(self._points)
        panels = (
            (tr("Loss"), {"": [(point.step, point.loss) for point in self._points]}),
            (tr("Held out"), {train_words.short_score(name): values for name, values in scores.items()}),
            (tr("Learning rate"), {"": [(point.step, point.learning_rate) for point in self._points]}),
        )
        top, line = 0.0, self._line_px()
        for (title, series), lines in zip(panels, _LINES):
            self._paint_panel(painter, QRectF(0, top, self.width(), lines * line), title, series)
            top += (lines + _GAP) * line
        if self._points:
            text = tr("step {step} of {steps}").format(step=self._points[-1].step, steps=self._points[-1].steps)
            painter.setPen(self._faint())
            painter.drawText(QRectF(0, top, self._right_px(), line), Qt.AlignmentFlag.AlignRight, text)

    def _paint_panel(self, painter: QPainter, area: QRectF, title: str, series: dict[str, Series]) -> None:
        line = self._line_px()
        painter.setPen(self._faint())
        painter.drawText(QRectF(0, area.top(), self._right_px(), line), Qt.AlignmentFlag.AlignLeft, title)
        room = QRectF(2, area.top() + line + _DOT_PX, self._right_px() - 4, area.height() - line - 2 * _DOT_PX)
        painter.setPen(QPen(self._faint(), 1, Qt.PenStyle.DotLine))
        painter.drawLine(room.bottomLeft(), room.bottomRight())
        values = [value for points in series.values() for _, value in points]
        if not values:
            return
        low, high = min(values), max(values)
        ends = []
        for number, (name, points) in enumerate(series.items()):
            places = self._places(points, room, low, high)
            self._paint_curve(painter, places, _STYLES[number % len(_STYLES)])
            ends.append((places[-1].y(), f"{name} {_number(points[-1][1])}".strip()))
        self._write_ends(painter, ends, area)

    def _paint_curve(self, painter: QPainter, places: list[QPointF], style: Qt.PenStyle) -> None:
        ink = self.palette().color(QPalette.ColorRole.Highlight)
        painter.setPen(QPen(ink, _LINE_PX, style))
        painter.drawPolyline(QPolygonF(places))
        dot = QPen(ink, _DOT_PX)
        dot.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(dot)
        painter.drawPoint(places[-1])

    def _write_ends(self, painter: QPainter, ends: list[tuple[float, str]], area: QRectF) -> None:
        """Write each curve's last value beside its end, none over another."""
        line = self._line_px()
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        free_from = area.top()
        left = self._right_px() + line / 2
        for number, (height, text) in enumerate(sorted(ends)):
            below = (len(ends) - number) * line
            top = max(free_from, min(height - line / 2, area.bottom() - below))
            painter.drawText(QRectF(left, top, self.width() - left, line), Qt.AlignmentFlag.AlignLeft, text)
            free_from = top + line

    def _places(self, points: Series, room: QRectF, low: float, high: float) -> list[QPointF]:
        steps, span = max(self._points[-1].steps, 1), (high - low) or 1.0
        return [
            QPointF(room.left() + step / steps * room.width(), room.bottom() - (value - low) / span * room.height())
            for step, value in points
        ]

    def _right_px(self) -> float:
        """Where the curves end: what is right of it is room for their last values."""
        return self.width() - self.fontMetrics().horizontalAdvance("classes 0.000") - self._line_px()

    def _faint(self) -> QColor:
        colour = QColor(self.palette().color(QPalette.ColorRole.WindowText))
        colour.setAlpha(_FAINT_ALPHA)
        return colour

    def _line_px(self) -> int:
        return int(self.fontMetrics().height())


def _number(value: float) -> str:
    return f"{value:.1e}" if 0 < abs(value) < 0.001 else f"{value:.3f}"
