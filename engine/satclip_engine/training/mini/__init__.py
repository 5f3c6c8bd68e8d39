"""The embedded model: its recipe and what it is made of."""
