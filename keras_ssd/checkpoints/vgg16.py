"""VGG16 classification weights, reduced to what SSD's base network needs."""

from pathlib import Path

import keras
import numpy as np

from keras_ssd.checkpoints.checks import check_names, keras_layout
from keras_ssd.checkpoints.download import download
from keras_ssd.checkpoints.torch import read_torch_checkpoint
from keras_ssd.checkpoints.torch_names import (
    TORCH_VGG16_INDICES,
    VGG16_CONVOLUTIONS,
    VGG16_LAYERS,
)

# RGB, subtracted from pixels; what keras.applications' VGG16 and ResNet50 were trained with.
IMAGENET_MEAN = (123.68, 116.779, 103.939)

REDUCEDFC_URL = "https://s3.amazonaws.com/amdegroot-models/vgg16_reducedfc.pth"


def read_vgg16_weights(source) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Kernels and biases of block1_conv1 to block5_conv3, fc6 and fc7, for RGB input.

    fc6 keeps taps 0, 3 and 6 of its 7x7 window and every fourth channel, fc7 every fourth of its
    inputs and outputs ("decimation"; paper section 3, after DeepLab).

    Args:
        source: "imagenet" (downloads `keras.applications.VGG16`); the path of a Keras `.h5` file
            of VGG16 with its dense layers, or of an `.npz` file of already reduced layers with
            "NAME/kernel", "NAME/bias" and, where the kernel is int8, "NAME/scale", NAME being
            conv1_1 to conv5_3, fc6 and fc7 (BGR input); "reducedfc" (downloads) or the path of
            ssd.pytorch's `vgg16_reducedfc.pth` (RGB input, mean (123, 117, 104), which is near
            enough).

    Returns:
        Layer name -> (kernel (height, width, in, out), bias (out,)), float32.

    Raises:
        ValueError: there is no such file, it holds something else, or the download failed.
    """
    if source == "reducedfc":
        return _read_torch(download(REDUCEDFC_URL))
    if Path(source).suffix and not Path(source).is_file():
        raise ValueError(f"backbone_weights: {source}: no such file")
    if Path(source).suffix == ".pth":
        return _read_torch(source)
    if source == "imagenet" or Path(source).suffix in (".h5", ".hdf5"):
        weights = _read_keras_vgg16(source)
    elif Path(source).suffix == ".npz":
        weights = _read_npz(source)
    else:
        raise ValueError(
            'backbone_weights: expected "imagenet", "reducedfc", a Keras .h5, an .npz or a .pth '
            f"file, not {source!r}"
        )
    kernel, bias = weights["block1_conv1"]
    weights["block1_conv1"] = kernel[:, :, ::-1], bias  # BGR -> RGB
    return weights


def _read_keras_vgg16(source):
    try:
        model = keras.applications.VGG16(weights=str(source))
    except Exception as error:  # a failed download is a bare Exception
        if source == "imagenet":
            advice = "could not be downloaded; fetch the file elsewhere and give its path"
        else:
            advice = "not a Keras file of VGG16 with its dense layers"
        raise ValueError(f"backbone_weights: {source}: {advice} ({error})") from error
    weights = {name: tuple(model.get_layer(name).get_weights()) for name in VGG16_CONVOLUTIONS}
    kernel, bias = model.get_layer("fc1").get_weights()
    weights["fc6"] = kernel.reshape(7, 7, 512, 4096)[::3, ::3, :, ::4], bias[::4]
    kernel, bias = model.get_layer("fc2").get_weights()
    weights["fc7"] = kernel[None, None, ::4, ::4], bias[::4]
    return weights


def _read_npz(path):
    weights = {}
    try:
        file = np.load(path)
    except Exception as error:  # NumPy takes what is no archive for a pickle
        raise ValueError(f"backbone_weights: {path}: not a .npz file ({error})") from error
    with file:
        for layer in VGG16_LAYERS:
            name = layer.replace("block", "conv").replace("_conv", "_")
            missing = {f"{name}/kernel", f"{name}/bias"} - set(file.files)
            if missing:
                raise ValueError(f"backbone_weights: {path}: lacks {', '.join(sorted(missing))}")
            scale = file.get(f"{name}/scale", 1.0)
            kernel = file[f"{name}/kernel"].astype(np.float32) * scale
            weights[layer] = kernel, file[f"{name}/bias"].astype(np.float32)
    return weights


def _read_torch(path):
    tensors = read_torch_checkpoint(path)
    names = {
        layer: (f"{index}.weight", f"{index}.bias")
        for layer, index in zip(VGG16_LAYERS, TORCH_VGG16_INDICES, strict=True)
    }
    check_names(tensors, [name for pair in names.values() for name in pair], path)
    return {
        layer: (keras_layout(tensors[kernel]), keras_layout(tensors[bias]))
        for layer, (kernel, bias) in names.items()
    }
