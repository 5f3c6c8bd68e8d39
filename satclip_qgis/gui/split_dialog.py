"""Asks how a training set is to be divided: by blocks of ground, or with whole regions held out."""

from __future__ import annotations

from collections import Counter

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from satclip_qgis.i18n import tr
from satclip_qgis.protocol import SplitPairsRequest
from satclip_qgis.training_sets import TrainingSet

_LARGEST_M = 1_000_000.0
_NAME = Qt.ItemDataRole.UserRole


class SplitDialog(QDialog):
    """One question before a training set is divided.

    Args:
        found: The training set.
        parent: Qt parent.
    """

    def __init__(self, found: TrainingSet, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Divide {title}").format(title=found.title))
        self._folder = str(found.folder)
        has_places = all(pair.lon is not None and pair.lat is not None for pair in found.pairs)
        regions = Counter(pair.region for pair in found.pairs if pair.region)
        note = QLabel(
            tr(
                "Chips beside each other look alike: a model that is judged on neighbours of what it has learnt "
                "seems better than it is. So whole pieces of ground are held out, never single chips."
            )
        )
        note.setWordWrap(True)
        self.blocks = QRadioButton(tr("By &blocks of ground") if has_places else tr("By &folders and regions"))
        self.blocks.setChecked(True)
        self.blocks.setToolTip(tr("Seven tenths to train, one to validation, two to test, every class in all of them"))
        self.block_spin = _metres(tr("Side of a block; auto is four chips"))
        self.buffer_spin = _metres(tr("What is learnt from stays this far from what is held out; auto is 1.5 chips"))
        self.regions = QRadioButton(tr("Hold out &regions for the test"))
        self.regions.setToolTip(tr("Train on some regions, judge on others: models do not travel well"))
        self.region_list = QListWidget()
        self.region_list.setToolTip(tr("The model is judged on the ticked regions, and learns nothing from them"))
        self.region_list.setAccessibleName(tr("Regions"))
        for name, count in sorted(regions.items()):
            item = QListWidgetItem(tr("{region} ({count} pairs)").format(region=name, count=f"{count:,}"))
            item.setData(_NAME, name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Unchecked)
            self.region_list.addItem(item)
        for widget in (self.regions, self.region_list):
            widget.setVisible(len(regions) > 1)
        self.reason = QLabel("" if has_places else tr("No places are known: whole folders stay together."))
        self.reason.setWordWrap(True)
        self.reason.setVisible(not has_places)
        self._has_places = has_places
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.ok_button = buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.ok_button.setText(tr("&Divide"))
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        form = QFormLayout()
        form.addRow(tr("&Side of a block"), self.block_spin)
        form.addRow(tr("B&uffer"), self.buffer_spin)
        layout = QVBoxLayout(self)
        layout.addWidget(note)
        layout.addWidget(self.blocks)
        layout.addLayout(form)
        layout.addWidget(self.regions)
        layout.addWidget(self.region_list, 1)
        layout.addWidget(self.reason)
        layout.addWidget(buttons)
        for radio in (self.blocks, self.regions):
            radio.toggled.connect(lambda _on: self._refresh())
        self.region_list.itemChanged.connect(lambda _item: self._refresh())
        self._refresh()

    def request(self) -> SplitPairsRequest:
        """Return what was chosen."""
        if self.regions.isChecked():
            return SplitPairsRequest(self._folder, hold_out=self._held_out())
        block_m, buffer_m = self.block_spin.value() or None, self.buffer_spin.value() or None
        return SplitPairsRequest(self._folder, block_m=block_m, buffer_m=buffer_m)

    def _held_out(self) -> tuple[str, ...]:
        items = (self.region_list.item(row) for row in range(self.region_list.count()))
        return tuple(item.data(_NAME) for item in items if item.checkState() == Qt.CheckState.Checked)

    def _refresh(self) -> None:
        by_regions = self.regions.isChecked()
        for spin in (self.block_spin, self.buffer_spin):
            spin.setEnabled(self._has_places and not by_regions)
        self.region_list.setEnabled(by_regions)
        held_out = len(self._held_out())
        self.ok_button.setEnabled(not by_regions or 0 < held_out < self.region_list.count())
        if by_regions and not self.ok_button.isEnabled():
            self.ok_button.setToolTip(tr("Tick some regions, not all of them"))
        else:
            self.ok_button.setToolTip(tr("Put each pair into train, validation or test; an earlier division goes"))


def _metres(tip: str) -> QDoubleSpinBox:
    spin = QDoubleSpinBox()
    spin.setRange(0.0, _LARGEST_M)
    spin.setDecimals(0)
    spin.setSingleStep(100.0)
    spin.setSuffix(tr(" m"))
    spin.setSpecialValueText(tr("auto"))
    spin.setToolTip(tip)
    return spin
