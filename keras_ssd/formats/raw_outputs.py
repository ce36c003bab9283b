"""What the exports start from: a detector's SSD, its settings and names."""

from collections.abc import Iterable

import keras
import numpy as np
from keras import ops

from keras_ssd.images import checked_image, resize_image
from keras_ssd.models.precision import with_dtype


def raw_outputs_model(detector) -> keras.Model:
    """The SSD within a detector, from "images", uint8 RGB (B, S, S, 3), to its raw outputs.

    In float32, in whatever precision the detector computes.
    """
    size = detector.image_size
    images = keras.Input((size, size, 3), dtype="uint8", name="images")
    ssd = with_dtype(detector.ssd, "float32")
    return keras.Model(images, ssd(ops.cast(images, "float32")))


def warped_calibration_images(detector, images: Iterable[np.ndarray] | None) -> list[np.ndarray]:
    """The images (S, S, 3) from which int8 takes its ranges; ValueError if it cannot."""
    images = () if images is None else images
    if not isinstance(images, Iterable):
        raise ValueError(
            f"calibration_images: expected RGB uint8 arrays (H, W, 3), not {type(images).__name__}"
        )
    size = detector.image_size
    warped = [
        resize_image(checked_image(image, f"calibration_images[{position}]"), size)
        for position, image in enumerate(images)
    ]
    if not warped:
        raise ValueError("calibration_images: int8 needs images to take its ranges from")
    return warped


def decoding_settings(detector) -> dict:
    """What decodes a detector's raw outputs; see `inference.decoding.read_settings`."""
    return {
        "config": detector.config.to_dict(),
        "top_k": detector.top_k,
        "confidence_threshold": detector.confidence_threshold,
        "iou_threshold": detector.iou_threshold,
        "max_detections": detector.max_detections,
    }


def labels_text(detector) -> str:
    """The foreground names, one a line."""
    return "".join(f"{name}\n" for name in detector.class_names)


def suppressing_threshold(detector) -> np.float32:
    """The detector's `iou_threshold` for a runtime that suppresses an overlap that equals its own.

    The detector suppresses what overlaps by more.
    """
    next_above = np.nextafter(np.float32(detector.iou_threshold), np.float32(2))
    return max(next_above, np.finfo(np.float32).tiny)
