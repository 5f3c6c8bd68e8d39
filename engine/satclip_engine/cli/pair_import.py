"""``satclip captions import``, ``photos`` and ``export``: training sets of what others collected, and for others."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from satclip_engine.cli.output import Output, json_option
from satclip_engine.cli.progress import cancel_by_signal, progress_bar
from satclip_engine.cli.request import local_path, parse_gsd
from satclip_engine.protocol import SPLITS, ExportPairsRequest, ImportPairsRequest, PhotoPairsRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from satclip_engine.pairs.importing.run import Imported
    from satclip_engine.pairs.new_folder import Skipped

_MOST_SHOWN = 10
_LAYOUTS = "aid, mgrs, rsicd, coco, jsonl, csv, webdataset, samples, texts or folders"
_OUT = click.option("--out", required=True, type=click.Path(path_type=Path), help="New folder for the training set.")
_TITLE = click.option("--title", default="", help="For people; by itself the source's name.")
_LICENCE = click.option("--licence", default="", help="Of the data, for the cards of models trained on it.")


@click.command("import")
@click.argument("source", type=click.Path(path_type=Path))
@_OUT
@click.option("--format", "layout", default="", help=f"{_LAYOUTS}; by itself it is recognised.")
@click.option("--copy", is_flag=True, help="Copy image files into the set; else they stay where they are.")
@_TITLE
@_LICENCE
@json_option
@click.pass_obj
def import_command(output: Output, /, source: Path, out: Path, **options: Any) -> None:
    """Make a training set of images with captions that lie in SOURCE, a folder, list or archive."""
    from satclip_engine.pairs.importing.run import import_pairs

    request = ImportPairsRequest(str(source.resolve()), str(out.resolve()), **options)
    with progress_bar(hidden=output.as_json) as progress, cancel_by_signal() as check_cancelled:
        made = import_pairs(request, progress=progress, check_cancelled=check_cancelled)
    _say(output, made)


@click.command("photos")
@click.argument("photos", type=click.Path(path_type=Path))
@click.option("--scene", required=True, help="The imagery around the photos.")
@_OUT
@click.option("--layer", default="", help="Of a vector file of photos; not needed where there is one.")
@click.option("--attribute", default="", help="Its field with the photos' paths; by itself photo, path or alike.")
@click.option("--side", "side_m", default=1000.0, show_default=True, help="Side of the imagery around a place, in m.")
@click.option(
    "--group", "group_m", default=30.0, show_default=True, help="Photos within these metres are of one place."
)
@click.option("--gsd", default="auto", show_default=True, help="Working resolution in metres; auto is the raster's.")
@click.option("--swap-coordinates", is_flag=True, help="Swap longitude and latitude where only this gives imagery.")
@click.option("--bands", default="auto", show_default=True, help="Preset, or band numbers such as 4,3,2.")
@click.option("--scaling", default="auto", show_default=True, help="percentile, percentile:LOW,HIGH, none.")
@_TITLE
@_LICENCE
@json_option
@click.pass_obj
def photos_command(output: Output, /, photos: Path, scene: str, out: Path, gsd: str, **options: Any) -> None:
    """Make a training set of geotagged PHOTOS, a folder or a layer of points, and the imagery around them."""
    from satclip_engine.pairs.photos import photo_pairs

    request = PhotoPairsRequest(
        local_path(scene), str(photos.resolve()), str(out.resolve()), gsd_m=parse_gsd(gsd), **options
    )
    with progress_bar(hidden=output.as_json) as progress, cancel_by_signal() as check_cancelled:
        made = photo_pairs(request, progress=progress, check_cancelled=check_cancelled)
    _say(output, made)


@click.command("export")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="New folder for the shards.")
@click.option("--per-shard", default=1000, show_default=True, help="Most pairs in one.")
@json_option
@click.pass_obj
def export_command(output: Output, /, folder: Path, out: Path, per_shard: int) -> None:
    """Write the training set FOLDER as webdataset shards, as open_clip and others read them."""
    from satclip_engine.pairs.shards import export_pairs

    request = ExportPairsRequest(str(folder.resolve()), str(out.resolve()), per_shard)
    with progress_bar(hidden=output.as_json) as progress, cancel_by_signal() as check_cancelled:
        made = export_pairs(request, progress=progress, check_cancelled=check_cancelled)
    lines = [
        f"Wrote {sum(made.sizes.values()):,} pairs to {made.folder}.",
        *(f"  {name} {number:,}" for name, number in made.sizes.items()),
        *_left_out(made.skipped),
    ]
    output.result(
        {"folder": str(made.folder), "shards": made.sizes, "skipped": _skipped_json(made.skipped)}, "\n".join(lines)
    )


def _say(output: Output, made: Imported) -> None:
    pairs = made.pair_set.pairs
    counts = Counter(pair.split for pair in pairs)
    lines = [
        f"Made a training set of {len(pairs):,} images in {made.pair_set.folder}.",
        "  " + ", ".join(f"{split} {counts[split]:,}" for split in SPLITS if counts[split]),
        *(f"  {note}" for note in made.notes),
        *_left_out(made.skipped),
    ]
    output.result(
        {
            "folder": str(made.pair_set.folder),
            "pairs": len(pairs),
            "splits": dict(counts),
            "skipped": _skipped_json(made.skipped),
            "notes": list(made.notes),
        },
        "\n".join(lines),
    )


def _left_out(skipped: Sequence[Skipped]) -> list[str]:
    from satclip_engine.pairs.new_folder import SKIPPED_FILE

    if not skipped:
        return []
    shown = [f"    {item.name}: {item.reason}" for item in skipped[:_MOST_SHOWN]]
    rest = ["    …"] if len(skipped) > _MOST_SHOWN else []
    return [f"  {len(skipped):,} left out, listed in {SKIPPED_FILE}:", *shown, *rest]


def _skipped_json(skipped: Sequence[Skipped]) -> list[dict[str, str]]:
    return [{"name": item.name, "reason": item.reason} for item in skipped]
