"""Converts TensorFlow's SSDLite on MobileNetV2 to an SSD."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from keras_ssd.checkpoints.checks import check_names, check_shapes
from keras_ssd.checkpoints.tensorflow import read_tensorflow_checkpoint
from keras_ssd.checkpoints.tensorflow_names import (
    classes_in_our_order,
    offsets_in_our_order,
    ssdlite_variables,
)
from keras_ssd.config import SSD_MOBILENET_300
from keras_ssd.convert.names import names_for
from keras_ssd.models import SSD, SSDMobileNet300

_BOXES = [len(feature_map.box_sizes) for feature_map in SSD_MOBILENET_300.feature_maps]


def convert_tensorflow_checkpoint(
    path: str | Path, class_names: Iterable[str] | None = None
) -> tuple[SSD, tuple[str, ...]]:
    """Returns the SSD in a checkpoint of TensorFlow's `ssdlite_mobilenet_v2` for 300 px.

    It is the network of the model zoo's ssdlite_mobilenet_v2_coco_2018_05_09, and predicts the same
    boxes and logits from the same 300x300 pixels. The detections of a `Detector` differ in these
    points:

    - Scores are the softmax over background and classes, as in every SSD here. TensorFlow trained
      the network with the sigmoid of each logit, and uses that as the score, which ranks boxes a
      little differently.
    - NMS drops boxes at an IoU above 0.45, among scores above 0.01. TensorFlow uses 0.6 and 1e-8.
    - Images are resized with pixel centers aligned. TensorFlow 1 aligned pixel corners, which moves
      the content by less than half a pixel.
    - Default boxes have the ratio 1/3; TensorFlow uses 0.3333. They differ by 0.03 pixels at most.

    Args:
        path: the path of a checkpoint, its folder or the model zoo's `.tar.gz`, as in
            `read_tensorflow_checkpoint`.
        class_names: the K class names in the order of the classes. None takes the names of VOC for
            20 classes, of COCO for 80, and of COCO by category id for 90 (`COCO_CLASSES_BY_ID`).

    Returns:
        The SSD, named "ssd_mobilenet_300_tensorflow", and its class names.

    Raises:
        ValueError: the checkpoint cannot be read, its variables are not those of this SSD (the
            message names them), or the number of names is wrong.
    """
    variables = read_tensorflow_checkpoint(path)
    layers = ssdlite_variables()
    check_names(variables, [name for names in layers.values() for name in names], path)
    num_classes = _count_classes(variables, layers["head1_classes"][1], path)
    class_names = names_for(class_names, num_classes, path)
    model = SSDMobileNet300(num_classes, name="ssd_mobilenet_300_tensorflow")
    _check_shapes(model, layers, variables, path)
    for layer, names in layers.items():
        weights = [np.asarray(variables[name], np.float32) for name in names]
        model.get_layer(layer).set_weights([_in_our_order(layer, weight) for weight in weights])
    return model, class_names


def _count_classes(variables, biases, path):
    """Counts the foreground classes in the head of the first map, which has 3 boxes per cell."""
    shape = variables[biases].shape
    if len(shape) != 1 or shape[0] % _BOXES[0] or shape[0] < 2 * _BOXES[0]:
        raise ValueError(
            f"{path}: {biases} must have shape ({_BOXES[0]} * classes,), background and at least "
            f"one more class, not {shape}"
        )
    return shape[0] // _BOXES[0] - 1


def _check_shapes(model, layers, variables, path):
    expected = {
        name: tuple(weight.shape)
        for layer, names in layers.items()
        for name, weight in zip(names, model.get_layer(layer).weights, strict=True)
    }
    check_shapes(variables, expected, path)


def _in_our_order(layer, weight):
    head, _, kind = layer.partition("_")
    if kind not in ("offsets", "classes"):
        return weight
    reorder = offsets_in_our_order if kind == "offsets" else classes_in_our_order
    return reorder(weight, _BOXES[int(head.removeprefix("head")) - 1])
