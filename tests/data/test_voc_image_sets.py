"""Which images `load_voc` takes, from folders of which shape."""

from pathlib import Path

import pytest

from keras_ssd.classes import VOC_CLASSES
from keras_ssd.data.voc import find_image_sets, load_voc

REAL_DEVKIT = Path(__file__).parents[3] / "shared" / "data" / "VOCdevkit"
XML = (
    "<annotation><size><width>100</width><height>50</height></size><object><name>{}</name><bndbox>"
    "<xmin>10</xmin><ymin>10</ymin><xmax>20</xmax><ymax>20</ymax></bndbox></object></annotation>"
)


def write_images(folder, class_of, images="JPEGImages", annotations="Annotations"):
    """A folder with one object in each image, and without image sets."""
    for part in (images, annotations):
        (folder / part).mkdir(parents=True)
    for image_id, class_name in class_of.items():
        (folder / annotations / f"{image_id}.xml").write_text(XML.format(class_name))
        (folder / images / f"{image_id}.jpg").write_bytes(b"never decoded")
    return folder


def write_voc(folder, class_of, image_set=None, *, name="trainval"):
    """The same with one image set, of all images where it is not given."""
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
    assert ids(load_voc(folder)) == ["c", "a"]


def test_byte_order_mark_windows_line_endings_and_blank_lines_do_not_matter(tmp_path):
    class_of = dict.fromkeys("ab", "dog")
    folder = write_voc(tmp_path, class_of, image_set=b"\xef\xbb\xbfa\r\n\r\n  b \r\n\r\n")
    for path in (folder / "Annotations").iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"><", b">\r\n<"))
    loaded = load_voc(folder)
    assert ids(loaded) == ["a", "b"]
    assert loaded.class_names == ("dog",)


def test_a_classs_own_list_leaves_out_the_images_marked_minus_one(tmp_path):
    class_of = dict.fromkeys(("a", "b", "c", "-1", "my image"), "dog")
    lines = "a  1\nb -1\nc  0\n-1\nmy image  1\n"
    folder = write_voc(tmp_path, class_of, image_set=lines, name="dog_train")
    assert ids(load_voc(folder, "dog_train")) == ["a", "c", "-1", "my image"]


def test_an_image_listed_twice_is_taken_once_and_reported(tmp_path):
    folder = write_voc(tmp_path, dict.fromkeys("ab", "dog"), image_set="a\nb\na\n")
    loaded = load_voc(folder)
    assert ids(loaded) == ["a", "b"]
    assert loaded.problems == [
        f"{folder / 'ImageSets' / 'Main' / 'trainval.txt'}: a is listed more than once"
    ]


@pytest.mark.parametrize("text", ["", "\n \r\n", "a -1\n"])
def test_an_empty_image_set_is_an_error(tmp_path, text):
    folder = write_voc(tmp_path, {"a": "dog"}, image_set=text)
    with pytest.raises(ValueError, match="image set 'trainval' is empty"):
        load_voc(folder)


def test_a_missing_image_set_is_an_error_listing_those_there_are(tmp_path):
    folder = write_voc(tmp_path, {"a": "dog"})
    (folder / "ImageSets" / "Main" / "dog_val.txt").write_text("a 1")
    assert find_image_sets(folder) == ["dog_val", "trainval"]
    with pytest.raises(ValueError, match="no image set 'test'; there are: dog_val, trainval, all"):
        load_voc(folder, "test")


def test_an_image_set_that_is_no_text_is_named(tmp_path):
    folder = write_voc(tmp_path, {"a": "dog"}, image_set="a\n".encode("utf-16"))
    with pytest.raises(ValueError, match=r"trainval\.txt: not a text file in UTF-8"):
        load_voc(folder)


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
    loaded = load_voc(folder, "all")
    assert ids(loaded) == ["r-1", "r-10", "r-11", "r-2"]
    assert [sample.labels.tolist() for sample in loaded.samples] == [[1], [0], [1], [1]]
    assert loaded.samples[0].image == folder / images / "r-1.jpg"
    assert loaded.problems == []
    assert find_image_sets(folder) == []


def test_slices_split_a_folder(tmp_path):
    folder = write_images(tmp_path, dict.fromkeys(("1", "2", "10", "20"), "dog"))
    assert ids(load_voc(folder, "0:3")) == ["1", "10", "2"]
    assert ids(load_voc(folder, "3:")) == ["20"]


def test_only_the_annotations_of_a_slice_are_read(tmp_path):
    folder = write_images(tmp_path, dict.fromkeys("abc", "dog"))
    (folder / "Annotations" / "c.xml").write_text("broken")
    assert ids(load_voc(folder, ":2")) == ["a", "b"]


