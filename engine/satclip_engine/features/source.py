"""A scene and an encoder, brought together: the working grid, the layout and the cached feature map."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from satclip_engine.errors import BandsError
from satclip_engine.features.feature_map import FeatureMap, open_feature_map
from satclip_engine.features.layout import Layout
from satclip_engine.models.encoder import Encoder
from satclip_engine.protocol import FeatureOptions, to_json
from satclip_engine.raster.grid import Grid
from satclip_engine.raster.scene import Scene


@dataclass(frozen=True)
class FeatureSource:
    """Everything that decides a feature map.

    Attributes:
        scene: Opened with the asked bands and scaling.
        encoder: Loaded on its device.
        grid: Working grid: the scene's extent at the working GSD.
        layout: Cells, windows and chunks of that grid.
    """

    scene: Scene
    encoder: Encoder
    grid: Grid
    layout: Layout

    @classmethod
    def of(cls, scene: Scene, encoder: Encoder, options: FeatureOptions) -> FeatureSource:
        """Choose the working grid and lay out cells and windows.

        Raises:
            OptionError: if the working GSD is not positive or far finer than the scene's.
            BandsError: ``bands.model`` if the model sees another number of bands than the scene shows.
        """
        check_bands(encoder, scene.channels)
        grid = scene.working_grid(options.gsd_m, (encoder.card.gsd_min_m, encoder.card.gsd_max_m))
        window_cells = encoder.window_px // encoder.cell_px
        stride_cells = max(window_cells - max(window_cells // 4, 2), 1)
        layout = Layout(grid.height, grid.width, encoder.cell_px, window_cells, stride_cells)
        return cls(scene, encoder, grid, layout)

    @property
    def working_per_row(self) -> float:
        """Working pixels per scene pixel, from top to bottom."""
        return self.grid.height / self.scene.grid.height

    @property
    def working_per_col(self) -> float:
        """Working pixels per scene pixel, from left to right."""
        return self.grid.width / self.scene.grid.width

    def open_map(self, cache_dir: Path) -> FeatureMap:
        """Open or create the cached feature map of this source."""
        made_from = {
            "scene": self.scene.path,
            "fingerprint": self.scene.fingerprint,
            "bands": to_json(self.scene.bands),
            "scaling": to_json(self.scene.scaling),
            "encoder": self.encoder.identity(),
        }
        return open_feature_map(cache_dir, self.layout, self.encoder.embed_dim, made_from)


def check_bands(encoder: Encoder, channels: int) -> None:
    """Refuse imagery of another number of channels than a model sees.

    Raises:
        BandsError: ``bands.model``.
    """
    if channels == encoder.channels:
        return
    wanted = ", ".join(encoder.card.band_names) or "red, green, blue"
    raise BandsError(
        f"The model {encoder.id} sees {encoder.channels} bands ({wanted}); {channels} were chosen.",
        remedy=f"Choose {encoder.channels} bands by their numbers, in this order: {wanted}.",
        code="bands.model",
        model=encoder.id,
    )
