"""Labelled places, drawn or from a vector layer, and the features under them."""
