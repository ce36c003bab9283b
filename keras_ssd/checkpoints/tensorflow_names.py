"""The names of the weights and the order of the boxes in TensorFlow's `ssdlite_mobilenet_v2`.

Source: the TensorFlow Object Detection API, `ssd_mobilenet_v2_feature_extractor.py`,
`multiple_grid_anchor_generator.py` and `faster_rcnn_box_coder.py`, with the settings of
`ssdlite_mobilenet_v2_coco.config`.
"""

import numpy as np

NUM_MAPS = 6
# The place of each of our boxes in TensorFlow's order. That order is ratios 1, 2, 1/2, 3 and 1/3 at
# scale s, then the square of sqrt(s s'), which is second in ours. Map 1 has only three boxes, which
# have the same order in both.
_BOX_ORDER = (0, 5, 1, 2, 3, 4)
_COORDINATE_ORDER = (1, 0, 3, 2)  # (ty, tx, th, tw) -> (tx, ty, tw, th)

_NETWORK = "FeatureExtractor/MobilenetV2"
_BATCH_NORM = tuple(
    f"BatchNorm/{name}" for name in ("gamma", "beta", "moving_mean", "moving_variance")
)


def ssdlite_variables() -> dict[str, list[str]]:
    """Returns the names of the variables with each layer's weights.

    Returns:
        Layer of `SSDMobileNet300` -> names in the checkpoint, in the order of the layer's weights.
    """
    variables = {}

    def convolution(layer, name, batch_norm, depthwise=False):
        variables[layer] = [f"{name}/{'depthwise_' if depthwise else ''}weights"]
        variables[batch_norm] = [f"{name}/{part}" for part in _BATCH_NORM]

    convolution("Conv1", f"{_NETWORK}/Conv", "bn_Conv1")
    for number in range(17):
        block = f"block_{number}" if number else "expanded_conv"
        scope = f"{_NETWORK}/expanded_conv" + (f"_{number}" if number else "")
        for part in ("expand", "depthwise", "project") if number else ("depthwise", "project"):
            layer = f"{block}_{part}"
            convolution(layer, f"{scope}/{part}", f"{layer}_BN", part == "depthwise")
    convolution("Conv_1", f"{_NETWORK}/Conv_1", "Conv_1_bn")
    for number, channels in enumerate((512, 256, 256, 128), start=1):
        extra, index = f"extra{number}", number + 1
        narrow = f"{_NETWORK}/layer_19_1_Conv2d_{index}_1x1_{channels // 2}"
        wide = f"{_NETWORK}/layer_19_2_Conv2d_{index}_3x3_s2_{channels}"
        convolution(f"{extra}_reduce", narrow, f"{extra}_reduce_bn")
        convolution(f"{extra}_depthwise", f"{wide}_depthwise", f"{extra}_depthwise_bn", True)
        convolution(f"{extra}_expand", wide, f"{extra}_expand_bn")
    for number in range(NUM_MAPS):
        for ours, theirs in (("offsets", "BoxEncodingPredictor"), ("classes", "ClassPredictor")):
            head, name = f"head{number + 1}_{ours}", f"BoxPredictor_{number}/{theirs}"
            convolution(f"{head}_depthwise", f"{name}_depthwise", f"{head}_depthwise_bn", True)
            variables[head] = [f"{name}/weights", f"{name}/biases"]
    return variables


def offsets_in_our_order(weights: np.ndarray, boxes: int) -> np.ndarray:
    """Returns the weights of a head for boxes, with its outputs in the order of `SSD`.

    The scales of TensorFlow's box coder, 10, 10, 5 and 5, are our variances 0.1, 0.1, 0.2 and 0.2.

    Args:
        weights: the kernel or bias, (..., boxes * 4).
        boxes: the number of boxes in a cell, 3 or 6.
    """
    by_box = _boxes_in_our_order(weights, boxes)
    return by_box[..., _COORDINATE_ORDER].reshape(weights.shape)


def classes_in_our_order(weights: np.ndarray, boxes: int) -> np.ndarray:
    """Returns the weights of a head for classes, with its outputs in the order of `SSD`.

    Args:
        weights: the kernel or bias, (..., boxes * (K + 1)); the background is first in both orders.
        boxes: the number of boxes in a cell, 3 or 6.
    """
    return _boxes_in_our_order(weights, boxes).reshape(weights.shape)


def _boxes_in_our_order(weights, boxes):
    order = _BOX_ORDER if boxes == len(_BOX_ORDER) else range(boxes)
    return weights.reshape(*weights.shape[:-1], boxes, -1)[..., list(order), :]
