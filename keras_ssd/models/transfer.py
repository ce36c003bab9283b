"""Training on from what is trained: weights carried over to other classes, layers frozen."""

import difflib

import keras

from keras_ssd.classes import VOC_NAMES
from keras_ssd.detector.detector import class_names as class_names_of
from keras_ssd.detector.detector import ssd_config, ssd_model


def with_classes(detector, class_names):
    """An SSD for other classes, as far trained as the detector's weights serve them.

    All weights are copied but those of the class predictions: there background and the classes
    that both have by name are carried over, and the others start anew, at random. A class may have
    COCO's name in one and VOC's in the other (`VOC_NAMES`).

    Args:
        detector: keras.Model, as `build_detector` returns it; it stays as it is.
        class_names: K names for the new model, in any order.

    Returns:
        keras.Model, see `SSD`, and the names (of `class_names`) that were carried over.

    Raises:
        ValueError: there is no class name, or one comes twice.
    """
    class_names = tuple(class_names)
    if not class_names or len(set(class_names)) < len(class_names):
        raise ValueError(f"class_names: expected distinct names, not {class_names}")
    old_model, old_names = ssd_model(detector), class_names_of(detector)
    # background first, in both
    row_of = {name: row for row, name in enumerate(old_names, start=1)}
    row_of = {VOC_NAMES.get(name, name): row for name, row in row_of.items()} | row_of
    found = [row_of.get(name, row_of.get(VOC_NAMES.get(name))) for name in class_names]
    kept = [name for name, row in zip(class_names, found, strict=True) if row]
    old_rows = [0, *filter(None, found)]
    new_rows = [0, *(class_names.index(name) + 1 for name in kept)]
    class_heads = {  # boxes per cell of the layers that predict classes, as `SSD` names them
        f"head{number}_classes": len(feature_map.box_sizes)
        for number, feature_map in enumerate(ssd_config(detector).feature_maps, start=1)
    }

    def clone(layer):
        config = layer.get_config()
        if isinstance(layer, keras.layers.Layer):  # not an operation of `keras.ops`
            config["trainable"] = True  # whatever was frozen before
        if layer.name in class_heads:
            config["filters"] = class_heads[layer.name] * (len(class_names) + 1)
        return type(layer).from_config(config)

    model = keras.models.clone_model(old_model, clone_function=clone)
    for layer, old_layer in zip(model.layers, old_model.layers, strict=True):
        weights = old_layer.get_weights()
        if layer.name in class_heads:
            boxes = class_heads[layer.name]
            weights = [
                _with_rows(new, old, boxes, new_rows, old_rows)
                for new, old in zip(layer.get_weights(), weights, strict=True)
            ]
        layer.set_weights(weights)
    return model, kept


def freeze_up_to(model, layer_name):
    """Keeps a layer and all that its output depends on as they are in training.

    Frozen batch norms normalize by their moving statistics. Some ends of a whole backbone: "fc7"
    (VGG16), "out_relu" (MobileNetV2), "conv5_block3_out" (ResNet50).

    Args:
        model: an SSD, changed in place.
        layer_name: of one of its layers.

    Raises:
        ValueError: the model has no layer of that name.
    """
    names = [layer.name for layer in model.layers]
    if layer_name not in names:
        similar = difflib.get_close_matches(layer_name, names, cutoff=0.3) or names[1:4]
        raise ValueError(
            f"no layer {layer_name!r} in model {model.name!r}; "
            f"{len(names)} have names such as {', '.join(similar)}"
        )
    for layer in keras.Model(model.input, model.get_layer(layer_name).output).layers:
        layer.trainable = False


def freeze_batch_norm(model):
    """Keeps all batch norms of an SSD as they are, scale and shift included.

    They normalize by their moving statistics. Small batches of much augmented images then cannot
    spoil the statistics of a trained model.
    """
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


def _with_rows(new, old, boxes, new_rows, old_rows):
    """`new` (..., boxes * classes) with some classes of each box taken from `old`."""
    new_by_class = new.reshape(*new.shape[:-1], boxes, -1).copy()
    old_by_class = old.reshape(*old.shape[:-1], boxes, -1)
    new_by_class[..., new_rows] = old_by_class[..., old_rows]
    return new_by_class.reshape(new.shape)
