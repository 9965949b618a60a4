"""`python -m harness.cli` is the command."""

from harness.cli import main

main()
