"""SSD, the network: a backbone, and heads that predict offsets and classes of default boxes."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
from keras import layers

from keras_ssd.config import SSDConfig
from keras_ssd.models.backbone_parts import normalized_relu6, xavier
from keras_ssd.models.data_format import channels_last
from keras_ssd.models.layers import FlattenPredictions


@keras.saving.register_keras_serializable("keras_ssd")
class SSD(keras.Model):
    """The network of a single-shot detector (paper, section 2), from pixels to raw predictions.

    `SSD300` and similar functions build one, or `SSD.from_backbone`. A `Detector` turns its
    predictions into detections.

    Args:
        inputs: a Keras tensor of RGB pixels in 0..255, (B, S, S, 3).
        outputs: a dictionary of Keras tensors:
            "offsets": float32 (B, N, 4), coded (cx, cy, w, h) of each default box.
            "classes": float32 (B, N, K + 1), logits, background first.
        config: the SSDConfig, which defines the default boxes.

    Attributes:
        config: the SSDConfig.
        num_classes: K, the number of foreground classes.

    Raises:
        ValueError: the shapes of the inputs or outputs do not fit the config.

    Examples:
        >>> import keras_ssd
        >>> ssd = keras_ssd.SSDTiny128(num_classes=3)
        >>> {name: output.shape for name, output in ssd.output.items()}
        {'offsets': (None, 1360, 4), 'classes': (None, 1360, 4)}
    """

    def __init__(self, inputs: Any, outputs: Mapping[str, Any], config: SSDConfig, **kwargs: Any):
        _check_shapes(inputs, outputs, config)
        super().__init__(inputs, outputs, **kwargs)
        self.config = config

    @property
    def num_classes(self) -> int:
        return self.output["classes"].shape[-1] - 1

    @classmethod
    @channels_last
    def from_backbone(
        cls,
        backbone: keras.Model,
        config: SSDConfig,
        num_classes: int,
        *,
        separable_heads: bool = False,
        weights: str | Path | None = None,
        name: str = "ssd",
    ) -> "SSD":
        """Puts the heads of an SSD on any backbone.

        Args:
            backbone: a model from RGB pixels in 0..255, (B, S, S, 3), to the feature maps of
                `config`, the finest first. Its layers become layers of the SSD.
            config: the SSDConfig: image size, feature maps, default boxes.
            num_classes: K, the number of foreground classes.
            separable_heads: True makes each head a depthwise and a pointwise convolution
                (SSDLite); False makes it one full 3x3 convolution.
            weights: the path of a `.weights.h5` or `.keras` file of such a model, or None.
            name: the model's name.

        Raises:
            ValueError: the backbone's maps do not have the grids of `config`, or the weights do not
                fit.
        """
        _check(config, num_classes, backbone)
        head = _separable_head if separable_heads else _head
        offset_maps, class_maps = [], []
        maps = zip(backbone.outputs, config.feature_maps, strict=True)
        for number, (x, feature_map) in enumerate(maps, start=1):
            boxes = len(feature_map.box_sizes)
            offset_maps.append(head(x, 4 * boxes, name=f"head{number}_offsets"))
            class_maps.append(head(x, (num_classes + 1) * boxes, name=f"head{number}_classes"))
        outputs = {
            "offsets": FlattenPredictions(4, name="offsets")(offset_maps),
            "classes": FlattenPredictions(num_classes + 1, name="classes")(class_maps),
        }
        model = cls(backbone.inputs[0], outputs, config, name=name)
        if weights is not None:
            _load_weights(model, weights)
        return model

    def clone(self, clone_function: Callable) -> "SSD":
        """Returns a copy with other layers, without the weights; see `keras.models.clone_model`."""
        graph = keras.models.clone_model(self, clone_function=clone_function, recursive=True)
        return SSD(graph.input, graph.output, self.config, name=self.name)

    def get_config(self) -> dict[str, Any]:
        graph = keras.Model(self.input, self.output, name=self.name).get_config()
        return {**graph, "trainable": self.trainable, "ssd_config": self.config.to_dict()}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "SSD":
        config = dict(config)
        ssd_config = SSDConfig.from_dict(config.pop("ssd_config"))
        graph = keras.Model.from_config(config, custom_objects)
        return cls(
            graph.input, graph.output, ssd_config, name=graph.name, trainable=graph.trainable
        )


def _check_shapes(inputs, outputs, config):
    size, boxes = config.image_size, config.num_default_boxes
    shapes = {
        "inputs": tuple(inputs.shape[1:]),
        **{name: tuple(output.shape[1:]) for name, output in outputs.items()},
    }
    expected = {"inputs": (size, size, 3), "offsets": (boxes, 4), "classes": (boxes, "K + 1")}
    logits = shapes.get("classes", ())
    if len(logits) == 2 and (logits[1] or 0) >= 2:
        expected["classes"] = (boxes, logits[1])
    if shapes != expected:
        raise ValueError(
            f"the configuration {config.name!r} expects the shapes {expected}, not {shapes}"
        )


def _check(config, num_classes, backbone):
    if num_classes < 1:
        raise ValueError(f"num_classes: expected 1 or more foreground classes, not {num_classes}")
    grids = [tuple(output.shape[1:3]) for output in backbone.outputs]
    expected = [(feature_map.grid, feature_map.grid) for feature_map in config.feature_maps]
    if grids != expected:
        raise ValueError(
            f"backbone {backbone.name!r} yields maps of {grids} cells, "
            f"but the configuration {config.name!r} expects {expected}"
        )


def _load_weights(model, path):
    try:
        model.load_weights(path)
    except Exception as error:  # each kind of file fails in its own way
        raise ValueError(f"weights: {path} does not fit model {model.name!r} ({error})") from error


def _head(x, channels, name):
    return layers.Conv2D(channels, 3, padding="same", kernel_initializer=xavier(), name=name)(x)


def _separable_head(x, channels, name):
    depthwise = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"{name}_depthwise")
    return layers.Conv2D(channels, 1, name=name)(normalized_relu6(depthwise, x))
