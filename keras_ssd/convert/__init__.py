"""Checkpoints of other projects, made into models."""
