"""``python -m satclip_engine.worker batch|interactive``: started by the supervisor only."""

import sys

from satclip_engine.worker.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
