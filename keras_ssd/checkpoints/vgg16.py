"""Reads VGG16 classification weights, reduced to the channels of SSD's base network."""

from pathlib import Path

import numpy as np

from keras_ssd.checkpoints.checks import check_names, check_shapes, keras_layout
from keras_ssd.checkpoints.download import download
from keras_ssd.checkpoints.torch import read_torch_checkpoint
from keras_ssd.checkpoints.torch_names import (
    TORCH_VGG16_INDICES,
    VGG16_CONVOLUTIONS,
    VGG16_LAYERS,
)

# RGB, subtracted from pixels. VGG16 and ResNet50 of keras.applications were trained with it.
IMAGENET_MEAN = (123.68, 116.779, 103.939)

_CHANNELS = (3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
_SHAPES = {
    **{
        layer: (3, 3, *_CHANNELS[index : index + 2])
        for index, layer in enumerate(VGG16_CONVOLUTIONS)
    },
    "fc6": (3, 3, 512, 1024),
    "fc7": (1, 1, 1024, 1024),
}
_LARGEST_NPZ = 2**28  # bytes, unpacked; in float64 the layers take 0.6 of it

REDUCEDFC_URL = "https://s3.amazonaws.com/amdegroot-models/vgg16_reducedfc.pth"


def read_vgg16_weights(source: str | Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Reads the kernels and biases of block1_conv1 to block5_conv3, fc6 and fc7, for RGB input.

    fc6 keeps taps 0, 3 and 6 of its 7x7 window and every fourth channel; fc7 keeps every fourth of
    its inputs and outputs ("decimation"; paper section 3, after DeepLab).

    Args:
        source: one of these:
            "imagenet", which downloads the weights of `keras.applications.VGG16`;
            the path of a Keras `.h5` file of VGG16 with its dense layers;
            the path of an `.npz` file of layers that are already reduced, with "NAME/kernel",
            "NAME/bias" and, where the kernel is int8, "NAME/scale"; NAME is conv1_1 to conv5_3,
            fc6 and fc7 (BGR input);
            "reducedfc", which downloads ssd.pytorch's `vgg16_reducedfc.pth`, or the path of that
            file (RGB input; its mean, (123, 117, 104), is near enough).

    Returns:
        Layer name -> (kernel (height, width, in, out), bias (out,)), float32.

    Raises:
        ValueError: there is no such file, it contains other weights, or the download failed.
    """
    if source == "reducedfc":
        return _read_torch(download(REDUCEDFC_URL, check=_read_torch))
    path = Path(source)
    if path.suffix and not path.is_file():
        raise ValueError(f"backbone_weights: {source}: no such file")
    if path.suffix == ".pth":
        return _read_torch(path)
    if source == "imagenet" or path.suffix in (".h5", ".hdf5"):
        weights = _read_keras_vgg16(source)
    elif path.suffix == ".npz":
        weights = _read_npz(path)
    else:
        raise ValueError(
            'backbone_weights: expected "imagenet", "reducedfc", a Keras .h5, an .npz or a .pth '
            f"file, not {str(source)!r}"
        )
    kernel, bias = weights["block1_conv1"]
    weights["block1_conv1"] = kernel[:, :, ::-1], bias  # BGR -> RGB
    return weights


def _read_keras_vgg16(source):
    import keras

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
    names = {layer: layer.replace("block", "conv").replace("_conv", "_") for layer in VGG16_LAYERS}
    needed = {f"{name}/{part}" for name in names.values() for part in ("kernel", "bias")}
    weights = {}
    try:
        with np.load(path) as file:
            if sum(member.file_size for member in file.zip.infolist()) > _LARGEST_NPZ:
                raise ValueError(f"it unpacks to more than {_LARGEST_NPZ} bytes")
            missing = sorted(needed - set(file.files))
            for layer, name in names.items() if not missing else ():
                kernel = file[f"{name}/kernel"].astype(np.float32)
                if f"{name}/scale" in file.files:
                    kernel = kernel * file[f"{name}/scale"].astype(np.float32)
                weights[layer] = kernel, file[f"{name}/bias"].astype(np.float32)
    except Exception as error:  # NumPy tries to read other files as a pickle
        raise ValueError(f"backbone_weights: {path}: not a .npz file ({error})") from error
    if missing:
        raise ValueError(f"backbone_weights: {path}: lacks {', '.join(missing)}")
    _check_shapes(weights, path)
    return weights


def _read_torch(path):
    tensors = read_torch_checkpoint(path)
    names = {
        layer: (f"{index}.weight", f"{index}.bias")
        for layer, index in zip(VGG16_LAYERS, TORCH_VGG16_INDICES, strict=True)
    }
    check_names(tensors, [name for pair in names.values() for name in pair], path)
    weights = {
        layer: (keras_layout(tensors[kernel]), keras_layout(tensors[bias]))
        for layer, (kernel, bias) in names.items()
    }
    _check_shapes(weights, path)
    return weights


def _check_shapes(weights, source):
    arrays, expected = {}, {}
    for layer, (kernel, bias) in weights.items():
        arrays |= {f"{layer} kernel": kernel, f"{layer} bias": bias}
        expected |= {f"{layer} kernel": _SHAPES[layer], f"{layer} bias": _SHAPES[layer][-1:]}
    check_shapes(arrays, expected, f"backbone_weights: {source}")
