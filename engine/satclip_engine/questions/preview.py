"""Live preview: classes painted over one view from cached features, and the view's missing chunks encoded."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image

from satclip_engine.config import Config
from satclip_engine.errors import OptionError
from satclip_engine.features.encode import block_means
from satclip_engine.features.feature_map import FeatureMap
from satclip_engine.features.layout import CHUNK_CELLS, CellBox, Chunk, Layout
from satclip_engine.features.source import FeatureSource
from satclip_engine.heads.decision import DecisionRule, decide
from satclip_engine.protocol import ClassSet, PreviewRequest, PreviewResult
from satclip_engine.questions.ahead import Ahead
from satclip_engine.questions.pixels import Axis, PixelMapper, cells_under, fine_factor, inner_cells
from satclip_engine.questions.session import Session
from satclip_engine.raster.windows import pixel_window

# Beyond this a view shows so much ground that scoring it would no longer feel live.
MAX_VIEW_CHUNKS = 256
_WIDE_VIEW_CHUNKS = 36
_UNKNOWN_RGBA = (128, 128, 128, 200)

Codes = npt.NDArray[np.uint16]


class PreviewSession(Session):
    """Answers previews; between them, encodes what the last view still lacks.

    Args:
        config: Folders and limits.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        # What is seen is wanted before what is needed elsewhere: in this order.
        self._ahead: dict[str, Ahead | None] = {"view": None, "samples": None}
        self._around: Ahead | None = None

    def preview(self, request: PreviewRequest) -> PreviewResult:
        """Paint the view from cached features; what is not cached, nodata and invisible classes are transparent.

        Raises:
            SatclipError: if scene, model or classes cannot be used.
        """
        source, feature_map = self.source(request.scene, request.features)
        rows, cols = _view_axes(request, source)
        in_rows, in_cols = _inside(rows, source.grid.height), _inside(cols, source.grid.width)
        codes: Codes = np.zeros((request.height_px, request.width_px), dtype=np.uint16)
        if not in_rows.any() or not in_cols.any():
            self.want("view", None)
            return _result(request, codes, 1.0, ("The view does not show the layer.",))
        rows, cols = Axis(rows.centres[in_rows]), Axis(cols.centres[in_cols])
        chunks = source.layout.chunks_in(cells_under(source.layout, rows, cols))
        if len(chunks) > MAX_VIEW_CHUNKS:
            self.want("view", None)
            return _result(request, codes, 0.0, ("The view is too wide for a live preview: zoom in.",))
        missing = feature_map.missing(chunks)
        self.want("view", Ahead(source, feature_map, _centre_first(missing, chunks)))
        near = feature_map.missing(_around(chunks, source.layout))
        self._around = Ahead(source, feature_map, _centre_first(near, chunks)).go_on_from(self._around)
        if len(missing) < len(chunks):
            codes[np.ix_(in_rows, in_cols)] = self._paint(request, source, feature_map, rows, cols)
        return _result(request, codes, 1 - len(missing) / len(chunks), source.scene.notes)

    def _paint(
        self, request: PreviewRequest, source: FeatureSource, feature_map: FeatureMap, rows: Axis, cols: Axis
    ) -> Codes:
        head, scores = self.scores(source, feature_map, request.classes, request.text, request.head_id)
        layout = source.layout
        mapper = PixelMapper(layout, scores, head.temperature, fine_factor(layout.cell_px, rows.step))
        if mapper.factor == 1:  # zoomed out: a screen pixel covers half a cell or more
            pixels = mapper.probabilities(rows, cols, None)
            valid = pixels.cell_valid.numpy()
        else:
            box = inner_cells(layout, rows, cols)
            chip = source.scene.read(pixel_window(box, layout.cell_px), source.grid)
            guide = block_means(chip.picture, layout.cell_px // mapper.factor)
            pixels = mapper.probabilities(rows, cols, guide if request.text.upsampler == "guided" else None)
            row = rows.centres.astype(np.intp) - box.row_start * layout.cell_px
            col = cols.centres.astype(np.intp) - box.col_start * layout.cell_px
            valid = chip.valid[row][:, col]
        rule = DecisionRule.from_classes(request.classes, request.text.unknown_below)
        codes = decide(pixels.probabilities.numpy(), rule).codes
        return np.asarray(np.where(pixels.known.numpy() & valid, codes, 0), dtype=np.uint16)

    def want(self, what: str, ahead: Ahead | None) -> None:
        """Take up what is wanted soon in the place of what was; the same chunk goes on where it was stopped."""
        self._ahead[what] = ahead and ahead.go_on_from(self._ahead[what])

    def encode_missing(self, should_stop: Callable[[], bool]) -> bool:
        """Encode one missing chunk: of the last view, the nearest to its centre, or else under the last samples.

        Args:
            should_stop: Asked between batches; True ends the call early, and the next one goes on from there.

        Returns:
            Whether a chunk was finished, so that asking again shows more.
        """
        for ahead in self._ahead.values():
            if ahead is None:
                continue
            if ahead.encode_next(self.runner(ahead.source.encoder), should_stop):
                return True
            if should_stop():
                return False
        return False

    def encode_around(self, should_stop: Callable[[], bool]) -> bool:
        """Encode one missing chunk beside the last view, so that panning finds it; see ``encode_missing``."""
        around = self._around
        return around is not None and around.encode_next(self.runner(around.source.encoder), should_stop)


def _view_axes(request: PreviewRequest, source: FeatureSource) -> tuple[Axis, Axis]:
    """Return the working-pixel positions of the view's rows and columns.

    Raises:
        OptionError: if the scene's rows and columns do not run along the map's axes.
    """
    transform = source.scene.grid.map_transform
    if transform.b or transform.d:
        raise OptionError(
            "The live preview cannot follow a rotated layer.",
            remedy="Press Run to map it, or warp the layer to north up first.",
            code="option.rotated_preview",
        )
    left, bottom, right, top = request.bounds
    x = left + (np.arange(request.width_px) + 0.5) * (right - left) / request.width_px
    y = top - (np.arange(request.height_px) + 0.5) * (top - bottom) / request.height_px
    return (
        Axis((y - transform.f) / transform.e * source.working_per_row),
        Axis((x - transform.c) / transform.a * source.working_per_col),
    )


def _inside(axis: Axis, size_px: int) -> npt.NDArray[np.bool_]:
    return (axis.centres >= 0) & (axis.centres < size_px)


def _centre_first(missing: list[Chunk], view: list[Chunk]) -> list[Chunk]:
    row = sum(chunk.row for chunk in view) / len(view)
    col = sum(chunk.col for chunk in view) / len(view)
    return sorted(missing, key=lambda chunk: (chunk.row - row) ** 2 + (chunk.col - col) ** 2)


def _around(view: list[Chunk], layout: Layout) -> list[Chunk]:
    """Return the chunks that touch a view from outside; none where it is so wide that nobody pans far."""
    if len(view) > _WIDE_VIEW_CHUNKS:
        return []
    rows, cols = [chunk.row for chunk in view], [chunk.col for chunk in view]
    box = CellBox(*(place * CHUNK_CELLS for place in (min(rows) - 1, max(rows) + 2, min(cols) - 1, max(cols) + 2)))
    seen = set(view)
    return [chunk for chunk in layout.chunks_in(box) if chunk not in seen]


def _result(request: PreviewRequest, codes: Codes, known_fraction: float, notes: tuple[str, ...]) -> PreviewResult:
    classes = request.classes
    counts = np.bincount(codes.ravel(), minlength=classes.unknown_code + 1)
    # One number per pixel is gathered several times faster than a row of four.
    rgba = np.take(_palette(classes).view(np.uint32)[:, 0], codes).view(np.uint8).reshape(*codes.shape, 4)
    buffer = io.BytesIO()
    Image.fromarray(rgba, "RGBA").save(buffer, format="PNG", compress_level=1)
    return PreviewResult(
        png_base64=base64.b64encode(buffer.getvalue()).decode("ascii"),
        bounds=request.bounds,
        known_fraction=known_fraction,
        counts=tuple(int(count) for count in counts),
        notes=notes,
    )


def _palette(classes: ClassSet) -> npt.NDArray[np.uint8]:
    """Return the colour of each thematic code, (K + 2, 4) uint8; nodata and invisible classes are transparent."""
    palette = np.zeros((classes.unknown_code + 1, 4), dtype=np.uint8)
    for code, spec in enumerate(classes.classes, start=1):
        if spec.visible:
            palette[code] = (*bytes.fromhex(spec.colour[1:]), 255)
    palette[classes.unknown_code] = _UNKNOWN_RGBA
    return palette
