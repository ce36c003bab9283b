"""Data sets in YOLO's format, as Ultralytics, Roboflow, LabelImg and CVAT write them."""

import cv2
import numpy as np
import pytest

from keras_ssd.data.loading import load
from keras_ssd.images import CorruptImageError

NAMES = "names: [cat, dog]\n"


def write_image(path, labels=None, labels_path=None):
    """A 100x50 image, and its labels where they belong."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.zeros((50, 100, 3), np.uint8))
    if labels is not None:
        labels_path = labels_path or path.with_suffix(".txt")
        labels_path.parent.mkdir(parents=True, exist_ok=True)
        labels_path.write_text(labels)


def write_split(folder, split, **labels):
    """Images in `split`/images and their labels in `split`/labels, as Roboflow has them."""
    for name, text in labels.items():
        image = folder / split / "images" / f"{name}.jpg"
        write_image(image, text, folder / split / "labels" / f"{name}.txt")


def write_one(folder, labels, extra=""):
    """A data set with one labeled image and one without objects."""
    write_split(folder, "train", a=labels, empty="")
    (folder / "data.yaml").write_text(f"train: train/images\n{NAMES}{extra}")
    return folder


def ids(loaded):
    return [sample.id for sample in loaded]


# Labels


def test_a_line_is_a_class_and_a_box_relative_to_the_image(tmp_path):
    loaded = load(write_one(tmp_path, "1 0.5 0.4 0.2 0.4\n\n 0\t.25 0.5 0.5 1e0 \n"))
    assert ids(loaded) == ["train/images/a.jpg", "train/images/empty.jpg"]
    assert loaded.class_names == ("cat", "dog")
    assert loaded[0].labels.tolist() == [1, 0]
    np.testing.assert_allclose(loaded[0].boxes, [[0.4, 0.2, 0.6, 0.6], [0, 0, 0.5, 1]], atol=1e-6)
    assert loaded[0].size == (50, 100)
    assert loaded[1].boxes.shape == (0, 4)
    assert loaded.problems == []


def test_a_polygon_becomes_the_box_around_it(tmp_path):
    loaded = load(write_one(tmp_path, "0 0.1 0.5 0.4 0.2 0.3 0.8\n1 .1 .1 .2 .1 .2 .3 .1 .3\n"))
    np.testing.assert_allclose(loaded[0].boxes, [[0.1, 0.2, 0.4, 0.8], [0.1, 0.1, 0.2, 0.3]])


def test_key_points_after_the_box_do_not_matter(tmp_path):
    line = "1 0.5 0.4 0.2 0.4 0.5 0.5 2 0.1 0.1 0\n"
    loaded = load(write_one(tmp_path, line, "kpt_shape: [2, 3]\n"))
    np.testing.assert_allclose(loaded[0].boxes, [[0.4, 0.2, 0.6, 0.6]], atol=1e-6)


def test_six_digits_do_not_stick_out_of_the_image(tmp_path):
    loaded = load(write_one(tmp_path, "0 0.166667 0.833334 0.333335 0.333333\n"))
    assert loaded.problems == []
    assert loaded[0].boxes.min() >= 0
    assert loaded[0].boxes.max() <= 1


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("0 0.5 0.5 0.2", "expected a class and x, y, width, height, .* not 4 values"),
        ("0", "expected a class and x, y, width, height, .* not 1 values"),
        ("0 0.5 0.5 0.2 0.2 0.9", "expected a class and x, y, width, height, .* not 6 values"),
        ("2 0.5 0.5 0.2 0.2", "the class must be a number from 0 to 1, .* not '2'"),
        ("-1 0.5 0.5 0.2 0.2", "the class must be a number from 0 to 1, .* not '-1'"),
        ("cat 0.5 0.5 0.2 0.2", "the class must be a number from 0 to 1, .* not 'cat'"),
        ("0 0.5 half 0.2 0.2", r"cat box \(0\.5, half, 0\.2, 0\.2\): all four must be numbers"),
        ("0 0.5 nan 0.2 0.2", "must be finite"),
        ("0 a b c d e f", "a polygon must be numbers"),
        ("0 0.1 0.1 0.2 0.2 0.3 inf", "must be relative to the image"),
        ("0 50 20 20 20", "must be relative to the image, from 0 to 1, not pixels: 50 20 20 20"),
        ("0 10 10 20 10 20 30", "must be relative to the image, from 0 to 1, not pixels"),
    ],
)
def test_an_unusable_line_is_named_and_can_be_left_out(tmp_path, line, complaint):
    folder = write_one(tmp_path, f"1 0.5 0.5 0.2 0.2\n{line}\n")
    with pytest.raises(ValueError, match=rf"labels.a\.txt, line 2.*{complaint}"):
        load(folder)
    loaded = load(folder, bad_annotations="skip")
    assert loaded[0].labels.tolist() == [1]
    assert len(loaded.problems) == 1


def test_images_without_labels_are_images_without_objects_and_counted(tmp_path):
    folder = write_one(tmp_path, "0 0.5 0.5 0.2 0.2\n")
    write_split(folder, "train", b=None, c=None)
    loaded = load(folder)
    assert [len(sample.labels) for sample in loaded] == [1, 0, 0, 0]
    assert loaded.problems == [
        f"{folder / 'data.yaml'}: images without labels are taken for images without objects: 2 of "
        "4, such as train/images/b.jpg"
    ]


def test_no_labels_at_all_are_an_error(tmp_path):
    write_split(tmp_path, "train", a=None, b=None)
    (tmp_path / "data.yaml").write_text(f"train: train/images\n{NAMES}")
    with pytest.raises(ValueError, match=r"none of 2 images has a \.txt file of labels"):
        load(tmp_path)


def test_an_unreadable_image_is_named_and_can_be_left_out(tmp_path):
    folder = write_one(tmp_path, "0 0.5 0.5 0.2 0.2\n")
    (folder / "train/images/a.jpg").write_bytes(b"not an image")
    with pytest.raises(CorruptImageError, match=r"a\.jpg"):
        load(folder)
    assert ids(load(folder, corrupt_images="skip")) == ["train/images/empty.jpg"]


# Folders


def test_the_yolo_export_of_roboflow_is_loaded_as_it_is_unzipped(tmp_path):
    for split in ("train", "valid", "test"):
        write_split(tmp_path, split, **{f"{split}_jpg.rf.0a1b": "0 0.5 0.5 0.2 0.2\n"})
    (tmp_path / "data.yaml").write_text(
        "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n\nnc: 2\n"
        "names: ['cat', 'dog']\n\nroboflow:\n  workspace: zoo\n  version: 1\n"
    )
    assert ids(load(tmp_path)) == ["train/images/train_jpg.rf.0a1b.jpg"]
    for name in ("val", "valid", "validation"):
        assert ids(load(tmp_path, name)) == ["valid/images/valid_jpg.rf.0a1b.jpg"]
    assert len(load(tmp_path / "data.yaml", "all")) == 3
    with pytest.raises(ValueError, match="no image set 'best'; there are: train, val, test, all"):
        load(tmp_path, "best")


@pytest.mark.parametrize("root", ["", "path: ../animals\n", "path: /elsewhere/animals\n"])
def test_the_layout_of_ultralytics_is_loaded_wherever_it_is(tmp_path, root):
    folder = tmp_path / "animals"
    for split in ("train2017", "val2017"):
        image = folder / "images" / split / "a.jpg"
        write_image(image, "1 0.5 0.5 0.2 0.2\n", folder / "labels" / split / "a.txt")
    yaml = (
        f"{root}train: images/train2017\nval: images/val2017\ntest:\nnames:\n  0: cat\n  1: dog\n"
    )
    (folder / "animals.yaml").write_text(yaml + "download: https://example.org/a.zip\n")
    assert ids(load(folder)) == ["images/train2017/a.jpg"]
    assert load(folder, "val")[0].labels.tolist() == [1]


def test_sets_may_be_lists_of_images_and_several_places(tmp_path):
    for name in ("a", "b", "c"):
        image = tmp_path / "images" / f"{name}.jpg"
        write_image(image, "0 0.5 0.5 0.2 0.2\n", tmp_path / "labels" / f"{name}.txt")
    write_split(tmp_path, "more", d="1 0.5 0.5 0.2 0.2\n")
    (tmp_path / "train.txt").write_bytes("\ufeff./images/b.jpg\r\n./images/a.jpg\r\n".encode())
    (tmp_path / "val.txt").write_text(f"{tmp_path}/images/c.jpg\n")
    yaml = f"train: [train.txt, more]\nval: {tmp_path}/val.txt\nhard: val.txt\n{NAMES}"
    (tmp_path / "data.yaml").write_text(yaml)
    assert ids(load(tmp_path)) == ["images/b.jpg", "images/a.jpg", "more/images/d.jpg"]
    assert ids(load(tmp_path, "val")) == ids(load(tmp_path, "hard")) == ["images/c.jpg"]
    (tmp_path / "val.txt").write_text("./images/gone.jpg\n./images/a.jpg\n")
    with pytest.raises(CorruptImageError, match=r"there is no image .*gone\.jpg"):
        load(tmp_path, "val")


def test_the_exports_of_cvat_are_loaded_as_they_are_unzipped(tmp_path):
    image = tmp_path / "images" / "train" / "a.jpg"
    write_image(image, "1 0.5 0.5 0.2 0.2\n", tmp_path / "labels" / "train" / "a.txt")
    (tmp_path / "train.txt").write_text("data/images/train/a.jpg\n")
    (tmp_path / "data.yaml").write_text("names:\n  0: cat\n  1: dog\npath: .\ntrain: train.txt\n")
    assert ids(load(tmp_path)) == ["images/train/a.jpg"]
    write_image(tmp_path / "darknet" / "obj_train_data" / "b.jpg", "0 0.5 0.5 0.2 0.2\n")
    (tmp_path / "darknet" / "obj.names").write_text("cat\ndog\n")
    (tmp_path / "darknet" / "obj.data").write_text("classes = 2\nnames = data/obj.names\n")
    (tmp_path / "darknet" / "train.txt").write_text("data/obj_train_data/b.jpg\n")
    loaded = load(tmp_path / "darknet")
    assert ids(loaded) == ["obj_train_data/b.jpg"]
    assert loaded[0].labels.tolist() == [0]


@pytest.mark.parametrize("names", ["classes.txt", "obj.names"])
@pytest.mark.parametrize("flat", [True, False])
def test_a_list_of_names_may_stand_for_the_yaml_file(tmp_path, names, flat):
    (tmp_path / names).write_text("cat\ndog\n")
    image = tmp_path / "a.jpg" if flat else tmp_path / "images" / "a.jpg"
    labels = tmp_path / "a.txt" if flat else tmp_path / "labels" / "a.txt"
    write_image(image, "1 0.5 0.5 0.2 0.2\n", labels)
    loaded = load(tmp_path)
    assert ids(loaded) == [image.relative_to(tmp_path).as_posix()]
    assert loaded[0].labels.tolist() == [1]


def test_names_are_read_as_texts(tmp_path):
    folder = write_one(tmp_path, "0 0.5 0.5 0.2 0.2\n")
    (folder / "data.yaml").write_text("train: train\nnames: [no, 1, ' traffic  light']\n")
    assert load(folder).class_names == ("no", "1", "traffic light")


@pytest.mark.parametrize(
    ("yaml", "complaint"),
    [
        ("names: [cat", "not valid YAML"),
        ("[" * 5_000, "not valid YAML"),
        ("just text", "expected the keys names and train, val or test"),
        ("train: train\n", "names must be a list or dictionary of class names"),
        ("train: train\nnames: []\n", "names must be a list or dictionary"),
        ("train: train\nnames: [[cat]]\n", "names must be a list or dictionary"),
        ("train: train\nnames: {0: cat, 2: dog}\n", "the keys of names must be 0 to 1"),
        (NAMES, "names no images; expected the key train, val or test"),
        (f"train: nowhere\n{NAMES}", "there is no folder or file 'nowhere' in"),
    ],
)
def test_an_unusable_yaml_file_is_named(tmp_path, yaml, complaint):
    folder = write_one(tmp_path, "0 0.5 0.5 0.2 0.2\n")
    (folder / "data.yaml").write_text(yaml)
    with pytest.raises(ValueError, match=rf"data\.yaml: .*{complaint}"):
        load(folder)


def test_a_yaml_file_of_nested_aliases_takes_no_time(tmp_path):
    folder = write_one(tmp_path, "0 0.5 0.5 0.2 0.2\n")
    lines = ["a0: &a0 [x, x]"] + [
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)
    ]
    (folder / "data.yaml").write_text("\n".join([*lines, "train: train", "names: *a29"]))
    with pytest.raises(ValueError, match="names must be a list or dictionary"):
        load(folder)
