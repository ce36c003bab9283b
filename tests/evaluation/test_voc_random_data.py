from pathlib import Path

import numpy as np
import pytest

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.sample import Sample
from keras_ssd.evaluation.voc import evaluate_voc
from keras_ssd.results.detections import Detections

NAMES = ("cat", "dog")


def slow_average_precisions(detections, samples, label):
    """VOC's rules one detection at a time: (11-point, area) of one class."""
    objects = {}
    for sample in samples:
        sides = sample.size[::-1] * 2
        objects[sample.id] = [
            {
                "box": [round(float(value) * side) for value, side in zip(box, sides, strict=True)],
                "hard": hard,
            }
            for box, its_label, hard in zip(
                sample.boxes, sample.labels, sample.difficult, strict=True
            )
            if its_label == label
        ]
    num_objects = sum(not entry["hard"] for entries in objects.values() for entry in entries)
    ranked = [
        (found.image, [float(v) for v in box], float(score))
        for found in detections
        for box, its_label, score in zip(found.boxes, found.labels, found.scores, strict=True)
        if its_label == label
    ]
    ranked.sort(key=lambda entry: -entry[2])

    true, false, points = 0, 0, []
    for image, (x1, y1, x2, y2), _ in ranked:
        best, best_iou = None, 0.0
        for entry in objects[image]:
            a1, b1, a2, b2 = entry["box"]
            w, h = min(x2, a2) - max(x1, a1) + 1, min(y2, b2) - max(y1, b1) + 1
            if w > 0 and h > 0:
                union = (x2 - x1 + 1) * (y2 - y1 + 1) + (a2 - a1 + 1) * (b2 - b1 + 1) - w * h
                if w * h / union > best_iou:
                    best, best_iou = entry, w * h / union
        if best_iou >= 0.5:
            if best["hard"]:
                continue
            if best.get("taken"):
                false += 1
            else:
                best["taken"] = True
                true += 1
        else:
            false += 1
        points.append((true, true / (true + false)))

    eleven = sum(
        max((p for t, p in points if 10 * t >= j * num_objects), default=0.0) for j in range(11)
    )
    area, previous = 0.0, 0
    for i, (true_so_far, _) in enumerate(points):
        best_from_here = max(p for _, p in points[i:])
        area += (true_so_far - previous) / num_objects * best_from_here
        previous = true_so_far
    return eleven / 11, area


@pytest.mark.parametrize("seed", range(5))
def test_random_data_score_as_by_the_slow_reference(seed):
    random = np.random.default_rng(seed)
    samples, detections = [], []
    for index in range(40):
        count = random.integers(0, 6)
        low = random.integers(0, 200, (count, 2))
        boxes = np.concatenate([low, low + random.integers(10, 150, (count, 2))], axis=1)
        hard = random.random(count) < 0.3
        sample = Sample(
            id=str(index),
            image=Path(f"{index}.jpg"),
            size=(375, 500),
            boxes=(boxes / [500, 375, 500, 375]).astype(np.float32),
            labels=random.integers(0, 2, count).astype(np.int32),
            difficult=hard,
        )
        # Jittered copies of the objects, several of each, and boxes of nothing.
        copies = np.repeat(boxes, 3, axis=0) + random.integers(-15, 16, (3 * count, 4))
        copies[:, 2:] = np.maximum(copies[:, 2:], copies[:, :2] + 1)
        noise = random.integers(0, 50, (4, 4)) + np.array([0, 0, 50, 50])
        found = np.concatenate([copies, noise])
        labels = np.append(np.repeat(sample.labels, 3), random.integers(0, 2, 4))
        labels[random.random(len(labels)) < 0.1] = 1
        scores = np.round(random.random(len(labels)), 1)  # many are equal
        samples.append(sample)
        detections.append(
            Detections(
                image=sample.id,
                size=sample.size,
                boxes=found.astype(np.float32),
                labels=labels.astype(np.int32),
                scores=scores.astype(np.float32),
                class_names=NAMES,
            )
        )

    result = evaluate_voc(detections, AnnotatedImages(samples, NAMES))
    for label, entry in enumerate(result.classes):
        expected = slow_average_precisions(detections, samples, label)
        assert 0.1 < entry.ap_area < 0.9  # the data are neither trivial nor hopeless
        assert (entry.ap_11_point, entry.ap_area) == pytest.approx(expected, abs=1e-12)
