import numpy as np
import pytest

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.evaluation.errors import ERROR_KINDS, count_errors, error_costs, find_errors

NAMES = ("cat", "dog", "bird")
CAT, DOG, BIRD = range(3)
BOX = (100, 100, 200, 200)
HALF = (100, 100, 200, 140)  # IoU 0.4 with BOX
ELSEWHERE = (400, 300, 500, 400)


def errors_of(sample, found):
    (image,) = find_errors([found], AnnotatedImages([sample], NAMES))
    return image


@pytest.mark.parametrize(
    ("label", "box", "kind"),
    [
        (CAT, BOX, "correct"),
        (CAT, (100, 100, 200, 150), "correct"),  # IoU exactly 0.5
        (CAT, HALF, "location"),
        (DOG, BOX, "class"),
        (DOG, HALF, "both"),
        (CAT, ELSEWHERE, "background"),
        (CAT, (100, 100, 200, 109), "background"),  # IoU 0.09
    ],
)
def test_each_kind_of_detection_has_its_name(objects_in, found_in, label, box, kind):
    image = errors_of(objects_in("a", (CAT, BOX)), found_in("a", (label, box, 0.9)))
    assert image.kinds == (kind,)
    assert image.unfound.tolist() == [kind != "correct"]
    # An error of class or of location is about the object, so the object is not missed as well.
    assert image.missed.tolist() == [kind in ("both", "background")]


def test_a_second_detection_is_a_duplicate_whatever_its_place_in_the_list(objects_in, found_in):
    found = found_in("a", (CAT, BOX, 0.5), (CAT, (101, 100, 200, 200), 0.9))
    image = errors_of(objects_in("a", (CAT, BOX)), found)
    assert image.kinds == ("duplicate", "correct")
    assert image.objects.tolist() == [0, 0]


def test_a_detection_inside_a_difficult_object_is_ignored(objects_in, found_in):
    sample = objects_in("a", (CAT, (0, 0, 300, 300), True), (CAT, BOX))
    image = errors_of(sample, found_in("a", (CAT, BOX, 0.9), (CAT, (0, 0, 50, 50), 0.8)))
    assert image.kinds == ("correct", "ignored")
    assert not image.unfound.any()
    assert count_errors([image]) == dict.fromkeys(ERROR_KINDS, 0)


def test_the_cost_of_each_error_is_what_map_gains_without_it(objects_in, found_in):
    samples = [
        objects_in("a", (CAT, BOX)),
        objects_in("b", (CAT, BOX), (CAT, ELSEWHERE)),
        objects_in("c", (DOG, BOX)),
    ]
    found = [
        found_in("a", (CAT, ELSEWHERE, 0.9), (CAT, BOX, 0.8)),
        found_in("b", (CAT, HALF, 0.7)),
        found_in("c", (CAT, BOX, 0.6)),
    ]
    images = find_errors(found, AnnotatedImages(samples, NAMES))
    counts = dict.fromkeys(ERROR_KINDS, 0)
    assert count_errors(images) == counts | {
        "background": 1,
        "location": 1,
        "class": 1,
        "missed": 1,
    }
    # Cats: false, true, false, false for 3 objects: AP 1/2 * 1/3. Dogs: 0 of 1. No birds.
    mean_ap, costs = error_costs(images, 3)
    assert mean_ap == pytest.approx((1 / 6 + 0) / 2)
    assert costs == pytest.approx(
        {
            "background": (1 / 3) / 2 - 1 / 12,  # cats: true, false, false
            "location": (2 / 3 * 2 / 3) / 2 - 1 / 12,  # cats: false, true, true, false
            "class": (1 / 6 + 1) / 2 - 1 / 12,  # the dog is found, and a false cat is gone
            "missed": (1 / 2 * 1 / 2) / 2 - 1 / 12,  # cats: 2 objects
            "both": 0,
            "duplicate": 0,
        }
    )


def test_without_any_detection_all_of_map_is_lost_by_missed_objects(objects_in):
    images = find_errors([], AnnotatedImages([objects_in("a", (CAT, BOX), (DOG, BOX))], NAMES))
    assert count_errors(images)["missed"] == 2
    mean_ap, costs = error_costs(images, 3)
    assert (mean_ap, costs["missed"], costs["class"]) == (0.0, 1.0, 0.0)


def test_without_objects_map_and_costs_are_nan(objects_in, found_in):
    images = find_errors(
        [found_in("a", (CAT, BOX, 0.9))], AnnotatedImages([objects_in("a")], NAMES)
    )
    assert images[0].kinds == ("background",)
    mean_ap, costs = error_costs(images, 3)
    assert np.isnan([mean_ap, *costs.values()]).all()


def test_a_threshold_below_the_least_overlap_is_refused(objects_in):
    data = AnnotatedImages([objects_in("a")], NAMES)
    with pytest.raises(ValueError, match=r"iou_threshold must be above 0\.1 and at most 1"):
        find_errors([], data, iou_threshold=0.1)


