"""What TensorBoard shows of each epoch's evaluation: the scalars and pictures of the report."""

import base64
import importlib.util
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np

from keras_ssd.images import decode_image
from keras_ssd.images.opencv import cv2
from keras_ssd.report.evaluation_part import EvaluationPart
from keras_ssd.report.pictures import Picture
from keras_ssd.results.drawing import draw_boxes

_STATES = {
    "right": 4,
    "wrong": 0,
    "aside": 1,
}  # `class_color` has blue, orange and purple for these
_GRAY, _QUALITY = 138, 75


class TensorBoardLog:
    """Writes the figures and pictures of each epoch's evaluation; nothing without TensorBoard.

    All epochs go to one file: TensorBoard reads the files of a folder in the order of their names,
    which, for files of the same second, is not the order in which they were written.

    Args:
        folder: the folder of TensorBoard's files.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._writer: Any = None

    def write(self, part: EvaluationPart, epoch: int) -> None:
        """Writes what there is to see of an epoch.

        Args:
            part: what the report says about the evaluation.
            epoch: the number of the epoch, from 0, which is the step in TensorBoard.
        """
        if importlib.util.find_spec("tensorboard") is None:
            return
        import tensorflow as tf

        if self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self.folder / "validation"))
        with self._writer.as_default(step=epoch):
            for name, value in scalars(part).items():
                if not isnan(value):
                    tf.summary.scalar(name, value)
            for kind, pictures in (("worst", part.worst), ("best", part.best)):
                for number, picture in enumerate(pictures, 1):
                    _write_jpeg(f"{kind}/{number}", truth_beside_detections(picture))
        self._writer.flush()


def scalars(part: EvaluationPart) -> dict[str, float]:
    """Returns the figures of an evaluation by TensorBoard's names."""
    figures = {"map_11_point": part.map_11_point, "map_area": part.map_area, "f1": part.mean_f1}
    for number, entry in enumerate(part.classes):
        figures[f"ap/{number} {entry.result.name}"] = entry.result.ap_11_point
    figures |= {f"error_cost/{error.kind}": error.cost for error in part.errors}
    figures |= {f"errors/{error.kind}": float(error.count) for error in part.errors}
    figures |= {f"map_by_size/{size}": result.mean_ap for size, result in part.sizes.items()}
    return {f"evaluation/{name}": value for name, value in figures.items()}


def truth_beside_detections(picture: Picture) -> np.ndarray:
    """Returns the picture with its objects, and beside it with its detections, as RGB uint8."""
    if picture.source:
        data = base64.b64decode(picture.source.partition(",")[2])
        image = decode_image(data, name=picture.id)
    else:
        image = np.full((picture.height, picture.width, 3), _GRAY, np.uint8)
    halves = []
    for boxes in (picture.objects, picture.detections):
        corners = [(box.x, box.y, box.x + box.width, box.y + box.height) for box in boxes]
        halves.append(
            draw_boxes(
                image,
                np.array(corners, np.float32).reshape(-1, 4),
                [box.text for box in boxes],
                labels=[_STATES[box.state] for box in boxes],
            )
        )
    return np.hstack(halves)


def _write_jpeg(name, image):
    """Writes an image as JPEG, because PNG, which `tf.summary.image` writes, takes ten times that.

    TensorBoard shows both; see `tensorboard.plugins.image`.
    """
    import tensorflow as tf
    from tensorboard.plugins.image.metadata import create_summary_metadata

    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    height, width = image.shape[:2]
    tf.summary.write(
        name,
        tf.constant([str(width).encode(), str(height).encode(), data.tobytes()]),
        metadata=create_summary_metadata(name, "", converted_to_tensor=True),
    )
