import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_ssd.data.dataset import merge
from keras_ssd.data.voc import VOC_CLASSES, load_voc
from keras_ssd.images import CorruptImageError

REAL_DEVKIT = Path(__file__).parents[3] / "shared" / "data" / "VOCdevkit"
SIZE = "<size><width>100</width><height>50</height><depth>3</depth></size>"
EMPTY_XML = f"<annotation>{SIZE}</annotation>"
DIFFICULT = "<difficult>1</difficult>"


def xml(*objects, size=SIZE):
    return f"<annotation><filename>wrong.png</filename>{size}{''.join(objects)}</annotation>"


def obj(name="dog", box=(10, 10, 20, 20), extra=""):
    tags = ("xmin", "ymin", "xmax", "ymax")
    corners = "".join(f"<{tag}>{value}</{tag}>" for tag, value in zip(tags, box, strict=True))
    return f"<object><name>{name}</name>{extra}<bndbox>{corners}</bndbox></object>"


def write_voc(folder, annotations, image_set=None, *, name="trainval", suffix=".jpg"):
    """A VOC folder; image files hold no image, since loading must not decode them."""
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / part).mkdir(parents=True)
    for image_id, text in annotations.items():
        (folder / "Annotations" / f"{image_id}.xml").write_text(text)
        (folder / "JPEGImages" / f"{image_id}{suffix}").write_bytes(b"never decoded")
    text = "\n".join(annotations) if image_set is None else image_set
    (folder / "ImageSets" / "Main" / f"{name}.txt").write_bytes(
        text if isinstance(text, bytes) else text.encode()
    )
    return folder


def load_one(folder, text, **options):
    loaded = load_voc(write_voc(folder, {"000001": text}), **options)
    return loaded, loaded.samples[0]


def ids(loaded):
    return [sample.id for sample in loaded.samples]


# Samples


def test_an_image_without_objects_is_a_sample(tmp_path):
    loaded, sample = load_one(tmp_path, EMPTY_XML, class_names=["dog"])
    assert len(loaded) == 1
    assert sample.boxes.shape == (0, 4)
    assert sample.labels.shape == sample.difficult.shape == (0,)
    assert (sample.boxes.dtype, sample.labels.dtype) == (np.float32, np.int32)
    assert sample.difficult.dtype == bool
    assert loaded.problems == []


def test_coordinates_are_divided_by_the_size_without_subtracting_one(tmp_path):
    loaded, sample = load_one(tmp_path, xml(obj(box=(1, 10, 100, 50))))
    np.testing.assert_allclose(sample.boxes, [[0.01, 0.2, 1.0, 1.0]], rtol=1e-6)
    assert sample.boxes.dtype == np.float32
    assert loaded.problems == []


def test_coordinates_may_be_fractions(tmp_path):
    _, sample = load_one(tmp_path, xml(obj(box=("12.5", " 5.25\n", "2e1", "25."))))
    np.testing.assert_allclose(sample.boxes, [[0.125, 0.105, 0.2, 0.5]], rtol=1e-6)


def test_a_sample_knows_its_id_image_and_size(tmp_path):
    _, sample = load_one(tmp_path, EMPTY_XML, class_names=["dog"])
    assert sample.id == "000001"
    assert sample.image == tmp_path / "JPEGImages" / "000001.jpg"
    assert sample.size == (50, 100)


@pytest.mark.parametrize("suffix", [".jpg", ".JPG", ".jpeg", ".png", ".PnG"])
def test_the_image_is_found_by_id_whatever_its_suffix(tmp_path, suffix):
    folder = write_voc(tmp_path, {"a.b": EMPTY_XML}, suffix=suffix)
    (folder / "JPEGImages" / "a.b.txt").touch()
    [sample] = load_voc(folder, class_names=["dog"]).samples
    assert sample.image.name == f"a.b{suffix}"


@pytest.mark.parametrize(
    "size",
    [
        "",
        "<size/>",
        "<size><width>0</width><height>0</height></size>",
        "<size><width>100</width></size>",
        "<size><width>0</width><height>20</height></size>",
        "<size><width>-1</width><height>?</height></size>",
    ],
)
def test_a_size_missing_in_the_xml_is_read_from_the_image(tmp_path, size):
    folder = write_voc(tmp_path, {"a": xml(obj(box=(8, 5, 16, 10)), size=size)})
    cv2.imwrite(str(folder / "JPEGImages" / "a.jpg"), np.zeros((20, 32, 3), np.uint8))
    [sample] = load_voc(folder).samples
    assert sample.size == (20, 32)
    np.testing.assert_allclose(sample.boxes, [[0.25, 0.25, 0.5, 0.5]])


