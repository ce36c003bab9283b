"""Weights from elsewhere, brought into the shape of this package's models."""
