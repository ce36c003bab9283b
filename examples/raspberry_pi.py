"""Finds objects with a camera on a Raspberry Pi: python raspberry_pi.py ssd.tflite [photo.jpg]

pip install ai-edge-litert numpy opencv-python
The file comes from: keras-ssd export --model ssd_mobilenet_320_voc --format litert --nms \
    --quantize float16 --output ssd.tflite
"""

import sys
import zipfile

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter

model, photo = sys.argv[1], sys.argv[2:]
names = zipfile.ZipFile(model).read("labels.txt").decode().splitlines()
interpreter = Interpreter(model, num_threads=4)
run = interpreter.get_signature_runner()
_, height, width, _ = run.get_input_details()["images"]["shape"]

camera = cv2.VideoCapture(photo[0] if photo else 0)
while True:
    found, frame = camera.read()
    if not found:
        break
    image = cv2.cvtColor(cv2.resize(frame, (width, height)), cv2.COLOR_BGR2RGB)
    result = run(images=image[np.newaxis])
    for index in range(int(result["num_detections"][0])):
        score = result["detection_scores"][0, index]
        if score >= 0.5:
            name = names[int(result["detection_classes"][0, index])]
            box = result["detection_boxes"][0, index] * np.tile(frame.shape[:2], 2)
            print(f"{name} {score:.2f} at ymin, xmin, ymax, xmax {box.round().astype(int)}")
