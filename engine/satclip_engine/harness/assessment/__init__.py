"""Accuracy assessment of a map on disk: its classes and their areas, a drawn sample, the labelled points."""
