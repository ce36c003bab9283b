"""The settings that decide the outcome of a run; it resumes only with those it began with."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.fingerprint import fingerprint
from keras_ssd.data.keras_augmentation import layer_names
from keras_ssd.data.tf_augmentation import TFPaperAugmentation
from keras_ssd.detector import Detector
from keras_ssd.models.precision import dtype_of
from keras_ssd.training.recipes import Recipe


def run_settings(
    detector: Detector,
    data: AnnotatedImages,
    validation: AnnotatedImages | None,
    recipe: Recipe,
    optimizer: keras.optimizers.Optimizer | None,
    augmentation: Callable | TFPaperAugmentation,
    **others: Any,
) -> dict[str, Any]:
    """Returns the settings of a run by name, as values that JSON can hold.

    Args:
        detector, data, validation, recipe, optimizer, augmentation: the arguments of `train`.
        **others: other settings, which are such values already.
    """
    followed = dataclasses.asdict(recipe)
    if optimizer is not None:  # it takes the place of the rest
        followed = {name: followed[name] for name in ("batch_size", "steps", "matching_iou")}
    return {
        "model": detector.ssd.name,
        "class_names": detector.class_names,
        "trainable_weights": len(detector.ssd.trainable_weights),
        "dtype": dtype_of(detector.ssd),
        "data": fingerprint(data),
        "validation": fingerprint(validation),
        "recipe": followed,
        "optimizer": optimizer and keras.saving.serialize_keras_object(optimizer),
        "augmentation": _name(augmentation),
        **others,
    }


def _name(augmentation) -> str:
    """Returns a text that is the same in every process."""
    if isinstance(augmentation, keras.layers.Layer):
        return layer_names(augmentation)
    return getattr(augmentation, "__qualname__", str(augmentation))
