import numpy as np
import pytest

from keras_ssd.classes import (
    COCO_CLASSES,
    COCO_CLASSES_BY_ID,
    VOC_CLASSES,
    VOC_NAMES,
    checked_class_names,
)


def test_coco_s_classes_are_at_their_ids():
    assert len(set(COCO_CLASSES)) == 80
    names = dict(enumerate(COCO_CLASSES_BY_ID, start=1))
    assert len(set(names.values())) == 90
    known = {1: "person", 11: "fire hydrant", 12: "unused 12", 13: "stop sign", 18: "dog"}
    known |= {25: "giraffe", 27: "backpack", 44: "bottle", 67: "dining table", 90: "toothbrush"}
    assert {i: names[i] for i in known} == known
    assert [name for name in names.values() if not name.startswith("unused")] == list(COCO_CLASSES)


def test_voc_classes_are_the_official_twenty():
    assert len(set(VOC_CLASSES)) == 20
    assert list(VOC_CLASSES) == sorted(VOC_CLASSES)
    assert (VOC_CLASSES[0], VOC_CLASSES[14], VOC_CLASSES[19]) == (
        "aeroplane",
        "person",
        "tvmonitor",
    )


def test_every_class_of_voc_is_one_of_coco_s_under_its_voc_name():
    assert set(VOC_NAMES) <= set(COCO_CLASSES)
    assert set(VOC_NAMES.values()) == set(VOC_CLASSES) - set(COCO_CLASSES)
    assert set(VOC_CLASSES) <= {VOC_NAMES.get(name, name) for name in COCO_CLASSES}


@pytest.mark.parametrize(
    "names",
    [
        ["cat", "dög", "犬"],
        ("cat", "dög", "犬"),
        {"cat": 0, "dög": 1, "犬": 2},
        (name for name in ("cat", "dög", "犬")),
        np.array(["cat", "dög", "犬"]),
    ],
    ids=lambda names: type(names).__name__,
)
def test_names_come_back_as_a_tuple_of_plain_strings(names):
    checked = checked_class_names(names)
    assert checked == ("cat", "dög", "犬")
    assert {type(name) for name in checked} == {str}


def test_a_name_is_kept_letter_by_letter():
    names = (" o  p\t", "c\rd", "a\u2028b")
    assert checked_class_names(names) == names


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("person", "not the one string 'person'"),
        ("", "not the one string ''"),
        (b"cat", "not the one string b'cat'"),
        ({"cat", "dog"}, r"in the order of the labels, not \{"),
        (frozenset({"cat"}), "in the order of the labels, not frozenset"),
        ({"cat": 0}.keys(), "not dict_keys"),
        (None, "not None"),
        (20, "not 20"),
        ([], "expected at least one name"),
        (iter(()), "expected at least one name"),
        (["cat", "dog", "cat"], "'cat' comes twice"),
        (["cat", ""], "of one line each, not ''"),
        (["cat", "  "], "of one line each, not '  '"),
        (["cat", "dog\n"], r"of one line each, not 'dog\\n'"),
        (["cat\ndog"], r"of one line each, not 'cat\\ndog'"),
        (["cat", 3], "of one line each, not 3"),
        (["cat", None], "of one line each, not None"),
        ([["cat"]], r"of one line each, not \['cat'\]"),
        (b"", "not the one string b''"),
        ([b"cat"], "of one line each, not b'cat'"),
        (["\udce9t\udce9"], "cannot be written as UTF-8"),
    ],
)
def test_what_is_not_a_list_of_names_is_refused_by_the_argument_s_name(names, message):
    with pytest.raises(ValueError, match=f"^class_names: .*{message}"):
        checked_class_names(names)
