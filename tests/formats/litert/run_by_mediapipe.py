"""Prints as JSON what MediaPipe Tasks finds in a photo; it needs only MediaPipe.

python run_by_mediapipe.py MODEL.tflite PHOTO
"""

import json
import sys

import mediapipe

model, photo = sys.argv[1:]
options = mediapipe.tasks.vision.ObjectDetectorOptions(
    base_options=mediapipe.tasks.BaseOptions(model_asset_path=model), score_threshold=0.1
)
with mediapipe.tasks.vision.ObjectDetector.create_from_options(options) as detector:
    result = detector.detect(mediapipe.Image.create_from_file(photo))
records = [
    {
        "label": found.categories[0].category_name,
        "score": found.categories[0].score,
        "box": [
            found.bounding_box.origin_x,
            found.bounding_box.origin_y,
            found.bounding_box.origin_x + found.bounding_box.width,
            found.bounding_box.origin_y + found.bounding_box.height,
        ],
    }
    for found in result.detections
]
print(json.dumps(records))
