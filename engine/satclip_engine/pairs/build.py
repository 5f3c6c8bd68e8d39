"""The job "build captions": a training set from a raster and the layers that know what is on it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from satclip_engine.config import Config
from satclip_engine.errors import OptionError, PairsError
from satclip_engine.models.card import PICTURE_BANDS
from satclip_engine.pairs.cut import Advance, Lattice, cut, native_window
from satclip_engine.pairs.facts import read_facts, write_facts
from satclip_engine.pairs.indices import chip_indices, index_notes
from satclip_engine.pairs.layers import Known, read_layers
from satclip_engine.pairs.new_folder import new_set_folder, refuse_occupied
from satclip_engine.pairs.pair_set import INFO_FILE, PairSet, read_pair_set, write_pair_set
from satclip_engine.pairs.places import write_places
from satclip_engine.pairs.resources import default_templates, phrases, thesaurus
from satclip_engine.pairs.sampling import Describe, choose, look_groups, name_groups, space_groups
from satclip_engine.pairs.saying import FIELDS, Circumstances, Speaker
from satclip_engine.pairs.templates import Template, parse_templates
from satclip_engine.protocol import (
    BuildCaptionsRequest,
    ClassSet,
    ClassSpec,
    Facts,
    Pair,
    PairRaster,
    PairSetInfo,
    ProgressUpdate,
)
from satclip_engine.raster.scene import Scene, open_scene
from satclip_engine.samples.chip_folder import cannot_write, write_chip
from satclip_engine.samples.notes import counted

# Where each step ends, of the whole.
_CUT, _READ, _CHOSEN, _SAID = 0.1, 0.3, 0.7, 0.8


def build_captions(
    request: BuildCaptionsRequest,
    *,
    config: Config,
    describe: Describe,
    progress: Callable[[ProgressUpdate], None],
    check_cancelled: Callable[[], None],
) -> PairSet:
    """Cut chips from a raster, say in words what is known of them, and write or extend a training set.

    Args:
        request: What is asked for.
        config: Folders.
        describe: Tells which chips look alike, where fewer are asked for than there can be.
        progress: Receives progress updates.
        check_cancelled: Raises ``CancelledError`` when the user asked to stop.

    Raises:
        SceneError: if the raster cannot be used.
        SamplesError: if a vector layer cannot be used.
        PairsError: ``pairs.no_chips``, ``pairs.no_captions``, ``pairs.codes``, ``pairs.landcover``, ``pairs.double``.
        OptionError: if an option cannot be used.
        OutputError: if the folder cannot be written.
    """
    folder = Path(request.folder)
    before, facts_before = _before(folder, request)
    speaker = Speaker(Circumstances(request.season, request.date, request.sensor), phrases(config), thesaurus(config))

    def step(stage: str, begin: float, end: float) -> Advance:
        def advance(share: float) -> None:
            check_cancelled()
            progress(ProgressUpdate(stage, begin + share * (end - begin)))

        return advance

    if request.count is not None and request.count < 1:
        raise OptionError(f"{request.count} chips are asked for.", remedy="Ask for at least one.", code="option.count")
    with open_scene(request.scene, bands=request.bands, scaling=request.scaling) as scene:
        grid = scene.grid if request.gsd_m is None else scene.working_grid(request.gsd_m, (None, None))
        lattice = cut(scene, grid, request.chip_px, step("cut", 0.0, _CUT))
        known = read_layers(request, lattice, step("read", _CUT, _READ))
        known = _chosen(request, known, scene, speaker, describe, step("choose", _READ, _CHOSEN))
        known = _with_indices(request, known, scene, step("caption", _CHOSEN, _SAID))
        fields = (*FIELDS, *known.fields)
        templates = parse_templates(request.templates or default_templates(config), fields)
        names_windows = grid == scene.grid and not request.save_chips
        pairs = _pairs(known, scene, speaker, templates, names_windows)
        _refuse_wordless(pairs, request)
        raster = PairRaster(request.scene, request.bands, request.scaling, scene.fingerprint)
        _refuse_double(before, pairs, raster)
        told = _origin(request, known, pairs)
        made = _extended(before, list(pairs.values()), raster if names_windows else None, told)
        made = _with_bands(made, before, scene)
        facts = {pair.id: known.facts[number] for number, pair in pairs.items()}
        with nullcontext(folder) if (folder / INFO_FILE).is_file() else new_set_folder(folder) as place:
            if not names_windows:
                _save_chips(place, known.lattice, pairs, scene, step("write", _SAID, 1.0))
            written = replace(made, folder=place)
            write_facts(place, {**facts_before, **facts})
            write_pair_set(written)
            write_places(written)
    progress(ProgressUpdate("write", 1.0))
    return made


def _before(folder: Path, request: BuildCaptionsRequest) -> tuple[PairSet, dict[str, Facts]]:
    """Return the training set that lies in ``folder``, or an empty one."""
    if (folder / INFO_FILE).is_file():
        return read_pair_set(folder), read_facts(folder)
    refuse_occupied(folder)
    return PairSet(folder, PairSetInfo(request.title or folder.name, licence=request.licence), ()), {}


def _chosen(
    request: BuildCaptionsRequest, known: Known, scene: Scene, speaker: Speaker, describe: Describe, advance: Advance
) -> Known:
    """Leave out chips that nothing is known of, and choose from the rest if there are more than asked."""
    labels = [speaker.label(facts) for facts in known.facts]
    usable = [place for place, label in enumerate(labels) if label or request.indices]
    known = known.only(usable)
    if request.count is None or len(usable) <= request.count:
        return known
    groupings = [
        space_groups(known.lattice),
        name_groups([labels[place] for place in usable]),
        look_groups(scene, known.lattice, describe, request.seed, advance),
    ]
    return known.only(choose(groupings, request.count, request.seed))


def _with_indices(request: BuildCaptionsRequest, known: Known, scene: Scene, advance: Advance) -> Known:
    if not request.indices:
        return known
    notes = index_notes(scene.path)
    windows = [native_window(scene, known.lattice.grid, known.lattice.window(at)) for at in known.lattice.places]
    return replace(known.with_indices(chip_indices(scene.path, windows, advance)), notes=(*known.notes, *notes))


def _pairs(
    known: Known, scene: Scene, speaker: Speaker, templates: tuple[Template, ...], names_windows: bool
) -> dict[int, Pair]:
    """Return the pairs of the chips that got a caption, by the chip's number."""
    lattice, pairs = known.lattice, {}
    # Two rasters of one name may be in one set.
    stem = f"{Path(scene.path).stem}-{scene.fingerprint[:4]}"
    for number, (place, facts, region) in enumerate(zip(lattice.places, known.facts, known.regions, strict=True)):
        words = speaker.words(facts, region, place.lat)
        said = [(template.is_long, text) for template in templates if (text := template.fill(words))]
        captions = tuple(dict.fromkeys(text for is_long, text in said if not is_long))
        if not captions:
            continue
        name = f"{stem}_r{place.row:05d}_c{place.col:05d}"
        pairs[number] = Pair(
            id=name,
            image=scene.path if names_windows else f"images/{name}.tif",
            captions=captions,
            window_px=(place.col, place.row, lattice.chip_px, lattice.chip_px) if names_windows else None,
            long_captions=tuple(dict.fromkeys(text for is_long, text in said if is_long)),
            label=speaker.label(facts),
            region=region,
            lon=place.lon,
            lat=place.lat,
            gsd_m=lattice.grid.gsd_m if lattice.grid.has_crs else None,
        )
    return pairs


