"""JSON files in COCO's format as people's tools write them."""

import copy
import json
import time

import cv2
import numpy as np
import pytest

from keras_ssd.data.loading import load

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


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, False),
        ("0", False),
        ("", False),
        (0.0, False),
        ("1", True),
        (1.0, True),
        (True, True),
    ],
)
def test_iscrowd_may_be_written_in_many_ways(tmp_path, value, expected):
    data = copy.deepcopy(DATA)
    data["annotations"][1]["iscrowd"] = value
    assert load(write_coco(tmp_path, data))[0].difficult.tolist() == [expected, True]


@pytest.mark.parametrize("kind", [str, float, lambda i: f" {i} "])
@pytest.mark.parametrize(
    ("part", "key"),
    [
        ("images", "id"),
        ("categories", "id"),
        ("annotations", "image_id"),
        ("annotations", "category_id"),
    ],
)
def test_ids_are_the_same_as_numbers_and_texts(tmp_path, kind, part, key):
    data = copy.deepcopy(DATA)
    for entry in data[part]:
        entry[key] = kind(entry[key])
    loaded = load(write_coco(tmp_path, data))
    assert loaded.class_names == ("person", "dog", "toothbrush")
    assert [sample.labels.tolist() for sample in loaded] == [[1, 0], [2], []]


@pytest.mark.parametrize(
    "size", [{"height": 20.0}, {"width": "10"}, {"width": 10.0, "height": "20"}]
)
def test_sizes_may_be_texts_and_decimals(tmp_path, size):
    assert load(write_coco(tmp_path, changed("images", 1, **size)))[1].size == (20, 10)


@pytest.mark.parametrize("size", [{"height": 0}, {"width": -1}, {"width": ""}])
def test_a_size_that_is_not_above_0_is_read_from_the_image(tmp_path, size):
    path = write_coco(tmp_path, changed("images", 1, **size))
    cv2.imwrite(str(tmp_path / "a.jpg"), np.zeros((40, 20, 3), np.uint8))
    assert load(path)[1].size == (40, 20)


@pytest.mark.parametrize("bbox", [[], None, ""])
@pytest.mark.parametrize(
    "segmentation", [[], None, {"counts": "x", "size": [1, 1]}, [[1, 2]], ["a"]]
)
def test_an_annotation_without_a_box_is_left_out_and_listed(tmp_path, bbox, segmentation):
    data = copy.deepcopy(DATA)
    data["annotations"][1] |= {"bbox": bbox, "segmentation": segmentation}
    path = write_coco(tmp_path, data)
    loaded = load(path)
    assert loaded[0].labels.tolist() == [0]
    assert loaded.problems == [f"{path}: annotation 2: dog has no bbox; it is left out"]


def test_an_annotation_without_a_box_gets_the_box_around_its_polygons(tmp_path):
    data = copy.deepcopy(DATA)
    polygons = [[10, 5, 20, 5, 20, 10.5], [30, 7, 50, 8, 40, 25]]
    data["annotations"][1] |= {"bbox": [], "segmentation": polygons}
    path = write_coco(tmp_path, data)
    loaded = load(path)
    np.testing.assert_allclose(loaded[0].boxes[0], [0.1, 0.1, 0.5, 0.5], rtol=1e-6)
    assert loaded.problems == [
        f"{path}: annotation 2: dog has no bbox; the box around its segmentation is taken"
    ]


@pytest.mark.parametrize("root", ["animals", "dog"])
def test_the_root_category_of_roboflow_is_not_a_class(tmp_path, root):
    data = copy.deepcopy(DATA)
    for category in data["categories"]:
        category["supercategory"] = root
    data["categories"].append({"id": 0, "name": root, "supercategory": "none"})
    path = write_coco(tmp_path, data)
    loaded = load(path)
    assert loaded.class_names == ("person", "dog", "toothbrush")
    assert [sample.labels.tolist() for sample in loaded] == [[1, 0], [2], []]
    assert f"category 0 ({root}) is left out" in loaded.problems[0]


