"""Encoders: loading open_clip models and turning windows and texts into features."""
