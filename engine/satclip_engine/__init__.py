"""SatCLIP's engine: open-vocabulary maps from satellite imagery, on the user's own machine."""

__version__ = "0.1.0"
