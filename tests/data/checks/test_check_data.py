import json
import shutil

import cv2
import numpy as np
import pytest

from keras_ssd.config import FeatureMap, SSDConfig
from keras_ssd.data.checks import check_data
from keras_ssd.data.synthetic import draw_voc

HEADER = "image,width,height,x1,y1,x2,y2,label"
# One default box, the middle quarter of the image.
ONE_BOX = SSDConfig("one box", 100, (FeatureMap(1, 1.0, ((0.5, 0.5),)),))


def write_image(path, seed=0):
    """A 100x50 image, different for each seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.random.default_rng(seed).integers(0, 256, (50, 100, 3), dtype=np.uint8)
    cv2.imwrite(str(path), image)


def write_csv(path, *rows, images=("a.png", "b.png")):
    """The file, and images of 100x50 pixels beside it, all different."""
    for seed, name in enumerate(images):
        write_image(path.parent / name, seed)
    path.write_text("\n".join([HEADER, *rows]))
    return path


def write_voc(folder, **splits):
    """A VOC folder with splits of {id: seed of the image}, an object of "cat" in each image."""
    for name in ("Annotations", "ImageSets/Main"):
        (folder / name).mkdir(parents=True)
    box = "<xmin>10</xmin><ymin>5</ymin><xmax>60</xmax><ymax>30</ymax>"
    for name, members in splits.items():
        (folder / "ImageSets/Main" / f"{name}.txt").write_text("\n".join(members))
        for image_id, seed in members.items():
            write_image(folder / "JPEGImages" / f"{image_id}.png", seed)
            (folder / "Annotations" / f"{image_id}.xml").write_text(
                f"<annotation><object><name>cat</name><bndbox>{box}</bndbox></object></annotation>"
            )
    return folder


def errors(report):
    """The message of each error with its examples."""
    return {f.message: f.examples for f in report.findings if f.is_error}


def warnings(report):
    return {f.message: f.examples for f in report.findings if not f.is_error}


def test_good_data_has_no_finding_and_is_counted(tmp_path):
    folder = write_voc(tmp_path, train={f"{i:02}": i for i in range(10)}, val={"x": 10})
    report = check_data([folder])
    assert report.findings == []
    assert not report.has_errors
    assert [(s.name, s.images, s.objects) for s in report.splits] == [
        ("train", 10, 10),
        ("val", 1, 1),
    ]
    (cat,) = report.classes
    assert (cat.name, cat.objects_by_split, cat.objects, cat.images) == ("cat", [10, 1], 11, 11)
    assert cat.median_side == pytest.approx((50 * 25) ** 0.5)
    assert report.image_sizes == [(100, 50)] * 3
    # Half of the width and of the height: 160 of 320 px.
    assert report.box_sides[50] == pytest.approx(160)


def test_every_problem_is_listed_and_none_stops_the_check(drawn_voc, tmp_path):
    folder = shutil.copytree(drawn_voc, tmp_path / "bad")
    image = folder / "JPEGImages/000001.jpg"
    image.write_bytes(image.read_bytes()[:500])
    (folder / "JPEGImages/000002.jpg").unlink()
    for name in ("000003", "000020"):
        (folder / f"Annotations/{name}.xml").write_text("<annotation>")
    (folder / "Annotations/000004.xml").unlink()
    report = check_data([folder])
    images = errors(report)["images missing, unreadable or not of the annotated size: 2"]
    assert ["000001.jpg: the image is cut off" in line for line in images] == [False, True]
    assert "000002: no image with the suffix" in images[0]
    annotations = errors(report)["annotations that cannot be used: 3"]
    for name, line in zip(("000003", "000004", "000020"), annotations, strict=True):
        assert f"{name}.xml: " in line
    assert [split.images for split in report.splits] == [12, 7, 19]


def test_boxes_without_area_are_errors_and_clipped_ones_warnings(tmp_path):
    rows = (
        "a.png,100,50,5,5,5,20,cat",
        "a.png,100,50,200,5,300,20,cat",
        "b.png,100,50,-5,0,9,9,cat",
    )
    report = check_data([write_csv(tmp_path / "a.csv", *rows)])
    dropped = errors(report)["boxes without area inside their image: 2"]
    assert "box (5, 5, 5, 20)" in dropped[0]
    assert "box (200, 5, 300, 20)" in dropped[1]
    (clipped,) = warnings(report)["boxes clipped, images left out and the like: 1"]
    assert clipped.endswith("b.png: cat box (-5, 0, 9, 9) clipped to the 100x50 image")
    assert (report.splits[0].objects, report.splits[0].images_without_objects) == (1, 1)


def test_each_bad_row_of_a_table_counts_and_a_missing_image_once(tmp_path):
    rows = ("a.png,100,50,x,5,9,9,cat", "z.png,,,1,1,9,9,cat", "z.png,,,1,1,8,8,cat", "a.png,100")
    path = write_csv(
        tmp_path / "a.csv", *rows, "a.png,100,50,1,1,9,9,cat", "b.png,10,10,1,1,9,9,cat"
    )
    found = errors(check_data([path]))
    images = found["images missing, unreadable or not of the annotated size: 2"]
    assert images[0].endswith(f"image z.png: there is no file {tmp_path / 'z.png'}")
    assert "b.png: the image has (height, width) (50, 100)" in images[1]
    assert len(found["annotations that cannot be used: 2"]) == 2


def test_each_bad_entry_of_a_coco_file_counts(tmp_path):
    write_image(tmp_path / "a.png")
    entries = [{"category_id": 1, "bbox": [1, 1, 9, 9]}, {"category_id": 2, "bbox": [1, 1, 9, 9]}]
    entries += [{"category_id": 1}, {"category_id": 1, "bbox": [1, 1, "wide", 9]}]
    data = {
        "images": [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": "z.png"}, {"id": 3}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [{"image_id": 1, **entry} for entry in entries],
    }
    path = tmp_path / "a.json"
    path.write_text(json.dumps(data))
    report = check_data([path])
    found = errors(report)
    (missing,) = found["images missing, unreadable or not of the annotated size: 1"]
    assert missing.endswith(f"there is no file {tmp_path / 'z.png'}")
    lines = found["annotations that cannot be used: 3"]
    for part, line in zip(
        ("images[2]: file_name", "unknown category_id 2", "(1, 1, wide, 9)"), lines, strict=True
    ):
        assert part in line
    (no_box,) = warnings(report)["boxes clipped, images left out and the like: 1"]
    assert no_box.endswith("annotations[2]: cat has no bbox; it is left out")
    assert report.splits[0].objects == 1


def test_unknown_classes_and_classes_without_objects_are_errors(tmp_path):
    path = write_csv(tmp_path / "a.csv", "a.png,,,1,1,9,9,cat", "b.png,,,1,1,9,9,cow")
    found = errors(check_data([path], class_names=["cow", "dog"]))
    (unknown,) = found["objects of unknown classes (expected one of: cow, dog): 1"]
    assert unknown.endswith("unknown class 'cat'")
    assert found["classes without an object to train on: 1"] == ["dog"]


def test_objects_to_validate_on_are_none_to_train_on(tmp_path):
    folder = write_voc(tmp_path, train={"a": 0}, val={"b": 1})
    annotation = folder / "Annotations/b.xml"
    annotation.write_text(annotation.read_text().replace("cat", "dog"))
    assert errors(check_data([folder])) == {"classes without an object to train on: 1": ["dog"]}
    assert not check_data([folder], ["val"]).has_errors  # there is nothing to train on to judge


def test_slices_are_to_train_on_but_for_those_to_validate_on(tmp_path):
    rows = ("a.png,,,1,1,9,9,cat", "b.png,,,1,1,9,9,dog")
    path = write_csv(tmp_path / "a.csv", *rows)
    report = check_data([path], ["0:1", "1:"])
    assert [split.to_train for split in report.splits] == [True, True]
    assert errors(report) == {}
    report = check_data([path], ["0:1"], validation_sets=["1:"])
    assert [(split.name, split.to_train) for split in report.splits] == [
        ("0:1", True),
        ("1:", False),
    ]
    assert errors(report) == {"classes without an object to train on: 1": ["dog"]}


def test_a_set_is_to_train_on_or_to_validate_on(tmp_path):
    folder = write_voc(tmp_path, train={"a": 0}, held_back={"b": 1}, test={"c": 2})
    sets = ["train", "test"]
    report = check_data([folder], sets, validation_sets=["held_back"])
    assert [split.name for split in report.splits] == [*sets, "held_back"]
    assert [split.to_train for split in report.splits] == [True, False, False]
    with pytest.raises(ValueError, match="validation_sets: train is among the image_sets"):
        check_data([folder], sets, validation_sets=["train"])
    assert [split.name for split in check_data([folder]).splits] == ["train", "test"]


def test_an_image_in_two_splits_is_an_error_but_trainval_holds_train_and_val(tmp_path):
    splits = {"train": {"a": 0, "b": 1}, "val": {"c": 2, "d": 0}}
    trainval = splits["train"] | splits["val"]
    folder = write_voc(tmp_path, **splits, trainval=trainval, test={"e": 1})
    assert errors(check_data([folder])) == {
        "images of 'val' that are in 'train' too: 1": ["d = a"],
        "images of 'test' that are in 'train' too: 1": ["e = b"],
        "images of 'test' that are in 'trainval' too: 1": ["e = b"],
    }
    assert errors(check_data([folder], ["all", "trainval", "val"])) == {}


def test_an_image_in_two_sources_is_an_error_whatever_its_name(tmp_path):
    first = write_csv(tmp_path / "1/a.csv", "a.png,,,1,1,9,9,cat", images=["a.png"])
    second = write_csv(tmp_path / "2/b.csv", "b.png,,,1,1,9,9,cat", images=["b.png"])
    found = errors(check_data([first, second]))
    assert found == {
        f"images of '{second}:all' that are in '{first}:all' too: 1": ["b.png = a.png"]
    }


def test_the_same_image_twice_in_a_split_is_a_warning(tmp_path):
    report = check_data([write_voc(tmp_path, train={"a": 0, "b": 1, "c": 0})])
    assert not report.has_errors
    assert warnings(report)["images that are in a split under two names: 1"] == ["a = c"]


def test_objects_are_matched_at_an_overlap_of_a_half(tmp_path):
    # Of the default box, (25, 12.5) to (75, 37.5), the first is exactly half, the second less.
    rows = ("a.png,100,50,25,12.5,75,25,cat", "b.png,100,50,25,12.5,75,24.9,dog")
    report = check_data([write_csv(tmp_path / "a.csv", *rows)], config=ONE_BOX)
    assert [(entry.name, entry.unmatched) for entry in report.classes] == [("cat", 0), ("dog", 1)]
    assert report.splits[0].unmatched == 1
    (message,) = [message for message in warnings(report) if "one box" in message]
    assert message.endswith("1 of 2 (50.0%)")
    assert warnings(report)[message] == ["dog: 1 of 1 (100.0%)"]


def test_splits_with_different_classes_share_the_labels_of_all(tmp_path):
    first = write_csv(tmp_path / "1/a.csv", "a.png,,,1,1,9,9,dog", images=["a.png"])
    second = write_csv(tmp_path / "2/b.csv", "b.png,,,1,1,9,9,cat", images=["x.png", "b.png"])
    report = check_data([first, second])
    assert [entry.name for entry in report.classes] == ["cat", "dog"]
    assert [sample.labels.tolist() for sample in report.data] == [[1], [0]]
    assert [entry.objects_by_split for entry in report.classes] == [[0, 1], [1, 0]]


def test_only_the_first_images_of_each_split_are_read(drawn_voc):
    report = check_data([drawn_voc], max_images=3)
    assert [split.images for split in report.splits] == [3, 3, 3]
    assert len(report.data) == 6  # those of trainval are those of train


def test_a_split_that_cannot_be_loaded_is_an_error_beside_the_others(drawn_voc):
    report = check_data([drawn_voc], ["train", "best"])
    assert [split.name for split in report.splits] == ["train"]
    (line,) = errors(report)["sources and splits that cannot be loaded: 1"]
    assert "no image set 'best'; there are: train, trainval, val" in line


def test_without_a_split_that_can_be_loaded_only_the_split_is_the_error(drawn_voc):
    found = errors(check_data([drawn_voc], ["best"]))
    (line,) = found["sources and splits that cannot be loaded: 1"]
    assert "no image set 'best'" in line


def test_without_a_usable_image_the_report_is_empty(tmp_path):
    path = write_csv(tmp_path / "a.csv", "a.png,,,1,1,9,9,cat", images=())
    report = check_data([path, tmp_path / "missing.json"])
    assert [(split.name, split.images) for split in report.splits] == [("all", 0)]
    assert (report.image_sizes, len(report.data)) == ([], 0)
    assert list(errors(report)) == [
        "images missing, unreadable or not of the annotated size: 1",
        "sources and splits that cannot be loaded: 1",
        "classes without an object to train on: 1",
    ]
    path.write_text(HEADER + "\na.png,,,,,,,")
    report = check_data(path)
    assert (report.classes, len(report.data)) == ([], 0)
    assert (
        "no object to take them from"
        in errors(report)["sources and splits that cannot be loaded: 1"][0]
    )


def test_a_source_that_cannot_be_opened_is_an_error_where_there_is_no_other(tmp_path):
    with pytest.raises(ValueError, match=r"missing\.json: No such file"):
        check_data(tmp_path / "missing.json")


def test_images_of_the_same_name_in_two_sources_are_told_apart(drawn_voc, tmp_path):
    draw_voc(tmp_path / "other", num_train=1, num_val=1, seed=5)
    report = check_data([drawn_voc, tmp_path / "other"], ["train"])
    ids = [sample.id for sample in report.data]
    assert len(ids) == 17
    assert ids[-1] == "other/000000"
    assert not report.has_errors
