"""Prints the objects that a camera sees, on a Raspberry Pi, without TensorFlow and Keras.

python camera.py              the Raspberry Pi camera, by picamera2
python camera.py 0            the USB camera /dev/video0
python camera.py film.mp4     a photo or a video, to try it without a camera

It prints the objects of a picture if their classes differ from those of the picture before. It
ends with Ctrl-C, or after the last picture of a file. Without --model it uses the detector of
PASCAL VOC's 20 classes that comes with keras-ssd.
"""

import argparse
import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

import keras_ssd
from keras_ssd.inference.protocol import ObjectDetector


def main() -> None:
    """Prints the objects in the pictures of a source."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("source", nargs="?", default="picamera2", help="a file, or the number of a USB camera")
    add("--model", default="ssd_mobilenet_320_voc_int8", help="a preset or a .tflite file")
    add("--confidence", type=float, default=0.5, help="the lowest score (default: 0.5)")
    options = parser.parse_args()
    try:
        detector = keras_ssd.load_detector(options.model)
        pictures = open_pi_camera() if options.source == "picamera2" else open_cv(options.source)
        with contextlib.suppress(KeyboardInterrupt):
            print_objects(pictures, detector, options.confidence)
    except (ValueError, ImportError) as error:
        sys.exit(f"{parser.prog}: {error}")


def open_pi_camera() -> Iterator[np.ndarray]:
    """Yields the pictures of the Raspberry Pi camera, RGB (480, 640, 3)."""
    try:
        from picamera2 import Picamera2
    except ImportError as error:
        raise ImportError(
            f"picamera2 cannot be imported ({error}): sudo apt install python3-picamera2; a "
            "virtual environment needs --system-site-packages to find it"
        ) from error
    try:
        camera = Picamera2()
    except IndexError as error:
        raise ValueError("no Raspberry Pi camera is connected") from error
    # picamera2 calls it BGR888, but the array is RGB: https://github.com/raspberrypi/picamera2/issues/848
    camera.configure(
        camera.create_video_configuration(main={"size": (640, 480), "format": "BGR888"})
    )
    camera.start()
    while True:
        yield camera.capture_array()


def open_cv(source: str) -> Iterator[np.ndarray]:
    """Returns the pictures of a file or of a USB camera, RGB (H, W, 3)."""
    is_camera = source.isdecimal()
    if not is_camera and not Path(source).is_file():
        raise ValueError(f"{source}: no such file")
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # of its ten lines
    capture = cv2.VideoCapture(int(source) if is_camera else source)
    if not capture.isOpened():
        if is_camera:
            raise ValueError(f"camera {source}: cannot be opened; is it connected and not in use?")
        raise ValueError(f"{source}: OpenCV cannot read it; expected a photo or a video")
    return read_all(capture)


def read_all(capture: cv2.VideoCapture) -> Iterator[np.ndarray]:
    """Yields the pictures of a capture until there are no more."""
    while True:
        has_picture, picture = capture.read()
        if not has_picture:
            break
        yield cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def print_objects(
    pictures: Iterator[np.ndarray], detector: ObjectDetector, confidence: float
) -> None:
    """Prints the objects of each picture if their classes have changed."""
    before: list[str] = []
    for picture in pictures:
        (found,) = detector.detect(picture, confidence_threshold=confidence)
        records = found.to_records()
        labels = sorted(record["label"] for record in records)
        if labels != before:
            print(time.strftime("%H:%M:%S"), ", ".join(labels) or "nothing")
            for one in records:
                box = [round(corner) for corner in one["box"]]
                print(f"  {one['label']} {one['score']:.2f} at x1, y1, x2, y2 {box}")
            sys.stdout.flush()  # for a log that is read while this runs
            before = labels


if __name__ == "__main__":
    main()