def test_an_unreadable_image_is_named_where_its_size_is_needed(tmp_path):
    folder = write_voc(tmp_path, {"a": xml(size="")})
    with pytest.raises(CorruptImageError, match=r"a\.jpg"):
        load_voc(folder, class_names=["dog"])


def test_boxes_of_an_objects_parts_are_no_objects(tmp_path):
    part = "<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>"
    loaded, sample = load_one(tmp_path, xml(obj("person", extra=part)))
    assert loaded.class_names == ("person",)
    np.testing.assert_allclose(sample.boxes, [[0.1, 0.2, 0.2, 0.4]])


# Boxes that need repair


@pytest.mark.parametrize(
    "box",
    [
        (10, 10, 10, 20),  # no width
        (10, 20, 30, 20),  # no height
        (30, 10, 20, 20),  # corners swapped
        (100, 10, 120, 20),  # right of the image
        (-9, -9, 0, 0),  # above and left of the image
    ],
)
def test_a_box_without_area_is_dropped_and_reported(tmp_path, box):
    loaded, sample = load_one(tmp_path, xml(obj("cat"), obj("dog", box), obj("eel")))
    np.testing.assert_array_equal(sample.labels, [0, 2])
    assert sample.boxes.shape == (2, 4)
    assert sample.difficult.shape == (2,)
    [problem] = loaded.problems
    assert "000001.xml: dog box (" + ", ".join(map(str, box)) + ") dropped" in problem


def test_a_box_that_sticks_out_is_clipped_and_reported(tmp_path):
    loaded, sample = load_one(tmp_path, xml(obj("dog", (-5, 10, 50, 60)), obj("cat")))
    np.testing.assert_allclose(sample.boxes, [[0, 0.2, 0.5, 1], [0.1, 0.2, 0.2, 0.4]])
    [problem] = loaded.problems
    assert "000001.xml: dog box (-5, 10, 50, 60) clipped to the 100x50 image" in problem


# Classes


def test_voc_classes_are_the_official_twenty():
    assert len(set(VOC_CLASSES)) == 20
    assert list(VOC_CLASSES) == sorted(VOC_CLASSES)
    assert (VOC_CLASSES[0], VOC_CLASSES[14], VOC_CLASSES[19]) == (
        "aeroplane",
        "person",
        "tvmonitor",
    )


def test_class_names_found_are_sorted(tmp_path):
    loaded, sample = load_one(tmp_path, xml(obj("dog"), obj(" cat\n"), obj("eel"), obj("cat")))
    assert loaded.class_names == ("cat", "dog", "eel")
    np.testing.assert_array_equal(sample.labels, [1, 0, 2, 0])


def test_labels_follow_the_order_of_the_class_names_given(tmp_path):
    text = xml(obj("dog"), obj("cat"))
    loaded, sample = load_one(tmp_path, text, class_names=["eel", "dog", "cat"])
    assert loaded.class_names == ("eel", "dog", "cat")
    np.testing.assert_array_equal(sample.labels, [1, 2])


def test_an_unknown_class_is_an_error_naming_file_class_and_what_was_expected(tmp_path):
    folder = write_voc(tmp_path, {"a": xml(obj("dog")), "b": xml(obj("Dog"))})
    with pytest.raises(ValueError, match=r"b\.xml: unknown class 'Dog'.*one of: cat, dog"):
        load_voc(folder, class_names=["cat", "dog"])


def test_unknown_classes_can_be_skipped_and_are_counted(tmp_path):
    text = xml(obj("eel"), obj("dog"), obj("cat"), obj("eel"))
    loaded, sample = load_one(tmp_path, text, class_names=["dog"], unknown_classes="skip")
    np.testing.assert_array_equal(sample.labels, [0])
    assert loaded.problems == [
        "class 'cat' is not in class_names: 1 object(s) skipped",
        "class 'eel' is not in class_names: 2 object(s) skipped",
    ]


def test_class_names_cannot_be_taken_from_images_without_objects(tmp_path):
    with pytest.raises(ValueError, match="pass class_names"):
        load_one(tmp_path, EMPTY_XML)


@pytest.mark.parametrize("class_names", ["dog", [], ["dog", "dog"], [1, 2]])
def test_class_names_must_be_distinct_names(tmp_path, class_names):
    with pytest.raises(ValueError, match="class_names must be a list of distinct names"):
        load_one(tmp_path, xml(obj()), class_names=class_names)


# Difficult objects


def test_difficult_objects_are_kept_and_marked(tmp_path):
    _, sample = load_one(tmp_path, xml(obj("cat"), obj("dog", extra=DIFFICULT)))
    np.testing.assert_array_equal(sample.difficult, [False, True])


