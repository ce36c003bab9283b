import sys
from pathlib import Path

import numpy as np
import pytest

from keras_ssd.data.sample import Sample
from keras_ssd.data.writing.image_names import image_names

JPEG = b"\xff\xd8\xff\xe0"


def sample(image_id, image=Path("some/file.jpg")):
    no_boxes, no_labels = np.zeros((0, 4), np.float32), np.zeros(0, np.int32)
    return Sample(image_id, image, (1, 1), no_boxes, no_labels, np.zeros(0, bool))


def test_a_name_is_the_id_with_the_suffix_of_the_image():
    ids = "000005", "a.b", "deep/c.jpg", "IMG 1.JPG"
    assert image_names(map(sample, ids)) == ["000005.jpg", "a.b.jpg", "deep/c.jpg", "IMG 1.jpg"]


@pytest.mark.parametrize(
    ("image_id", "expected"),
    [
        ("../../etc/passwd", "etc/passwd.jpg"),
        ("/absolute/a.jpg", "absolute/a.jpg"),
        ("C:\\photos\\a.jpg", "C_/photos/a.jpg"),
        ("train/images/a.jpg", "train/a.jpg"),
        ("JPEGImages/a.jpg", "a.jpg"),
        (".hidden.jpg", "_hidden.jpg"),
        ("a\nb\0c.jpg", "a_b_c.jpg"),
        ("what? a*.jpg", "what_ a_.jpg"),
        ("f\udcfcr.jpg", "f_r.jpg"),
        (" a / b .jpg", "a/b.jpg"),
        ("e\u0301.jpg", "\u00e9.jpg"),
        ("...", "image.jpg"),
        (".jpg", "image.jpg"),
    ],
)
def test_what_a_file_cannot_be_called_is_changed(image_id, expected):
    assert image_names([sample(image_id)]) == [expected]


def test_names_differ_without_suffix_and_case():
    samples = [sample("a.jpg"), sample("a.png", Path("a.png")), sample("A"), sample("a_2")]
    assert image_names(samples) == ["a.jpg", "a_2.png", "A_3.jpg", "a_2_2.jpg"]


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (JPEG, ".jpg"),
        (b"\x89PNG\r\n", ".png"),
        (b"RIFF0000WEBP", ".webp"),
        (b"GIF89a", ".gif"),
        (b"BM00", ".bmp"),
        (b"II*\0", ".tif"),
        (b"something else", ".jpg"),
    ],
)
def test_the_suffix_of_an_image_in_memory_is_that_of_its_kind(data, suffix):
    assert image_names([sample("a", data)]) == [f"a{suffix}"]
    assert image_names([sample("000001.jpg", data)]) == [f"000001{suffix}"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_every_name_can_be_written_as_utf8():
    [name] = image_names([sample("\udcfc/\ud800")])
    assert name.encode() == b"_/_.jpg"
