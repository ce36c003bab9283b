import dataclasses
from math import isnan

import numpy as np

from keras_ssd.report.evaluation_part import evaluation_part


def test_the_figures_fit_each_other(data, found, measured):
    result = measured(found(data), data, {"AP": 0.5})
    part = evaluation_part(result, data, skipped={"a"})
    assert (part.num_images, part.num_skipped) == (8, 1)
    assert part.num_objects == data.num_objects
    assert part.coco == [("AP", 0.5, "average precision, mean over IoU 0.50:0.05:0.95")]
    assert part.map_area == result.voc.map_area
    assert part.confusion[:-1].sum() == data.num_objects
    assert sum(number for number, _, _ in part.confusions) == 1
    numbers = {error.kind: error.count for error in part.errors}
    assert numbers["class"] == 1
    assert numbers["missed"] == len(data[1].labels) > 0
    assert sum(size.num_objects for size in part.sizes.values()) == data.num_objects
    shares = part.shares.sum(axis=1)
    np.testing.assert_allclose(shares[part.confusion.sum(axis=1) > 0], 1.0)
    assert data[1].id in [image.id for image in part.worst if image.f1 == 0]
    assert not {image.id for image in part.worst} & {image.id for image in part.best}
    for entry in part.classes:
        best = entry.f1_curve.summary
        assert best.startswith("From ")
        assert entry.best_f1 >= entry.f1


def test_without_any_detection_all_objects_are_missed(data, measured):
    part = evaluation_part(measured([], data), data)
    assert part.mean_f1 == 0.0
    assert part.confusion[:-1, -1].sum() == data.num_objects
    assert {error.kind: error.cost for error in part.errors}["missed"] == 1.0
    assert part.best == []
    assert len(part.worst) == sum(len(sample.labels) > 0 for sample in data)


def test_without_any_object_there_are_no_curves(data, measured, found):
    empty = [
        dataclasses.replace(
            sample, boxes=sample.boxes[:0], labels=sample.labels[:0], difficult=sample.difficult[:0]
        )
        for sample in data
    ]
    empty = dataclasses.replace(data, samples=empty)
    part = evaluation_part(measured(found(empty), empty), empty)
    assert part.f1_curve is None
    assert isnan(part.mean_f1)
    assert all(entry.curve is None for entry in part.classes)