def test_difficult_objects_can_be_dropped_without_changing_the_labels(tmp_path):
    text = xml(obj("cat", extra=DIFFICULT), obj("dog", extra="<difficult>0</difficult>"))
    loaded, sample = load_one(tmp_path, text, difficult="drop")
    assert loaded.class_names == ("cat", "dog")
    np.testing.assert_array_equal(sample.labels, [1])
    np.testing.assert_array_equal(sample.difficult, [False])
    assert loaded.problems == []


@pytest.mark.parametrize("argument", ["difficult", "unknown_classes"])
def test_a_choice_that_does_not_exist_is_refused(tmp_path, argument):
    with pytest.raises(ValueError, match=f"{argument} must be .* not 'ignore'"):
        load_one(tmp_path, xml(obj()), **{argument: "ignore"})


# Annotation files that cannot be used


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not valid XML"),
        (EMPTY_XML[:-5], "not valid XML"),
        ('<?xml version="1.0" encoding="klingon"?><annotation/>', "not valid XML"),
        ("<html/>", "root must be <annotation>, not <html>"),
        (xml(obj(box=("ten", 10, 20, 20))), r"dog box \(ten, 10, 20, 20\).*must be numbers"),
        (xml(obj(box=(10, "", 20, 20))), r"dog box \(10, , 20, 20\).*must be numbers"),
        (xml("<object><name>dog</name></object>"), r"dog box \(, , , \).*must be numbers"),
        (xml(obj("cat"), obj("dog", ("nan", 10, 20, 20))), r"dog box \(nan.*must be finite"),
        (xml(obj("cat"), obj("dog", (10, 10, "inf", 20))), r"dog box .*inf.*must be finite"),
        (xml(obj(name=" ")), "an <object> without <name>"),
        (xml(obj(extra="<difficult>maybe</difficult>")), "must be 0 or 1, not 'maybe'"),
    ],
)
def test_an_unusable_annotation_is_an_error_naming_the_file(tmp_path, text, complaint):
    folder = write_voc(tmp_path, {"good": xml(obj()), "bad": text})
    with pytest.raises(ValueError, match=rf"bad\.xml: .*{complaint}"):
        load_voc(folder)


def test_a_missing_annotation_is_named(tmp_path):
    folder = write_voc(tmp_path, {"a": xml(obj())}, image_set="a\nb\n")
    with pytest.raises(ValueError, match=r"Annotations.b\.xml: No such file"):
        load_voc(folder)


def test_a_missing_image_is_named(tmp_path):
    folder = write_voc(tmp_path, {"a": xml(obj()), "b": xml(obj())})
    (folder / "JPEGImages" / "b.jpg").unlink()
    with pytest.raises(ValueError, match=r"JPEGImages.b: no image with the suffix \.jpg"):
        load_voc(folder)


# Image sets


def test_order_and_members_are_those_of_the_image_set(tmp_path):
    annotations = {name: xml(obj()) for name in ("a", "b", "c")}
    assert ids(load_voc(write_voc(tmp_path, annotations, image_set="c\na\n"))) == ["c", "a"]


def test_byte_order_mark_windows_line_endings_and_blank_lines_do_not_matter(tmp_path):
    annotations = {"a": xml(obj()), "b": xml(obj())}
    folder = write_voc(tmp_path, annotations, image_set=b"\xef\xbb\xbfa\r\n\r\n  b \r\n\r\n")
    for path in (folder / "Annotations").iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"><", b">\r\n<"))
    loaded = load_voc(folder)
    assert ids(loaded) == ["a", "b"]
    assert loaded.class_names == ("dog",)


def test_a_classs_own_list_leaves_out_the_images_marked_minus_one(tmp_path):
    annotations = {name: xml(obj()) for name in ("a", "b", "c", "-1", "my image")}
    lines = "a  1\nb -1\nc  0\n-1\nmy image  1\n"
    folder = write_voc(tmp_path, annotations, image_set=lines, name="dog_train")
    assert ids(load_voc(folder, "dog_train")) == ["a", "c", "-1", "my image"]


def test_an_image_listed_twice_is_taken_once_and_reported(tmp_path):
    folder = write_voc(tmp_path, {"a": xml(obj()), "b": xml(obj())}, image_set="a\nb\na\n")
    loaded = load_voc(folder)
    assert ids(loaded) == ["a", "b"]
    assert loaded.problems == [
        f"{folder / 'ImageSets' / 'Main' / 'trainval.txt'}: a is listed more than once"
    ]


@pytest.mark.parametrize("text", ["", "\n \r\n", "a -1\n"])
def test_an_empty_image_set_is_an_error(tmp_path, text):
    folder = write_voc(tmp_path, {"a": xml(obj())}, image_set=text)
    with pytest.raises(ValueError, match="image set 'trainval' is empty"):
        load_voc(folder)


