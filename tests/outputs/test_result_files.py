"""The result files, read back by hand, by `keras_ssd.data` and by pycocotools."""

import csv
import json
import tracemalloc
from xml.etree import ElementTree

import numpy as np
import pytest

from keras_ssd.data import load
from keras_ssd.images import write_image
from keras_ssd.outputs.entry import Entry
from keras_ssd.outputs.result_files import RESULT_FILES, check_formats, write_result_files


@pytest.fixture
def mixed(new_journal, found):
    """A journal of two images of one name, one without objects, and a video."""
    return new_journal(
        ("dog", found("a/dog.jpg")),
        ("dog-2", found("b/dog.jpg", 0)),
        ("film", found("film.mp4", 1, frame=0, time=0.0)),
        ("film", found("film.mp4", 2, frame=123, time=4.92, track_ids=[7, -1])),
    )


CAT = {"label": "cat", "score": 0.9, "box": [10.0, 20.0, 110.5, 70.0]}
PERSON = {"label": "person", "score": 0.25, "box": [0.0, 0.0, 200.0, 100.0]}


def test_json_is_one_array_of_all_objects(mixed, tmp_path):
    write_result_files(mixed, tmp_path, ["json"])
    assert json.loads((tmp_path / "detections.json").read_text()) == [
        {"image": "a/dog.jpg", **CAT},
        {"image": "a/dog.jpg", **PERSON},
        {"image": "film.mp4", "frame": 0, "time": 0.0, **CAT},
        {"image": "film.mp4", "frame": 123, "time": 4.92, **CAT, "track": 7},
        {"image": "film.mp4", "frame": 123, "time": 4.92, **PERSON, "track": -1},
    ]


def test_jsonl_is_one_line_for_each_image_and_frame(mixed, tmp_path):
    write_result_files(mixed, tmp_path, ["jsonl"])
    lines = (tmp_path / "detections.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"image": "a/dog.jpg", "size": [100, 200], "detections": [CAT, PERSON]},
        {"image": "b/dog.jpg", "size": [100, 200], "detections": []},
        {
            "image": "film.mp4",
            "size": [100, 200],
            "frame": 0,
            "time": 0.0,
            "detections": [CAT],
        },
        {
            "image": "film.mp4",
            "size": [100, 200],
            "frame": 123,
            "time": 4.92,
            "detections": [CAT | {"track": 7}, PERSON | {"track": -1}],
        },
    ]


def test_csv_has_a_row_for_each_object_and_for_an_image_without_any(mixed, tmp_path):
    write_result_files(mixed, tmp_path, ["csv"])
    with (tmp_path / "detections.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert [",".join(row) for row in rows] == [
        "image,width,height,frame,time,label,score,x1,y1,x2,y2,track",
        "a/dog.jpg,200,100,,,cat,0.9,10.0,20.0,110.5,70.0,",
        "a/dog.jpg,200,100,,,person,0.25,0.0,0.0,200.0,100.0,",
        "b/dog.jpg,200,100,,,,,,,,,",
        "film.mp4,200,100,0,0.0,cat,0.9,10.0,20.0,110.5,70.0,",
        "film.mp4,200,100,123,4.92,cat,0.9,10.0,20.0,110.5,70.0,7",
        "film.mp4,200,100,123,4.92,person,0.25,0.0,0.0,200.0,100.0,-1",
    ]


def test_coco_has_images_annotations_and_all_categories(mixed, tmp_path):
    write_result_files(mixed, tmp_path, ["coco"])
    content = json.loads((tmp_path / "coco.json").read_text())
    assert [(image["id"], image["file_name"]) for image in content["images"]] == [
        (1, "a/dog.jpg"),
        (2, "b/dog.jpg"),
        (3, "film_000000.jpg"),
        (4, "film_000123.jpg"),
    ]
    assert content["images"][3] == {
        "id": 4,
        "file_name": "film_000123.jpg",
        "width": 200,
        "height": 100,
        "frame": 123,
        "time": 4.92,
    }
    assert [(c["id"], c["name"]) for c in content["categories"]] == [
        (1, "cat"),
        (2, "dog: small"),
        (3, "person"),
    ]
    assert [(a["id"], a["image_id"], a["category_id"]) for a in content["annotations"]] == [
        (1, 1, 1),
        (2, 1, 3),
        (3, 3, 1),
        (4, 4, 1),
        (5, 4, 3),
    ]
    assert content["annotations"][3] == {
        "id": 4,
        "image_id": 4,
        "category_id": 1,
        "bbox": [10.0, 20.0, 100.5, 50.0],
        "area": 5025.0,
        "iscrowd": 0,
        "segmentation": [],
        "score": 0.9,
        "track_id": 7,
    }


def test_an_image_that_was_given_twice_is_in_coco_once(new_journal, found, tmp_path):
    journal = new_journal(("a", found("a.jpg")), ("a-2", found("a.jpg")))
    write_result_files(journal, tmp_path, ["coco", "jsonl"])
    assert len(json.loads((tmp_path / "coco.json").read_text())["images"]) == 1
    assert len((tmp_path / "detections.jsonl").read_text().splitlines()) == 2


