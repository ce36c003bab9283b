"""What a detector found: in numbers, in files, in pictures."""

from keras_ssd.results.detections import Detections, write_json
from keras_ssd.results.drawing import draw_detections

__all__ = ["Detections", "draw_detections", "write_json"]
