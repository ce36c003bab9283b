"""VGG16 classification weights, reduced to what SSD's base network needs."""

from pathlib import Path

import keras
import numpy as np

# RGB, subtracted from pixels; what keras.applications' VGG16 and ResNet50 were trained with.
IMAGENET_MEAN = (123.68, 116.779, 103.939)

_CONVOLUTIONS = tuple(
    f"block{block}_conv{index}"
    for block, count in enumerate((2, 2, 3, 3, 3), start=1)
    for index in range(1, count + 1)
)


def read_vgg16_weights(source) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Kernels and biases of block1_conv1 to block5_conv3, fc6 and fc7, for RGB input.

    fc6 keeps taps 0, 3 and 6 of its 7x7 window and every fourth channel, fc7 every fourth of its
    inputs and outputs ("decimation"; paper section 3, after DeepLab).

    Args:
        source: "imagenet" (downloads `keras.applications.VGG16`), the path of a Keras `.h5` file
            of VGG16 with its dense layers, or of an `.npz` file of already reduced layers with
            "NAME/kernel", "NAME/bias" and, where the kernel is int8, "NAME/scale", NAME being
            conv1_1 to conv5_3, fc6 and fc7 (BGR input).

    Returns:
        Layer name -> (kernel (height, width, in, out), bias (out,)), float32.
    """
    if source == "imagenet" or Path(source).suffix in (".h5", ".hdf5"):
        weights = _read_keras_vgg16(source)
    elif Path(source).suffix == ".npz":
        weights = _read_npz(source)
    else:
        raise ValueError(
            f'backbone_weights: expected "imagenet", a Keras .h5 or an .npz file, not {source!r}'
        )
    kernel, bias = weights["block1_conv1"]
    weights["block1_conv1"] = kernel[:, :, ::-1], bias  # BGR -> RGB
    return weights


def _read_keras_vgg16(source):
    model = keras.applications.VGG16(weights=source)
    weights = {name: tuple(model.get_layer(name).get_weights()) for name in _CONVOLUTIONS}
    kernel, bias = model.get_layer("fc1").get_weights()
    weights["fc6"] = kernel.reshape(7, 7, 512, 4096)[::3, ::3, :, ::4], bias[::4]
    kernel, bias = model.get_layer("fc2").get_weights()
    weights["fc7"] = kernel[None, None, ::4, ::4], bias[::4]
    return weights


def _read_npz(path):
    weights = {}
    with np.load(path) as file:
        for layer in (*_CONVOLUTIONS, "fc6", "fc7"):
            name = layer.replace("block", "conv").replace("_conv", "_")
            missing = {f"{name}/kernel", f"{name}/bias"} - set(file.files)
            if missing:
                raise ValueError(f"{path}: lacks {', '.join(sorted(missing))}")
            scale = file.get(f"{name}/scale", 1.0)
            kernel = file[f"{name}/kernel"].astype(np.float32) * scale
            weights[layer] = kernel, file[f"{name}/bias"].astype(np.float32)
    return weights
