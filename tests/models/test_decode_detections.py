"""DecodeDetections against a slow reference, and in difficult cases."""

import functools

import keras
import numpy as np
import pytest
from keras import ops

from keras_ssd import geometry
from keras_ssd.models import nms
from keras_ssd.models.layers import DecodeDetections


def to_numpy(outputs):
    return keras.tree.map_structure(ops.convert_to_numpy, outputs)


def reference_iou(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / union if shared > 0 else 0.0


def reference_detections(offsets, logits, default_boxes, layer):
    """One image's (score, label, clipped box), best first, in float64 and plain loops."""
    decoded, scores = [], []
    for (tx, ty, tw, th), (cx, cy, w, h) in zip(
        offsets.astype(float), default_boxes.astype(float), strict=True
    ):
        vx, vy, vw, vh = layer.variances
        x, y = cx + vx * tx * w, cy + vy * ty * h
        w, h = w * np.exp(min(vw * tw, np.log(62.5))), h * np.exp(min(vh * th, np.log(62.5)))
        decoded.append((x - w / 2, y - h / 2, x + w / 2, y + h / 2))
    for row in logits.astype(float):
        exponentials = np.exp(row - row.max())
        scores.append(exponentials / exponentials.sum())

    found = []
    for label in range(logits.shape[1] - 1):
        candidates = [
            (row[label + 1], index)
            for index, row in enumerate(scores)
            if row[label + 1] > layer.confidence_threshold
        ]
        candidates.sort(key=lambda candidate: (-candidate[0], candidate[1]))
        kept = []
        for score, index in candidates[: layer.top_k]:
            box = decoded[index]
            if all(reference_iou(box, better) <= layer.iou_threshold for _, better in kept):
                kept.append((score, box))
        found += [(score, label, box) for score, box in kept]
    found.sort(key=lambda detection: -detection[0])
    return [
        (score, label, [min(max(value, 0.0), 1.0) for value in box])
        for score, label, box in found[: layer.max_detections]
    ]


IMPLEMENTATIONS = ["_keras_ops"]
if keras.backend.backend() == "tensorflow":
    IMPLEMENTATIONS.append("_tensorflow_kernel")


@pytest.fixture(params=IMPLEMENTATIONS)
def implementation(request, monkeypatch):
    if keras.backend.backend() == "tensorflow":
        monkeypatch.setattr(nms, "_tensorflow_kernel", getattr(nms, request.param))


@functools.cache
def decoder(**arguments):
    """Returns a DecodeDetections layer, and a function that calls it."""
    layer = DecodeDetections(**arguments)
    if keras.backend.backend() == "jax":  # compiled one by one, its operations take seconds
        import jax

        return layer, jax.jit(layer)
    return layer, layer


def random_case(batch=3, boxes=60, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    sizes = rng.uniform(0.1, 0.5, (boxes, 2))
    priors = np.concatenate([rng.uniform(0, 1, (boxes, 2)), sizes], axis=1).astype(np.float32)
    offsets = rng.normal(size=(batch, boxes, 4)).astype(np.float32)
    logits = (2 * rng.normal(size=(batch, boxes, classes + 1))).astype(np.float32)
    return offsets, logits, priors


def huge_offsets():
    """Some boxes far away, some as large as a decoded box can get, some shrunk to nothing."""
    offsets, logits, priors = random_case()
    offsets[:, 0:10, 0] = 1e4 * np.arange(1, 11)
    offsets[:, 10:20, 1] = -1e4 * np.arange(1, 11)
    offsets[:, 20:30, 2:] = 1e4
    offsets[:, 30:40, 2:] = -1e4
    return offsets, logits, priors


def boxes_without_area():
    offsets, logits, priors = random_case()
    priors[:20, 2:] = 0
    priors[20:40, 2] = 0
    return offsets, logits, priors


def boxes_outside_the_image():
    offsets, logits, priors = random_case()
    priors[:, :2] = priors[:, :2] * 3 - 1
    return offsets, logits, priors


def all_candidates_below_the_threshold():
    offsets, logits, priors = random_case()
    logits[..., 0] = 20
    return offsets, logits, priors


def all_candidates_above_the_threshold():
    offsets, logits, priors = random_case()
    return offsets, logits / 4, priors


CASES = {
    "fewer boxes than top_k": (random_case, {}),
    "one class": (lambda: random_case(classes=1, seed=2), {}),
    "other variances": (random_case, {"variances": (0.2, 0.1, 0.3, 0.4)}),
    "one box": (lambda: random_case(boxes=1, seed=3), {}),
    "more boxes than top_k": (random_case, {"top_k": 7}),
    "few detections wanted": (random_case, {"max_detections": 3}),
    "more detections wanted than there are boxes": (random_case, {"max_detections": 300}),
    "nothing may overlap": (random_case, {"iou_threshold": 0.0}),
    "all may overlap": (random_case, {"iou_threshold": 1.0, "max_detections": 200}),
    "all below the threshold": (all_candidates_below_the_threshold, {}),
    "all above the threshold": (all_candidates_above_the_threshold, {}),
    "huge offsets": (huge_offsets, {}),
    "boxes without area": (boxes_without_area, {}),
    "boxes outside the image": (boxes_outside_the_image, {}),
}


@pytest.mark.usefixtures("implementation")
@pytest.mark.parametrize("case", CASES)
def test_decode_detections_equals_the_slow_reference(case):
    make_inputs, arguments = CASES[case]
    offsets, logits, priors = make_inputs()
    layer, detect = decoder(**{"max_detections": 50, **arguments})
    found = to_numpy(detect(offsets, logits, priors))
    for image in range(len(offsets)):
        expected = reference_detections(offsets[image], logits[image], priors, layer)
        count = len(expected)
        assert found["num_detections"][image] == count
        scores, labels, corners = zip(*expected, strict=True) if expected else ((), (), ())
        np.testing.assert_allclose(found["scores"][image, :count], scores, atol=1e-5)
        np.testing.assert_array_equal(found["labels"][image, :count], labels)
        np.testing.assert_allclose(
            found["boxes"][image, :count], np.reshape(corners, (-1, 4)), atol=1e-5
        )
        assert np.all(found["scores"][image, count:] == 0)
        assert np.all(found["labels"][image, count:] == -1)
        assert np.all(found["boxes"][image, count:] == 0)


def decode(corners, scores):
    """Detections of a one-class detector that predicts these boxes and scores."""
    scores = np.array(scores)
    logits = np.stack([0 * scores, np.log(scores / (1 - scores))], axis=-1)
    priors = geometry.corners_to_centers(np.array(corners, np.float32))
    _, detect = decoder()
    offsets = np.zeros((1, *priors.shape), np.float32)
    return to_numpy(detect(offsets, logits[None].astype(np.float32), priors))


@pytest.mark.usefixtures("implementation")
def test_decode_detections_of_the_worked_example_keeps_boxes_0_2_and_5():
    corners = [
        (0.10, 0.10, 0.50, 0.50),
        (0.12, 0.10, 0.52, 0.50),  # IoU with 0: .904762
        (0.30, 0.10, 0.70, 0.50),  # IoU with 0: .333333
        (0.25, 0.10, 0.65, 0.50),  # IoU with 0: .454545
        (0.60, 0.60, 0.90, 0.90),  # its score is the threshold
        (0.61, 0.62, 0.89, 0.91),
    ]
    found = decode(corners, [0.90, 0.85, 0.80, 0.30, 0.01, 0.0101])
    assert found["num_detections"] == [3]
    np.testing.assert_allclose(found["scores"][0, :3], [0.90, 0.80, 0.0101], rtol=1e-5)
    np.testing.assert_allclose(found["boxes"][0, :3], np.array(corners)[[0, 2, 5]], atol=1e-6)
    np.testing.assert_array_equal(found["labels"][0], [0] * 3 + [-1] * 197)


@pytest.mark.usefixtures("implementation")
def test_decode_detections_clips_only_after_suppression():
    # Within the image the first two are the same; the third is the whole image.
    corners = [(-0.8, 0.2, 0.2, 0.6), (0.0, 0.2, 0.2, 0.6), (-3.0, -3.0, 4.0, 4.0)]
    found = decode(corners, [0.9, 0.8, 0.7])
    assert found["num_detections"] == [3]
    np.testing.assert_allclose(
        found["boxes"][0, :3], [(0, 0.2, 0.2, 0.6), (0, 0.2, 0.2, 0.6), (0, 0, 1, 1)], atol=1e-6
    )


@pytest.mark.usefixtures("implementation")
def test_of_boxes_of_equal_score_a_largest_set_without_overlaps_stays():
    # Which of equals comes first is the backend's choice; that none could be added is not.
    offsets, logits, priors = random_case(classes=1)
    _, detect = decoder(max_detections=60)
    found = to_numpy(detect(0 * offsets, 0 * logits, priors))
    corners = geometry.centers_to_corners(priors.astype(float))
    count = found["num_detections"][0]
    assert count > 1
    scores = found["scores"][0, :count]
    np.testing.assert_array_equal(scores, scores[0])
    # Without oneDNN, TensorFlow's softmax of two zeros is the float32 next to 0.5.
    assert scores[0] == pytest.approx(0.5, rel=1e-6)
    clipped = corners.clip(0, 1)
    kept = [int(np.abs(clipped - box).sum(axis=1).argmin()) for box in found["boxes"][0, :count]]
    np.testing.assert_allclose(clipped[kept], found["boxes"][0, :count], atol=1e-6)
    assert len(set(kept)) == count
    for index, box in enumerate(corners):
        others = [reference_iou(box, corners[other]) for other in kept if other != index]
        assert (max(others) <= 0.45) == (index in kept)