def test_keras_ssd_and_pycocotools_load_the_coco_file(new_journal, found, tmp_path):
    coco = pytest.importorskip("pycocotools.coco", reason='needs pip install "keras-ssd[train]"')
    names = [tmp_path / "in" / name for name in ("a/dog.png", "b/dog.png")]
    for name in names:
        write_image(np.zeros((100, 200, 3), np.uint8), name)
    journal = new_journal(("dog", found(str(names[0]))), ("dog-2", found("in/b/dog.png", 1)))
    write_result_files(journal, tmp_path, ["coco"])
    data = load(tmp_path / "coco.json")
    assert data.class_names == ("cat", "dog: small", "person")
    assert [sample.image for sample in data] == names
    np.testing.assert_allclose(data[0].pixel_boxes, [CAT["box"], PERSON["box"]], atol=1e-4)
    assert [sample.labels.tolist() for sample in data] == [[0, 2], [0]]
    theirs = coco.COCO(tmp_path / "coco.json")
    assert len(theirs.loadAnns(theirs.getAnnIds(imgIds=[1]))) == 2


def test_voc_is_one_xml_file_for_each_image_and_frame(mixed, tmp_path):
    write_result_files(mixed, tmp_path, ["voc"])
    roots = {path.name: ElementTree.parse(path) for path in (tmp_path / "voc").iterdir()}
    assert sorted(roots) == ["dog-2.xml", "dog.xml", "film_000000.xml", "film_000123.xml"]
    assert roots["dog.xml"].findtext("filename") == "a/dog.jpg"
    assert roots["film_000123.xml"].findtext("filename") == "film_000123.jpg"
    assert roots["dog-2.xml"].find("object") is None
    assert [roots["dog.xml"].findtext(f"size/{tag}") for tag in ("width", "height")] == [
        "200",
        "100",
    ]
    cat = roots["dog.xml"].find("object")
    assert [(element.tag, element.text) for element in cat][:3] == [
        ("name", "cat"),
        ("difficult", "0"),
        ("confidence", "0.9"),
    ]
    assert [float(corner.text) for corner in cat.find("bndbox")] == CAT["box"]


def test_keras_ssd_loads_the_xml_files_beside_their_images(mixed, tmp_path):
    write_result_files(mixed, tmp_path, ["voc"])
    for path in list((tmp_path / "voc").iterdir()):
        write_image(np.zeros((100, 200, 3), np.uint8), path.with_suffix(".png"))
    data = load(tmp_path / "voc")
    assert [len(sample.labels) for sample in data] == [2, 0, 1, 2]
    np.testing.assert_allclose(data[0].pixel_boxes, [CAT["box"], PERSON["box"]], atol=1e-4)


def test_yolo_has_the_classes_and_one_text_for_each_image_and_frame(mixed, tmp_path):
    yaml = pytest.importorskip("yaml")
    write_result_files(mixed, tmp_path, ["yolo"])
    names = ["cat", "dog: small", "person"]
    assert yaml.safe_load((tmp_path / "yolo" / "data.yaml").read_text()) == {"names": names}
    texts = {path.name: path.read_text() for path in (tmp_path / "yolo" / "labels").iterdir()}
    assert sorted(texts) == ["dog-2.txt", "dog.txt", "film_000000.txt", "film_000123.txt"]
    assert texts["dog-2.txt"] == ""
    rows = [line.split() for line in texts["dog.txt"].splitlines()]
    assert [row[0] for row in rows] == ["0", "2"]
    np.testing.assert_allclose(
        [[float(value) for value in row[1:]] for row in rows],
        [[60.25 / 200, 0.45, 100.5 / 200, 0.5, 0.9], [0.5, 0.5, 1, 1, 0.25]],
        atol=1e-7,
    )


@pytest.mark.parametrize("name", RESULT_FILES)
def test_an_empty_journal_gives_valid_files(new_journal, tmp_path, name):
    write_result_files(new_journal(), tmp_path, [name])
    path = tmp_path / RESULT_FILES[name][0]
    assert path.exists()
    if name == "coco":
        content = json.loads(path.read_text())
        assert (content["images"], content["annotations"]) == ([], [])
    if name == "json":
        assert json.loads(path.read_text()) == []


@pytest.mark.parametrize("name", RESULT_FILES)
def test_names_that_are_not_utf_8_are_written(new_journal, found, tmp_path, name):
    image = b"\xfc.jpg".decode(errors="surrogateescape")
    write_result_files(new_journal(("image", found(image))), tmp_path, [name])
    assert (tmp_path / RESULT_FILES[name][0]).exists()


@pytest.mark.parametrize("name", ["json", "jsonl", "csv", "coco"])
def test_memory_does_not_grow_with_the_number_of_frames(new_journal, found, tmp_path, name):
    journal = new_journal()
    peaks = []
    for frames in (range(100), range(100, 2000)):
        for frame in frames:
            journal.append(Entry("film", found("film.mp4", frame=frame, time=frame / 25)))
        tracemalloc.start()
        write_result_files(journal, tmp_path, [name])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 100_000  # 20 times as many lines, 480,000 bytes in the journal


@pytest.mark.parametrize("name", RESULT_FILES)
def test_a_file_that_cannot_be_written_is_named(new_journal, found, tmp_path, name):
    place = tmp_path / RESULT_FILES[name][0]
    if name in ("voc", "yolo"):
        place.write_text("a file where the folder should be")
    else:
        place.mkdir()
    with pytest.raises((OSError, ValueError), match=place.name):
        write_result_files(new_journal(("a", found("a.jpg"))), tmp_path, [name])


def test_formats_are_checked_and_kept_once():
    assert check_formats(["csv", "json", "csv"]) == ("csv", "json")
    assert check_formats("voc") == ("voc",)
    with pytest.raises(ValueError, match="json, jsonl, csv, coco, voc, yolo, not 'xml'"):
        check_formats(["json", "xml"])
