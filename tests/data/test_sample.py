import cv2
import numpy as np
import pytest

from keras_ssd.data.sample import Sample
from keras_ssd.images import CorruptImageError

RED = np.full((4, 6, 3), (255, 0, 0), np.uint8)


def png(image):
    return cv2.imencode(".png", image[..., ::-1])[1].tobytes()


def sample(image=b""):
    boxes, labels = np.zeros((0, 4), np.float32), np.zeros(0, np.int32)
    return Sample("the-id", image, (4, 6), boxes, labels, np.zeros(0, bool))


def test_an_image_is_read_as_rgb_from_bytes_and_from_a_file(tmp_path):
    path = tmp_path / "red.png"
    path.write_bytes(png(RED))
    np.testing.assert_array_equal(sample(png(RED)).read_image(), RED)
    np.testing.assert_array_equal(sample(path).read_image(), RED)


def test_corrupt_bytes_are_reported_under_the_samples_id():
    with pytest.raises(CorruptImageError, match="the-id"):
        sample(png(RED)[:40]).read_image()


def test_a_corrupt_file_is_reported_under_its_path(tmp_path):
    path = tmp_path / "broken.jpg"
    path.write_bytes(b"no image")
    with pytest.raises(CorruptImageError, match=r"broken\.jpg"):
        sample(path).read_image()


@pytest.mark.parametrize("as_file", [False, True])
def test_an_image_of_another_size_than_annotated_is_an_error(tmp_path, as_file):
    image = png(RED.transpose(1, 0, 2))  # as EXIF orientation would turn it
    if as_file:
        (tmp_path / "the-id.png").write_bytes(image)
        image = tmp_path / "the-id.png"
    with pytest.raises(CorruptImageError, match=r"the-id.*\(6, 4\).*annotation says \(4, 6\)"):
        sample(image).read_image()


def test_pixel_boxes_are_the_annotated_ones():
    annotated = np.array([[1, 2, 333, 499], [7, 11, 13, 17]], np.float64)
    relative = (annotated / [334, 500, 334, 500]).astype(np.float32)
    labels, difficult = np.zeros(2, np.int32), np.zeros(2, bool)
    found = Sample("a", b"", (500, 334), relative, labels, difficult).pixel_boxes
    np.testing.assert_array_equal(found, annotated)


def test_pixel_boxes_of_no_objects_are_empty():
    assert sample().pixel_boxes.shape == (0, 4)