def _save_chips(folder: Path, lattice: Lattice, pairs: dict[int, Pair], scene: Scene, advance: Advance) -> None:
    try:
        (folder / "images").mkdir(parents=True, exist_ok=True)
        for done, (number, pair) in enumerate(pairs.items()):
            advance(done / len(pairs))
            window = lattice.window(lattice.places[number])
            chip = scene.read(window, lattice.grid)
            write_chip(folder / pair.image, chip.image, lattice.grid, window, chip.valid)
    except OSError as error:
        raise cannot_write(folder, error) from error


def _extended(before: PairSet, pairs: list[Pair], raster: PairRaster | None, step: str) -> PairSet:
    # Masks that are there already count the classes in their order: new ones come behind.
    specs = list(before.info.classes.classes) if before.info.classes is not None else []
    spelled = {spec.name.casefold(): spec.name for spec in specs}
    for label in sorted({pair.label for pair in pairs} - {""}):
        if label.casefold() not in spelled:
            spelled[label.casefold()] = label
            specs.append(ClassSpec(label))
    labelled = [replace(pair, label=spelled.get(pair.label.casefold(), "")) for pair in pairs]
    made = before.with_pairs([*before.pairs, *labelled], step)
    rasters = dict.fromkeys([*made.info.rasters, *([raster] if raster is not None else [])])
    classes = ClassSet(tuple(specs)) if specs else None
    return replace(made, info=replace(made.info, rasters=tuple(rasters), classes=classes))


def _with_bands(made: PairSet, before: PairSet, scene: Scene) -> PairSet:
    """Say which bands the images of a set show, where these are more than three."""
    bands = scene.band_names if scene.channels > PICTURE_BANDS else ()
    if before.pairs and before.info.bands != bands:
        raise PairsError(
            f"{before.folder.name} holds images of {', '.join(before.info.bands) or 'three bands'}; of"
            f" {Path(scene.path).name} {', '.join(bands) or 'three bands'} were chosen.",
            remedy="Choose the same bands, or a new folder.",
            code="pairs.bands",
        )
    return replace(made, info=replace(made.info, bands=bands))


def _origin(request: BuildCaptionsRequest, known: Known, pairs: dict[int, Pair]) -> str:
    lattice = known.lattice
    told = [
        f"Cut {counted(len(pairs), 'chip')} of {lattice.chip_px} pixels ({lattice.grid.gsd_m:.3g} m) from "
        f"{Path(request.scene).name}; {lattice.left_out} on nodata left out."
    ]
    return " ".join([*told, *known.notes])


def _refuse_wordless(pairs: dict[int, Pair], request: BuildCaptionsRequest) -> None:
    if pairs:
        return
    has_source = request.layers or request.landcover or request.indices
    raise PairsError(
        "No chip got a caption: " + ("no template could be filled." if has_source else "nothing is known of them."),
        remedy="Write templates of fields that the layers fill."
        if has_source
        else "Name a layer, a land cover, or ask for indices.",
        code="pairs.no_captions",
    )


def _refuse_double(before: PairSet, pairs: dict[int, Pair], raster: PairRaster) -> None:
    remedy = "Choose a new folder, or delete the old training set."
    there = {pair.id for pair in before.pairs}
    double = [pair.id for pair in pairs.values() if pair.id in there]
    if double:
        raise PairsError(
            f"{before.folder.name} already holds the chip {double[0]!r} of this raster.",
            remedy=remedy,
            code="pairs.double",
        )
    # Windows name their raster by its path: one path cannot be read in two ways.
    if any(known.path == raster.path and known != raster for known in before.info.rasters):
        raise PairsError(
            f"{before.folder.name} already holds chips of {Path(raster.path).name} with other bands or scaling, or of "
            "what it held before.",
            remedy=remedy,
            code="pairs.double",
        )
