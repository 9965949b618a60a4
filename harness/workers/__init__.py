"""Worker processes: other people's code runs here, and what it breaks costs one cell."""
