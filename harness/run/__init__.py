"""Runs: what is planned, executed, recorded and stored."""
