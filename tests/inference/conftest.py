"""Photos, and a fake detector that takes its answers from their pixels."""

import cv2
import numpy as np
import pytest

from keras_ssd.inference.protocol import ObjectDetector

NAMES = tuple(f"class{label}" for label in range(256))


class FakeDetector(ObjectDetector):
    """Finds in every image an object with its mean red as label, and one with a low score."""

    class_names = NAMES
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
    return FakeDetector()


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


def noise_file(suffix):
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    return cv2.imencode(suffix, noise)[1].tobytes()


@pytest.fixture
def unreadable(tmp_path):
    """Every kind of path without a readable image, by name, in a folder of their own."""
    folder = tmp_path / "unreadable"
    folder.mkdir()
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.jpg").write_text("no image")
    (folder / "cut.jpg").write_bytes(noise_file(".jpg")[:-200])
    (folder / "cut.png").write_bytes(noise_file(".png")[:-200])
    (folder / "folder.jpg").mkdir()
    names = ["empty.jpg", "text.jpg", "cut.jpg", "cut.png", "folder.jpg", "missing.jpg"]
    return [folder / name for name in names]
