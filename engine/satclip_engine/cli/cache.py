"""``satclip cache``: the feature maps kept on disk."""

from __future__ import annotations

import click

from satclip_engine.cli.output import Output, json_option, size_text
from satclip_engine.config import Config


@click.group("cache")
def cache_group() -> None:
    """Show or clear the encoded features kept on disk."""


@cache_group.command("show")
@json_option
@click.pass_obj
def show_command(output: Output) -> None:
    """Show how much disk the cache takes."""
    from satclip_engine.features.cache import list_entries

    config = Config.from_environment()
    entries = list_entries(config.cache_dir)
    total_bytes = sum(entry.size_bytes for entry in entries)
    output.result(
        {
            "cache_bytes": total_bytes,
            "cache_limit_bytes": config.cache_limit_bytes,
            "path": str(config.cache_dir),
            "entries": [
                {"path": str(entry.path), "size_bytes": entry.size_bytes, "used_s": entry.used_s} for entry in entries
            ],
        },
        f"{len(entries)} feature maps, {size_text(total_bytes)} of {size_text(config.cache_limit_bytes)}, "
        f"in {config.cache_dir}",
    )


@cache_group.command("clear")
@json_option
@click.pass_obj
def clear_command(output: Output) -> None:
    """Delete the cached features; maps already made stay."""
    from satclip_engine.features.cache import clear

    freed_bytes = clear(Config.from_environment().cache_dir)
    output.result({"freed_bytes": freed_bytes}, f"Freed {size_text(freed_bytes)}.")
