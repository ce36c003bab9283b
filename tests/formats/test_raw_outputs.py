"""What the exports start from, where the rest of their tests do not show it."""

from pathlib import Path

import numpy as np
import pytest

from keras_ssd.formats.raw_outputs import warped_calibration_images

IMAGE = np.full((30, 20, 3), 7, np.uint8)


def test_images_of_any_size_are_warped_to_the_networks(detector):
    warped = warped_calibration_images(detector, (image for image in (IMAGE, IMAGE[:9])))
    assert [(image.shape, image.dtype) for image in warped] == [((128, 128, 3), np.uint8)] * 2


@pytest.mark.parametrize("images", [None, [], np.zeros((0, 9, 9, 3), np.uint8)])
def test_no_images_are_an_error(detector, images):
    with pytest.raises(ValueError, match=r"^calibration_images: int8 needs images to take its"):
        warped_calibration_images(detector, images)


@pytest.mark.parametrize(
    ("wrong", "came"),
    [
        (IMAGE / np.float32(255), r"float32 \(30, 20, 3\)"),
        (IMAGE[..., 0], r"uint8 \(30, 20\)"),
        (np.zeros((30, 20, 4), np.uint8), r"uint8 \(30, 20, 4\)"),
        (np.zeros((0, 20, 3), np.uint8), r"uint8 \(0, 20, 3\)"),
        (IMAGE.tolist(), "list"),
        ("dog.jpg", "str"),
    ],
)
def test_a_wrong_image_is_named_with_what_was_expected_and_what_came(detector, wrong, came):
    message = rf"^calibration_images\[1\]: expected an RGB uint8 array \(H, W, 3\), not {came}$"
    with pytest.raises(ValueError, match=message):
        warped_calibration_images(detector, [IMAGE, wrong])


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (IMAGE, r"calibration_images\[0\]: expected an RGB .*, not uint8 \(20, 3\)"),
        ("photos", r"calibration_images\[0\]: expected an RGB .*, not str"),
        (Path("photos"), r"calibration_images: expected RGB uint8 arrays \(H, W, 3\), not \w*Path"),
    ],
)
def test_one_image_and_a_folder_are_no_images(detector, images, message):
    with pytest.raises(ValueError, match=message):
        warped_calibration_images(detector, images)
