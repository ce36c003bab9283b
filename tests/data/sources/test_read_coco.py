import copy
import json
import re

import cv2
import numpy as np
import pytest

from keras_ssd.data.loading import load
from keras_ssd.images import CorruptImageError

DATA = {
    "images": [
        {"id": 42, "file_name": "b.jpg", "height": 50, "width": 100},
        {"id": 7, "file_name": "a.jpg", "height": 20, "width": 10},
        {"id": 9, "file_name": "empty.jpg", "height": 20, "width": 10},
    ],
    "categories": [
        {"id": 90, "name": "toothbrush", "supercategory": "indoor"},
        {"id": 1, "name": "person"},
        {"id": 13, "name": "dog"},
    ],
    "annotations": [
        {"id": 1, "image_id": 7, "category_id": 90, "bbox": [1, 2, 5, 10], "iscrowd": 0},
        {"id": 2, "image_id": 42, "category_id": 13, "bbox": [10, 5, 40, 20.5], "iscrowd": 0},
        {"id": 3, "image_id": 42, "category_id": 1, "bbox": [0, 0, 100, 50], "iscrowd": 1},
    ],
}


def write_coco(folder, data, name="data.json"):
    """Writes the file, and images that cannot be decoded, because loading must not decode any."""
    for image in DATA["images"]:
        (folder / image["file_name"]).write_bytes(b"never decoded")
    (folder / name).write_text(data if isinstance(data, str) else json.dumps(data))
    return folder / name


def changed(part, position, **fields):
    """DATA with some fields of an entry changed, or left out where they are None."""
    data = copy.deepcopy(DATA)
    entry = data[part][position] | fields
    data[part][position] = {key: value for key, value in entry.items() if value is not None}
    return data


# Samples


def test_a_file_without_annotations_has_samples_without_objects(tmp_path):
    loaded = load(write_coco(tmp_path, DATA | {"annotations": []}))
    assert [sample.boxes.shape for sample in loaded.samples] == [(0, 4)] * 3
    assert loaded.class_names == ("person", "dog", "toothbrush")


def test_category_ids_with_gaps_become_labels_in_their_order(tmp_path):
    loaded = load(write_coco(tmp_path, DATA))
    assert loaded.class_names == ("person", "dog", "toothbrush")
    assert [sample.labels.tolist() for sample in loaded.samples] == [[1, 0], [2], []]
    assert loaded.problems == []


def test_boxes_become_relative_corners(tmp_path):
    loaded = load(write_coco(tmp_path, DATA))
    first, second, empty = loaded.samples
    np.testing.assert_allclose(first.boxes, [[0.1, 0.1, 0.5, 0.51], [0, 0, 1, 1]], rtol=1e-6)
    np.testing.assert_allclose(second.boxes, [[0.1, 0.1, 0.6, 0.6]], rtol=1e-6)
    assert empty.boxes.shape == (0, 4)


def test_samples_keep_the_order_of_the_file_and_know_their_image(tmp_path):
    samples = load(write_coco(tmp_path, DATA)).samples
    assert [sample.id for sample in samples] == ["b.jpg", "a.jpg", "empty.jpg"]
    assert samples[1].image == tmp_path / "a.jpg"
    assert samples[1].size == (20, 10)


def test_images_may_lie_in_another_folder_and_below_it(tmp_path):
    data = changed("images", 0, file_name="deep/b.jpg")
    (tmp_path / "images" / "deep").mkdir(parents=True)
    (tmp_path / "annotations").mkdir()
    path = write_coco(tmp_path / "annotations", data)
    for name in ("deep/b.jpg", "a.jpg", "empty.jpg"):
        (tmp_path / "images" / name).touch()
    loaded = load(str(path), image_folder=str(tmp_path / "images"))
    assert loaded.samples[0].image == tmp_path / "images" / "deep" / "b.jpg"


def test_image_sets_are_slices_in_the_order_of_the_file(tmp_path):
    path = write_coco(tmp_path, DATA)
    assert [sample.id for sample in load(path, image_set="0:2").samples] == ["b.jpg", "a.jpg"]
    with pytest.raises(ValueError, match=r"data\.json: no image set 'val'; there are: all"):
        load(path, image_set="val")


@pytest.mark.parametrize("missing", [{"height": None, "width": None}, {"width": None}])
def test_a_size_that_is_missing_is_read_from_the_image(tmp_path, missing):
    path = write_coco(tmp_path, changed("images", 1, **missing))
    with pytest.raises(CorruptImageError, match=r"a\.jpg"):
        load(path)
    cv2.imwrite(str(tmp_path / "a.jpg"), np.zeros((40, 20, 3), np.uint8))
    sample = load(path).samples[1]
    assert sample.size == (40, 20)
    np.testing.assert_allclose(sample.boxes, [[0.05, 0.05, 0.3, 0.3]], rtol=1e-6)


def test_text_ids_of_images_are_as_good_as_numbers(tmp_path):
    data = changed("images", 1, id="x7")
    data["annotations"][0]["image_id"] = "x7"
    assert load(write_coco(tmp_path, data)).samples[1].labels.tolist() == [2]


def test_a_box_without_area_is_dropped_and_reported_with_its_image(tmp_path):
    path = write_coco(tmp_path, changed("annotations", 0, bbox=[1, 2, -5, 10]))
    loaded = load(path)
    assert loaded.samples[1].boxes.shape == (0, 4)
    assert loaded.problems == [
        f"left out: {path}: image 7 (a.jpg): toothbrush box (1, 2, -4, 12) has no area inside the "
        "10x20 image"
    ]


# Classes and crowds