def test_all_goes_beyond_the_image_sets_but_a_set_of_that_name_goes_first(tmp_path):
    class_of = dict.fromkeys("abc", "dog")
    assert ids(load_voc(write_voc(tmp_path / "1", class_of, "b\n"), "all")) == ["a", "b", "c"]
    assert ids(load_voc(write_voc(tmp_path / "2", class_of, "b\n", name="all"), "all")) == ["b"]


def test_an_image_without_an_annotation_is_left_out_and_reported(tmp_path):
    folder = write_images(tmp_path, dict.fromkeys("abc", "dog"))
    for image_id in "bc":
        (folder / "Annotations" / f"{image_id}.xml").unlink()
    loaded = load_voc(folder, "all")
    assert ids(loaded) == ["a"]
    assert loaded.problems == [
        f"{folder / 'JPEGImages'}: 2 image(s) without an annotation are left out, such as b"
    ]


def test_an_image_set_of_a_folder_without_them_is_an_error_telling_what_there_is(tmp_path):
    folder = write_images(tmp_path, {"a": "dog"})
    with pytest.raises(ValueError, match="no image set 'trainval'; there are: all, and slices"):
        load_voc(folder)


def test_a_folder_without_xml_files_is_named(tmp_path):
    folder = write_images(tmp_path, {}, "images", "annotations")
    (folder / "annotations" / "instances_val2017.json").touch()
    with pytest.raises(ValueError, match=r"annotations: there is no \.xml file"):
        load_voc(folder, "all")


# Folders


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere: there is no such folder"):
        load_voc(tmp_path / "nowhere")


def test_a_folder_of_another_layout_is_an_error_telling_the_expected_one(tmp_path):
    (tmp_path / "images").mkdir()
    with pytest.raises(ValueError, match=r"neither .* JPEGImages, Annotations and perhaps Image"):
        load_voc(tmp_path)


@pytest.mark.parametrize("part", ["Annotations", "JPEGImages"])
def test_a_missing_part_of_the_folder_is_named(tmp_path, part):
    folder = write_voc(tmp_path / "VOC", {"a": "dog"})
    (folder / part).rename(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=f"{part}: there is no such folder"):
        load_voc(folder)


def test_a_devkit_loads_every_year_that_has_the_image_set(tmp_path):
    write_voc(tmp_path / "VOC2012", {"2008_000002": "cat"})
    write_voc(tmp_path / "VOC2007", {"000005": "dog", "000007": "eel"})
    write_voc(tmp_path / "VOC2009", {"2009_000001": "fox"}, name="test")
    (tmp_path / "results").mkdir()
    loaded = load_voc(str(tmp_path))
    assert ids(loaded) == ["000005", "000007", "2008_000002"]
    assert loaded.class_names == ("cat", "dog", "eel")
    assert [sample.labels.tolist() for sample in loaded.samples] == [[1], [2], [0]]
    assert ids(load_voc(tmp_path, "test")) == ["2009_000001"]
    assert ids(load_voc(tmp_path, "2:")) == ["2009_000001", "2008_000002"]  # by year first
    assert find_image_sets(tmp_path) == ["test", "trainval"]


def test_an_id_that_two_years_share_gets_the_years_name_in_front(tmp_path):
    write_voc(tmp_path / "A", {"1": "dog", "2": "dog"})
    write_voc(tmp_path / "B", {"1": "cat", "3": "dog"})
    loaded = load_voc(tmp_path)
    assert ids(loaded) == ["A_1", "2", "B_1", "3"]
    assert loaded.samples[2].image == tmp_path / "B" / "JPEGImages" / "1.jpg"
    assert loaded.samples[2].labels.tolist() == [0]


@pytest.mark.skipif(not REAL_DEVKIT.is_dir(), reason=f"real VOC images are not at {REAL_DEVKIT}")
def test_the_real_voc2007_train_set_loads_with_the_official_classes():
    loaded = load_voc(REAL_DEVKIT / "VOC2007", "train")
    assert len(loaded) == 2500
    assert loaded.class_names == VOC_CLASSES
    assert loaded.problems == []
    assert loaded.samples[0].id == "000012"
    assert loaded.samples[0].read_image().shape[:2] == loaded.samples[0].size


def test_the_real_raccoons_split_by_slices(shared):
    folder = shared / "data" / "raccoon"
    train, test = load_voc(folder, "0:160"), load_voc(folder, "160:")
    assert (len(train), len(test)) == (160, 40)
    assert train.class_names == test.class_names == ("raccoon",)
    assert (train.samples[1].id, test.samples[0].id) == ("raccoon-10", "raccoon-63")
