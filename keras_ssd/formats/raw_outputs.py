"""What every writer starts from: the SSD of a detector, its settings, its class names."""

from collections.abc import Iterable

import numpy as np

from keras_ssd.images import checked_image, resize_image
from keras_ssd.inference.decoding import DecodingSettings


def raw_outputs_model(detector):
    """A Keras model from "images", uint8 RGB (B, S, S, 3), to the raw outputs of the SSD.

    It computes in float32, whatever the detector computes in.

    Args:
        detector: a `Detector`.
    """
    import keras
    from keras import ops

    size = detector.image_size
    images = keras.Input((size, size, 3), dtype="uint8", name="images")
    ssd = detector.with_dtype("float32").ssd
    return keras.Model(images, ssd(ops.cast(images, "float32")))


def warped_images(detector, images: Iterable[np.ndarray]) -> list[np.ndarray]:
    """The images, uint8 RGB (H, W, 3) of any size, each warped to (S, S, 3).

    Args:
        detector: the detector, for S.
        images: the images, which messages call `data`.

    Raises:
        ValueError: one of them is something else; the message names it.
    """
    size = detector.image_size
    return [
        resize_image(checked_image(image, f"data[{position}]"), size)
        for position, image in enumerate(images)
    ]


def decoding_settings(detector) -> DecodingSettings:
    """How the raw outputs of the detector's SSD become detections."""
    return DecodingSettings(
        config=detector.config,
        confidence_threshold=detector.confidence_threshold,
        iou_threshold=detector.iou_threshold,
        max_detections=detector.max_detections,
        top_k=detector.top_k,
    )


def labels_text(detector) -> str:
    """The detector's class names, one in each line."""
    return "".join(f"{name}\n" for name in detector.class_names)


def suppressing_threshold(settings: DecodingSettings) -> np.float32:
    """The `iou_threshold` for a runtime that also drops boxes of an IoU equal to its threshold.

    The detector only drops those of a higher IoU.
    """
    next_above = np.nextafter(np.float32(settings.iou_threshold), np.float32(2))
    return max(next_above, np.finfo(np.float32).tiny)
