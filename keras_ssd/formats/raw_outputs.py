"""The parts of a detector that every writer starts from: its SSD, settings and class names."""

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np

from keras_ssd.config import SSDConfig
from keras_ssd.images import checked_image, resize_image
from keras_ssd.inference.decoding import DecodingSettings
from keras_ssd.inference.thresholds import ThresholdSettings


class KerasDetector(Protocol):
    """What exports need of `keras_ssd.Detector`."""

    name: str
    class_names: tuple[str, ...]
    confidence_threshold: float
    iou_threshold: float
    max_detections: int

    @property
    def ssd(self) -> Any: ...

    @property
    def config(self) -> SSDConfig: ...

    @property
    def image_size(self) -> int: ...

    @property
    def top_k(self) -> int: ...

    def with_dtype(self, dtype: str) -> "KerasDetector": ...


def raw_outputs_model(detector: KerasDetector) -> Any:
    """Makes a Keras model from "images", uint8 RGB (B, S, S, 3), to the raw outputs of the SSD.

    It computes in float32, whatever the detector computes in.
    """
    import keras
    from keras import ops

    size = detector.image_size
    images = keras.Input((size, size, 3), dtype="uint8", name="images")
    ssd = detector.with_dtype("float32").ssd
    return keras.Model(images, ssd(ops.cast(images, "float32")))


def warped_images(detector: KerasDetector, images: Iterable[Any]) -> list[np.ndarray]:
    """Warps images to the size of the detector's network.

    Args:
        detector: the detector.
        images: uint8 RGB (H, W, 3) of any size, or PIL images. Messages call them `data`.

    Returns:
        The images, each uint8 RGB (S, S, 3).

    Raises:
        ValueError: an image is not RGB uint8 (H, W, 3); the message names it.
    """
    size = detector.image_size
    return [
        resize_image(checked_image(image, f"data[{position}]"), size)
        for position, image in enumerate(images)
    ]


def thresholds_text(detector: KerasDetector) -> str:
    """Returns the thresholds as the text that files which give detections contain."""
    return ThresholdSettings(
        detector.confidence_threshold, detector.iou_threshold, detector.max_detections
    ).to_json()


def decoding_settings(detector: KerasDetector) -> DecodingSettings:
    """Returns the settings that turn the raw outputs of the detector's SSD into detections."""
    return DecodingSettings(
        config=detector.config,
        confidence_threshold=detector.confidence_threshold,
        iou_threshold=detector.iou_threshold,
        max_detections=detector.max_detections,
        top_k=detector.top_k,
    )


def labels_text(detector: KerasDetector) -> str:
    """Returns the detector's class names, one in each line."""
    return "".join(f"{name}\n" for name in detector.class_names)


def suppressing_threshold(settings: DecodingSettings) -> np.float32:
    """Returns the `iou_threshold` for a runtime that drops a box even at an IoU equal to it.

    The detector drops a box only if the IoU is higher than the threshold.
    """
    next_above = np.nextafter(np.float32(settings.iou_threshold), np.float32(2))
    return max(next_above, np.finfo(np.float32).tiny)
