"""The picture of a run: image, map and legend side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from affine import Affine
from PIL import Image, ImageDraw, ImageFont
from rasterio.enums import Resampling
from rasterio.windows import Window

from satclip_engine.products.rasters import THEMATIC, category_colours, category_names
from satclip_engine.protocol import ClassSet, SegmentRequest
from satclip_engine.raster.aoi import locate_aoi
from satclip_engine.raster.gdal import open_raster
from satclip_engine.raster.grid import Grid
from satclip_engine.raster.scene import Scene, open_scene

PREVIEW = "preview.png"
_PICTURE_MAX_PX = 610
_PICTURE_MIN_PX = 240
_LEGEND_WIDTH_PX = 300
_MARGIN_PX = 20
_ROW_PX = 30
_TITLE_PX = 44
_SCALE_BAR_PX = 50
_PAPER, _INK, _FAINT = (255, 255, 255), (33, 37, 41), (134, 142, 150)
_NODATA_COLOUR = (241, 243, 245)
# Have more scripts than Pillow's own font; looked for only when a class name needs them.
_WIDE_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "wqy-zenhei.ttc",
    "msyh.ttc",
    "PingFang.ttc",
    "Arial Unicode.ttf",
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "arial.ttf",
)

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class _LegendRow:
    name: str
    colour: tuple[int, int, int]
    share: float


def write_preview(folder: Path, request: SegmentRequest) -> Path:
    """Write ``preview.png`` into ``folder`` from the finished thematic raster there and return its path.

    Raises:
        SceneError: if the scene can no longer be read.
    """
    features = request.features
    with open_scene(request.scene, bands=features.bands, scaling=features.scaling) as scene:
        aoi = locate_aoi(request.aoi, scene.grid)
        width, height = _picture_size(aoi.grid)
        picture = _scene_picture(scene, aoi.window, width, height)
        transform = scene.grid.map_transform
    with open_raster(folder / THEMATIC) as thematic:
        codes = thematic.read(1, out_shape=(height, width), resampling=Resampling.nearest)
    colours = np.array(category_colours(request.classes), dtype=np.uint8)
    colours[0] = _NODATA_COLOUR
    picture[codes == 0] = _NODATA_COLOUR
    pictures = [_north_up(picture, transform), _north_up(colours[codes], transform)]
    title = f"{Path(request.scene).name}   ·   {_size_text(aoi.grid)}"
    path = folder / PREVIEW
    metres_per_px = aoi.grid.width * aoi.grid.pixel_size_m[0] / width if aoi.grid.has_crs else None
    _compose(pictures, _legend_rows(codes, request.classes), title, metres_per_px).save(path, optimize=False)
    return path


def _picture_size(grid: Grid) -> tuple[int, int]:
    """Return the size of a picture in which a metre is as long downward as sideways."""
    width_m, height_m = grid.pixel_size_m
    across, down = grid.width * width_m, grid.height * height_m
    scale = _PICTURE_MAX_PX / max(across, down)
    size = max(1, round(across * scale)), max(1, round(down * scale))
    return max(size[0], _PICTURE_MIN_PX // 8), max(size[1], _PICTURE_MIN_PX // 8)


def _scene_picture(scene: Scene, window: Window, width: int, height: int) -> Bytes:
    """Read ``window`` of the scene as a picture (height, width, 3)."""
    grid = scene.grid
    factor_x, factor_y = width / window.width, height / window.height
    small = Grid(
        grid.crs_wkt,
        grid.transform,
        max(1, round(grid.width * factor_x)),
        max(1, round(grid.height * factor_y)),
    )
    place = Window(round(window.col_off * factor_x), round(window.row_off * factor_y), width, height)
    return np.ascontiguousarray(scene.read(place, small).picture.transpose(1, 2, 0))


def _north_up(picture: Bytes, transform: Affine) -> Bytes:
    rows = slice(None, None, -1) if transform.e > 0 else slice(None)
    cols = slice(None, None, -1) if transform.a < 0 else slice(None)
    return picture[rows, cols]


def _legend_rows(codes: npt.NDArray[np.integer], classes: ClassSet) -> list[_LegendRow]:
    names, colours = category_names(classes), category_colours(classes)
    counts = np.bincount(codes.ravel(), minlength=len(names))
    total = max(int(counts[1:].sum()), 1)
    rows = [_LegendRow(names[code], colours[code], counts[code] / total) for code in range(1, len(names))]
    return rows if counts[classes.unknown_code] else rows[:-1]


def _size_text(grid: Grid) -> str:
    size = f"{grid.width} x {grid.height} px"
    return f"{size}   ·   {grid.gsd_m:.3g} m/px" if grid.has_crs else f"{size}   ·   no coordinate reference system"


def _compose(pictures: Sequence[Bytes], rows: list[_LegendRow], title: str, metres_per_px: float | None) -> Image.Image:
    height, width = pictures[0].shape[:2]
    scale = max(1, math.ceil(_PICTURE_MIN_PX / max(width, height)))
    shown = [Image.fromarray(np.ascontiguousarray(p)).resize((width * scale, height * scale), 0) for p in pictures]
    width, height = shown[0].size
    content = max(height, min(len(rows) * _ROW_PX, _PICTURE_MAX_PX))
    total_width = 4 * _MARGIN_PX + 2 * width + _LEGEND_WIDTH_PX
    canvas = Image.new("RGB", (total_width, _TITLE_PX + content + _MARGIN_PX), _PAPER)
    draw = ImageDraw.Draw(canvas)
    text = "".join(row.name for row in rows) + title
    draw.text((_MARGIN_PX, _TITLE_PX / 2), title, _INK, font=_font(17, text), anchor="lm")
    for number, picture in enumerate(shown):
        left = _MARGIN_PX + number * (width + _MARGIN_PX)
        canvas.paste(picture, (left, _TITLE_PX))
        draw.rectangle((left - 1, _TITLE_PX - 1, left + width, _TITLE_PX + height), outline=(206, 212, 218))
    legend_left = 3 * _MARGIN_PX + 2 * width
    bar_px = _SCALE_BAR_PX if metres_per_px and content > 2 * _SCALE_BAR_PX else 0
    _draw_legend(draw, rows, legend_left, content - bar_px, text)
    if metres_per_px and bar_px:
        _draw_scale_bar(draw, (legend_left, _TITLE_PX + content), metres_per_px / scale, _font(14, ""))
    return canvas


def _draw_legend(draw: ImageDraw.ImageDraw, rows: list[_LegendRow], left: int, height: int, text: str) -> None:
    font, small = _font(16, text), _font(14, text)
    fitting = max(1, height // _ROW_PX)
    shown = rows if len(rows) <= fitting else rows[: fitting - 1]
    right = left + _LEGEND_WIDTH_PX - _MARGIN_PX
    for number, row in enumerate(shown):
        middle = _TITLE_PX + number * _ROW_PX + _ROW_PX / 2
        draw.rounded_rectangle((left, middle - 9, left + 26, middle + 9), 3, fill=row.colour, outline=(173, 181, 189))
        share = "<1 %" if 0 < row.share < 0.01 else f"{row.share:.0%}".replace("%", " %")
        draw.text((right, middle), share, _FAINT, font=small, anchor="rm")
        room = right - draw.textlength(share, font=small) - 10 - (left + 38)
        draw.text((left + 38, middle), _fitted(draw, row.name, font, room), _INK, font=font, anchor="lm")
    if len(shown) < len(rows):
        middle = _TITLE_PX + len(shown) * _ROW_PX + _ROW_PX / 2
        draw.text((left + 38, middle), f"and {len(rows) - len(shown)} more", _FAINT, font=small, anchor="lm")


def _draw_scale_bar(
    draw: ImageDraw.ImageDraw, corner: tuple[int, int], metres_per_px: float, font: ImageFont.FreeTypeFont
) -> None:
    """Draw a bar of a round length with its lower left end at ``corner``."""
    left, bottom = corner
    length_m = _round_length(180 * metres_per_px)
    right = left + length_m / metres_per_px
    draw.line([(left, bottom - 7), (left, bottom - 1), (right, bottom - 1), (right, bottom - 7)], _INK, 2)
    text = f"{length_m / 1000:g} km" if length_m >= 1000 else f"{length_m:g} m"
    draw.text((left, bottom - 12), text, _INK, font=font, anchor="ls")


def _round_length(most_m: float) -> float:
    """Return the largest of 1, 2, 5 x 10^n that is not above ``most_m``."""
    power = 10.0 ** math.floor(math.log10(most_m))
    return max(step * power for step in (1, 2, 5) if step * power <= most_m)


def _fitted(draw: ImageDraw.ImageDraw, name: str, font: ImageFont.FreeTypeFont, room: float) -> str:
    if draw.textlength(name, font=font) <= room:
        return name
    while name and draw.textlength(name + "…", font=font) > room:
        name = name[:-1]
    return name.rstrip() + "…"


def _font(size: int, text: str) -> ImageFont.FreeTypeFont:
    """Return Pillow's own font, or one with more scripts where ``text`` needs it and the machine has it."""
    if any(ord(character) > 0x17F and character not in "…·" for character in text):
        for name in _WIDE_FONTS:
            try:
                return ImageFont.truetype(name, size)
            except OSError:
                continue
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("Pillow was built without FreeType")
    return font
