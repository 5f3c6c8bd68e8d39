"""``python -m satclip_engine.harness.teaching``."""

from satclip_engine.harness.teaching.command import main

main()
