"""Finds objects with a camera on a Raspberry Pi, without TensorFlow and Keras.

pip install numpy opencv-python-headless ai-edge-litert
pip install --no-deps keras-ssd
python raspberry_pi.py [PHOTO_OR_VIDEO [MODEL.tflite]]

Without a photo or a video it reads the first camera until Ctrl-C. Without a model it uses the
detector of PASCAL VOC's 20 classes that comes with keras-ssd.
"""

import argparse
import contextlib
import sys
from pathlib import Path

import cv2

import keras_ssd
from keras_ssd.inference.protocol import ObjectDetector


def main() -> None:
    """Prints the objects in each picture of the source."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("source", nargs="?", default="0", help="a photo, a video, or the number of a camera")
    add("model", nargs="?", default="ssd_mobilenet_320_voc_int8", help="a preset or a .tflite file")
    options = parser.parse_args()
    try:
        camera = open_source(options.source)
        detector = keras_ssd.load_detector(options.model)
    except (ValueError, ImportError) as error:
        sys.exit(f"{parser.prog}: {error}")
    with contextlib.suppress(KeyboardInterrupt):
        detect_in(camera, detector)


def open_source(source: str) -> cv2.VideoCapture:
    """Opens a photo, a video or a camera."""
    is_camera = source.isdecimal()
    if not is_camera and not Path(source).is_file():
        raise ValueError(f"{source}: no such file")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # of its ten lines
    camera = cv2.VideoCapture(int(source) if is_camera else source)
    if not camera.isOpened():
        if is_camera:
            raise ValueError(f"camera {source}: cannot be opened; is it connected and not in use?")
        raise ValueError(f"{source}: OpenCV cannot read it; expected a photo or a video")
    return camera


def detect_in(camera: cv2.VideoCapture, detector: ObjectDetector) -> None:
    """Prints the objects in each picture, to the last one."""
    while True:
        has_frame, frame = camera.read()  # BGR, (H, W, 3)
        if not has_frame:
            break
        (found,) = detector.detect(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), confidence_threshold=0.5)
        for record in found.to_records():
            print(f"{record['label']} {record['score']:.2f} at x1, y1, x2, y2 {record['box']}")


if __name__ == "__main__":
    main()
