"""Geotagged photos become pairs of places and imagery; what cannot be placed is listed with its reason."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pyogrio.raw
import pytest
import shapely
from affine import Affine
from PIL import ExifTags, Image
from satclip_engine.errors import CancelledError, OptionError, OutputError, PairsError
from satclip_engine.pairs.images import PairImages
from satclip_engine.pairs.importing.run import Imported
from satclip_engine.pairs.pair_set import read_pair_set
from satclip_engine.pairs.photos import PHOTOS_FILE, photo_pairs
from satclip_engine.protocol import PhotoPairsRequest

# A degree of latitude, and of longitude at 45 degrees, in metres.
NORTH_M, EAST_M = 111_132.0, 78_847.0
LON, LAT = 9.0, 45.0


def exif(lon: float | None, lat: float | None, direction: float | None = None) -> Image.Exif:
    tags = Image.Exif()
    tags[ExifTags.Base.Make] = "camera"  # Pillow writes no tags into a PNG that has only a position
    gps = tags.get_ifd(ExifTags.IFD.GPSInfo)
    for value, tag, sign_tag, signs in (
        (lon, ExifTags.GPS.GPSLongitude, ExifTags.GPS.GPSLongitudeRef, "EW"),
        (lat, ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLatitudeRef, "NS"),
    ):
        if value is not None:
            whole = math.floor(abs(value))
            minutes = (abs(value) - whole) * 60
            gps[tag] = (float(whole), float(math.floor(minutes)), (minutes - math.floor(minutes)) * 60)
            gps[sign_tag] = signs[value < 0]
    if direction is not None:
        gps[ExifTags.GPS.GPSImgDirection] = direction
    return tags


def photo(path: Path, lon: float | None, lat: float | None, direction: float | None = None, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng([seed, *path.name.encode()]).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(values).save(path, exif=exif(lon, lat, direction))
    return path


def near(east_m: float, north_m: float) -> tuple[float, float]:
    return LON + east_m / EAST_M, LAT + north_m / NORTH_M


def imagery(make_raster: object, side_m: float = 4000.0, gsd: float = 10.0, **options: object) -> Path:
    """A raster in degrees whose middle is LON, LAT."""
    size = round(side_m / gsd)
    transform = Affine(gsd / EAST_M, 0, LON - side_m / 2 / EAST_M, 0, -gsd / NORTH_M, LAT + side_m / 2 / NORTH_M)
    return make_raster(width=size, height=size, crs="EPSG:4326", transform=transform, **options)  # type: ignore[operator,no-any-return]


def paired(scene: Path, photos: Path, out: Path, **options: object) -> Imported:
    request = PhotoPairsRequest(str(scene), str(photos), str(out), **options)  # type: ignore[arg-type]
    return photo_pairs(request, progress=lambda _update: None, check_cancelled=lambda: None)


def problems(made: Imported) -> dict[str, str]:
    return {Path(item.name).name: item.reason for item in made.skipped}


def test_photos_of_one_place_share_the_imagery_around_it(tmp_path: Path, make_raster: object) -> None:
    scene, photos = imagery(make_raster), tmp_path / "photos"
    photo(photos / "hill/a.jpg", *near(0, 0), direction=90.0)
    photo(photos / "hill/b.jpg", *near(10, 15))
    photo(photos / "lake/c.png", *near(500, -300), direction=380.0)
    made = paired(scene, photos, tmp_path / "set", licence="mine")
    pair_set = read_pair_set(tmp_path / "set")
    hill, lake = pair_set.pairs
    assert hill.photos == (str(photos / "hill/a.jpg"), str(photos / "hill/b.jpg"))
    assert (hill.region, lake.region) == ("hill", "lake")
    assert hill.lon == pytest.approx(near(5, 0)[0])
    assert hill.gsd_m == pytest.approx(10.0, rel=0.01)
    assert hill.window_px == (150, 149, 100, 100)
    assert lake.window_px is not None
    assert abs(lake.window_px[0] + 50 - 250) <= 1
    assert abs(lake.window_px[1] + 50 - 230) <= 1
    assert pair_set.info.rasters[0].fingerprint
    assert made.notes[0].startswith("3 photos of 2 places")
    with PairImages(pair_set) as images:
        assert images.read(hill).shape == (3, 100, 100)
        assert images.read_photo(hill.photos[0]).shape == (3, 48, 64)
    points = json.loads((tmp_path / "set" / PHOTOS_FILE).read_text(encoding="utf-8"))["features"]
    assert [point["properties"]["place"] for point in points] == [hill.id, hill.id, lake.id]
    assert [point["properties"]["direction"] for point in points] == [90.0, None, 20.0]
    assert points[0]["geometry"]["coordinates"] == pytest.approx([LON, LAT])


def test_photos_that_cannot_be_placed_are_listed_with_the_reason(tmp_path: Path, make_raster: object) -> None:
    scene, photos = imagery(make_raster), tmp_path / "photos"
    good = photo(photos / "good.jpg", *near(0, 0))
    shutil.copy(good, photos / "good copy.jpg")
    photo(photos / "no gps.jpg", None, None)
    photo(photos / "half.jpg", LON, None)
    photo(photos / "zero.jpg", 0.0, 0.0)
    photo(photos / "far.jpg", -LON, LAT)
    photo(photos / "swapped.jpg", LAT, LON)
    photo(photos / "nowhere.jpg", 300.0, 500.0)
    whole = photo(photos / "torn.jpg", *near(0, 0)).read_bytes()
    (photos / "torn.jpg").write_bytes(whole[: len(whole) * 2 // 3])
    (photos / "page.jpg").write_text("<html>")
    made = paired(scene, photos, tmp_path / "set")
    told = problems(made)
    assert len(made.pair_set.pairs) == 1
    assert told["no gps.jpg"] == told["half.jpg"] == "no GPS position"
    assert told["zero.jpg"].startswith("its GPS position is 0, 0")
    assert told["far.jpg"] == "outside the imagery"
    assert told["swapped.jpg"] == "outside the imagery, but on it if longitude and latitude are swapped"
    assert told["nowhere.jpg"] == "its GPS position is no place on Earth"
    assert told["torn.jpg"].startswith("it cannot be read")
    assert told["page.jpg"].startswith("it cannot be read")
    assert told["good.jpg"] == "the same photo as another: good copy.jpg"
    assert len(told) == 9
    assert any("--swap-coordinates" in note for note in made.notes)
    points = json.loads((tmp_path / "set" / PHOTOS_FILE).read_text(encoding="utf-8"))["features"]
    assert sum(point["geometry"] is None for point in points) == 5
    assert {Path(point["properties"]["photo"]).name for point in points if point["properties"]["problem"]} == set(told)
    assert len((tmp_path / "set/skipped.txt").read_text(encoding="utf-8").splitlines()) == 9


def test_coordinates_are_swapped_only_on_request(tmp_path: Path, make_raster: object) -> None:
    scene, photos = imagery(make_raster), tmp_path / "photos"
    photo(photos / "a.jpg", LAT, LON)
    with pytest.raises(PairsError, match="1 photo: outside the imagery, but on it") as error:
        paired(scene, photos, tmp_path / "set")
    assert "--swap-coordinates" in error.value.remedy
    (pair,) = paired(scene, photos, tmp_path / "set", swap_coordinates=True).pair_set.pairs
    assert (pair.lon, pair.lat) == (pytest.approx(LON), pytest.approx(LAT))


def test_chips_stay_inside_the_imagery_and_off_nodata(tmp_path: Path, make_raster: object) -> None:
    empty = np.zeros((400, 400), dtype=bool)
    empty[:, 300:] = True
    scene = imagery(make_raster, nodata_kind="value", invalid=empty)
    photos = tmp_path / "photos"
    photo(photos / "corner.jpg", *near(-1990, 1990))
    photo(photos / "empty.jpg", *near(1500, 0))
    made = paired(scene, photos, tmp_path / "set")
    (pair,) = made.pair_set.pairs
    assert pair.window_px == (0, 0, 100, 100)
    assert problems(made) == {"empty.jpg": "the imagery around it is nodata"}


def test_fine_imagery_is_written_coarser_as_chips(tmp_path: Path, make_raster: object) -> None:
    scene, photos = imagery(make_raster, side_m=1200.0, gsd=1.0), tmp_path / "photos"
    photo(photos / "a.jpg", *near(0, 0))
    made = paired(scene, photos, tmp_path / "set")
    (pair,) = made.pair_set.pairs
    assert pair.image == "images/place0001.tif"
    assert pair.window_px is None
    assert made.pair_set.info.rasters == ()
    with PairImages(read_pair_set(tmp_path / "set")) as images:
        assert images.read(pair).shape[1:] == pytest.approx((512, 512), abs=2)
    small = paired(scene, photos, tmp_path / "small", side_m=200.0).pair_set.pairs[0]
    assert small.window_px == (500, 500, 200, 200)


def test_a_layer_of_photos_tells_the_places(tmp_path: Path, make_raster: object) -> None:
    scene = imagery(make_raster)
    photo(tmp_path / "photos/a.jpg", None, None)
    photo(tmp_path / "photos/b.jpg", 1.0, 1.0)
    places = [shapely.to_wkb(shapely.Point(*near(0, 0))), shapely.to_wkb(shapely.Point(*near(300, 0))), None]
    names = [str(tmp_path / "photos/a.jpg"), "photos/b.jpg", "photos/gone.jpg"]
    pyogrio.raw.write(
        tmp_path / "layer.gpkg",
        np.array(places, dtype=object),
        [np.array(names, dtype=object), np.array([45.0, 270.0, 0.0])],
        np.array(["photo", "direction"]),
        crs="EPSG:4326",
        geometry_type="Point",
    )
    made = paired(scene, tmp_path / "layer.gpkg", tmp_path / "set")
    assert [Path(pair.photos[0]).name for pair in made.pair_set.pairs] == ["a.jpg", "b.jpg"]
    assert problems(made) == {"gone.jpg": "no GPS position"}
    points = json.loads((tmp_path / "set" / PHOTOS_FILE).read_text(encoding="utf-8"))["features"]
    assert [point["properties"]["direction"] for point in points] == [45.0, 270.0, 0.0]
    with pytest.raises(PairsError, match="has no field picture") as error:
        paired(scene, tmp_path / "layer.gpkg", tmp_path / "other", attribute="picture")
    assert "photo, direction" in error.value.remedy
    with pytest.raises(PairsError, match="cannot be read as a layer of photos"):
        paired(scene, photo(tmp_path / "one.jpg", LON, LAT), tmp_path / "other")


def test_what_cannot_begin_is_refused_and_leaves_nothing(tmp_path: Path, make_raster: object) -> None:
    scene, photos = imagery(make_raster), tmp_path / "photos"
    photos.mkdir()
    with pytest.raises(PairsError, match="There are no photos in"):
        paired(scene, photos, tmp_path / "set")
    photo(photos / "a.jpg", *near(0, 0))
    with pytest.raises(OptionError, match="Chips of 5 m"):
        paired(scene, photos, tmp_path / "set", side_m=5.0)
    with pytest.raises(OptionError, match="has 10 pixels"):
        paired(scene, photos, tmp_path / "set", side_m=100.0)
    with pytest.raises(OptionError, match="the imagery has 400 x 400"):
        paired(scene, photos, tmp_path / "set", side_m=5000.0)
    plain = make_raster("plain.tif", crs=None)  # type: ignore[operator]
    with pytest.raises(PairsError, match="no coordinate reference system"):
        paired(plain, photos, tmp_path / "set")
    with pytest.raises(OutputError, match="not an empty folder"):
        paired(scene, photos, photos)

    def stop() -> None:
        raise CancelledError("Stopped.")

    request = PhotoPairsRequest(str(scene), str(photos), str(tmp_path / "set"))
    with pytest.raises(CancelledError):
        photo_pairs(request, progress=lambda _update: None, check_cancelled=stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos", "plain.tif", "scene.tif"]


def test_real_photos(tmp_path: Path, make_raster: object, satclip_data: Path) -> None:
    photos = satclip_data / "geophotos"
    scene = make_raster(  # type: ignore[operator]
        width=400, height=400, crs="EPSG:32632", gsd=10.0, origin=(731_500.0, 4_819_000.0)
    )
    made = paired(scene, photos, tmp_path / "set")
    taken = [path for pair in made.pair_set.pairs for path in pair.photos]
    assert {Path(path).parent.name for path in taken} == {"arezzo"}
    assert len(taken) == 9
    assert problems(made) == {f"0{i}.jpg": "outside the imagery" for i in range(1, 9)}
    assert {pair.region for pair in made.pair_set.pairs} == {"arezzo"}
