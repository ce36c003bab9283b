"""Finds objects with a camera on a Raspberry Pi, without TensorFlow and Keras.

pip install numpy opencv-python-headless ai-edge-litert
pip install --no-deps keras-ssd
python raspberry_pi.py [PHOTO_OR_VIDEO [MODEL.tflite]]

Without a photo or a video the first camera is read, until Ctrl-C. Without a model the detector of
PASCAL VOC's 20 classes is used that comes with keras-ssd.
"""

import sys

import cv2

import keras_ssd

source = sys.argv[1] if len(sys.argv) > 1 else 0
model = sys.argv[2] if len(sys.argv) > 2 else "ssd_mobilenet_320_voc_int8"
detector = keras_ssd.load_detector(model)

camera = cv2.VideoCapture(source)
while True:
    has_frame, frame = camera.read()  # BGR, (H, W, 3)
    if not has_frame:
        break
    (found,) = detector.detect(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), confidence_threshold=0.5)
    for record in found.to_records():
        print(f"{record['label']} {record['score']:.2f} at x1, y1, x2, y2 {record['box']}")
