"""``python -m satclip_engine.cli``: the same as the command ``satclip``."""

from satclip_engine.cli.main import main

if __name__ == "__main__":
    main()
