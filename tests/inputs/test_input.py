import io

import numpy as np
import pytest
from PIL import Image

from keras_ssd.images import CorruptImageError
from keras_ssd.inputs.input import EncodedImage, ImageArray, ImageFile

ARRAY = np.full((6, 8, 3), 90, np.uint8)


def encoded():
    file = io.BytesIO()
    Image.fromarray(ARRAY).save(file, "PNG")
    return file.getvalue()


def inputs_of_one_image(photo):
    return [
        ImageFile(str(photo("gray.png"))),
        EncodedImage(encoded(), "http://localhost/gray.png"),
        ImageArray(ARRAY, 3),
        ImageArray(Image.fromarray(ARRAY), 3),
    ]


def test_an_image_is_one_frame_with_the_name_of_its_input(photo):
    for one in inputs_of_one_image(photo):
        frames = list(one.frames())
        assert [frame.source for frame in frames] == [one.name]
        assert frames[0].number is None
        np.testing.assert_array_equal(frames[0].image, ARRAY)


def test_an_image_is_neither_a_video_nor_live(photo):
    for one in inputs_of_one_image(photo):
        assert one.video is None
        assert one.live is False


def test_from_the_second_frame_on_an_image_has_none(photo):
    for one in inputs_of_one_image(photo):
        assert list(one.frames(start=1)) == []


def test_an_input_shows_its_kind_and_its_name():
    assert repr(ImageFile("a.jpg")) == "ImageFile('a.jpg')"


def test_the_errors_of_images_begin_with_their_names():
    with pytest.raises(CorruptImageError, match=r"^gone\.jpg: No such file"):
        list(ImageFile("gone.jpg").frames())
    with pytest.raises(CorruptImageError, match=r"^http://localhost/a: "):
        list(EncodedImage(b"not an image", "http://localhost/a").frames())
    with pytest.raises(ValueError, match=r"^sources\[3\]: expected a path, .* not uint8 \(6, 8\)"):
        list(ImageArray(ARRAY[:, :, 0], 3).frames())


def test_an_array_is_named_by_its_position():
    assert ImageArray(ARRAY, 3).name == "3"
