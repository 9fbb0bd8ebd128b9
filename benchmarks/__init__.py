"""Measurements a user can repeat: `python -m benchmarks [NAME…]`. Never a timed test; ratios come from one run."""
