"""Ratios against a named baseline, both measured in the same run. Nothing here fails for being slow."""
