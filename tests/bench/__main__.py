"""Speed as ratios within one run: `python tests/bench [--only NAME]`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.command import main

main()
