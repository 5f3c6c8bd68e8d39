"""``python -m satclip_engine.training.mini``."""

from satclip_engine.training.mini.recipe import main

main()
