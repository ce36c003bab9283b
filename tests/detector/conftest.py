"""What tests of detectors share: little data, small models, and altered copies of a saved one."""

import re
import zipfile

import keras
import pytest

from keras_ssd.config import FeatureMap, SSDConfig
from keras_ssd.data.loading import load
from keras_ssd.detector import Detector, open_detector
from keras_ssd.models.ssd import SSD


@pytest.fixture(scope="session")
def data(drawn_voc):
    """16 drawn images."""
    return load(drawn_voc, "train")


@pytest.fixture(scope="session")
def val(drawn_voc):
    """8 other drawn images."""
    return load(drawn_voc, "val")


@pytest.fixture
def detector(data, micro_ssd):
    """A small, untrained detector, for images of 32 px."""
    return Detector(micro_ssd(), data.class_names)


TOY = SSDConfig("toy", 16, (FeatureMap(4, 0.25, ((0.2, 0.2), (0.3, 0.3))),))


@pytest.fixture(scope="session")
def build_toy():
    """Builds an SSD of the configuration TOY; a layer may be put behind its convolution."""

    def build(layer=None):
        images = keras.Input((16, 16, 3))
        x = keras.layers.Conv2D(4, 4, strides=4, activation="relu", name="conv")(images)
        backbone = keras.Model(images, [x if layer is None else layer(x)], name="toy_backbone")
        return SSD.from_backbone(backbone, TOY, 2, name="toy")

    return build


@pytest.fixture(scope="package")
def toy(build_toy):
    return Detector(build_toy(), ["cat", "dog"])


@pytest.fixture(scope="package")
def saved(toy, tmp_path_factory):
    path = tmp_path_factory.mktemp("opening") / "toy.keras"
    toy.save(path)
    return path


@pytest.fixture(scope="package")
def members(saved):
    with zipfile.ZipFile(saved) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def write(members, tmp_path):
    """Writes an archive of the saved file's members, some of them replaced or added."""

    def write(replaced=None, packed=zipfile.ZIP_STORED, members=members):
        path = tmp_path / "altered.keras"
        with zipfile.ZipFile(path, "w", packed) as archive:
            for name, content in {**members, **(replaced or {})}.items():
                archive.writestr(name, content)
        return path

    return write


@pytest.fixture
def refused():
    """The message with which a file is refused, without the file's name."""

    def refused(path):
        with pytest.raises(ValueError, match=re.escape(f"{path}: ")) as raised:
            open_detector(path)
        return str(raised.value).removeprefix(f"{path}: ")

    return refused
