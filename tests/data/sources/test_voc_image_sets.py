"""The images that `load` takes from folders in PASCAL VOC's format."""

import os
import shutil
import sys
import time
import unicodedata
from pathlib import Path

import pytest

from keras_ssd.data.loading import load
from keras_ssd.data.sources.read_voc import VocSource

REAL_DEVKIT = Path(__file__).parents[4] / "shared" / "data" / "VOCdevkit"
XML = (
    "<annotation><size><width>100</width><height>50</height></size><object><name>{}</name><bndbox>"
    "<xmin>10</xmin><ymin>10</ymin><xmax>20</xmax><ymax>20</ymax></bndbox></object></annotation>"
)


def write_images(folder, class_of, images="JPEGImages", annotations="Annotations"):
    """Writes a folder with one object in each image, and without image sets."""
    for part in (images, annotations):
        (folder / part).mkdir(parents=True)
    for image_id, class_name in class_of.items():
        (folder / annotations / f"{image_id}.xml").write_text(XML.format(class_name))
        (folder / images / f"{image_id}.jpg").write_bytes(b"never decoded")
    return folder


def write_voc(folder, class_of, image_set=None, *, name="trainval"):
    """Writes the same folder with one image set, by default of all images."""
    write_images(folder, class_of)
    (folder / "ImageSets" / "Main").mkdir(parents=True)
    text = "\n".join(class_of) if image_set is None else image_set
    (folder / "ImageSets" / "Main" / f"{name}.txt").write_bytes(
        text if isinstance(text, bytes) else text.encode()
    )
    return folder


def ids(loaded):
    return [sample.id for sample in loaded.samples]


# Image sets in files


def test_order_and_members_are_those_of_the_image_set(tmp_path):
    folder = write_voc(tmp_path, dict.fromkeys("abc", "dog"), image_set="c\na\n")
    assert ids(load(folder)) == ["c", "a"]


def test_byte_order_mark_windows_line_endings_and_blank_lines_do_not_matter(tmp_path):
    class_of = dict.fromkeys("ab", "dog")
    folder = write_voc(tmp_path, class_of, image_set=b"\xef\xbb\xbfa\r\n\r\n  b \r\n\r\n")
    for path in (folder / "Annotations").iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"><", b">\r\n<"))
    loaded = load(folder)
    assert ids(loaded) == ["a", "b"]
    assert loaded.class_names == ("dog",)


def test_a_classs_own_list_leaves_out_the_images_marked_minus_one(tmp_path):
    class_of = dict.fromkeys(("a", "b", "c", "-1", "my image", "my image 2"), "dog")
    lines = "a  1\nb -1\nc  0\n-1 1\nmy image  1\nmy image 2 -1\n"
    folder = write_voc(tmp_path, class_of, image_set=lines, name="dog_train")
    assert ids(load(folder, "dog_train")) == ["a", "c", "-1", "my image"]


def test_an_image_whose_name_ends_in_a_number_is_not_taken_for_another_one(tmp_path):
    folder = write_voc(tmp_path, {"IMG": "cat", "IMG 1": "dog"}, image_set="IMG 1\n")
    assert ids(load(folder)) == ["IMG 1"]
    (folder / "ImageSets" / "Main" / "both.txt").write_text("IMG 1\nIMG\n")
    assert ids(load(folder, "both")) == ["IMG 1", "IMG"]
    (folder / "ImageSets" / "Main" / "gone.txt").write_text("IMG 1\nIMG 0\n")
    with pytest.raises(ValueError, match=r"IMG 0\.xml: No such file"):
        load(folder, "gone")


def test_a_line_is_read_in_linear_time(tmp_path):
    folder = write_voc(tmp_path, {"a": "dog"}, image_set="a" + " " * 2_000_000 + "b\n")
    start = time.perf_counter()
    with pytest.raises(ValueError, match=r"\.xml: "):
        load(folder)
    assert time.perf_counter() - start < 5


