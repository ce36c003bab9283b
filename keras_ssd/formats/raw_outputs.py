"""The parts of a detector that every writer needs: its SSD, its settings, its class names."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_ssd.images import checked_image, resize_image
from keras_ssd.inference.decoding import DecodingSettings

if TYPE_CHECKING:
    import keras


def raw_outputs_model(detector: Any) -> "keras.Model":
    """A Keras model from "images", uint8 RGB (B, S, S, 3), to the raw outputs of the SSD.

    It computes in float32, also if the detector has another dtype.

    Args:
        detector: the `Detector` to export.
    """
    import keras
    from keras import ops

    size = detector.image_size
    images = keras.Input((size, size, 3), dtype="uint8", name="images")
    ssd = detector.with_dtype("float32").ssd
    return keras.Model(images, ssd(ops.cast(images, "float32")))


def warped_images(detector: Any, images: Iterable[np.ndarray]) -> list[np.ndarray]:
    """The images, uint8 RGB (H, W, 3) of any size, each warped to (S, S, 3).

    Args:
        detector: the detector, with the input size S.
        images: the images, which messages call `data`.

    Raises:
        ValueError: an image is not RGB uint8 (H, W, 3); the message names it.
    """
    size = detector.image_size
    return [
        resize_image(checked_image(image, f"data[{position}]"), size)
        for position, image in enumerate(images)
    ]


def decoding_settings(detector: Any) -> DecodingSettings:
    """The settings that turn the raw outputs of the detector's SSD into detections."""
    return DecodingSettings(
        config=detector.config,
        confidence_threshold=detector.confidence_threshold,
        iou_threshold=detector.iou_threshold,
        max_detections=detector.max_detections,
        top_k=detector.top_k,
    )


def labels_text(detector: Any) -> str:
    """The detector's class names, one in each line."""
    return "".join(f"{name}\n" for name in detector.class_names)


def suppressing_threshold(settings: DecodingSettings) -> np.float32:
    """The `iou_threshold` for a runtime that also drops boxes with an IoU equal to its threshold.

    The detector drops a box only if the IoU is higher than the threshold.
    """
    next_above = np.nextafter(np.float32(settings.iou_threshold), np.float32(2))
    return max(next_above, np.finfo(np.float32).tiny)
