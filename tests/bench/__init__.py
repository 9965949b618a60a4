"""Speed as ratios within one run; `python tests/bench` prints the table."""
