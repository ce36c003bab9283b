"""Converts PyTorch checkpoints of SSD300 and SSD512 on VGG16 to SSDs."""

import dataclasses
import logging
from collections.abc import Iterable
from pathlib import Path

from keras_ssd.checkpoints.checks import check_names, check_shapes, keras_layout
from keras_ssd.checkpoints.torch import read_torch_checkpoint
from keras_ssd.checkpoints.torch_names import TORCH_SOURCES, detect_torch_source
from keras_ssd.config import (
    SSD300_COCO,
    SSD300_VOC,
    SSD512_COCO,
    SSD512_COCO_TRUNCATED,
    SSD512_VOC,
    SSD512_VOC_TRUNCATED,
    SSDConfig,
)
from keras_ssd.convert.names import names_for
from keras_ssd.models import backbones
from keras_ssd.models.ssd import SSD

logger = logging.getLogger("keras_ssd")


def convert_torch_checkpoint(
    path: str | Path,
    source: str = "auto",
    class_names: Iterable[str] | None = None,
    boxes: str | None = None,
) -> tuple[SSD, tuple[str, ...]]:
    """Returns the SSD in a PyTorch checkpoint, with the same predictions as in PyTorch.

    The normalization of the pixels and the clip rule of the default boxes are those of the source.

    Args:
        path: the path of a checkpoint for `read_torch_checkpoint`.
        source: "amdegroot" (ssd.pytorch), "lufficc" (SSD), "torchvision", "caffe" (the original's
            weights under ssd.pytorch's names, such as its ssd_300_VOC0712.pth, which take BGR), or
            "auto", which finds one of the first three by the names of the tensors.
        class_names: the K class names in the order of the classes. None takes the names of VOC for
            20 classes, of COCO for 80, and of COCO by category id for 90 (`COCO_CLASSES_BY_ID`). A
            message in the log says which.
        boxes: "voc" or "coco", the data set that the sizes of the default boxes were chosen for. A
            checkpoint does not contain the sizes, and wrong sizes misplace every box. None takes
            "coco" if the source is torchvision or K is 80, 90 or 200, and "voc" otherwise, as in
            the settings of the sources. A message in the log says which.

    Returns:
        The SSD, named after its default boxes and the source, and its class names.

    Raises:
        ValueError: the file cannot be read, its tensors are not those of an SSD of the source (the
            message names them), or the number of names is wrong.
        UnsafeCheckpointError: the file asks for more than tensors; a subclass of ValueError.
    """
    if source != "auto" and source not in TORCH_SOURCES:
        raise ValueError(f"source: expected auto, {', '.join(TORCH_SOURCES)}, not {source!r}")
    if boxes not in ("voc", "coco", None):
        raise ValueError(f'boxes: expected "voc", "coco" or None, not {boxes!r}')
    tensors = read_torch_checkpoint(path)
    if source == "auto":
        source = _detect_source(tensors, path)
    implementation = TORCH_SOURCES[source]
    # torchvision has no SSD512. A seventh map in its tensors belongs to other grids.
    ssd512 = source != "torchvision" and f"{implementation.extras[8]}.weight" in tensors
    layers = implementation.layers(num_maps=7 if ssd512 else 6)
    check_names(tensors, [name for names in layers.values() for name in names], path)

    num_classes = _count_classes(tensors, implementation.classes.format(0), path)
    class_names = names_for(class_names, num_classes, path)
    if boxes is None:
        boxes = _guess_boxes(source, num_classes, path)
    config = dataclasses.replace(_config(source, ssd512, boxes), clip=implementation.clip)
    backbone = backbones.vgg16(config.image_size, mean=implementation.mean)
    name = f"{config.name.lower().replace(' ', '_')}_{source}"
    model = SSD.from_backbone(backbone, config, num_classes, name=name)
    _set_weights(model, layers, tensors, path)
    if implementation.bgr:
        first = model.get_layer("block1_conv1")
        kernel, bias = first.get_weights()
        first.set_weights([kernel[:, :, ::-1], bias])
    return model, class_names


def _detect_source(tensors, path):
    source = detect_torch_source(tensors)
    if source is None:
        raise ValueError(
            f"{path}: the names of its tensors do not belong to an SSD on VGG16 of "
            f"{', '.join(TORCH_SOURCES)}; the first is {next(iter(tensors))[:100]!a}"
        )
    return source


def _count_classes(tensors, head, path):
    """Counts the foreground classes in the head of the first map, which has 4 boxes per cell."""
    shape = tensors[f"{head}.weight"].shape
    if shape[1:] != (512, 3, 3) or shape[0] % 4 or shape[0] < 8:
        raise ValueError(
            f"{path}: {head}.weight must have shape (4 * classes, 512, 3, 3), background and at "
            f"least one more class, not {shape}"
        )
    return shape[0] // 4 - 1


def _guess_boxes(source: str, num_classes: int, path: str | Path) -> str:
    """Returns the data set of the default boxes, by the settings of the sources."""
    boxes = "coco" if source == "torchvision" or num_classes in (80, 90, 200) else "voc"
    logger.info(
        '%s: taken for an SSD of %s with the default boxes of %s; boxes="%s" takes the others',
        path,
        source,
        boxes.upper(),
        "voc" if boxes == "coco" else "coco",
    )
    return boxes


def _config(source: str, ssd512: bool, boxes: str) -> SSDConfig:
    if not ssd512:
        voc, coco = SSD300_VOC, SSD300_COCO
    elif source == "caffe":
        voc, coco = SSD512_VOC_TRUNCATED, SSD512_COCO_TRUNCATED
    else:
        voc, coco = SSD512_VOC, SSD512_COCO
    return coco if boxes == "coco" else voc


def _set_weights(model, layers, tensors, path):
    expected = {
        name: _torch_shape(weight.shape)
        for layer, names in layers.items()
        for name, weight in zip(names, model.get_layer(layer).weights, strict=True)
    }
    check_shapes(tensors, expected, path)
    for layer, names in layers.items():
        model.get_layer(layer).set_weights([keras_layout(tensors[name]) for name in names])


def _torch_shape(shape):
    return (shape[3], shape[2], *shape[:2]) if len(shape) == 4 else tuple(shape)
