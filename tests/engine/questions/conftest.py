"""Tests here use the small encoder."""

from tests.engine.helpers.encoder_fixtures import config, open_source, tiny_encoder, tiny_folder

__all__ = ["config", "open_source", "tiny_encoder", "tiny_folder"]
