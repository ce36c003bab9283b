"""Trained models under a name: one in the package, the others downloaded from where they are."""

from dataclasses import dataclass
from pathlib import Path

import keras

from keras_ssd.checkpoints.download import download, sha256_of
from keras_ssd.convert.tensorflow import convert_tensorflow_checkpoint
from keras_ssd.convert.torch import convert_torch_checkpoint
from keras_ssd.detector.detector import open_detector
from keras_ssd.models.precision import PRECISIONS, automatic_precision, with_precision

_PACKAGED = Path(__file__).parent / "packaged"


@dataclass(frozen=True)
class Preset:
    """A trained detector.

    Attributes:
        name: for `load_detector`.
        architecture: function that builds such a model.
        classes: of which data set.
        trained_by: whose weights these are, and their licence.
        metric: as published, or measured where it says so.
        megabytes: of the file.
        url: of the file; None: it comes with the package, or with the repository if it is large.
        sha256: of the file, in hex, or its first digits; None: none is published.
        source: which of the formats of `keras_ssd.models.convert_torch_checkpoint` the file has,
            or "tensorflow", or "keras".
        bfloat16_map_loss: what its mAP loses when it computes in bfloat16, measured (below 0: it
            gains); None: it has not been.
        bfloat16_time: of a detection, as a share of that in float32, measured on a processor that
            computes in bfloat16; None: it has not been.
    """

    name: str
    architecture: str
    classes: str
    trained_by: str
    metric: str
    megabytes: float
    url: str | None
    sha256: str | None
    source: str
    bfloat16_map_loss: float | None = None
    bfloat16_time: float | None = None


_AMDEGROOT = "https://s3.amazonaws.com/amdegroot-models"

_PRESETS = (
    Preset(
        "ssd_mobilenet_320_voc",
        "SSDMobileNet320",
        "VOC, 20",
        "keras-ssd, from TensorFlow's ssdlite_mobilenet_v2_coco (Apache-2.0)",
        "mAP 0.732 on 500 images of VOC2007 val, measured",
        6.3,
        None,
        "f5d52d31c60bb196636e53f690320944aaecbc6b99f1154cc0ec8eaf05831d55",
        "keras",
        bfloat16_map_loss=0.0017,
        bfloat16_time=1.32,
    ),
    Preset(
        "ssd_mobilenet_300_coco",
        "SSDMobileNet300",
        "COCO, 80 of 90 ids",
        "TensorFlow's model zoo (Apache-2.0)",
        "COCO AP 0.22, published",
        51.0,
        "http://download.tensorflow.org/models/object_detection/"
        "ssdlite_mobilenet_v2_coco_2018_05_09.tar.gz",
        # as Open Model Zoo records it in models/public/ssdlite_mobilenet_v2/model.yml
        "542445cce834dbfbb7df1991425d475e85a2d7ec68c60a4f262bb18aac10c8b2",
        "tensorflow",
    ),
    Preset(
        "ssd300_vgg16_voc",
        "SSD300",
        "VOC, 20",
        "keras-ssd, trained for 2.7 epochs only; VGG16 from the Oxford VGG19 (CC BY)",
        "mAP 0.223 on 500 images of VOC2007 val, measured",
        47.9,
        None,
        "0c9de59d0370a25e7f262851112077f60b1bdc4c9a4277a2ad0efb2c00142629",
        "keras",
        bfloat16_map_loss=-0.0017,
        bfloat16_time=0.54,
    ),
    Preset(
        "ssd300_coco_torchvision",
        "SSD300",
        "COCO, 80 of 90 ids",
        "torchvision (BSD-3-Clause)",
        "COCO AP 0.251, published",
        136.0,
        "https://download.pytorch.org/models/ssd300_vgg16_coco-b556d3b4.pth",
        "b556d3b4",  # which torch.hub reads off the name
        "torchvision",
    ),
    Preset(
        "ssd300_voc_amdegroot",
        "SSD300",
        "VOC, 20",
        "ssd.pytorch (MIT)",
        "VOC2007 test mAP 0.7743, published",
        105.0,
        f"{_AMDEGROOT}/ssd300_mAP_77.43_v2.pth",
        None,
        "amdegroot",
    ),
    Preset(
        "ssd300_voc_caffe",
        "SSD300",
        "VOC, 20",
        "the paper's own, by ssd.pytorch (MIT)",
        "VOC2007 test mAP 0.7726, published",
        105.0,
        f"{_AMDEGROOT}/ssd_300_VOC0712.pth",
        None,
        "caffe",
    ),
)


