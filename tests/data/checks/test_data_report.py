import json

from keras_ssd.data.checks import check_data


def test_a_report_is_json_with_every_example_and_null_for_what_there_is_not(drawn_voc):
    names = ["circle", "rectangle", "triangle", "star"]
    report = check_data([drawn_voc], class_names=names)
    values = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert values["has_errors"] is True
    assert values["findings"][0] == {
        "is_error": True,
        "message": "classes without an object to train on: 1",
        "examples": ["star"],
    }
    assert [entry["name"] for entry in values["splits"]] == ["train", "val", "trainval"]
    assert [entry["images"] for entry in values["splits"]] == [16, 8, 24]
    assert [entry["name"] for entry in values["classes"]] == names
    assert [entry["median_side"] is None for entry in values["classes"]] == [False] * 3 + [True]
    assert sum(entry["objects"] for entry in values["classes"]) == values["splits"][2]["objects"]