def slow_iou(a, b):
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    both = width * height
    one, other = ((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return both / (one + other - both), both / one


def slow_tide(detections, data):
    """TIDE one detection at a time: [(score, label, right, kind, mended label or None)], missed."""
    entries, missed = [], []
    for sample, found in zip(data, detections, strict=True):
        objects = [
            {
                "box": tuple(box),
                "label": int(label),
                "hard": bool(hard),
                "used": False,
                "best": None,
            }
            for box, label, hard in zip(
                sample.pixel_boxes, sample.labels, sample.difficult, strict=True
            )
        ]
        easy = [entry for entry in objects if not entry["hard"]]
        image = [
            {"box": tuple(map(float, box)), "label": int(label), "score": float(score)}
            for box, label, score in zip(found.boxes, found.labels, found.scores, strict=True)
        ]
        image.sort(key=lambda entry: -entry["score"])
        for entry in image:
            free = [o for o in easy if o["label"] == entry["label"] and not o["used"]]
            best = max(free, key=lambda o: slow_iou(entry["box"], o["box"])[0], default=None)
            entry["right"] = best is not None and slow_iou(entry["box"], best["box"])[0] >= 0.5
            if entry["right"]:
                best["used"] = True
        for entry in image:
            if entry["right"]:
                entry["kind"] = "correct"
                continue
            if any(
                o["label"] == entry["label"] and slow_iou(entry["box"], o["box"])[1] >= 0.5
                for o in objects
                if o["hard"]
            ):
                entry["kind"] = "ignored"
                continue
            own = [(slow_iou(entry["box"], o["box"])[0], o) for o in easy]
            same = max(
                ((v, o) for v, o in own if o["label"] == entry["label"]),
                key=lambda pair: pair[0],
                default=(0, None),
            )
            other = max(
                ((v, o) for v, o in own if o["label"] != entry["label"]),
                key=lambda pair: pair[0],
                default=(0, None),
            )
            if 0.1 <= same[0] <= 0.5:
                entry["kind"], entry["about"] = "location", same[1]
            elif other[0] >= 0.5:
                entry["kind"], entry["about"] = "class", other[1]
            elif same[0] >= 0.5:
                entry["kind"] = "duplicate"
            elif max(same[0], other[0]) < 0.1:
                entry["kind"] = "background"
            else:
                entry["kind"] = "both"
            about = entry.get("about")
            if about and not about["used"] and about["best"] is None:  # the best score is first
                about["best"] = entry
        for entry in image:
            about = entry.get("about")
            mended = about["label"] if about and about["best"] is entry else None
            entries.append((entry["score"], entry["label"], entry["kind"], mended))
        missed += [o["label"] for o in easy if not o["used"] and o["best"] is None]
    return entries, missed


def slow_map(points, objects):
    """The area below the envelope, from (score, label, right) and the objects of each class."""
    total = 0.0
    for label, count in objects.items():
        ranked = sorted((p for p in points if p[1] == label), key=lambda p: -p[0])
        rights = [right for _, _, right in ranked]
        precision = [sum(rights[: i + 1]) / (i + 1) for i in range(len(rights))]
        total += sum(max(precision[i:]) for i, right in enumerate(rights) if right) / count
    return total / len(objects)


@pytest.mark.parametrize("seed", range(3))
def test_random_data_have_the_errors_and_costs_of_the_slow_reference(random_data, seed):
    detections, data = random_data(seed)
    images = find_errors(detections, data)
    entries, missed = slow_tide(detections, data)
    counts = {kind: sum(entry[2] == kind for entry in entries) for kind in ERROR_KINDS}
    assert count_errors(images) == counts | {"missed": len(missed)}
    assert min(counts[kind] for kind in ERROR_KINDS if kind not in ("missed", "both")) > 0
    assert sum(image.count("ignored") for image in images) == sum(
        e[2] == "ignored" for e in entries
    )

    objects = {label: 0 for label in range(3)}
    for sample in data:
        for label in sample.labels[~sample.difficult]:
            objects[int(label)] += 1
    scored = [entry for entry in entries if entry[2] != "ignored"]
    before = [(score, label, kind == "correct") for score, label, kind, _ in scored]
    mean_ap, costs = error_costs(images, 3)
    assert mean_ap == pytest.approx(slow_map(before, objects))
    for name in ERROR_KINDS:
        after = [
            (score, mended if kind == name else label, kind in (name, "correct"))
            for score, label, kind, mended in scored
            if kind != name or mended is not None
        ]
        left = {label: count - missed.count(label) for label, count in objects.items()}
        expected = slow_map(after, left if name == "missed" else objects)
        assert costs[name] == pytest.approx(expected - mean_ap), name
