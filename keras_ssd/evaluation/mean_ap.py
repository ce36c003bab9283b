"""One call from a detector and annotated images to the figures of VOC and COCO."""

from dataclasses import dataclass
from importlib.util import find_spec

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.evaluation.coco import evaluate_coco
from keras_ssd.evaluation.predictions import predict_samples
from keras_ssd.evaluation.report import format_coco, format_voc
from keras_ssd.evaluation.voc import VOCResult, evaluate_voc
from keras_ssd.inference.protocol import ObjectDetector


@dataclass(frozen=True)
class MeanAP:
    """How well a detector finds the objects in annotated images.

    Attributes:
        voc: the average precision of each class by VOC's rules, and their mean.
        coco: COCO's twelve figures by name, such as "AP"; None if pycocotools is not installed.
    """

    voc: VOCResult
    coco: dict[str, float] | None

    def __str__(self) -> str:
        parts = [format_voc(self.voc)]
        if self.coco is not None:
            parts.append(format_coco(self.coco))
        return "\n\n".join(parts)


def evaluate_map(
    detector: ObjectDetector,
    data: AnnotatedImages,
    *,
    batch_size: int = 8,
    skipped: set[str] | None = None,
) -> MeanAP:
    """Measures mAP by the rules of VOC (11-point and area) and COCO.

    Args:
        detector: any kind of detector. Its thresholds apply: low-scoring detections count, so a
            high confidence threshold lowers mAP.
        data: annotated images with the detector's class names.
        batch_size: number of images that the network sees at once.
        skipped: a set that collects the ids of images that cannot be read; their objects count as
            missed. None: such an image is an error.

    Raises:
        ValueError: the class names differ, or there are no images.
        CorruptImageError: an image cannot be read and `skipped` is None.
    """
    if tuple(data.class_names) != tuple(detector.class_names):
        raise ValueError(
            f"data: has the classes {', '.join(data.class_names)}, but the detector has "
            f"{', '.join(detector.class_names)}; load it with class_names=detector.class_names"
        )
    detections = predict_samples(detector, data.samples, batch_size=batch_size, skipped=skipped)
    coco = None
    if find_spec("pycocotools"):
        coco = evaluate_coco(detections, data.samples, data.class_names)
    return MeanAP(evaluate_voc(detections, data.samples, data.class_names), coco)
