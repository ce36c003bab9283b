"""Fixtures that all tests share."""

from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

from keras_ssd.inference.protocol import ObjectDetector


@pytest.fixture(autouse=True)
def _same_random_numbers_every_time():
    keras.utils.set_random_seed(0)
    np.random.seed(0)


@pytest.fixture(scope="session")
def drawn_voc(tmp_path_factory) -> Path:
    """A VOC folder of drawn pictures: 16 to train on, 8 to validate."""
    from keras_ssd.data.synthetic import draw_voc

    folder = tmp_path_factory.mktemp("drawn_voc")
    draw_voc(folder, num_train=16, num_val=8, seed=0)
    return folder


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data next to the repository; tests that need it skip if it is missing."""
    folder = Path(__file__).parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip(f"real data is not at {folder}")
    return folder


@pytest.fixture(scope="session")
def micro_ssd():
    """Makes an SSD of two maps, with batch normalization, for images of 32 px and 3 classes.

    It compiles fast, and has the same random weights each time.
    """
    from keras_ssd.config import paper_config
    from keras_ssd.models.ssd import SSD

    config = paper_config(
        "micro",
        image_size=32,
        grids=(4, 2),
        steps=(8, 16),
        sizes=(10, 18, 28),
        aspect_ratios=((2,), (2,)),
    )

    def make():
        keras.utils.set_random_seed(7)
        images = keras.Input((32, 32, 3))
        x = keras.layers.Rescaling(1 / 127.5, -1.0)(images)
        x = keras.layers.Conv2D(16, 8, strides=8, use_bias=False)(x)
        first = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
        second = keras.layers.Conv2D(16, 2, strides=2, activation="relu")(first)
        backbone = keras.Model(images, [first, second])
        return SSD.from_backbone(backbone, config, 3, name="micro")

    return make


_NAMES = tuple(f"class{label}" for label in range(256))


class _FakeDetector(ObjectDetector):
    """Finds in every image an object with its mean red as label, and one with a low score."""

    class_names = _NAMES
    image_size = 16

    def __init__(self):
        self.batches = []

    def predict_on_batch(self, images):
        assert images.dtype == np.uint8
        assert images.shape[1:] == (self.image_size, self.image_size, 3)
        self.batches.append(images)
        count = len(images)
        red = images[..., 0].mean(axis=(1, 2)).round().astype(int)
        return {
            "boxes": np.tile(
                [[0.25, 0.5, 0.75, 1.0], [0.0, 0.0, 0.5, 0.5], [0] * 4], (count, 1, 1)
            ),
            "labels": np.stack([red, red * 0, red * 0 - 1], axis=1),
            "scores": np.tile([0.9, 0.2, 0.0], (count, 1)),
            "num_detections": np.full(count, 2),
        }


@pytest.fixture
def detector():
    """One without a network, which takes its answers from the pixels of its images."""
    return _FakeDetector()


@pytest.fixture
def save():
    """Writes RGB, grayscale or RGBA, of 8 or 16 bits, in the format of the path's suffix."""

    def write(path, image):
        channels = {2: None, 3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
        code = channels[2 if image.ndim == 2 else image.shape[2]]
        data = cv2.imencode(path.suffix, image if code is None else cv2.cvtColor(image, code))[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    return write


def _noise_file(suffix):
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    return cv2.imencode(suffix, noise)[1].tobytes()


@pytest.fixture
def unreadable(tmp_path):
    """Every kind of path without a readable image, by name, in a folder of their own."""
    folder = tmp_path / "unreadable"
    folder.mkdir()
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.jpg").write_text("no image")
    (folder / "cut.jpg").write_bytes(_noise_file(".jpg")[:-200])
    (folder / "cut.png").write_bytes(_noise_file(".png")[:-200])
    (folder / "folder.jpg").mkdir()
    names = ["empty.jpg", "text.jpg", "cut.jpg", "cut.png", "folder.jpg", "missing.jpg"]
    return [folder / name for name in names]
