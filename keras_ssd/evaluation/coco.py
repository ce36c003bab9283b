"""The twelve figures of the COCO detection challenge, measured by pycocotools or hotcoco."""

import contextlib
import io
from collections.abc import Iterable
from importlib.util import find_spec

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.evaluation.pairing import pair_with_detections
from keras_ssd.extras import require
from keras_ssd.results.detections import Detections

# In the order of `COCOeval.stats`.
COCO_NUMBERS = {
    "AP": "average precision, mean over IoU 0.50:0.05:0.95",
    "AP50": "average precision, IoU 0.50",
    "AP75": "average precision, IoU 0.75",
    "APs": "average precision, small objects (below 32x32 pixels)",
    "APm": "average precision, medium objects",
    "APl": "average precision, large objects (above 96x96 pixels)",
    "AR1": "average recall, 1 detection per class and image",
    "AR10": "average recall, 10 detections per class and image",
    "AR100": "average recall, 100 detections per class and image",
    "ARs": "average recall, small objects",
    "ARm": "average recall, medium objects",
    "ARl": "average recall, large objects",
}


def evaluate_coco(detections: Iterable[Detections], data: AnnotatedImages) -> dict[str, float]:
    """Scores detections against the annotated objects.

    Difficult objects are treated as crowds: detections of them are ignored. The size of an object
    is the area of its box. (COCO's own files state the area of the outline, which is smaller. So
    the figures by size differ a little from those of the COCO server.)

    If hotcoco is installed it measures instead of pycocotools. Its figures are the same to the last
    bit. On 500 images of VOC2007 with 21,230 detections it took 0.08 s, pycocotools 1.8 s, and
    faster-coco-eval 0.35 s (two cores of an AMD EPYC, 2026-11-28).

    Args:
        detections, data: as in `evaluate_voc`.

    Returns:
        The figures that `COCO_NUMBERS` explains, in [0, 1]; nan if there are no objects.

    Raises:
        ValueError: see `pair_with_detections`.
        ImportError: neither pycocotools nor hotcoco is installed.
    """
    COCO, COCOeval = _library()
    pairs = pair_with_detections(data, detections)
    objects, found = [], []
    for image_id, (sample, detected) in enumerate(pairs, start=1):
        for box, label, crowd in zip(
            sample.pixel_boxes, sample.labels, sample.difficult, strict=True
        ):
            objects.append({**_annotation(image_id, box, label), "iscrowd": int(crowd)})
        for box, label, score in zip(detected.boxes, detected.labels, detected.scores, strict=True):
            found.append({**_annotation(image_id, box, label), "score": float(score)})

    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(
            COCO(_data_set(objects, len(pairs), len(data.class_names))),
            COCO(_data_set(found, len(pairs), len(data.class_names))),
            "bbox",
        )
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return {
        name: float(value) if value >= 0 else float("nan")  # they give -1 if there are no objects
        for name, value in zip(COCO_NUMBERS, evaluation.stats, strict=True)
    }


def can_measure_coco() -> bool:
    """Tells whether a package that measures COCO's figures is installed."""
    return any(map(find_spec, ("hotcoco", "pycocotools")))


def _library():
    """Returns two functions: from a dictionary to a data set, and from two of these to a result."""
    if find_spec("hotcoco"):
        import hotcoco

        return hotcoco.COCO, hotcoco.COCOeval
    COCO = require("pycocotools.coco", extra="train").COCO

    def indexed(dictionary):
        data_set = COCO()
        data_set.dataset = dictionary
        data_set.createIndex()
        return data_set

    return indexed, require("pycocotools.cocoeval", extra="train").COCOeval


def _annotation(image_id, box, label):
    x1, y1, x2, y2 = map(float, box)
    width, height = x2 - x1, y2 - y1
    return {
        "image_id": image_id,
        "category_id": int(label) + 1,
        "bbox": [x1, y1, width, height],
        "area": width * height,
    }


def _data_set(annotations, num_images, num_classes):
    return {
        "images": [{"id": image_id} for image_id in range(1, num_images + 1)],
        "categories": [
            {"id": category_id, "name": str(category_id)}
            for category_id in range(1, num_classes + 1)
        ],
        # Ids begin with 1, because COCOeval reads the id 0 of an object as "no object".
        "annotations": [{"id": i, **entry} for i, entry in enumerate(annotations, start=1)],
    }
