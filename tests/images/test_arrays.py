import numpy as np
import pytest

from keras_ssd.images import checked_image, resize_image


def test_an_rgb_uint8_array_is_returned_as_it_is():
    image = np.zeros((5, 7, 3), np.uint8)
    assert checked_image(image, "image") is image


@pytest.mark.parametrize(
    ("image", "came"),
    [
        (np.zeros((5, 7, 3), np.float32), r"float32 \(5, 7, 3\)"),
        (np.zeros((5, 7), np.uint8), r"uint8 \(5, 7\)"),
        (np.zeros((5, 7, 4), np.uint8), r"uint8 \(5, 7, 4\)"),
        (np.zeros((0, 7, 3), np.uint8), r"uint8 \(0, 7, 3\)"),
        ([[1, 2, 3]], "list"),
        (None, "NoneType"),
    ],
)
def test_what_is_not_an_image_is_named_with_what_was_expected(image, came):
    expected = (
        rf"^sources\[2\]: expected an RGB uint8 array \(H, W, 3\) or a PIL image, not {came}$"
    )
    with pytest.raises(ValueError, match=expected):
        checked_image(image, "sources[2]")


def test_resizing_warps_to_a_square_with_linear_interpolation():
    image = np.zeros((1, 2, 3), np.uint8)
    image[:, 1] = 100
    resized = resize_image(image, 4)
    assert resized.shape == (4, 4, 3)
    assert resized[:, :, 0].tolist() == [[0, 25, 75, 100]] * 4
