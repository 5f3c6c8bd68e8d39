"""The job "photo pairs": geotagged photos and the imagery around the places where they were taken."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from rasterio.windows import Window

from satclip_engine.errors import OptionError, PairsError
from satclip_engine.pairs.cut import LARGEST_CHIP_PX, LEAST_CHIP_PX, LEAST_VALID_SHARE, native_window
from satclip_engine.pairs.images import PairImages
from satclip_engine.pairs.importing.run import Imported
from satclip_engine.pairs.new_folder import Skipped, new_set_folder, refuse_occupied, write_skipped
from satclip_engine.pairs.pair_set import PairSet, write_pair_set
from satclip_engine.pairs.photo_files import Photo, find_photos
from satclip_engine.pairs.photo_places import PhotoPlace, group, located, pixel_of
from satclip_engine.pairs.photo_report import no_photo, photo_notes, write_points
from satclip_engine.protocol import Pair, PairRaster, PairSetInfo, PhotoPairsRequest, ProgressUpdate
from satclip_engine.raster.grid import Grid
from satclip_engine.raster.scene import Scene, open_scene
from satclip_engine.samples.chip_folder import write_chip

PHOTOS_FILE = "photos.geojson"
# An encoder sees a chip at 224 to 448 pixels: more are only read and thrown away.
_ENOUGH_PX = 512
_LEAST_SIDE_M, _LARGEST_SIDE_M = 10.0, 100_000.0
_READ = 0.8
_NODATA = "the imagery around it is nodata"


def photo_pairs(
    request: PhotoPairsRequest, *, progress: Callable[[ProgressUpdate], None], check_cancelled: Callable[[], None]
) -> Imported:
    """Make a training set of geotagged photos: a pair for each place, with the imagery around it.

    Photos without a place, off the imagery or on its nodata, damaged or double are left out and listed, with all others
    in ``photos.geojson``. A place is in the middle of its chip but near the imagery's border.

    Raises:
        SceneError: if the imagery cannot be used.
        PairsError: ``pairs.photos`` or ``pairs.photo_layer``, see ``find_photos``; ``pairs.no_crs`` if the imagery lies
            nowhere on the Earth; ``pairs.photos_outside`` if no photo can be taken, saying why.
        OptionError: ``option.side``, ``option.gsd``.
        OutputError: if the folder holds something, or cannot be written.
    """
    source, folder = Path(request.photos), Path(request.folder)
    refuse_occupied(folder)
    with open_scene(request.scene, bands=request.bands, scaling=request.scaling) as scene:
        grid, chip_px = _chip_grid(scene, request)
        found = find_photos(source, request.layer, request.attribute, check_cancelled)
        on_imagery = [located(photo, scene.grid, swaps=request.swap_coordinates) for photo in found]
        photos = _readable(on_imagery, progress, check_cancelled)
        places = group([photo for photo in photos if not photo.problem], request.group_m)
        with new_set_folder(folder) as partial:
            pairs: list[Pair] = []
            problems = {photo.path: photo.problem for photo in photos if photo.problem}
            for done, place in enumerate(places, start=1):
                check_cancelled()
                pair = _pair(f"place{len(pairs) + 1:04d}", place, scene, grid, chip_px, partial)
                if pair is None:
                    problems |= {photo.path: _NODATA for photo in place.photos}
                else:
                    pairs.append(replace(pair, region=_region(place, source)))
                progress(ProgressUpdate("write", _READ + (1 - _READ) * done / len(places)))
            if not pairs:
                raise no_photo(source, problems)
            notes = photo_notes(pairs, problems, grid, chip_px)
            info = PairSetInfo(
                title=request.title or source.stem,
                rasters=(PairRaster(request.scene, request.bands, request.scaling, scene.fingerprint),)
                if grid == scene.grid
                else (),
                licence=request.licence,
                origin=(" ".join([f"Photos of {source.name} on {Path(request.scene).name}.", *notes]),),
            )
            pair_set = PairSet(folder, info, tuple(pairs))
            skipped = tuple(Skipped(str(path), problem) for path, problem in problems.items())
            write_skipped(partial, skipped)
            write_points(partial / PHOTOS_FILE, photos, problems, pairs)
            write_pair_set(replace(pair_set, folder=partial))
    return Imported(pair_set, skipped, notes)


def _chip_grid(scene: Scene, request: PhotoPairsRequest) -> tuple[Grid, int]:
    """Return the working grid and the side of a chip in its pixels."""
    if not scene.grid.has_crs:
        raise PairsError(
            f"{Path(request.scene).name} has no coordinate reference system: photos cannot be placed on it.",
            remedy="Georeference it first, or choose another raster.",
            code="pairs.no_crs",
        )
    if not _LEAST_SIDE_M <= request.side_m <= _LARGEST_SIDE_M:
        raise OptionError(
            f"Chips of {request.side_m:g} m are asked for.",
            remedy=f"Use {_LEAST_SIDE_M:g} to {_LARGEST_SIDE_M:g} m.",
            code="option.side",
        )
    gsd_m = request.gsd_m
    if gsd_m is None and request.side_m / scene.grid.gsd_m > _ENOUGH_PX:
        gsd_m = request.side_m / _ENOUGH_PX
    grid = scene.grid if gsd_m is None else scene.working_grid(gsd_m, (None, None))
    chip_px = round(request.side_m / grid.gsd_m)
    largest = min(LARGEST_CHIP_PX, grid.width, grid.height)
    if not LEAST_CHIP_PX <= chip_px <= largest:
        raise OptionError(
            f"A chip of {request.side_m:g} m has {chip_px} pixels of {grid.gsd_m:.3g} m; the imagery has "
            f"{grid.width} x {grid.height}.",
            remedy=f"Choose {LEAST_CHIP_PX * grid.gsd_m:.0f} to {largest * grid.gsd_m:.0f} m, or other imagery.",
            code="option.side",
        )
    return grid, chip_px


def _readable(
    photos: Sequence[Photo], progress: Callable[[ProgressUpdate], None], check_cancelled: Callable[[], None]
) -> list[Photo]:
    """Return the photos, with a problem those that are damaged and those that are copies of one before."""
    images = PairImages(PairSet(Path(), PairSetInfo(), ()))
    path_by_digest: dict[bytes, Path] = {}
    read = []
    for done, photo in enumerate(photos, start=1):
        check_cancelled()
        read.append(photo if photo.problem else _looked_at(photo, images, path_by_digest))
        progress(ProgressUpdate("photos", _READ * done / len(photos)))
    return read


def _looked_at(photo: Photo, images: PairImages, path_by_digest: dict[bytes, Path]) -> Photo:
    try:
        images.read_photo(str(photo.path))
        digest = hashlib.blake2b(photo.path.read_bytes(), digest_size=16).digest()
    except (PairsError, OSError) as error:
        return replace(photo, problem=f"it cannot be read: {error.__cause__ or error}".rstrip("."))
    first = path_by_digest.setdefault(digest, photo.path)
    return photo if first == photo.path else replace(photo, problem=f"the same photo as another: {first.name}")


def _pair(name: str, place: PhotoPlace, scene: Scene, grid: Grid, chip_px: int, folder: Path) -> Pair | None:
    """Return the pair of a place, its chip written where the working grid is not the scene's own; None on nodata."""
    lon, lat = place.lonlat
    pixel = pixel_of(grid, lon, lat)
    if pixel is None:
        return None
    col, row = (
        min(max(round(at - chip_px / 2), 0), size - chip_px)
        for at, size in zip(pixel, (grid.width, grid.height), strict=True)
    )
    window = Window(col, row, chip_px, chip_px)
    if scene.read_valid(native_window(scene, grid, window)).mean() < LEAST_VALID_SHARE:
        return None
    pair = Pair(name, scene.path, lon=lon, lat=lat, gsd_m=grid.gsd_m, photos=tuple(str(p.path) for p in place.photos))
    if grid == scene.grid:
        return replace(pair, window_px=(col, row, chip_px, chip_px))
    chip = scene.read(window, grid)
    (folder / "images").mkdir(exist_ok=True)
    write_chip(folder / f"images/{name}.tif", chip.image, grid, window, chip.valid)
    return replace(pair, image=f"images/{name}.tif")


def _region(place: PhotoPlace, source: Path) -> str:
    """Return the folder of a place's first photo below the one that was chosen: photos are sorted by trip or town."""
    parent = place.photos[0].path.parent
    return parent.relative_to(source).as_posix().strip(".") if parent.is_relative_to(source) else ""
