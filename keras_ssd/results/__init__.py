"""The objects that a detector found: as numbers, in files and in pictures."""

from keras_ssd.results.detections import Detection, Detections
from keras_ssd.results.drawing import draw_boxes, draw_detections
from keras_ssd.results.records import write_json

__all__ = ["Detection", "Detections", "draw_boxes", "draw_detections", "write_json"]
