"""Finds the objects in a photo with an .onnx file of raw outputs, by OpenCV 4.10 or newer.

python detect_raw.py raw.onnx raw.npz PHOTO

It needs only OpenCV and NumPy. The page docs/targets/opencv_dnn.md says how to make raw.npz: the
default boxes, the variances of the offsets, and the class names.
"""

import sys

import cv2
import numpy as np

SIZE = 320  # the network's size: the detector's image_size
LOWEST_SCORE, MAX_IOU = 0.4, 0.45


def decode(logits, offsets, default_boxes, variances):
    """Returns scores (N, K) and relative corners (N, 4) of the default boxes."""
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    scores = exponentials[:, 1:] / exponentials.sum(axis=1, keepdims=True)  # 0 is the background
    offsets = offsets * variances
    centers = default_boxes[:, :2] + offsets[:, :2] * default_boxes[:, 2:]
    sizes = default_boxes[:, 2:] * np.exp(offsets[:, 2:])
    return scores, np.concatenate([centers - sizes / 2, centers + sizes / 2], axis=1).clip(0, 1)


if len(sys.argv) != 4:
    sys.exit(__doc__)
model, settings, photo = sys.argv[1:]
settings = np.load(settings)
image = cv2.imread(photo)
if image is None:
    sys.exit(f"{photo}: OpenCV cannot read it")
network = cv2.dnn.readNetFromONNX(model)
network.setInput(cv2.cvtColor(cv2.resize(image, (SIZE, SIZE)), cv2.COLOR_BGR2RGB)[None])
logits, offsets = network.forward(["classes", "offsets"])
scores, boxes = decode(logits[0], offsets[0], settings["default_boxes"], settings["variances"])

rows, labels = np.nonzero(scores >= LOWEST_SCORE)
height, width = image.shape[:2]
corners = boxes[rows] * (width, height, width, height)
of_kept = scores[rows, labels]
lefts_and_sizes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
kept = cv2.dnn.NMSBoxesBatched(lefts_and_sizes, of_kept, labels, LOWEST_SCORE, MAX_IOU)
for place in kept:
    name, box = settings["names"][labels[place]], corners[place].round().astype(int).tolist()
    print(f"{name} {of_kept[place]:.2f} at x1, y1, x2, y2 {box}")
