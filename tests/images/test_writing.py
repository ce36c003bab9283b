import numpy as np
import pytest
from PIL import Image

from keras_ssd.images import read_image, write_image

RED = np.full((5, 7, 3), (200, 100, 50), np.uint8)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("é.png", "PNG"), ("A.PNG", "PNG"), ("a.jpg", "JPEG"), ("a.jpeg", "JPEG"), ("A.JPG", "JPEG")],
)
def test_the_suffix_says_the_format(tmp_path, name, kind):
    write_image(RED, tmp_path / "new" / name)
    with Image.open(tmp_path / "new" / name) as image:
        assert image.format == kind
    difference = read_image(tmp_path / "new" / name).astype(int) - RED
    assert np.abs(difference).max() <= (0 if kind == "PNG" else 3)
    assert [entry.name for entry in (tmp_path / "new").iterdir()] == [name]


@pytest.mark.parametrize("name", ["a.gif", "a", "a.png.txt"])
def test_another_suffix_is_an_error(tmp_path, name):
    with pytest.raises(ValueError, match=rf"{name}: the name must end in \.png, \.jpg or \.jpeg"):
        write_image(RED, tmp_path / name)


def test_what_cannot_be_written_is_an_error_and_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match=r"image: expected an RGB uint8 array"):
        write_image(RED.astype(np.float32), tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"a\.jpg: .*"):
        write_image(np.zeros((1, 65536, 3), np.uint8), tmp_path / "a.jpg")  # JPEG ends at 65535
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ValueError, match=r"folder\.png: expected the name of a file"):
        write_image(RED, tmp_path / "folder.png")
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder.png"]
