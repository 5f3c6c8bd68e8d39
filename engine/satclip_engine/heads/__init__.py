"""Heads: features to class scores, and scores to decisions."""