def test_a_group_with_objects_or_without_classes_of_its_own_is_a_class(tmp_path):
    data = copy.deepcopy(DATA)
    data["categories"] = [
        {"id": 1, "name": "person", "supercategory": "person"},  # as COCO has it
        {"id": 13, "name": "dog", "supercategory": "none"},  # a group with objects
        {"id": 90, "name": "toothbrush", "supercategory": "dog"},
        {"id": 91, "name": "unused", "supercategory": "none"},
    ]
    loaded = load(write_coco(tmp_path, data))
    assert loaded.class_names == ("person", "dog", "toothbrush", "unused")
    assert loaded.problems == []


def test_many_categories_are_read_in_linear_time(tmp_path):
    categories = [
        {"id": number, "name": f"class {number}", "supercategory": f"group {number}"}
        for number in range(100_000)
    ]
    start = time.perf_counter()
    loaded = load(write_coco(tmp_path, DATA | {"categories": categories}))
    assert len(loaded.class_names) == 100_000
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize("name", ["deep\\b.jpg", "deep/u\u0308.jpg"])
def test_names_may_have_the_folders_of_windows_or_letters_of_a_mac(tmp_path, name):
    (tmp_path / "deep").mkdir()
    for image in ("deep/b.jpg", "deep/\u00fc.jpg"):
        (tmp_path / image).touch()
    path = write_coco(tmp_path, changed("images", 0, file_name=name))
    assert load(path)[0].image.parent == tmp_path / "deep"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_does_not_matter(tmp_path, encoding):
    path = write_coco(tmp_path, DATA)
    path.write_bytes(json.dumps(DATA).encode(encoding))
    assert len(load(path)) == 3


# Folders


def test_the_folder_of_coco_itself_has_a_set_for_each_file(tmp_path):
    for name in ("train2017", "val2017"):
        (tmp_path / name).mkdir()
        (tmp_path / "annotations").mkdir(exist_ok=True)
        write_coco(tmp_path / name, DATA).rename(
            tmp_path / "annotations" / f"instances_{name}.json"
        )
    (tmp_path / "annotations" / "captions_val2017.json").write_text("{}")
    loaded = load(tmp_path, "val2017")
    assert [sample.id for sample in loaded] == [f"val2017/{n}.jpg" for n in ("b", "a", "empty")]
    assert loaded[0].image == tmp_path / "val2017" / "b.jpg"
    assert len(load(tmp_path, "all")) == 6
    with pytest.raises(
        ValueError, match="no image set 'trainval'; there are: train2017, val2017, all"
    ):
        load(tmp_path)


def test_the_coco_export_of_cvat_is_loaded_as_it_is_unzipped(tmp_path):
    (tmp_path / "annotations").mkdir()
    (tmp_path / "images" / "default").mkdir(parents=True)
    path = write_coco(tmp_path / "images" / "default", DATA)
    path.rename(tmp_path / "annotations" / "instances_default.json")
    loaded = load(tmp_path)
    assert loaded[0].id == "images/default/b.jpg"
    assert loaded[0].image.is_file()


def test_an_image_of_two_sets_is_one_image(tmp_path):
    for name in ("train", "trainval"):
        (tmp_path / "annotations").mkdir(exist_ok=True)
        (tmp_path / "images").mkdir(exist_ok=True)
        write_coco(tmp_path / "images", DATA).rename(
            tmp_path / "annotations" / f"instances_{name}.json"
        )
    assert len(load(tmp_path, "all")) == len(load(tmp_path, "train")) == 3
    assert load(tmp_path, "train")[0].id == "images/b.jpg"


def test_the_coco_export_of_roboflow_is_loaded_as_it_is_unzipped(tmp_path):
    for name in ("train", "valid", "test"):
        (tmp_path / name).mkdir()
        write_coco(tmp_path / name, DATA, "_annotations.coco.json")
    (tmp_path / "README.roboflow.txt").touch()
    assert [sample.id for sample in load(tmp_path, "val")][:2] == ["valid/b.jpg", "valid/a.jpg"]
    assert load(tmp_path)[0].id == "train/b.jpg"
    assert len(load(tmp_path, "all")) == 9
    assert load(tmp_path / "test")[0].id == "b.jpg"
