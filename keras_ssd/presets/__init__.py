"""Presets: trained detectors that are loaded by a name."""

from keras_ssd.presets.presets import (
    Preset,
    find_preset,
    is_preset,
    list_presets,
    packaged_file,
    preset_file,
    similar_preset,
)

__all__ = [
    "Preset",
    "find_preset",
    "is_preset",
    "list_presets",
    "packaged_file",
    "preset_file",
    "similar_preset",
]
