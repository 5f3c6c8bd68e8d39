"""``satclip captions``: training sets of image-text pairs, built, checked, split and shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from satclip_engine.cli.output import Output, json_option
from satclip_engine.cli.pair_import import export_command, import_command, photos_command
from satclip_engine.cli.progress import cancel_by_signal, progress_bar
from satclip_engine.cli.request import local_path, parse_gsd, read_classes
from satclip_engine.config import Config
from satclip_engine.errors import OptionError
from satclip_engine.protocol import (
    SPLITS,
    BuildCaptionsRequest,
    CheckPairsRequest,
    ClassSet,
    CodedRaster,
    Finding,
    SampleFile,
    SplitPairsRequest,
    to_json,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from satclip_engine.pairs.pair_set import PairSet
    from satclip_engine.pairs.sampling import Bytes, Floats

_SHOWN = 20


@click.group("captions")
def captions_group() -> None:
    """Training sets: pictures with words, for satclip train."""


captions_group.add_command(import_command)
captions_group.add_command(photos_command)
captions_group.add_command(export_command)


@captions_group.command("build")
@click.argument("scene")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Training set; one there is extended.")
@click.option("--layer", "layers", multiple=True, help="Vector file whose field says what is there; repeatable.")
@click.option("--attribute", "attributes", multiple=True, help="The field; one for each --layer, or several of one.")
@click.option("--words", "words", default="", help="What the field's values mean, text or file: 411: wheat; 412: rye.")
@click.option("--landcover", default="", help="Categorical raster.")
@click.option("--codes", default="", help="What its codes mean: worldcover, corine, nlcd, dynamic-world, text or file.")
@click.option("--indices", is_flag=True, help="Say what NDVI, NDWI and NDBI show.")
@click.option("--region", default="", help="Name of the place.")
@click.option("--regions", default="", help="Vector file of regions with names, for whole regions held out.")
@click.option("--regions-attribute", default="", help="The field with their names.")
@click.option("--season", default="", help="As in summer; by itself from --date.")
@click.option("--date", default="", help="2020, 2020-05 or 2020-05-14.")
@click.option("--sensor", default="", help="As in Sentinel-2.")
@click.option("--templates", default=None, type=click.Path(path_type=Path), help="File of caption templates.")
@click.option("--chip", "chip_px", default=224, show_default=True, help="Side of a chip in pixels.")
@click.option("--gsd", default="auto", show_default=True, help="Working resolution in metres; auto is the raster's.")
@click.option("--count", default=None, type=int, help="Most chips, balanced over space, classes and looks.")
@click.option("--model", default="mini", show_default=True, help="Whose features tell looks apart for --count.")
@click.option("--chips", "save_chips", is_flag=True, help="Write the chips as files.")
@click.option("--bands", default="auto", show_default=True, help="Preset, or band numbers such as 4,3,2.")
@click.option("--scaling", default="auto", show_default=True, help="percentile, percentile:LOW,HIGH, none.")
@click.option("--title", default="", help="For people; by itself the folder's name.")
@click.option("--licence", default="", help="Of imagery and words, for the cards of models trained on them.")
@click.option("--seed", default=0, show_default=True, help="Of the choice of chips.")
@json_option
@click.pass_obj
def build_command(output: Output, /, **options: Any) -> None:
    """Cut chips from SCENE and say in words what layers know of them."""
    from satclip_engine.pairs.build import build_captions

    config = Config.from_environment()
    request = _build_request(options, config)

    def described(pictures: Iterable[Bytes]) -> Floats:
        from satclip_engine.harness.vectors import describe

        return describe(pictures, model=request.model, device="auto", config=config)

    with progress_bar(hidden=output.as_json) as progress, cancel_by_signal() as check_cancelled:
        made = build_captions(
            request, config=config, describe=described, progress=progress, check_cancelled=check_cancelled
        )
    data = {
        "folder": str(made.folder),
        "pairs": len(made.pairs),
        "labels": _labels(made),
        "notes": [made.info.origin[-1]],
    }
    output.result(data, "\n".join([made.info.origin[-1], *_label_lines(made), f"In {made.folder}."]))


@captions_group.command("show")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--count", default=_SHOWN, show_default=True, help="How many pairs.")
@json_option
@click.pass_obj
def show_command(output: Output, folder: Path, count: int) -> None:
    """Show the pairs of a training set."""
    from satclip_engine.pairs.pair_set import read_pair_set

    pair_set = read_pair_set(folder)
    step = max(1, len(pair_set.pairs) // max(1, count))
    shown = pair_set.pairs[::step][:count]
    lines = [f"{pair_set.info.title or folder.name}: {len(pair_set.pairs)} pairs", *pair_set.info.origin]
    for pair in shown:
        lines.append(f"{pair.id}  {pair.split}  {pair.label or '-'}  {pair.region or '-'}")
        lines += [f"    {caption}" for caption in (*pair.captions, *pair.long_captions)]
    output.result({"info": to_json(pair_set.info), "pairs": [to_json(pair) for pair in shown]}, "\n".join(lines))


@captions_group.command("check")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--model", default="mini", show_default=True, help="The model to be trained: its tokenizer counts.")
@click.option("--fix", "fixes", multiple=True, help="Code of findings to fix in place, or all; repeatable.")
@json_option
@click.pass_obj
def check_command(output: Output, folder: Path, model: str, fixes: tuple[str, ...]) -> None:
    """Find what would make training on FOLDER go wrong."""
    from satclip_engine.pairs.check import CHECKS
    from satclip_engine.pairs.upkeep import check_pairs

    request = CheckPairsRequest(str(folder.resolve()), model, tuple(CHECKS) if "all" in fixes else fixes)
    with progress_bar(hidden=output.as_json) as progress, cancel_by_signal() as check_cancelled:
        config = Config.from_environment()
        done = check_pairs(request, config=config, progress=progress, check_cancelled=check_cancelled)
    fixed = {finding.code for finding in done.fixed}
    lines = [f"Fixed: {finding.sentence} {finding.fix}" for finding in done.fixed]
    lines += [f"Nothing of {code} that a fix helps." for code in fixes if code not in fixed and code != "all"]
    lines += [f"{finding.severity}: {finding.sentence}{_remedy(finding)}" for finding in done.findings]
    output.result(to_json(done), "\n".join(lines or ["Nothing found."]))


@captions_group.command("split")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--block", default="auto", show_default=True, help="Side of the blocks in metres; auto is four chips.")
@click.option("--buffer", "buffer_m", default=None, type=float, help="Least distance to what is held out, in metres.")
@click.option("--hold-out", "regions", multiple=True, help="Region to hold out for the test; repeatable.")
@click.option("--seed", default=0, show_default=True, help="Of the choice of blocks.")
@json_option
@click.pass_obj
def split_command(
    output: Output, folder: Path, block: str, buffer_m: float | None, regions: tuple[str, ...], seed: int
) -> None:
    """Divide the training set FOLDER by place into train, validation and test."""
    from satclip_engine.pairs.upkeep import split_pairs

    divided = split_pairs(SplitPairsRequest(str(folder.resolve()), regions, _metres(block), buffer_m, seed))
    numbers = {name: len(divided.of_split(name)) for name in SPLITS}
    told = ", ".join(f"{number:,} {name}" for name, number in numbers.items())
    output.result({"folder": str(folder), "pairs": numbers}, f"{divided.info.origin[-1]} {told}.")


def _build_request(options: dict[str, Any], config: Config) -> BuildCaptionsRequest:
    from satclip_engine.pairs.resources import code_list

    codes = options["codes"]
    is_list = codes and codes.replace("-", "").isalnum() and not Path(codes).is_file()
    meaning = code_list(config, codes) if is_list else read_classes(codes) if codes else None
    templates = options["templates"]
    words = read_classes(options["words"]) if options["words"] else None
    return BuildCaptionsRequest(
        scene=local_path(options["scene"]),
        folder=str(options["out"].resolve()),
        layers=_layers(options["layers"], options["attributes"], words),
        landcover=CodedRaster(local_path(options["landcover"]), meaning) if options["landcover"] else None,
        regions=SampleFile(local_path(options["regions"]), attribute=options["regions_attribute"])
        if options["regions"]
        else None,
        templates=_read(templates) if templates is not None else "",
        gsd_m=parse_gsd(options["gsd"]),
        **{
            name: options[name]
            for name in (
                "indices", "region", "season", "date", "sensor", "chip_px", "count", "model", "save_chips",
                "bands", "scaling", "title", "licence", "seed",
            )
        },
    )  # fmt: skip


def _layers(paths: tuple[str, ...], attributes: tuple[str, ...], words: ClassSet | None) -> tuple[SampleFile, ...]:
    """Pair files with fields: one field each, several of one file, or none where there is one text field."""
    if len(paths) == 1:
        paths = paths * max(1, len(attributes))
    attributes = attributes or ("",) * len(paths)
    if len(paths) != len(attributes):
        raise OptionError(
            f"{len(attributes)} fields are named for {len(paths)} layers.",
            remedy="Write --layer FILE --attribute FIELD once for each.",
            code="option.layers",
        )
    return tuple(
        SampleFile(local_path(path), attribute=attribute, classes=words)
        for path, attribute in zip(paths, attributes, strict=True)
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(
            f"The template file {path} cannot be read: {error}.",
            remedy="Save it as UTF-8 text, one template per line.",
            code="option.caption_template",
        ) from error


def _labels(pair_set: PairSet) -> dict[str, int]:
    from collections import Counter

    return dict(Counter(pair.label for pair in pair_set.pairs if pair.label).most_common())


def _label_lines(pair_set: PairSet) -> list[str]:
    return [f"  {label}: {number:,}" for label, number in _labels(pair_set).items()]


def _metres(block: str) -> float | None:
    if block == "auto":
        return None
    try:
        return float(block)
    except ValueError as error:
        raise OptionError(
            f"The side of a block {block!r} is no number of metres.", remedy="Write 2000.", code="option.block"
        ) from error


def _remedy(finding: Finding) -> str:
    return f" (--fix {finding.code}: {finding.fix})" if finding.fix else ""
