"""How class cells are painted and edited: swatch, threshold bar."""

from __future__ import annotations

from typing import Any

from qgis.PyQt.QtCore import QAbstractItemModel, QModelIndex, QRect, Qt
from qgis.PyQt.QtGui import QColor, QPainter, QPalette
from qgis.PyQt.QtWidgets import QDoubleSpinBox, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from satclip_qgis.i18n import tr

_AUTO = -0.05  # one step below 0: the spin box shows "auto" there


class SwatchDelegate(QStyledItemDelegate):
    """Paints a class colour as a square with an outline that shows on light and dark themes."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Paint one swatch."""
        _paint_background(painter, option, index)
        side = min(option.rect.height() - 8, option.rect.width() - 8)
        square = QRect(0, 0, side, side)
        square.moveCenter(option.rect.center())
        painter.save()
        painter.setPen(option.palette.color(QPalette.ColorRole.Mid))
        painter.setBrush(QColor(index.data(Qt.ItemDataRole.DecorationRole)))
        painter.drawRect(square)
        painter.restore()


class ThresholdDelegate(QStyledItemDelegate):
    """Paints a small bar with the number, edits with a spin box whose lowest step is "auto"."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Paint bar and number."""
        super().paint(painter, option, index)
        threshold = index.data(Qt.ItemDataRole.EditRole)
        if threshold is None:
            return
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        role = QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Highlight
        width_px = round((option.rect.width() - 4) * threshold)
        bar = QRect(option.rect.left() + 2, option.rect.bottom() - 2, width_px, 2)
        painter.fillRect(bar, option.palette.color(role))

    def createEditor(self, parent: QWidget, _option: QStyleOptionViewItem, _index: QModelIndex) -> QWidget:
        """Return the spin box."""
        editor = QDoubleSpinBox(parent)
        editor.setRange(_AUTO, 1.0)
        editor.setSingleStep(0.05)
        editor.setDecimals(2)
        editor.setSpecialValueText(tr("auto"))
        editor.setToolTip(tr("Least probability from 0 to 1; below 0: auto"))
        # The preview follows the spin box while it turns, not only when it is left.
        editor.valueChanged.connect(lambda _value, box=editor: self.commitData.emit(box))
        return editor

    def setEditorData(self, editor: QWidget, index: QModelIndex) -> None:
        """Show the class's threshold."""
        threshold: float | None = index.data(Qt.ItemDataRole.EditRole)
        editor.blockSignals(True)
        editor.setValue(_AUTO if threshold is None else threshold)
        editor.blockSignals(False)

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: QModelIndex) -> None:
        """Take the threshold typed."""
        editor.interpretText()
        value: Any = editor.value()
        model.setData(index, None if value < 0 else value)

    def displayText(self, value: Any, _locale: Any) -> str:
        """Return the text of a threshold."""
        return tr("auto") if value is None else str(value)


def _paint_background(painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
    """Paint selection and hover as the style does for an empty cell."""
    plain = QStyleOptionViewItem(option)
    plain.index = index
    widget = option.widget
    if widget is not None:
        widget.style().drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, plain, painter, widget)
