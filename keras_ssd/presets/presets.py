"""The table of presets, which are trained detectors with a name, and the paths of their files."""

import difflib
from dataclasses import dataclass
from pathlib import Path

from keras_ssd.checkpoints.torch_names import TORCH_SOURCES

_PACKAGED = Path(__file__).parent / "packaged"


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A trained detector.

    Attributes:
        name: the name of the preset for `load_detector`.
        architecture: the function that builds such a model.
        classes: the data set that its classes are from.
        trained_by: the people who trained it, and the licence.
        metric: its accuracy, as published or measured.
        megabytes: the size of its file.
        kind: the file's format: "keras", "litert", or a source of `convert_checkpoint`.
        url: the address that the file is downloaded from, or None if it comes with the package.
        sha256: the file's SHA-256 in hex, or its first digits, or None if none is published.
        int8: the name of the preset that is the same detector in int8, or None.
        bfloat16_map_loss: the measured mAP that it loses in bfloat16 (negative if it gains), or
            None if it was not measured.
        bfloat16_time: the measured time of a detection in bfloat16, relative to float32, on a
            processor with fast bfloat16 (0.54 is nearly twice as fast); None if not measured.
    """

    name: str
    architecture: str
    classes: str
    trained_by: str
    metric: str
    megabytes: float
    kind: str
    url: str | None = None
    sha256: str | None = None
    int8: str | None = None
    bfloat16_map_loss: float | None = None
    bfloat16_time: float | None = None

    @property
    def file_name(self) -> str:
        """The name of its file."""
        if self.url is not None:
            return self.url.rpartition("/")[2]
        return f"{self.name}.tflite" if self.kind == "litert" else f"{self.name}.keras"


_AMDEGROOT = "https://s3.amazonaws.com/amdegroot-models"

_PRESETS = (
    Preset(
        name="ssd_mobilenet_320_voc",
        architecture="SSDMobileNet320",
        classes="VOC, 20",
        trained_by="keras-ssd, from TensorFlow's ssdlite_mobilenet_v2_coco (Apache-2.0)",
        metric="mAP 0.745 on 500 images of VOC2007 val, measured",
        megabytes=6.3,
        sha256="934f9a1ed4b33a44b6a14e69fba8e52043406d9b5a75e2762457f608b0f15d7f",
        kind="keras",
        int8="ssd_mobilenet_320_voc_int8",
        bfloat16_map_loss=0.0018,
        bfloat16_time=1.32,
    ),
    Preset(
        name="ssd_mobilenet_320_voc_int8",
        architecture="SSDMobileNet320",
        classes="VOC, 20",
        trained_by="keras-ssd, ssd_mobilenet_320_voc quantized to int8, for LiteRT (Apache-2.0)",
        metric="mAP 0.745 on 500 images of VOC2007 val, measured",
        megabytes=4.2,
        sha256="5284c9f791d2985666ceaec870bc5ed28cc3c136dc1791a21df5546e4211ce90",
        kind="litert",
    ),
    Preset(
        name="ssd_mobilenet_300_coco",
        architecture="SSDMobileNet300",
        classes="COCO, 80 of 90 ids",
        trained_by="TensorFlow's model zoo (Apache-2.0)",
        metric="COCO AP 0.22, published",
        megabytes=51.0,
        url=(
            "http://download.tensorflow.org/models/object_detection/"
            "ssdlite_mobilenet_v2_coco_2018_05_09.tar.gz"
        ),
        sha256="542445cce834dbfbb7df1991425d475e85a2d7ec68c60a4f262bb18aac10c8b2",
        kind="tensorflow",
    ),
    Preset(
        name="ssd300_coco_torchvision",
        architecture="SSD300",
        classes="COCO, 80 of 90 ids",
        trained_by="torchvision (BSD-3-Clause)",
        metric="COCO AP 0.251, published",
        megabytes=136.0,
        url="https://download.pytorch.org/models/ssd300_vgg16_coco-b556d3b4.pth",
        sha256="b556d3b4",
        kind="torchvision",
    ),
    Preset(
        name="ssd300_voc_amdegroot",
        architecture="SSD300",
        classes="VOC, 20",
        trained_by="ssd.pytorch (MIT)",
        metric="VOC2007 test mAP 0.7743, published",
        megabytes=105.0,
        url=f"{_AMDEGROOT}/ssd300_mAP_77.43_v2.pth",
        kind="amdegroot",
    ),
    Preset(
        name="ssd300_voc_caffe",
        architecture="SSD300",
        classes="VOC, 20",
        trained_by="the paper's own, by ssd.pytorch (MIT)",
        metric="VOC2007 test mAP 0.7726, published",
        megabytes=105.0,
        url=f"{_AMDEGROOT}/ssd_300_VOC0712.pth",
        kind="caffe",
    ),
)


def list_presets() -> tuple[Preset, ...]:
    """Returns the trained detectors that `load_detector` knows by name.

    Examples:
        >>> import keras_ssd
        >>> keras_ssd.list_presets()[0].name
        'ssd_mobilenet_320_voc'
    """
    return _PRESETS


def is_preset(name: str | Path) -> bool:
    """Tells whether a preset has this name."""
    return any(preset.name == str(name) for preset in _PRESETS)


def find_preset(name: str | Path) -> Preset:
    """Returns the preset with this name.

    Raises:
        ValueError: no preset has this name; the message has the most similar name, or lists all.
    """
    for preset in _PRESETS:
        if preset.name == str(name):
            return preset
    if similar := similar_preset(name):
        raise ValueError(f"{name}: there is no preset of this name; did you mean {similar}?")
    names = ", ".join(preset.name for preset in _PRESETS)
    raise ValueError(f"{name}: there is no preset of this name; expected one of {names}")


def similar_preset(name: str | Path) -> str | None:
    """Returns the name of the preset that is most similar to a misspelt one, or None.

    Examples:
        >>> similar_preset("ssd_mobilnet_320-voc")
        'ssd_mobilenet_320_voc'
    """
    names = [preset.name for preset in _PRESETS]
    lowered = str(name).lower().replace("-", "_")
    return next(iter(difflib.get_close_matches(lowered, names, n=1, cutoff=0.7)), None)


def preset_file(preset: Preset) -> Path:
    """Returns the path of a preset's file; downloads it once if it is not part of the package.

    Raises:
        ValueError: it cannot be downloaded; the message says what to do by hand.
    """
    if preset.url is not None:
        from keras_ssd.checkpoints.download import download
        from keras_ssd.checkpoints.torch import read_torch_checkpoint

        # With a digest it is not necessary to read the file.
        is_torch = preset.kind in TORCH_SOURCES and preset.sha256 is None
        check = read_torch_checkpoint if is_torch else None
        return download(preset.url, preset.sha256, check=check)
    return packaged_file(preset)


def packaged_file(preset: Preset) -> Path:
    """Returns the path of a preset's file that comes with the package."""
    return _PACKAGED / preset.file_name
