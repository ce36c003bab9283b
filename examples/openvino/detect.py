"""Finds the objects in a photo with an .xml file of keras-ssd, by OpenVINO.

python detect.py ssd.xml PHOTO [DEVICE]

It needs only openvino, opencv-python-headless and NumPy. DEVICE is CPU (the default), GPU or NPU.
"""

import sys

import cv2
import openvino

LOWEST_SCORE = 0.4

if len(sys.argv) < 3:
    sys.exit(__doc__)
path, photo, *device = sys.argv[1:]
image = cv2.imread(photo)
if image is None:
    sys.exit(f"{photo}: OpenCV cannot read it")
core = openvino.Core()
model = core.read_model(path)
names = model.get_rt_info(["keras_ssd", "labels"]).value.splitlines()
size = model.input("images").partial_shape[1].get_length()
# Without this setting OpenVINO computes in bfloat16 or float16 where the processor can, which is
# faster and changes scores slightly.
settings = {"INFERENCE_PRECISION_HINT": "f32"}
network = core.compile_model(model, *device or ["CPU"], settings)

# The input is uint8 (B, S, S, 3), RGB, not normalized.
found = network(cv2.cvtColor(cv2.resize(image, (size, size)), cv2.COLOR_BGR2RGB)[None])

height, width = image.shape[:2]
for row in range(found["num_detections"][0]):
    score = found["scores"][0, row]
    if score < LOWEST_SCORE:
        break  # scores descend
    label = names[found["labels"][0, row]]
    left, top, right, bottom = found["boxes"][0, row] * (width, height, width, height)
    corners = [round(float(corner)) for corner in (left, top, right, bottom)]
    print(f"{label} {score:.2f} at x1, y1, x2, y2 {corners}")
