"""`evaluate_map`, which measures a detector on annotated images by the rules of VOC and COCO."""

from dataclasses import dataclass
from typing import Any

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.evaluation.coco import can_measure_coco, evaluate_coco
from keras_ssd.evaluation.predictions import predict_samples
from keras_ssd.evaluation.tables import coco_table, to_json, voc_table
from keras_ssd.evaluation.voc import VOCResult, evaluate_voc
from keras_ssd.inference.protocol import ObjectDetector
from keras_ssd.results.detections import Detections
from keras_ssd.terminal import counted, plain_table, print_table


@dataclass(frozen=True)
class MeanAP:
    """How well a detector finds the objects in annotated images.

    Attributes:
        voc: the average precision of each class by VOC's rules, and their mean.
        coco: COCO's twelve figures by name, such as "AP"; None if they were not measured.
        detections: the detections in each image, in the order of the images.
    """

    voc: VOCResult
    coco: dict[str, float] | None
    detections: list[Detections]

    def __str__(self) -> str:
        return "\n\n".join(plain_table(*table) for table in self._tables())

    def print(self) -> None:
        """Prints the tables; on a terminal rich draws them."""
        for place, table in enumerate(self._tables()):
            if place:
                print()
            print_table(*table)

    def _tables(self):
        tables = [voc_table(self.voc)]
        return tables if self.coco is None else [*tables, coco_table(self.coco)]

    def to_json(self) -> dict[str, Any]:
        """Returns the figures as plain values that JSON can hold, with None in place of nan."""
        return to_json(self.voc, self.coco)


def evaluate_map(
    detector: ObjectDetector,
    data: AnnotatedImages,
    *,
    coco: bool | None = None,
    batch_size: int = 8,
    skipped: set[str] | None = None,
) -> MeanAP:
    """Measures mAP by the rules of VOC (11-point and area) and COCO.

    A progress bar is shown on a terminal.

    Args:
        detector: any kind of detector. Its thresholds apply: low-scoring detections count, so a
            high confidence threshold lowers mAP.
        data: annotated images with the detector's class names.
        coco: whether to measure COCO's figures; None measures them if pycocotools or hotcoco is
            installed.
        batch_size: the number of images that the network sees at once.
        skipped: a set that collects the ids of images that cannot be read; their objects count as
            missed. If it is None, an image that cannot be read is an error.

    Raises:
        ValueError: the class names differ, or there are no images.
        CorruptImageError: an image cannot be read and `skipped` is None.
        ImportError: `coco` is True and neither pycocotools nor hotcoco is installed.

    Examples:
        >>> import keras_ssd
        >>> def print_map(model, folder):
        ...     detector = keras_ssd.load_detector(model)
        ...     val = keras_ssd.data.load(folder, "val", class_names=detector.class_names)
        ...     print(keras_ssd.evaluation.evaluate_map(detector, val).voc.map_11_point)
    """
    _check_classes(data, detector)
    detections = predict_samples(detector, data, batch_size=batch_size, skipped=skipped)
    figures = None
    if coco or (coco is None and can_measure_coco()):
        figures = evaluate_coco(detections, data)
    return MeanAP(evaluate_voc(detections, data), figures, detections)


def check_measurable(data: AnnotatedImages, detector: ObjectDetector | None = None) -> None:
    """Raises ValueError unless the data have objects that count for mAP.

    Args:
        data: annotated images.
        detector: the detector to measure; its class names must be those of the data.
    """
    if all(sample.difficult.all() for sample in data):
        raise ValueError(
            f"data: in the {counted(len(data), 'image')} to measure mAP on there are no objects, "
            "or only difficult ones, which do not count"
        )
    if detector is not None:
        _check_classes(data, detector)


def _check_classes(data, detector):
    if tuple(data.class_names) != tuple(detector.class_names):
        raise ValueError(
            f"data: has the classes {', '.join(data.class_names)}, but the detector has "
            f"{', '.join(detector.class_names)}; load it with class_names=detector.class_names"
        )
