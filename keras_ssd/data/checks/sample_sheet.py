"""One picture of some samples with their boxes, to look at before training."""

from math import ceil

import numpy as np

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.sample import Sample
from keras_ssd.images.opencv import cv2
from keras_ssd.results.drawing import draw_boxes

_CELLS, _CELL_SIDE = 16, 320


def draw_samples(data: AnnotatedImages) -> np.ndarray:
    """Draws up to 16 samples with objects, evenly spread, each in a square of 320 pixels.

    Returns:
        RGB uint8 (H, W, 3), black where there is no sample.

    Raises:
        ValueError: no image has an object.
    """
    samples = [sample for sample in data if len(sample.boxes)]
    if not samples:
        raise ValueError("data: there is no image with objects to draw")
    spread = np.linspace(0, len(samples) - 1, min(_CELLS, len(samples))).round().astype(int)
    cells = [_draw_cell(samples[index], data.class_names) for index in spread]
    columns = ceil(len(cells) ** 0.5)
    cells += [np.zeros_like(cells[0])] * (-len(cells) % columns)
    rows = [np.hstack(cells[start : start + columns]) for start in range(0, len(cells), columns)]
    return np.vstack(rows)


def _draw_cell(sample: Sample, class_names: tuple[str, ...]) -> np.ndarray:
    """Draws the sample with its boxes, in the middle of a black square."""
    image = sample.read_image()
    scale = _CELL_SIDE / max(image.shape[:2])
    height, width = (max(1, round(scale * side)) for side in image.shape[:2])
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    boxes = sample.boxes * np.array([width, height, width, height], np.float32)
    names = [class_names[label] for label in sample.labels]
    cell = np.zeros((_CELL_SIDE, _CELL_SIDE, 3), np.uint8)
    top, left = (_CELL_SIDE - height) // 2, (_CELL_SIDE - width) // 2
    cell[top : top + height, left : left + width] = draw_boxes(
        image, boxes, names, labels=sample.labels
    )
    return cell
