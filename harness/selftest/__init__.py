"""The proof that the harness can fail: planted defects, a campaign for false alarms, and other checkers beside it."""
