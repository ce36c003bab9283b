"""A detector: pixels in, detections out, in one model that saves and exports as a whole."""

import zipfile
from pathlib import Path

import keras
from keras import ops

from keras_ssd.config import SSDConfig
from keras_ssd.models.layers import DecodeDetections, DefaultBoxes, FlattenPredictions


def build_detector(
    model, class_names, *, confidence_threshold=0.01, iou_threshold=0.45, max_detections=200
):
    """Puts resizing before an SSD and decoding behind it; the weights stay shared.

    Args:
        model: an SSD, as `SSD300` returns it.
        class_names: K foreground names, in the order of the model's classes.
        confidence_threshold, iou_threshold, max_detections: see `DecodeDetections`.

    Returns:
        keras.Model from uint8 RGB images (B, H, W, 3) of any size to a dictionary of "boxes"
        (B, D, 4), "labels" (B, D), "scores" (B, D) and "num_detections" (B,), as
        `DecodeDetections` describes them. `predict`, calls and exports return the same.

    Raises:
        ValueError: there are not as many names as the model has classes, a name comes twice, or
            one is empty or longer than a line.
    """
    class_names = tuple(class_names)
    config = ssd_config(model)
    num_classes = model.output["classes"].shape[-1] - 1
    if len(class_names) != num_classes:
        raise ValueError(
            f"class_names: {len(class_names)} names given, but model {model.name!r} "
            f"has {num_classes} foreground classes"
        )
    if len(set(class_names)) != num_classes:
        raise ValueError(f"class_names: a name comes twice in {class_names}")
    for name in class_names:
        if not isinstance(name, str) or not name or "\n" in name:  # exports hold one a line
            raise ValueError(f"class_names: expected names of one line each, not {name!r}")

    images = keras.Input((None, None, 3), dtype="uint8", name="images")
    size = config.image_size
    # Not the Resizing layer: it would round only outside `predict`, and in a plain call of the
    # detector its `training=True` would switch the layers after it to training too.
    outputs = model(ops.image.resize(ops.cast(images, "float32"), (size, size)))
    detections = DecodeDetections(
        class_names,
        config.variances,
        confidence_threshold=confidence_threshold,
        iou_threshold=iou_threshold,
        max_detections=max_detections,
        name="decode_detections",
    )(outputs["offsets"], outputs["classes"], DefaultBoxes(config, name="default_boxes")(images))
    return keras.Model(images, detections, name=f"{model.name}_detector")


def open_detector(path):
    """The detector in a `.keras` file.

    Raises:
        ValueError: there is no such file, or it holds something else.
    """
    path = Path(path)
    if not path.exists():
        raise ValueError(f"{path}: no such file; expected a detector saved as .keras")
    if path.suffix != ".keras" or path.is_dir():
        raise ValueError(f"{path}: expected a detector saved as .keras")
    try:
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):  # of which Keras says that there is no such file
                raise ValueError("damaged, or no .keras file")
        model = keras.saving.load_model(path, compile=False)
        _find_layer(model, DecodeDetections)
    except Exception as error:  # a damaged file makes Keras raise almost anything
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{path}: not a detector saved as .keras ({reason})") from error
    return model


def class_names(detector) -> tuple[str, ...]:
    """The foreground classes that the labels of a detector, Keras or exported, count through."""
    if not isinstance(detector, keras.Model):  # see keras_ssd.inference.exported
        return detector.class_names
    return decode_layer(detector).class_names


def decode_layer(detector) -> DecodeDetections:
    """The layer that decodes within a detector, which holds its names and thresholds."""
    return _find_layer(detector, DecodeDetections)


def ssd_config(model) -> SSDConfig:
    """The configuration of an SSD or a detector."""
    return _find_layer(model, (DefaultBoxes, FlattenPredictions)).config


def image_size(model) -> int:
    """Side in pixels of the square images that the network within works on."""
    if not isinstance(model, keras.Model):
        return model.image_size
    return ssd_config(model).image_size


def ssd_model(detector):
    """The SSD within a detector, which trains; they share their weights."""
    return _find_layer(detector, keras.Model)


def _find_layer(model, kinds):
    for layer in model.layers:
        if isinstance(layer, kinds):
            return layer
    raise ValueError(f"model {model.name!r} is no keras_ssd model of the kind expected here")
