"""Finds boxes that are probably mistakes: boxes twice, of the whole image, in the first pixel."""

import numpy as np

from keras_ssd import geometry
from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.annotations import box_text

_SAME_IOU = 0.95  # the lowest IoU of boxes that are probably drawn twice
_WHOLE_SHARE = 0.98  # the lowest share of the image's area of a box of the whole image
_ROWS = 256  # boxes that are compared with all others at once
_ORIGIN = 1.5  # in pixels, as in `check_pixels`


def find_repeated_boxes(data: AnnotatedImages) -> list[str]:
    """Returns a line for every two objects of an image with boxes of an IoU of 0.95 or more."""
    lines = []
    for sample in data:
        for start in range(0, len(sample.boxes), _ROWS):  # all at once could take gigabytes
            overlaps = geometry.iou(sample.boxes[start : start + _ROWS], sample.boxes)
            for row, second in zip(*np.nonzero(overlaps >= _SAME_IOU), strict=True):
                if (first := start + row) < second:
                    names = [data.class_names[sample.labels[index]] for index in (first, second)]
                    place = f"{names[0]} and {names[1]} at {box_text(sample.pixel_boxes[second])}"
                    lines.append(f"{sample.id}: {place}")
    return lines


def find_whole_image_boxes(data: AnnotatedImages) -> list[str]:
    """Returns a line for each box that covers at least 98 percent of its image."""
    return [
        f"{sample.id}: {data.class_names[sample.labels[index]]}"
        for sample in data
        for index in np.flatnonzero(geometry.area(sample.boxes) >= _WHOLE_SHARE)
    ]


def find_boxes_at_the_origin(data: AnnotatedImages) -> list[str]:
    """Returns a line for each image with all boxes in its first pixel, as normalized ones are."""
    return [
        f"{sample.id}: {data.class_names[sample.labels[0]]} {box_text(sample.pixel_boxes[0])}"
        for sample in data
        if len(sample.boxes) and sample.pixel_boxes.max() <= _ORIGIN and max(sample.size) > 4
    ]
