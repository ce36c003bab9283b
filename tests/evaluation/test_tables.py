import json

import pytest

from keras_ssd.evaluation.coco import COCO_NUMBERS
from keras_ssd.evaluation.tables import coco_table, to_json, voc_table
from keras_ssd.evaluation.voc import VOCResult
from keras_ssd.terminal import plain_table

COCO = {**dict.fromkeys(COCO_NUMBERS, 0.25), "APs": float("nan")}


def test_the_table_is_aligned_and_shows_a_dash_for_a_class_without_objects(voc_result):
    assert plain_table(*voc_table(voc_result)).splitlines() == [
        "class         objects  detections  AP 11-point  AP area",
        "potted plant        6           8       0.5152   0.5278",
        "cat                 3           0       0.0000   0.0000",
        "dog                 0           2            -        -",
        "mean                                    0.2576   0.2639",
    ]


def test_a_table_without_any_objects_has_a_dash_for_the_mean(voc_result):
    no_objects = VOCResult(voc_result.classes[2:])
    assert plain_table(*voc_table(no_objects)).splitlines()[-1].split() == ["mean", "-", "-"]


def test_each_coco_figure_has_a_line_with_its_meaning():
    lines = plain_table(*coco_table(COCO)).splitlines()[1:]
    assert [line.split()[0] for line in lines] == list(COCO_NUMBERS)
    assert lines[0].split(maxsplit=2) == ["AP", "0.2500", COCO_NUMBERS["AP"]]
    assert lines[3].split(maxsplit=2)[:2] == ["APs", "-"]


def test_json_holds_the_numbers_with_none_in_place_of_nan(voc_result):
    values = to_json(voc_result, COCO)
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert values["voc"]["map_area"] == pytest.approx(0.5277777 / 2)
    assert values["voc"]["classes"][0] == {
        "name": "potted plant",
        "num_objects": 6,
        "num_detections": 8,
        "ap_11_point": 0.5151515,
        "ap_area": 0.5277777,
    }
    assert values["voc"]["classes"][2]["ap_area"] is None
    assert values["coco"] == {**COCO, "APs": None}


def test_json_without_coco_numbers_says_none(voc_result):
    values = to_json(VOCResult(voc_result.classes[2:]))
    assert values["coco"] is None
    assert values["voc"]["map_11_point"] is None
