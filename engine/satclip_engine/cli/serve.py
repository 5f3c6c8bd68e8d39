"""``satclip serve``: the engine that QGIS talks to."""

from __future__ import annotations

import click

from satclip_engine.config import Config


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Loopback address to listen on.")
@click.option("--port", default=0, show_default=True, type=click.IntRange(0, 65_535), help="0 takes a free one.")
def serve_command(host: str, port: int) -> None:
    """Run the engine until it is stopped; QGIS starts it by itself."""
    from satclip_engine.api.server import serve

    config = Config.from_environment()
    serve(
        config,
        host=host,
        port=port,
        on_ready=lambda port: click.echo(f"SatCLIP engine on {host}:{port}; data in {config.data_dir}"),
    )
