"""Trained detectors that have a name."""
