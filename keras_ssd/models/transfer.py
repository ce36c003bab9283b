"""Prepares a trained SSD for further training: other classes, frozen layers."""

import difflib
import itertools
import re
from collections.abc import Sequence

import keras

from keras_ssd.classes import VOC_NAMES
from keras_ssd.models.ssd import SSD

# The last layers of VGG16, MobileNetV2, MobileNetV3 and ResNet50, up to which they are pretrained.
BACKBONE_ENDS = ("fc7", "out_relu", "out_hard_swish", "conv5_block3_out")


def with_classes(
    ssd: SSD, class_names: Sequence[str], new_names: Sequence[str]
) -> tuple[SSD, list[str]]:
    """Makes an SSD for other classes with the weights of a trained one.

    All weights are copied, except those that predict classes. Of these, the weights of the
    background and of the classes with the same name in both models are copied; the others start at
    random. A class may have COCO's name in one model and VOC's name in the other (`VOC_NAMES`).

    Args:
        ssd: the trained model, which is not changed.
        class_names: the names of its K classes.
        new_names: the names for the new model, in any order.

    Returns:
        The new SSD, and the names in `new_names` with weights that were copied.
    """
    new_names = tuple(new_names)
    # background first, in both
    row_of = {name: row for row, name in enumerate(class_names, start=1)}
    row_of = {VOC_NAMES.get(name, name): row for name, row in row_of.items()} | row_of
    found = [row_of.get(name, row_of.get(VOC_NAMES.get(name, name))) for name in new_names]
    kept = [name for name, row in zip(new_names, found, strict=True) if row]
    old_rows = [0, *filter(None, found)]
    new_rows = [0, *(new_names.index(name) + 1 for name in kept)]
    class_heads = {  # the number of boxes in a cell, by the layer that predicts their classes
        f"head{number}_classes": len(feature_map.box_sizes)
        for number, feature_map in enumerate(ssd.config.feature_maps, start=1)
    }

    def clone(layer):
        config = layer.get_config()
        if isinstance(layer, keras.layers.Layer):  # not an operation of `keras.ops`
            config["trainable"] = True  # also if it was frozen
        if layer.name in class_heads:
            config["filters"] = class_heads[layer.name] * (len(new_names) + 1)
        if layer.name == "classes":
            config["width"] = len(new_names) + 1
        return type(layer).from_config(config)

    model = ssd.clone(clone)
    for layer, old_layer in zip(model.layers, ssd.layers, strict=True):
        weights = old_layer.get_weights()
        if layer.name in class_heads:
            boxes = class_heads[layer.name]
            weights = [
                _with_rows(new, old, boxes, new_rows, old_rows)
                for new, old in zip(layer.get_weights(), weights, strict=True)
            ]
        layer.set_weights(weights)
    return model, kept


def freeze_up_to(model: keras.Model, layer_name: str) -> None:
    """Freezes a layer and all layers that its output depends on, or the backbone or its start.

    Frozen batch norms normalize by their moving statistics.

    Args:
        model: an SSD, which is changed in place.
        layer_name: the name of one of its layers; or "backbone", which are the layers up to "fc7"
            (VGG16), "out_relu" (MobileNetV2), "out_hard_swish" (MobileNetV3) or "conv5_block3_out"
            (ResNet50), or in other models all layers before the heads; or "stride8", which are
            those of the backbone before the first map that is smaller than an eighth of the image's
            side. They are the costliest to train, and the most alike for all kinds of objects.

    Raises:
        ValueError: the model has no layer of that name.

    Examples:
        >>> import keras_ssd
        >>> ssd = keras_ssd.SSDTiny128(1)
        >>> freeze_up_to(ssd, "stride8")
        >>> [layer.name for layer in ssd.layers if layer.trainable and layer.weights][:2]
        ['conv4_1', 'conv4_1_bn']
    """
    names = {layer.name for layer in model.layers}
    if layer_name == "stride8" and layer_name not in names:
        layers = list(itertools.takewhile(_is_up_to_stride_8(model), _backbone(model)))
    elif layer_name == "backbone" and layer_name not in names:
        layers = _backbone(model)
    else:
        layers = _layers_up_to(model, layer_name)
    for layer in layers:
        layer.trainable = False


def freeze_batch_norm(model: keras.Model, up_to: str | None = None) -> None:
    """Keeps training from changing the batch norms of an SSD, their scale and shift included.

    They normalize by their moving statistics. So small batches of strongly augmented images cannot
    spoil the statistics of a trained model.

    Args:
        model: an SSD, which is changed in place.
        up_to: the name of a layer: only batch norms that its output depends on are frozen. With
            the last layer of a backbone (see `freeze_up_to`), the untrained ones after it learn.
            None freezes all.

    Raises:
        ValueError: the model has no layer of that name.
    """
    for layer in model.layers if up_to is None else _layers_up_to(model, up_to):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


def _backbone(model):
    names = {layer.name for layer in model.layers}
    for end in BACKBONE_ENDS:
        if end in names:
            return _layers_up_to(model, end)
    is_head = re.compile(r"head\d+_|(offsets|classes)\Z").match
    return [layer for layer in model.layers if not is_head(layer.name)]


def _is_up_to_stride_8(model):
    size = model.input.shape[1]

    def is_up_to_stride_8(layer):
        # Squeeze-and-excitation has maps of one cell, which may be within any stride.
        shape = layer.output.shape
        return len(shape) != 4 or shape[1] == 1 or 8 * shape[1] >= size

    return is_up_to_stride_8


def _layers_up_to(model, layer_name):
    names = [layer.name for layer in model.layers]
    if layer_name not in names:
        similar = difflib.get_close_matches(layer_name, names, cutoff=0.3) or names[1:4]
        raise ValueError(
            f"no layer {layer_name!r} in model {model.name!r}; "
            f"{len(names)} have names such as {', '.join(similar)}"
        )
    return keras.Model(model.input, model.get_layer(layer_name).output).layers


def _with_rows(new, old, boxes, new_rows, old_rows):
    """Returns `new` (..., boxes * classes) with some classes of each box taken from `old`."""
    new_by_class = new.reshape(*new.shape[:-1], boxes, -1).copy()
    old_by_class = old.reshape(*old.shape[:-1], boxes, -1)
    new_by_class[..., new_rows] = old_by_class[..., old_rows]
    return new_by_class.reshape(new.shape)
