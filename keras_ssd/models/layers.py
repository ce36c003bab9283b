"""Defines the layers of an SSD that Keras lacks.

Examples:
    >>> import keras_ssd
    >>> import numpy as np
    >>> normalized = keras_ssd.layers.L2Normalization()(np.ones((1, 38, 38, 512), "float32"))
    >>> tuple(normalized.shape)
    (1, 38, 38, 512)
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_ssd import geometry
from keras_ssd.models.fast_layers import (
    DilatedConv2D,
    FastDepthwiseConv2D,
    FastReLU,
    FusedBatchNormalization,
)
from keras_ssd.models.nms import non_max_suppression

__all__ = [
    "DecodeDetections",
    "DilatedConv2D",
    "FastDepthwiseConv2D",
    "FastReLU",
    "FlattenPredictions",
    "FusedBatchNormalization",
    "L2Normalization",
]


@keras.saving.register_keras_serializable("keras_ssd")
class L2Normalization(keras.layers.Layer):
    """Scales each pixel's channel vector to unit length, then each channel by a learned factor.

    The activations of conv4_3 are much larger than those of later maps; this layer makes them
    similar. Source: paper section 3.1 (ParseNet); Caffe `normalize_layer.cpp`.

    Args:
        scale: the initial factor of all channels.

    Input and output: (B, H, W, C), in the policy's compute dtype.
    """

    def __init__(self, scale: float = 20.0, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)
        self.initial_scale = scale

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        initializer = keras.initializers.Constant(self.initial_scale)
        self.scale = self.add_weight(
            name="scale", shape=(input_shape[-1],), initializer=initializer, dtype="float32"
        )

    def call(self, inputs: Any) -> Any:
        inputs = ops.cast(inputs, "float32")
        squared_norm = ops.sum(ops.square(inputs), axis=-1, keepdims=True)
        normalized = inputs * ops.rsqrt(squared_norm + 1e-10)
        return ops.cast(normalized * self.scale, self.compute_dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.initial_scale}


@keras.saving.register_keras_serializable("keras_ssd")
class FlattenPredictions(keras.layers.Layer):
    """Joins the outputs of an SSD's heads, in the order of its default boxes.

    Args:
        width: the number of values of a box: 4 offsets, or K + 1 classes.

    Inputs: for each feature map (B, H, W, A * width), with A boxes in a cell.
    Output: float32 (B, N, width).
    """

    def __init__(self, width: int, **kwargs: Any):
        super().__init__(autocast=False, **kwargs)
        self.width = width

    def call(self, inputs: Any) -> Any:
        flat = [ops.reshape(x, (-1, self._count(x), self.width)) for x in inputs]
        return ops.cast(ops.concatenate(flat, axis=1), "float32")

    def compute_output_spec(self, inputs: Any) -> Any:
        shape = (inputs[0].shape[0], sum(map(self._count, inputs)), self.width)
        return keras.KerasTensor(shape, dtype="float32")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width}

    def _count(self, x):
        """Returns the number of default boxes of a map."""
        _, height, width, channels = x.shape
        return height * width * channels // self.width


@keras.saving.register_keras_serializable("keras_ssd")
class DecodeDetections(keras.layers.Layer):
    """Turns an SSD's raw outputs into detections.

    It applies the softmax and computes boxes from the offsets. For each class it takes the best
    `top_k` boxes with a score above `confidence_threshold` and applies greedy NMS. For each image
    it keeps the best `max_detections` boxes of all classes, and clips them to the image. The
    thresholds may be changed at any time, but a function that was compiled before keeps the old
    ones.

    Source: paper, sections 2.2 and 3.1; Caffe `detection_output_layer.cpp`.

    Args:
        variances: the scales of the offsets, as in SSDConfig.
        confidence_threshold: the score that a box must exceed.
        iou_threshold: a box is dropped if its IoU with a higher-scoring kept box of its class
            exceeds this.
        max_detections: D, the largest number of detections in an image.
        top_k: the number of boxes of a class that enter NMS.

    Inputs:
        offsets: (B, N, 4).
        classes: logits (B, N, K + 1), background first.
        default_boxes: (N, 4), relative (cx, cy, w, h).

    The output is a dictionary. Rows beyond num_detections have box 0, label -1 and score 0:
        "boxes": float32 (B, D, 4), relative corners (x1, y1, x2, y2) in [0, 1].
        "labels": int32 (B, D), in 0..K-1.
        "scores": float32 (B, D), descending.
        "num_detections": int32 (B,).
    """

    def __init__(
        self,
        variances: Sequence[float] = (0.1, 0.1, 0.2, 0.2),
        confidence_threshold: float = 0.01,
        iou_threshold: float = 0.45,
        max_detections: int = 200,
        top_k: int = 400,
        **kwargs: Any,
    ):
        super().__init__(autocast=False, **kwargs)
        self.variances = tuple(variances)
        self.confidence_threshold = confidence_threshold
        self.iou_threshold = iou_threshold
        self.max_detections = max_detections
        self.top_k = top_k

    def call(self, offsets: Any, classes: Any, default_boxes: Any) -> dict[str, Any]:
        scores = ops.softmax(ops.cast(classes, "float32"), axis=-1)[..., 1:]  # (B, N, K)
        variances = ops.convert_to_tensor(self.variances, dtype="float32")
        decoded = geometry.decode(ops.cast(offsets, "float32"), default_boxes, variances, ops)

        scores = ops.transpose(scores, (0, 2, 1))  # (B, K, N)
        num_classes, num_boxes = scores.shape[1:]
        top_k = min(self.top_k, num_boxes)
        scores, indices = ops.top_k(scores, top_k)  # (B, K, top_k)
        indices = ops.reshape(indices, (-1, num_classes * top_k, 1))
        candidates = ops.take_along_axis(decoded, indices, axis=1)  # (B, K * top_k, 4)
        candidates = ops.reshape(candidates, (-1, num_classes, top_k, 4))

        detections = non_max_suppression(
            candidates, scores, self.confidence_threshold, self.iou_threshold, self.max_detections
        )
        return {**detections, "boxes": geometry.clip(detections["boxes"], ops)}

    def compute_output_spec(
        self, offsets: Any, classes: Any, default_boxes: Any
    ) -> dict[str, keras.KerasTensor]:
        batch = offsets.shape[0]  # D is not fixed, since `max_detections` may be changed
        return {
            "boxes": keras.KerasTensor((batch, None, 4), dtype="float32"),
            "labels": keras.KerasTensor((batch, None), dtype="int32"),
            "scores": keras.KerasTensor((batch, None), dtype="float32"),
            "num_detections": keras.KerasTensor((batch,), dtype="int32"),
        }

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "variances": self.variances,
            "confidence_threshold": self.confidence_threshold,
            "iou_threshold": self.iou_threshold,
            "max_detections": self.max_detections,
            "top_k": self.top_k,
        }