def list_presets() -> tuple[Preset, ...]:
    """The trained detectors that `load_detector` knows by name."""
    return _PRESETS


def load_detector(
    model: str | Path, *, weights: str | Path | None = None, precision: str = "auto"
) -> keras.Model:
    """Loads a trained detector.

    Args:
        model: name of a preset, see `list_presets`, which is downloaded once unless it comes with
            the package; or the path of a detector saved as `.keras`.
        weights: the path of a preset's own file, in place of the download.
        precision: what it computes in, "float32", "bfloat16" or "auto": bfloat16 for a preset, or
            a copy of its file, that has been measured to be faster so on processors with AMX-BF16
            or AVX512-BF16, such as this one, and to lose at most 0.003 mAP; else float32. Its
            weights are float32 in any case.

    Returns:
        keras.Model, see `build_detector`.

    Raises:
        ValueError: there is no such preset or file, it holds something else, or it cannot be
            downloaded; the message says what to do by hand. Or the precision is none of these.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision: expected {', '.join(PRECISIONS)}, not {precision!r}")
    preset = next((preset for preset in _PRESETS if preset.name == str(model)), None)
    if preset is not None:
        detector = _open_preset(preset, weights)
    elif weights is not None:
        raise ValueError(f"weights: go with a preset ({_names()}), not with {model}")
    elif not Path(model).exists():
        raise ValueError(
            f"{model}: no such file; expected a detector saved as .keras, or a preset: {_names()}"
        )
    else:
        detector = open_detector(model)
    if precision == "auto":
        precision = _automatic_precision(preset, model)
    return with_precision(detector, precision)


def _open_preset(preset, weights):
    advice = f"Expected the file of {preset.url}"
    if weights is None:
        weights = _file(preset)
        advice = f"Delete it to have it downloaded from {preset.url} again"
    elif not Path(weights).exists():
        raise ValueError(f"weights: {weights}: no such file; expected that of {preset.name}")
    elif preset.source == "keras" and sha256_of(weights) != preset.sha256:
        raise ValueError(
            f"weights: {weights} is not the file of {preset.name}; another detector is loaded by "
            "its path alone"
        )
    try:
        return _open(preset, weights)
    except ValueError as error:
        if preset.url is None:
            raise
        raise ValueError(f"{error}. {advice}") from error


def _automatic_precision(preset, path):
    if preset is None:
        digest = sha256_of(path)
        preset = next((preset for preset in _PRESETS if preset.sha256 == digest), None)
    if preset is None:
        return automatic_precision(str(path), None, None)
    return automatic_precision(preset.name, preset.bfloat16_map_loss, preset.bfloat16_time)


def _file(preset):
    if preset.url is not None:
        return download(preset.url, preset.sha256)
    if not is_packaged(preset):
        raise ValueError(
            f"{preset.name}: too large for the package; take saved_models/{preset.name}/"
            f"{preset.name}.keras from the repository and give its path"
        )
    return _packaged_file(preset)


def is_packaged(preset: Preset) -> bool:
    """Whether its file comes with the package."""
    return _packaged_file(preset).exists()


def _packaged_file(preset):
    return _PACKAGED / f"{preset.name}.keras"


def _open(preset, path):
    if preset.source == "keras":
        return open_detector(path)
    if preset.source == "tensorflow":
        return convert_tensorflow_checkpoint(path)
    return convert_torch_checkpoint(path, preset.source)


def _names():
    return ", ".join(preset.name for preset in _PRESETS)
