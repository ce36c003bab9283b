import contextlib
import io
from math import isnan

import numpy as np
import pytest

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.evaluation.object_sizes import SizeResult, precision_by_size

NAMES = ("cat", "dog", "bird")
SMALL, MEDIUM, LARGE = (10, 10, 30, 30), (100, 100, 150, 150), (200, 200, 400, 400)


def test_each_object_counts_for_the_size_of_its_box(objects_in, found_in):
    data = AnnotatedImages(
        [objects_in("a", (0, SMALL), (0, MEDIUM), (1, LARGE), (1, LARGE, True))], NAMES
    )
    found = found_in("a", (0, MEDIUM, 0.9), (1, LARGE, 0.8), (1, (0, 0, 300, 100), 0.9))
    assert precision_by_size([found], data) == {
        "small": SizeResult(1, 0.0, 0.0),
        "medium": SizeResult(1, 1.0, 1.0),  # the false positive is large
        "large": SizeResult(1, 0.5, 1.0),
    }


def test_without_objects_of_a_size_its_figures_are_nan(objects_in, found_in):
    data = AnnotatedImages([objects_in("a", (0, SMALL))], NAMES)
    results = precision_by_size([found_in("a", (0, LARGE, 0.9))], data)
    assert results["small"] == SizeResult(1, 0.0, 0.0)
    for size in ("medium", "large"):
        assert results[size].num_objects == 0
        assert isnan(results[size].mean_ap)
        assert isnan(results[size].recall)


@pytest.mark.parametrize("seed", range(3))
def test_one_class_scores_as_by_pycocotools_at_the_same_iou(random_data, seed):
    pytest.importorskip("pycocotools")
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    detections, data = random_data(seed, ("cat",), num_images=25)

    def coco(entries):
        data_set = COCO()
        data_set.dataset = {
            "images": [{"id": number} for number in range(len(data))],
            "categories": [{"id": 1}],
            "annotations": [{"id": number, **one} for number, one in enumerate(entries, 1)],
        }
        data_set.createIndex()
        return data_set

    def entry(image, box, **others):
        x1, y1, x2, y2 = map(float, box)
        sides = {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1)}
        return {"image_id": image, "category_id": 1, **sides, **others}

    with contextlib.redirect_stdout(io.StringIO()):
        objects = coco(
            entry(image, box, iscrowd=int(crowd))
            for image, sample in enumerate(data)
            for box, crowd in zip(sample.pixel_boxes, sample.difficult, strict=True)
        )
        found = coco(
            entry(image, box, score=float(score))
            for image, one in enumerate(detections)
            for box, score in zip(one.boxes, one.scores, strict=True)
        )
    results = precision_by_size(detections, data)
    for number, size in enumerate(("small", "medium", "large"), 1):
        count = results[size].num_objects
        assert count >= 3
        evaluation = COCOeval(objects, found, "bbox")
        evaluation.params.iouThrs = np.array([0.5])
        evaluation.params.recThrs = (np.arange(count) + 0.5) / count  # all steps of the envelope
        with contextlib.redirect_stdout(io.StringIO()):
            evaluation.evaluate()
            evaluation.accumulate()
        # Axes: IoU, recall, class, size, most detections.
        expected = evaluation.eval["precision"][0, :, 0, number, -1].mean()
        assert results[size].mean_ap == pytest.approx(expected, abs=1e-9)
        assert results[size].recall == pytest.approx(evaluation.eval["recall"][0, 0, number, -1])
