"""``python -m satclip_engine``: the command ``satclip`` where no console script is installed (the plugin's engine)."""

from __future__ import annotations

from satclip_engine.cli.main import main

if __name__ == "__main__":
    main()
