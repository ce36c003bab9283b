"""XML files in PASCAL VOC's format as people's tools write them, and hostile files."""

import numpy as np
import pytest

from keras_ssd.data.loading import load

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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<difficult/>", False),
        ("<difficult>False</difficult>", False),
        ("<difficult>0.0</difficult>", False),
        ("", False),
        ("<difficult> 1 </difficult>", True),
        ("<difficult>true</difficult>", True),
        ("<difficult>1.0</difficult>", True),
    ],
)
def test_difficult_may_be_written_in_many_ways(tmp_path, text, expected):
    _, sample = load_one(tmp_path, xml(obj(extra=text)))
    assert sample.difficult.tolist() == [expected]


@pytest.mark.parametrize(
    "polygon",
    [
        "<x1>10</x1><y1>20</y1><x2>50.5</x2><y2>20</y2><x3>30</x3><y3>45</y3>",
        "<pt><x>10</x><y>20</y></pt><pt><x>50.5</x><y>20</y></pt><pt><x>30</x><y>45</y></pt>",
    ],
)
def test_a_polygon_without_a_box_becomes_the_box_around_it(tmp_path, polygon):
    drawn = f"<object><name>cat</name><polygon>{polygon}</polygon></object>"
    loaded, sample = load_one(tmp_path, xml(obj(), drawn))
    np.testing.assert_allclose(sample.boxes[1], [0.1, 0.4, 0.505, 0.9], rtol=1e-6)
    assert loaded.problems == [
        f"{tmp_path / 'Annotations' / '000001.xml'}: a cat has no <bndbox>; the box around its "
        "<polygon> is taken"
    ]


@pytest.mark.parametrize("shape", ["", "<polygon/>", "<polygon><x1>1</x1><y1>a</y1></polygon>"])
def test_objects_that_cannot_be_used_may_be_left_out(tmp_path, shape):
    text = xml(obj("cat"), f"<object><name>dog</name>{shape}</object>", obj("eel"))
    folder = write_voc(tmp_path, {"a": text, "b": "<html/>"})
    with pytest.raises(ValueError, match=r"a\.xml: a dog has no <bndbox>"):
        load(folder)
    loaded = load(folder, bad_annotations="skip")
    assert loaded.class_names == ("cat", "eel")
    assert [problem.split(": ")[0] for problem in loaded.problems] == ["left out", "left out"]
    assert "a.xml: a dog has no <bndbox>" in loaded.problems[0]
    assert "b.xml: the XML's root must be" in loaded.problems[1]


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("gb2312", "gb18030"),
        ("GBK", "gbk"),
        ("Big5", "big5"),
        ("UTF-8", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("iso-8859-1", "iso-8859-1"),
    ],
)
def test_xml_may_be_in_the_encoding_that_it_declares(tmp_path, declared, encoding):
    name = "caf\u00e9" if encoding == "iso-8859-1" else "\u8c93"
    text = f'<?xml version="1.0" encoding="{declared}"?>{xml(obj(name))}'
    folder = write_voc(tmp_path, {"a": ""})
    (folder / "Annotations" / "a.xml").write_bytes(text.encode(encoding))
    assert load(folder).class_names == (name,)


def test_shift_jis_is_read(tmp_path):
    text = '<?xml version="1.0" encoding="Shift_JIS"?>' + xml(obj("\u732b"))
    folder = write_voc(tmp_path, {"a": ""})
    (folder / "Annotations" / "a.xml").write_bytes(text.encode("shift_jis"))
    assert load(folder).class_names == ("\u732b",)


def test_two_images_of_one_annotation_are_told(tmp_path):
    folder = write_voc(tmp_path, {"a": xml(obj())})
    (folder / "JPEGImages" / "a.png").touch()
    loaded = load(folder)
    assert loaded[0].image.name == "a.jpg"
    assert loaded.problems == [
        f"{folder / 'JPEGImages'}: a.jpg, a.png have one annotation; the first is taken"
    ]


def test_a_missing_image_can_be_left_out(tmp_path):
    folder = write_voc(tmp_path, {"a": xml(obj()), "b": xml(obj())})
    (folder / "JPEGImages" / "b.jpg").unlink()
    loaded = load(folder, corrupt_images="skip")
    assert [sample.id for sample in loaded] == ["a"]
    assert loaded.problems[0].startswith(f"left out: {folder / 'JPEGImages' / 'b'}: no image with")
    (folder / "JPEGImages" / "a.jpg").unlink()
    with pytest.raises(ValueError, match=r"none of 2 images can be used; left out: .*no image"):
        load(folder, class_names=["dog"], corrupt_images="skip")


# Hostile files


def test_entities_are_refused(tmp_path):
    levels = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10 if i else "lol"}">' for i in range(12))
    text = f"<!DOCTYPE annotation [{levels}]>{xml(obj('&e11;'))}"
    folder = write_voc(tmp_path, {"bad": text})
    with pytest.raises(ValueError, match=r"bad\.xml: not valid XML \(it defines entities\)"):
        load(folder)
    gb = f'<?xml version="1.0" encoding="gb2312"?>{text}'
    (folder / "Annotations" / "bad.xml").write_text(gb)
    with pytest.raises(ValueError, match=r"bad\.xml: not valid XML \(it defines entities\)"):
        load(folder)


def test_deep_xml_is_read_or_refused_but_does_not_crash(tmp_path):
    deep = "<a>" * 200_000 + "</a>" * 200_000
    loaded, _ = load_one(tmp_path, xml(obj(extra=deep)))
    assert loaded.class_names == ("dog",)


def test_a_huge_file_is_refused_before_it_is_read_whole(tmp_path):
    folder = write_voc(tmp_path, {"bad": ""})
    with (folder / "Annotations" / "bad.xml").open("wb") as file:
        file.truncate(2**40)  # a hole, which takes no space
    with pytest.raises(ValueError, match=r"bad\.xml: larger than 64 MiB"):
        load(folder)
