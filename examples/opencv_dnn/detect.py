"""Finds the objects in a photo with an .onnx file of keras-ssd, by OpenCV 5.

python detect.py ssd.onnx labels.txt PHOTO

It needs only opencv-python-headless>=5 and NumPy, and writes the photo with boxes to found.jpg.
"""

import sys
from pathlib import Path

import cv2

SIZE = 320  # the network's size: the detector's image_size
LOWEST_SCORE = 0.4

if len(sys.argv) != 4:
    sys.exit(__doc__)
model, labels, photo = sys.argv[1:]
names = Path(labels).read_text(encoding="utf-8").splitlines()
image = cv2.imread(photo)
if image is None:
    sys.exit(f"{photo}: OpenCV cannot read it")
network = cv2.dnn.readNetFromONNX(model)
outputs = network.getUnconnectedOutLayersNames()

# The input is uint8 (1, 320, 320, 3), RGB, not normalized; so blobFromImage is not used.
network.setInput(cv2.cvtColor(cv2.resize(image, (SIZE, SIZE)), cv2.COLOR_BGR2RGB)[None])
found = dict(zip(outputs, network.forward(outputs), strict=True))

height, width = image.shape[:2]
for row in range(found["num_detections"][0]):
    score = found["scores"][0, row]
    if score < LOWEST_SCORE:
        break  # scores descend
    label = names[found["labels"][0, row]]
    left, top, right, bottom = found["boxes"][0, row] * (width, height, width, height)
    corners = [round(float(corner)) for corner in (left, top, right, bottom)]
    print(f"{label} {score:.2f} at x1, y1, x2, y2 {corners}")
    cv2.rectangle(image, corners[:2], corners[2:], (0, 0, 255), 2)
    cv2.putText(image, label, (corners[0] + 4, corners[1] + 18), 0, 0.6, (0, 0, 255), 2)
cv2.imwrite("found.jpg", image)
