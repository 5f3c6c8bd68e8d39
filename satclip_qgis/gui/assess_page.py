"""The Assess page: how many points, label them, what they say about the map. Widgets only; the desks act."""

from __future__ import annotations

from qgis.core import QgsMapLayerProxyModel
from qgis.gui import QgsCollapsibleGroupBoxBasic, QgsMapLayerComboBox
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from satclip_qgis.gui import assess_words
from satclip_qgis.gui.assess_tables import ClassRows, KeyedClasses
from satclip_qgis.gui.icons import theme_icon
from satclip_qgis.gui.point_file import SamplePoint
from satclip_qgis.gui.point_walk import PointWalk
from satclip_qgis.gui.run_bar import RunBar
from satclip_qgis.gui.widgets import buddy_label, lay_out_page, row_of
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import DesignOptions, MapAccuracy

_STANDARD_ERROR_PERCENT = 2.0


class AssessPage(QWidget):
    """Three steps: the sample, the labels, the result."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.map_combo = QgsMapLayerComboBox()
        self.map_combo.setFilters(QgsMapLayerProxyModel.Filter.RasterLayer)
        self.map_combo.setToolTip(tr("The map to assess: a raster with one band of class codes, made by anything"))
        self.map_combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.error_spin, self.least_spin, self.total_spin = _spins()
        self.plan_table = ClassRows((tr("Class"), tr("Area"), tr("Points"), tr("± user's")))
        self.plan_table.setToolTip(
            tr("Points of each class, and the standard error to expect of the share that is mapped rightly")
        )
        self.plan_text, self.plan_notes = _told(), _told()
        self.draw_button = QPushButton(theme_icon("mActionCapturePoint.svg"), tr("&Draw points"))
        self.draw_button.setToolTip(tr("Draw these points at random and write them to a GeoPackage beside the map"))
        self.open_button = QPushButton(theme_icon("mActionFileOpen.svg"), tr("&Open…"))
        self.open_button.setToolTip(tr("Go on with points that were drawn before"))
        self.file_label = QLabel()
        self.file_label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.start_button = QPushButton(theme_icon("mActionToggleEditing.svg"), tr("&Start labelling"))
        self.start_button.setCheckable(True)
        self.start_button.setToolTip(tr("Walk through the points on the map view; press again to pause"))
        self.place_label = _bold(QLabel())
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setToolTip(tr("How many points are labelled"))
        self.class_table = KeyedClasses()
        self.back_button = _walk_button("mActionArrowLeft.svg", tr("&Back"), tr("The point before (Left or Backspace)"))
        self.next_button = _walk_button("mActionArrowRight.svg", tr("&Next"), tr("Leave this point for later (Right)"))
        self.hint = _told()
        self.overall = _bold(_told())
        self.result_table = ClassRows((tr("Class"), tr("User's, %"), tr("Producer's, %"), tr("Area")))
        self.result_table.setToolTip(
            tr(
                "User's: of what is mapped as the class, the share that is it. Producer's: of what is the class, the "
                "share that is mapped as it. Area: corrected for the map's errors. All with 95 % intervals."
            )
        )
        self.result_notes = _told()
        self.report_button = QPushButton(theme_icon("mActionOpenTable.svg"), tr("Open re&port"))
        self.report_button.setToolTip(tr("Open the report in the browser; its tables lie beside it as CSV"))
        self.run_bar = RunBar()
        self.run_bar.run_button.setText(tr("&Assess"))
        self.run_bar.run_button.setToolTip(tr("Estimate accuracy and areas from the labels and write the report"))
        self.run_bar.line.setToolTip("")
        self.sample_box = _step(tr("1  Sample"))
        self.label_box = _step(tr("2  Label"))
        self.result_box = _step(tr("3  Result"))
        self._lay_out()
        self.show_plan("")
        self.show_walk(PointWalk(self))

    def options(self) -> DesignOptions:
        """Return how the sample is to be designed."""
        return DesignOptions(
            standard_error=self.error_spin.value() / 100,
            min_per_class=self.least_spin.value(),
            total=self.total_spin.value() or None,
        )

    def show_plan(self, text: str, notes: tuple[str, ...] = (), rows: tuple[assess_words.Row, ...] = ()) -> None:
        """Show how large the sample will be, or why that is not known."""
        _say(self.plan_text, text)
        _say(self.plan_notes, "\n".join(notes))
        self.plan_table.show_rows(rows)
        self.plan_table.setVisible(bool(rows))
        self.draw_button.setEnabled(bool(rows))

    def show_walk(self, walk: PointWalk) -> None:
        """Show where the labelling stands."""
        has_points = walk.path is not None
        self.label_box.setEnabled(has_points)
        self.file_label.setText(walk.path.name if walk.path is not None else tr("No points are drawn yet."))
        self.file_label.setToolTip(str(walk.path or ""))
        _say(self.place_label, assess_words.place(walk))
        point, done = walk.current(), walk.labelled_count()
        self.bar.setRange(0, max(len(walk.points), 1))
        self.bar.setValue(done)
        for widget in (self.bar, self.class_table, self.back_button, self.next_button):
            widget.setVisible(has_points)
        self.back_button.setEnabled(walk.position > 0)
        self.next_button.setEnabled(walk.position < len(walk.points) - 1)
        self.start_button.setEnabled(point is not None)
        self._show_hint(point)
        self.run_bar.run_button.setEnabled(walk.known_count() > 0)
        if not self.run_bar.is_running():
            self.run_bar.show_idle(assess_words.missing(walk))

    def show_labelling(self, on: bool) -> None:
        """Show whether the keys label."""
        self.start_button.setChecked(on)
        self.start_button.setText(tr("&Pause") if on else tr("&Start labelling"))

    def show_result(self, accuracy: MapAccuracy | None) -> None:
        """Show what the labels say about the map."""
        self.result_box.setVisible(accuracy is not None)
        if accuracy is None:
            return
        self.result_box.setCollapsed(False)
        self.label_box.setCollapsed(True)
        _say(self.overall, assess_words.overall(accuracy))
        area_title = tr("Area, {unit}").format(unit=assess_words.area_unit(accuracy)[0])
        self.result_table.horizontalHeaderItem(3).setText(area_title)
        self.result_table.show_rows(assess_words.accuracy_rows(accuracy))
        _say(self.result_notes, "\n".join(accuracy.notes))

    def _show_hint(self, point: SamplePoint | None) -> None:
        lines = []
        if point is not None and point.label:
            lines.append(tr("This point is labelled: {label}.").format(label=point.label))
        if point is not None and self.start_button.isChecked():
            lines.append(tr("The map is hidden while you label: judge by the image in the ring alone."))
        elif point is not None:
            lines.append(
                tr("Keys: 1 to 9 give the class, Left or Backspace goes back, Right leaves a point for later.")
            )
        _say(self.hint, "\n".join(lines))

    def _lay_out(self) -> None:
        inside = QWidget()
        inner = QVBoxLayout(inside)
        top = QHBoxLayout()
        top.addWidget(buddy_label(tr("&Map"), self.map_combo))
        top.addWidget(self.map_combo, 1)
        inner.addLayout(top)
        for box in (self.sample_box, self.label_box, self.result_box):
            inner.addWidget(box)
        inner.addStretch()
        self._lay_out_sample()
        label = QVBoxLayout(self.label_box)
        first = QHBoxLayout()
        first.addWidget(self.file_label, 1)
        first.addWidget(self.start_button)
        label.addLayout(first)
        second = row_of(self.place_label, self.bar)
        second.setStretch(1, 1)
        label.addLayout(second)
        label.addWidget(self.class_table)
        third = row_of(self.back_button, self.next_button)
        third.addStretch()
        label.addLayout(third)
        label.addWidget(self.hint)
        result = QVBoxLayout(self.result_box)
        for widget in (self.overall, self.result_table, self.result_notes, self.report_button):
            result.addWidget(widget)
        self.result_box.hide()
        lay_out_page(self, inside, self.run_bar)

    def _lay_out_sample(self) -> None:
        sample = QVBoxLayout(self.sample_box)
        grid = QGridLayout()
        for row, (text, spin) in enumerate(
            (
                (tr("Standard &error"), self.error_spin),
                (tr("Points per &class, at least"), self.least_spin),
                (tr("Points in a&ll"), self.total_spin),
            )
        ):
            grid.addWidget(buddy_label(text, spin), row, 0)
            grid.addWidget(spin, row, 1)
        grid.setColumnStretch(0, 1)
        sample.addLayout(grid)
        for widget in (self.plan_text, self.plan_table, self.plan_notes):
            sample.addWidget(widget)
        sample.addLayout(row_of(self.draw_button, self.open_button))


def _spins() -> tuple[QDoubleSpinBox, QSpinBox, QSpinBox]:
    error = QDoubleSpinBox()
    error.setRange(0.1, 20.0)
    error.setSingleStep(0.5)
    error.setDecimals(1)
    error.setValue(_STANDARD_ERROR_PERCENT)
    error.setSuffix(" %")
    error.setToolTip(tr("Of the overall accuracy; half of it needs four times the points"))
    least = QSpinBox()
    least.setRange(2, 10_000)
    least.setValue(DesignOptions().min_per_class)
    least.setToolTip(tr("However rare the class is"))
    total = QSpinBox()
    total.setRange(0, 1_000_000)
    total.setSingleStep(50)
    total.setSpecialValueText(tr("auto"))
    total.setToolTip(tr("A number of your own, instead of what the standard error asks for"))
    return error, least, total


def _step(title: str) -> QgsCollapsibleGroupBoxBasic:
    box = QgsCollapsibleGroupBoxBasic(title)
    box.findChild(QToolButton).setToolTip(tr("Show or hide this step"))
    return box


def _walk_button(icon: str, text: str, tip: str) -> QPushButton:
    button = QPushButton(theme_icon(icon), text)
    button.setToolTip(tip)
    # A click leaves the keys where they are, on the map.
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button


def _told() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    return label


def _bold(label: QLabel) -> QLabel:
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    return label


def _say(label: QLabel, text: str) -> None:
    label.setText(text)
    label.setVisible(bool(text))
