"""Detections in a JSON file."""

import json

import pytest

from keras_ssd.results import Detections, write_json


def found(image="a.jpg", names=("cat", "dog")):
    boxes = [[0, 1, 2, 3], [1, 1, 3.5, 3]]
    return Detections(image, (4, 4), boxes, [0, 1], [0.9, 0.1], names)


def nothing():
    return Detections("b.jpg", (4, 4), [], [], [], ("cat", "dog"))


def test_the_file_is_one_array_over_all_images_with_a_line_for_each_object(tmp_path):
    path = tmp_path / "new" / "found.json"
    write_json([found("1"), nothing(), found("ü.jpg")], path)
    records = json.loads(path.read_text())
    assert [record["image"] for record in records] == ["1", "1", "ü.jpg", "ü.jpg"]
    assert path.read_text().splitlines()[1] == (
        '{"image": "1", "label": "cat", "score": 0.9, "box": [0.0, 1.0, 2.0, 3.0]},'
    )
    assert [entry.name for entry in path.parent.iterdir()] == ["found.json"]


def test_a_name_that_is_not_utf_8_is_kept(tmp_path):
    name = b"\xfc.jpg".decode(errors="surrogateescape")  # as Python reads it from a folder
    write_json([found(name)], tmp_path / "found.json")
    assert json.loads((tmp_path / "found.json").read_text())[0]["image"] == name


@pytest.mark.parametrize("detections", [[], [nothing()]])
def test_nothing_found_is_an_empty_array(tmp_path, detections):
    write_json(detections, tmp_path / "found.json")
    assert json.loads((tmp_path / "found.json").read_text()) == []


def test_an_error_midway_leaves_the_earlier_file_as_it_was(tmp_path):
    path = tmp_path / "found.json"
    write_json([found()], path)
    earlier = path.read_bytes()

    def breaks():
        yield found()
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_json(breaks(), path)
    assert path.read_bytes() == earlier
    assert [entry.name for entry in tmp_path.iterdir()] == ["found.json"]
