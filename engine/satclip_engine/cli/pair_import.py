"""``satclip captions import`` and ``satclip captions photos``: training sets out of what others collected."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from satclip_engine.cli.output import Output, json_option
from satclip_engine.cli.progress import cancel_by_signal, progress_bar
from satclip_engine.protocol import SPLITS, ProgressUpdate

_MOST_SHOWN = 10


@click.command("import")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="New folder for the training set.")
@click.option("--format", "layout", default="", help="The layout; by itself it is recognised.")
@click.option(
    "--copy", "is_copying", is_flag=True, help="Copy image files; else they stay where they are."
)
@json_option
@click.pass_obj
def import_command(output: Output, /, source: Path, out: Path, layout: str, is_copying: bool) -> None:
    """Make a training set of a data set with images and captions.

    SOURCE is its folder or its list of captions; see docs/training-sets.md for the layouts.
    """
    from satclip_engine.pairs.importing.run import SKIPPED_FILE, import_pairs

    with progress_bar(hidden=output.as_json) as draw, cancel_by_signal() as check_cancelled:

        def report(done: int, total: int) -> None:
            check_cancelled()
            draw(ProgressUpdate("images", done / total))

        imported = import_pairs(source, out.resolve(), report, layout=layout, is_copying=is_copying)
    pairs = imported.pair_set.pairs
    counts = Counter(pair.split for pair in pairs)
    lines = [
        f"Made a training set of {len(pairs):,} images in {imported.pair_set.folder} (layout: {imported.layout}).",
        "  " + ", ".join(f"{split} {counts[split]:,}" for split in SPLITS if counts[split]),
        *(f"  {note}" for note in imported.notes),
    ]
    if imported.skipped:
        lines.append(f"  {len(imported.skipped):,} left out, listed in {SKIPPED_FILE}:")
        lines += [f"    {item.name}: {item.reason}" for item in imported.skipped[:_MOST_SHOWN]]
    output.result(
        {
            "folder": str(imported.pair_set.folder),
            "layout": imported.layout,
            "pairs": len(pairs),
            "splits": dict(counts),
            "skipped": [[item.name, item.reason] for item in imported.skipped],
            "notes": list(imported.notes),
        },
        "\n".join(lines),
    )