def test_ids_may_have_folders(tmp_path):
    folder = write_voc(tmp_path, {}, image_set="s1/a\ns1/b\n", name="default")
    for image_id in ("s1/a", "s1/b", "s2/a"):
        for part, suffix in (("Annotations", ".xml"), ("JPEGImages", ".jpg")):
            path = folder / part / f"{image_id}{suffix}"
            path.parent.mkdir(exist_ok=True)
            path.write_text(XML.format("dog"))
    assert ids(load(folder, "default")) == ids(load(folder)) == ["s1/a", "s1/b"]
    loaded = load(folder, "all")
    assert ids(loaded) == ["s1/a", "s1/b", "s2/a"]
    assert loaded[2].image == folder / "JPEGImages" / "s2" / "a.jpg"


def test_hidden_files_are_passed_over(tmp_path):
    folder = write_images(tmp_path / "mac", {"a": "dog"})
    hidden = ("JPEGImages/._a.jpg", "Annotations/._a.xml", "Annotations/.x/b.xml")
    for name in (*hidden, "JPEGImages/@eaDir/a.jpg", "ImageSets/Main/._train.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"\0\5\26\7Mac OS X")
    (folder / "ImageSets/Main/train.txt").write_text("a\n")
    shutil.copytree(folder, tmp_path / "__MACOSX")
    loaded = load(tmp_path / "mac", "all")
    assert (ids(loaded), loaded.problems) == (["a"], [])
    assert VocSource(tmp_path).image_sets == ["train"]


@pytest.mark.parametrize("on_disk", ["NFC", "NFD"])
def test_letters_may_be_composed_or_not(tmp_path, on_disk):
    name = unicodedata.normalize(on_disk, "caf\u00e9/\u00fc")
    folder = write_voc(tmp_path, {}, image_set="caf\u00e9/\u00fc\n")
    for part, suffix in (("Annotations", ".xml"), ("JPEGImages", ".jpg")):
        path = folder / part / f"{name}{suffix}"
        path.parent.mkdir()
        path.write_text(XML.format("dog"))
    chosen = tmp_path / "chosen.txt"
    chosen.write_text("cafe\u0301/u\u0308", encoding="utf-8")
    assert ids(load(folder)) == ids(load(folder, "all")) == ["caf\u00e9/\u00fc"]
    assert ids(load(folder, chosen)) == ["caf\u00e9/\u00fc"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_not_in_utf8_is_loaded_in_sets_too(tmp_path):
    folder = write_voc(tmp_path, {"a": "dog"}, image_set=b"f\xfcr\n")
    for part, suffix in ((b"Annotations", b".xml"), (b"JPEGImages", b".jpg")):
        old = os.path.join(os.fsencode(folder), part, b"a" + suffix)
        os.rename(old, os.path.join(os.fsencode(folder), part, b"f\xfcr" + suffix))
    for image_set in ("trainval", "all"):
        [sample] = load(folder, image_set)
        assert os.fsencode(sample.id) == b"f\xfcr"
        assert sample.image.is_file()


def test_an_image_listed_twice_is_taken_once_and_reported(tmp_path):
    folder = write_voc(tmp_path, dict.fromkeys("ab", "dog"), image_set="a\nb\na\n")
    loaded = load(folder)
    assert ids(loaded) == ["a", "b"]
    assert loaded.problems == [
        f"{folder / 'ImageSets' / 'Main' / 'trainval.txt'}: a is listed more than once"
    ]


@pytest.mark.parametrize("text", ["", "\n \r\n", "a -1\n"])
def test_an_empty_image_set_is_an_error(tmp_path, text):
    folder = write_voc(tmp_path, {"a": "dog"}, image_set=text)
    with pytest.raises(ValueError, match="image set 'trainval' is empty"):
        load(folder)


def test_a_missing_image_set_is_an_error_listing_those_there_are(tmp_path):
    folder = write_voc(tmp_path, {"a": "dog"})
    (folder / "ImageSets" / "Main" / "dog_val.txt").write_text("a 1")
    assert VocSource(folder).image_sets == ["dog_val", "trainval"]
    with pytest.raises(ValueError, match="no image set 'test'; there are: dog_val, trainval, all"):
        load(folder, "test")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_an_image_set_may_begin_with_a_byte_order_mark(tmp_path, encoding):
    folder = write_voc(tmp_path, {"a": "dog"}, image_set="a\n".encode(encoding))
    assert ids(load(folder)) == ["a"]


def test_an_image_set_that_is_not_a_text_is_named(tmp_path):
    folder = write_voc(tmp_path, {"a": "dog"}, image_set="a\n".encode("utf-16-le"))
    with pytest.raises(ValueError, match=r"trainval\.txt: not a text file in UTF-8"):
        load(folder)


# All images, and slices of them


@pytest.mark.parametrize(
    ("images", "annotations"),
    [("images", "annotations"), ("Images", "ANNOTATIONS"), ("JPEGImages", "Annotations")],
)
def test_a_folder_without_image_sets_loads_in_the_order_of_its_ids_as_text(
    tmp_path, images, annotations
):
    class_of = {"r-2": "dog", "r-10": "cat", "r-1": "dog", "r-11": "dog"}
    folder = write_images(tmp_path, class_of, images, annotations)
    (folder / "LICENSE").touch()
    loaded = load(folder, "all")
    assert ids(loaded) == ["r-1", "r-10", "r-11", "r-2"]
    assert [sample.labels.tolist() for sample in loaded.samples] == [[1], [0], [1], [1]]
    assert loaded.samples[0].image == folder / images / "r-1.jpg"
    assert loaded.problems == []
    assert VocSource(folder).image_sets == []


def test_slices_split_a_folder(tmp_path):
    folder = write_images(tmp_path, dict.fromkeys(("1", "2", "10", "20"), "dog"))
    assert ids(load(folder, "0:3")) == ["1", "10", "2"]
    assert ids(load(folder, "3:")) == ["20"]


def test_only_the_annotations_of_a_slice_are_read(tmp_path):
    folder = write_images(tmp_path, dict.fromkeys("abc", "dog"))
    (folder / "Annotations" / "c.xml").write_text("broken")
    assert ids(load(folder, ":2")) == ["a", "b"]


def test_all_goes_beyond_the_image_sets_but_a_set_of_that_name_goes_first(tmp_path):
    class_of = dict.fromkeys("abc", "dog")
    assert ids(load(write_voc(tmp_path / "1", class_of, "b\n"), "all")) == ["a", "b", "c"]
    assert ids(load(write_voc(tmp_path / "2", class_of, "b\n", name="all"), "all")) == ["b"]


def test_an_image_without_an_annotation_is_left_out_and_reported(tmp_path):
    folder = write_images(tmp_path, dict.fromkeys("abc", "dog"))
    for image_id in "bc":
        (folder / "Annotations" / f"{image_id}.xml").unlink()
    loaded = load(folder, "all")
    assert ids(loaded) == ["a"]
    assert loaded.problems == [
        f"{folder / 'JPEGImages'}: left out 2 images without an annotation, such as b"
    ]


def test_an_image_set_of_a_folder_without_them_is_an_error_telling_what_there_is(tmp_path):
    folder = write_images(tmp_path, {"a": "dog"})
    with pytest.raises(ValueError, match="no image set 'trainval'; there are: all, and slices"):
        load(folder, "trainval")


def test_a_folder_without_xml_files_is_named(tmp_path):
    folder = write_images(tmp_path, {}, "images", "annotations")
    (folder / "annotations" / "notes.txt").touch()
    with pytest.raises(ValueError, match=r"annotations: there is no \.xml file"):
        load(folder, "all")