def test_labels_follow_the_class_names_given(tmp_path):
    path = write_coco(tmp_path, DATA)
    loaded = load(path, class_names=["dog", "toothbrush", "person"])
    assert [sample.labels.tolist() for sample in loaded.samples] == [[0, 2], [1], []]
    loaded = load(path, class_names=["dog"], unknown_classes="skip")
    assert [sample.labels.tolist() for sample in loaded.samples] == [[0], [], []]
    with pytest.raises(ValueError, match=r"image 42 \(b\.jpg\): unknown class 'person'"):
        load(path, class_names=["dog", "toothbrush"])


def test_crowds_are_difficult_and_can_be_dropped(tmp_path):
    path = write_coco(tmp_path, DATA)
    assert load(path).samples[0].difficult.tolist() == [False, True]
    without = load(path, difficult="drop")
    assert without.samples[0].labels.tolist() == [1]
    assert without.class_names == ("person", "dog", "toothbrush")


def test_iscrowd_may_be_missing_or_a_truth_value(tmp_path):
    data = changed("annotations", 1, iscrowd=None)
    data["annotations"][2]["iscrowd"] = True
    sample = load(write_coco(tmp_path, data)).samples[0]
    assert sample.difficult.tolist() == [False, True]


# Files that cannot be used


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ("", "not valid JSON"),
        ('{"images": [', "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "expected a JSON object with the lists images, annotations, categories; there is"),
        ({**DATA, "annotations": None}, "there is no list 'annotations'"),
        ({"images": [], "annotations": []}, "there is no list 'categories'"),
        ({**DATA, "categories": []}, "the list categories is empty; expected at least one class"),
        ({**DATA, "images": []}, "annotation 1: unknown image_id 7"),
        ({**DATA, "images": [], "annotations": []}, "'all' is empty; the source has 0 images"),
        ({**DATA, "images": ["a.jpg"]}, r"images\[0\]: id must be a number or a text, not None"),
        (changed("images", 2, id=[9]), r"images\[2\]: id must be a number or a text, not \[9\]"),
        (changed("images", 2, id=True), r"images\[2\]: id must be a number or a text, not True"),
        (changed("images", 1, file_name=None), r"images\[1\]: file_name must be a text, not None"),
        (changed("images", 1, file_name="\0"), "image .*: embedded null byte|there is no file"),
        (changed("images", 1, id=42), "two images have the id 42"),
        (changed("images", 1, file_name="b.jpg"), r"image 7 \(b\.jpg\): .*same name.*image 42 "),
        (
            changed("images", 1, width="ten"),
            r"image 7 .*: height and width must be whole .* and ten",
        ),
        (changed("images", 1, width=10**400), r"image 7 .*: height and width must be whole"),
        (changed("images", 1, height=9.5), r"image 7 .*: height and width must be whole .* 9\.5"),
        (changed("images", 1, file_name="no.jpg"), r"image 7 \(no\.jpg\): there is no file .*no"),
        (changed("categories", 0, id=None), r"categories\[0\]: id must be a number or a text"),
        (changed("categories", 0, name=None), r"categories\[0\]: name must be a text, not None"),
        (changed("categories", 0, id=13), "two categories have the id 13"),
        (changed("categories", 0, name="dog"), "categories 13 and 90 have the same name, 'dog'"),
        (changed("annotations", 1, image_id=8), "annotation 2: unknown image_id 8"),
        (changed("annotations", 1, image_id="x"), "annotation 2: unknown image_id 'x'"),
        (changed("annotations", 1, category_id=2), "annotation 2: unknown category_id 2"),
        (
            changed("annotations", 1, id=None, category_id=2),
            r"annotations\[1\]: unknown category_id",
        ),
        (changed("annotations", 1, image_id=None), r"annotations\[1\]: image_id must be a number"),
        (
            changed("annotations", 1, bbox="1 2 3 4"),
            r"annotation 2 \(1 2 3 4\): bbox must be .* numbers",
        ),
        (
            changed("annotations", 1, bbox=[1, 2, 3]),
            r"annotation 2.*\(1, 2, 3\): bbox must be \[x, y",
        ),
        (
            changed("annotations", 1, bbox=[1, 2, 3, None]),
            "annotation 2.*: bbox must be .* numbers",
        ),
        (changed("annotations", 1, bbox=[1, 2, 3, 10**400]), "annotation 2.*: bbox must be .* num"),
        (changed("annotations", 1, bbox=[1, 2, 3, float("nan")]), "annotation 2.*must be finite"),
        (
            changed("annotations", 1, iscrowd="maybe"),
            "annotation 2: iscrowd must be 0 or 1, not 'm",
        ),
    ],
)
def test_an_unusable_file_is_an_error_naming_it_and_the_entry(tmp_path, data, complaint):
    path = write_coco(tmp_path, data)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: .*{complaint}"):
        load(path)


def test_a_file_that_is_missing_or_no_text_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"nothing\.json: No such file"):
        load(tmp_path / "nothing.json")
    (tmp_path / "image.json").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(ValueError, match=r"image\.json: not valid JSON"):
        load(tmp_path / "image.json")


def test_entries_that_cannot_be_used_may_be_left_out(tmp_path):
    data = changed("annotations", 1, bbox=[1, 2, 3])
    data["images"] += [{"id": 8}, {"id": 5, "file_name": "c.jpg", "width": "wide", "height": 2}]
    data["annotations"].append({"image_id": 5, "category_id": 1, "bbox": [1, 2, 3, 4]})
    loaded = load(write_coco(tmp_path, data), bad_annotations="skip")
    assert [sample.id for sample in loaded] == ["b.jpg", "a.jpg", "empty.jpg"]
    assert [sample.labels.tolist() for sample in loaded] == [[0], [2], []]
    assert len(loaded.problems) == 3
    assert all(problem.startswith("left out: ") for problem in loaded.problems)
