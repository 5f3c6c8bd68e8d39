"""``satclip serve``: the engine that QGIS talks to."""

from __future__ import annotations

import click


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Loopback address to listen on.")
@click.option("--port", default=0, show_default=True, help="Port to listen on; 0 takes a free one.")
def serve_command(host: str, port: int) -> None:
    """Run the engine until it is stopped; QGIS starts it by itself."""
    from satclip_engine.api.server import serve
    from satclip_engine.config import Config

    config = Config.from_environment()
    serve(
        config,
        host=host,
        port=port,
        on_ready=lambda port: click.echo(f"SatCLIP engine on 127.0.0.1:{port}; data in {config.data_dir}"),
    )
