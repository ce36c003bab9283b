import cv2
import numpy as np
import pytest

from keras_ssd.data.loading import load
from keras_ssd.images import CorruptImageError

SIZE = "<size><width>100</width><height>50</height><depth>3</depth></size>"
EMPTY_XML = f"<annotation>{SIZE}</annotation>"
DIFFICULT = "<difficult>1</difficult>"


def xml(*objects, size=SIZE):
    return f"<annotation><filename>wrong.png</filename>{size}{''.join(objects)}</annotation>"


def obj(name="dog", box=(10, 10, 20, 20), extra=""):
    tags = ("xmin", "ymin", "xmax", "ymax")
    corners = "".join(f"<{tag}>{value}</{tag}>" for tag, value in zip(tags, box, strict=True))
    return f"<object><name>{name}</name>{extra}<bndbox>{corners}</bndbox></object>"


def write_voc(folder, annotations, *, suffix=".jpg"):
    """Writes a VOC folder with images that cannot be decoded; loading must not decode any."""
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / part).mkdir(parents=True)
    for image_id, text in annotations.items():
        (folder / "Annotations" / f"{image_id}.xml").write_text(text)
        (folder / "JPEGImages" / f"{image_id}{suffix}").write_bytes(b"never decoded")
    (folder / "ImageSets" / "Main" / "trainval.txt").write_text("\n".join(annotations))
    return folder


def load_one(folder, text, **options):
    loaded = load(write_voc(folder, {"000001": text}), **options)
    return loaded, loaded.samples[0]


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


@pytest.mark.parametrize("suffix", [".jpg", ".JPG", ".jfif", ".PnG", ".webp", ".tif", ".bmp"])
def test_the_image_is_found_by_id_whatever_its_suffix(tmp_path, suffix):
    folder = write_voc(tmp_path, {"a.b": EMPTY_XML}, suffix=suffix)
    (folder / "JPEGImages" / "a.b.txt").touch()
    [sample] = load(folder, class_names=["dog"]).samples
    assert sample.image.name == f"a.b{suffix}"


@pytest.mark.parametrize(
    "size",
    [
        "",
        "<size/>",
        "<size><width>0</width><height>0</height></size>",
        "<size><width>100</width></size>",
        "<size><width>0</width><height>20</height></size>",
        "<size><width>-1</width><height> </height></size>",
    ],
)
def test_a_size_missing_in_the_xml_is_read_from_the_image(tmp_path, size):
    folder = write_voc(tmp_path, {"a": xml(obj(box=(8, 5, 16, 10)), size=size)})
    cv2.imwrite(str(folder / "JPEGImages" / "a.jpg"), np.zeros((20, 32, 3), np.uint8))
    [sample] = load(folder).samples
    assert sample.size == (20, 32)
    np.testing.assert_allclose(sample.boxes, [[0.25, 0.25, 0.5, 0.5]])


def test_an_unreadable_image_is_named_where_its_size_is_needed(tmp_path):
    folder = write_voc(tmp_path, {"a": xml(size="")})
    with pytest.raises(CorruptImageError, match=r"a\.jpg"):
        load(folder, class_names=["dog"])


def test_boxes_of_an_objects_parts_are_no_objects(tmp_path):
    part = "<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>"
    loaded, sample = load_one(tmp_path, xml(obj("person", extra=part)))
    assert loaded.class_names == ("person",)
    np.testing.assert_allclose(sample.boxes, [[0.1, 0.2, 0.2, 0.4]])


# Classes and difficult objects


def test_the_rules_for_classes_and_difficult_objects_apply(tmp_path):
    text = xml(obj("dog"), obj("cat", extra=DIFFICULT), obj(" eel\n"), obj("cat"), obj("dog"))
    loaded, sample = load_one(tmp_path, text)
    assert loaded.class_names == ("cat", "dog", "eel")
    np.testing.assert_array_equal(sample.labels, [1, 0, 2, 0, 1])
    np.testing.assert_array_equal(sample.difficult, [False, True, False, False, False])

    rules = {"difficult": "drop", "unknown_classes": "skip", "class_names": ["eel", "cat"]}
    loaded = load(tmp_path, **rules)
    np.testing.assert_array_equal(loaded.samples[0].labels, [0, 1])
    assert loaded.problems == ["class 'dog' is not among the class names: 2 objects left out"]


def test_an_unknown_class_is_an_error_naming_the_file(tmp_path):
    folder = write_voc(tmp_path, {"a": xml(obj("dog")), "b": xml(obj("Dog"))})
    with pytest.raises(ValueError, match=r"b\.xml: unknown class 'Dog'"):
        load(folder, class_names=["dog"])


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
        (xml("<object><name>dog</name></object>"), "a dog has no <bndbox>"),
        (xml("<object><name>dog</name><bndbox/></object>"), r"dog box \(, , , \).*must be numbers"),
        (xml(obj("cat"), obj("dog", (10, 10, "9" * 500, 20))), r"dog box .*inf.*must be finite"),
        (
            xml(size=SIZE.replace("100", "9" * 500)),
            r"height and width must be whole .* 9{37}\.\.\.",
        ),
        (xml(size=SIZE.replace("100", "wide")), "height and width must be whole .* and wide"),
        (xml(obj("cat"), obj("dog", ("nan", 10, 20, 20))), r"dog box \(nan.*must be finite"),
        (xml(obj("cat"), obj("dog", (10, 10, "inf", 20))), r"dog box .*inf.*must be finite"),
        (xml(obj(name=" ")), "an <object> without <name>"),
        (xml(obj(extra="<difficult>maybe</difficult>")), "must be 0 or 1, not 'maybe'"),
    ],
)
def test_an_unusable_annotation_is_an_error_naming_the_file(tmp_path, text, complaint):
    folder = write_voc(tmp_path, {"good": xml(obj()), "bad": text})
    with pytest.raises(ValueError, match=rf"bad\.xml: .*{complaint}"):
        load(folder)


def test_a_missing_annotation_is_named(tmp_path):
    folder = write_voc(tmp_path, {"a": xml(obj()), "b": xml(obj())})
    (folder / "Annotations" / "b.xml").unlink()
    with pytest.raises(ValueError, match=r"Annotations.b\.xml: No such file"):
        load(folder)


def test_a_missing_image_is_named(tmp_path):
    folder = write_voc(tmp_path, {"a": xml(obj()), "b": xml(obj())})
    (folder / "JPEGImages" / "b.jpg").unlink()
    with pytest.raises(ValueError, match=r"JPEGImages.b: no image with the suffix \.jpg"):
        load(folder)
