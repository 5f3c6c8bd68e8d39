"""Entry point of ``python -m satclip_engine.harness.study``."""

from satclip_engine.harness.study.command import main

main()
