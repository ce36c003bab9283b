"""A trained detector's weights, carried over to other classes."""

import keras

from keras_ssd.models.detector import class_names as class_names_of
from keras_ssd.models.detector import ssd_config, ssd_model


def with_classes(detector, class_names):
    """An SSD for other classes, as far trained as the detector's weights serve them.

    All weights are copied but those of the class predictions: there background and the classes
    that both have by name are carried over, and the others start anew, at random.

    Args:
        detector: keras.Model, as `build_detector` returns it; it stays as it is.
        class_names: K names for the new model, in any order.

    Returns:
        keras.Model, see `SSD`, and the names of the classes that were carried over.

    Raises:
        ValueError: there is no class name, or one comes twice.
    """
    class_names = tuple(class_names)
    if not class_names or len(set(class_names)) < len(class_names):
        raise ValueError(f"class_names: expected distinct names, not {class_names}")
    old_model, old_names = ssd_model(detector), class_names_of(detector)
    kept = [name for name in class_names if name in old_names]
    # background first, in both
    old_rows = [0, *(old_names.index(name) + 1 for name in kept)]
    new_rows = [0, *(class_names.index(name) + 1 for name in kept)]
    class_heads = {  # boxes per cell of the layers that predict classes, as `SSD` names them
        f"head{number}_classes": len(feature_map.box_sizes)
        for number, feature_map in enumerate(ssd_config(detector).feature_maps, start=1)
    }

    def clone(layer):
        config = layer.get_config()
        if layer.name in class_heads:
            config["filters"] = class_heads[layer.name] * (len(class_names) + 1)
        return type(layer).from_config(config)

    model = keras.models.clone_model(old_model, clone_function=clone)
    for layer in model.layers:
        weights = old_model.get_layer(layer.name).get_weights()
        if layer.name in class_heads:
            boxes = class_heads[layer.name]
            weights = [
                _with_rows(new, old, boxes, new_rows, old_rows)
                for new, old in zip(layer.get_weights(), weights, strict=True)
            ]
        layer.set_weights(weights)
    return model, kept


def _with_rows(new, old, boxes, new_rows, old_rows):
    """`new` (..., boxes * classes) with some classes of each box taken from `old`."""
    new_by_class = new.reshape(*new.shape[:-1], boxes, -1).copy()
    old_by_class = old.reshape(*old.shape[:-1], boxes, -1)
    new_by_class[..., new_rows] = old_by_class[..., old_rows]
    return new_by_class.reshape(new.shape)
