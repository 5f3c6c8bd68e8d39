"""Data sets of others become training sets: one module per layout, one way in for all of them."""
