"""Changes the thresholds of a detector of any kind."""

from keras_ssd.inference.batches import BatchDetector
from keras_ssd.inference.exported import ExportedDetector
from keras_ssd.inference.protocol import ObjectDetector


def change_thresholds(
    detector: ObjectDetector,
    *,
    iou_threshold: float | None = None,
    max_detections: int | None = None,
) -> None:
    """Changes the thresholds of NMS, of a Keras detector or of a file that gives raw outputs.

    Args:
        detector: any kind of detector.
        iou_threshold, max_detections: as in `keras_ssd.Detector`; None changes nothing.

    Raises:
        ValueError: a value is out of range; or the detector's file or server does NMS by itself.
    """
    given = {"iou_threshold": iou_threshold, "max_detections": max_detections}
    changed = {name: value for name, value in given.items() if value is not None}
    if not changed:
        return
    if isinstance(detector, ExportedDetector):
        detector.change_decoding(**changed)
    elif isinstance(detector, BatchDetector):
        raise ValueError(f"{', '.join(changed)}: a server detects with its own thresholds")
    else:
        for name, value in changed.items():
            setattr(detector, name, value)
