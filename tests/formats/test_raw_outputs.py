"""The parts of a detector that exports need, as far as other tests do not cover them."""

import numpy as np
import pytest

from keras_ssd.formats.raw_outputs import warped_images

IMAGE = np.full((30, 20, 3), 7, np.uint8)


def test_images_of_any_size_are_warped_to_the_networks(detector):
    warped = warped_images(detector, (image for image in (IMAGE, IMAGE[:9])))
    assert [(image.shape, image.dtype) for image in warped] == [((128, 128, 3), np.uint8)] * 2


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
    with pytest.raises(ValueError, match=rf"^data\[1\]: expected .*, not {came}$"):
        warped_images(detector, [IMAGE, wrong])
