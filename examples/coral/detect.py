"""Finds the objects in a photo with a .tflite file of keras-ssd, on a Coral Edge TPU.

python detect.py detector_edgetpu.tflite labels.txt PHOTO libedgetpu.so.1

It needs only ai-edge-litert, opencv-python-headless and NumPy. Without the last argument it runs
on the CPU a file that the Edge TPU's compiler has not gone through.
"""

import sys
from pathlib import Path

import cv2
from ai_edge_litert.interpreter import Interpreter, load_delegate

LOWEST_SCORE = 0.4

if len(sys.argv) < 4:
    sys.exit(__doc__)
model, labels, photo, *delegate = sys.argv[1:]
names = Path(labels).read_text(encoding="utf-8").splitlines()
image = cv2.imread(photo)
if image is None:
    sys.exit(f"{photo}: OpenCV cannot read it")
try:
    delegates = [load_delegate(name) for name in delegate]
except (OSError, ValueError) as error:  # there is no such library, or no Edge TPU
    sys.exit(f"the library of the Edge TPU cannot be loaded: {error}")
interpreter = Interpreter(model, experimental_delegates=delegates)
interpreter.allocate_tensors()
(given,) = interpreter.get_input_details()
size = int(given["shape"][1])
warped = cv2.cvtColor(cv2.resize(image, (size, size)), cv2.COLOR_BGR2RGB)
interpreter.set_tensor(given["index"], warped[None])
interpreter.invoke()
boxes, classes, scores, count = (
    interpreter.get_tensor(one["index"])[0] for one in interpreter.get_output_details()
)

height, width = image.shape[:2]
for row in range(int(count)):
    if scores[row] < LOWEST_SCORE:
        break  # scores descend
    top, left, bottom, right = boxes[row] * (height, width, height, width)
    corners = [round(float(corner)) for corner in (left, top, right, bottom)]
    print(f"{names[int(classes[row])]} {scores[row]:.2f} at x1, y1, x2, y2 {corners}")
