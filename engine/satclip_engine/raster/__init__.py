"""Rasters: opening, band mapping, scaling, reading by windows. Never imports torch."""