def test_a_missing_image_set_is_an_error_listing_those_there_are(tmp_path):
    folder = write_voc(tmp_path, {"a": xml(obj())})
    (folder / "ImageSets" / "Main" / "dog_val.txt").write_text("a 1")
    with pytest.raises(ValueError, match="no image set 'test'; there are: dog_val, trainval"):
        load_voc(folder, "test")


def test_an_image_set_that_is_no_text_is_named(tmp_path):
    folder = write_voc(tmp_path, {"a": xml(obj())}, image_set="a\n".encode("utf-16"))
    with pytest.raises(ValueError, match=r"trainval\.txt: not a text file in UTF-8"):
        load_voc(folder)


# Folders


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere: there is no such folder"):
        load_voc(tmp_path / "nowhere")


def test_a_folder_of_another_layout_is_an_error_telling_the_expected_one(tmp_path):
    (tmp_path / "images").mkdir()
    with pytest.raises(ValueError, match=r"neither .* JPEGImages, Annotations and ImageSets/Main"):
        load_voc(tmp_path)


@pytest.mark.parametrize("part", ["Annotations", "JPEGImages"])
def test_a_missing_part_of_the_folder_is_named(tmp_path, part):
    folder = write_voc(tmp_path / "VOC", {"a": xml(obj())})
    (folder / part).rename(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=f"{part}: there is no such folder"):
        load_voc(folder)


def test_a_devkit_loads_every_year_that_has_the_image_set(tmp_path):
    write_voc(tmp_path / "VOC2012", {"2008_000002": xml(obj("cat"))})
    write_voc(tmp_path / "VOC2007", {"000005": xml(obj("dog")), "000007": xml(obj("eel"))})
    write_voc(tmp_path / "VOC2009", {"2009_000001": xml(obj("fox"))}, name="test")
    (tmp_path / "results").mkdir()
    loaded = load_voc(str(tmp_path))
    assert ids(loaded) == ["000005", "000007", "2008_000002"]
    assert loaded.class_names == ("cat", "dog", "eel")
    assert [sample.labels.tolist() for sample in loaded.samples] == [[1], [2], [0]]
    assert ids(load_voc(tmp_path, "test")) == ["2009_000001"]


def test_an_id_that_two_years_share_gets_the_years_name_in_front(tmp_path):
    write_voc(tmp_path / "A", {"1": xml(obj("dog")), "2": xml(obj("dog"))})
    write_voc(tmp_path / "B", {"1": xml(obj("cat")), "3": xml(obj("dog"))})
    loaded = load_voc(tmp_path)
    assert ids(loaded) == ["A_1", "2", "B_1", "3"]
    assert loaded.samples[2].image == tmp_path / "B" / "JPEGImages" / "1.jpg"
    assert loaded.samples[2].labels.tolist() == [0]


# Several data sets in one


def test_merge_puts_one_data_set_after_the_other(tmp_path):
    first = load_voc(write_voc(tmp_path / "1", {"a": xml(obj(box=(0, 0, 0, 0)), obj())}))
    second = load_voc(write_voc(tmp_path / "2", {"b": xml(obj(box=(9, 9, 120, 20)))}))
    merged = merge([first, second])
    assert ids(merged) == ["a", "b"]
    assert merged.class_names == ("dog",)
    assert merged.problems == first.problems + second.problems
    assert len(merged.problems) == 2


def test_merge_refuses_other_class_names_even_the_same_ones_in_another_order(tmp_path):
    folder = write_voc(tmp_path, {"a": xml(obj("dog"))})
    first = load_voc(folder, class_names=["cat", "dog"])
    second = load_voc(folder, class_names=["dog", "cat"])
    names = re.escape("('cat', 'dog') and ('dog', 'cat')")
    with pytest.raises(ValueError, match=f"class names differ: {names}"):
        merge([first, second])


def test_merge_refuses_an_image_that_is_in_both(tmp_path):
    loaded = load_voc(write_voc(tmp_path, {"a": xml(obj())}))
    with pytest.raises(ValueError, match="image 'a' is in more than one"):
        merge([loaded, loaded])


def test_merge_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="datasets is empty"):
        merge([])


@pytest.mark.skipif(not REAL_DEVKIT.is_dir(), reason=f"real VOC images are not at {REAL_DEVKIT}")
def test_the_real_voc2007_train_set_loads_with_the_official_classes():
    loaded = load_voc(REAL_DEVKIT / "VOC2007", "train")
    assert len(loaded) == 2500
    assert loaded.class_names == VOC_CLASSES
    assert loaded.problems == []
    assert loaded.samples[0].id == "000012"
    assert loaded.samples[0].read_image().shape[:2] == loaded.samples[0].size
