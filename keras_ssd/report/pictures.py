"""Small pictures for a page, with the boxes of truth and detections to draw over them."""

import base64
import unicodedata
from dataclasses import dataclass

import numpy as np

from keras_ssd.evaluation.errors import ImageErrors
from keras_ssd.evaluation.image_ranking import image_f1
from keras_ssd.images import CorruptImageError
from keras_ssd.images.opencv import cv2
from keras_ssd.results.drawing import free_spot

_LONGEST_SIDE, _JPEG_QUALITY = 440, 75
_TEXT_HEIGHT = 15  # in pixels of the small picture
_MOST_LETTERS = 32


@dataclass(frozen=True)
class Box:
    """A box over a picture, in its pixels.

    Attributes:
        x, y, width, height: the place.
        state: "right" for an object that is found or a detection that is correct, "wrong" for an
            object that is not found or a detection with an error, "aside" for what does not count.
        text: the text at the box.
        text_x, text_y, text_width, text_height: the place of the text.
        title: all that is known of the box, in words.
    """

    x: float
    y: float
    width: float
    height: float
    state: str
    text: str
    text_x: float
    text_y: float
    text_width: float
    text_height: float
    title: str


@dataclass(frozen=True)
class Picture:
    """An image with its objects and its detections.

    Attributes:
        id: the id of the image.
        width, height: the size of the small picture.
        source: the small picture as a data URL (JPEG), or "" if the image cannot be read.
        f1: F1 of the detections in it.
        objects, detections: the boxes of the truth and those that were detected.
    """

    id: str
    width: int
    height: int
    source: str
    f1: float
    objects: tuple[Box, ...]
    detections: tuple[Box, ...]


def picture(image: ImageErrors, class_names: tuple[str, ...]) -> Picture:
    """Makes a small picture of an image, with the boxes of its objects and detections."""
    sample, found = image.sample, image.found
    height, width = sample.size
    scale = min(1.0, _LONGEST_SIDE / max(height, width))
    size = (max(1, round(scale * width)), max(1, round(scale * height)))
    objects = [
        (box, class_names[label], *_fate(hard, unfound))
        for box, label, hard, unfound in zip(
            sample.pixel_boxes, sample.labels, sample.difficult, image.unfound, strict=True
        )
    ]
    detections = [
        (box, f"{class_names[label]} {score:.2f}", *_judgement(kind))
        for box, label, score, kind in zip(
            found.boxes, found.labels, found.scores, image.kinds, strict=True
        )
    ]
    return Picture(
        id=sample.id,
        width=size[0],
        height=size[1],
        source=_data_url(sample, size),
        f1=image_f1(image),
        objects=_boxes(objects, scale, size),
        detections=_boxes(detections, scale, size),
    )


def _fate(hard, unfound):
    """Returns (state, meaning, text) of an object; the text is added to that at its box."""
    if hard:
        return "aside", "difficult, does not count", ""
    return ("wrong", "not found", "") if unfound else ("right", "found", "")


def _judgement(kind):
    """Returns (state, meaning, text) of a detection; the text is added to that at its box."""
    if kind == "correct":
        return "right", "correct", ""
    if kind == "ignored":
        return "aside", "of a difficult object, does not count", ""
    return "wrong", f"{kind} error", f" {kind}"


def _data_url(sample, size):
    try:
        image = sample.read_image()
    except CorruptImageError:
        return ""
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    _, data = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), options)
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()


def _boxes(entries, scale, size):
    """Returns boxes with texts that cover each other as little as possible."""
    spots: list[tuple[int, int, int, int]] = []
    boxes = []
    width, height = size
    for corners, text, state, meaning, ending in entries:
        x1, y1, x2, y2 = np.clip(np.asarray(corners) * scale, 0, [width, height] * 2)
        title, text = f"{text}: {meaning}", _cut(text, ending)
        plate = (_TEXT_HEIGHT + 3, min(width, _text_width(text)))
        spot = free_spot(tuple(map(round, (x1, y1, x2, y2))), plate, (height, width), spots)
        spots.append(spot)
        boxes.append(
            Box(
                x=round(float(x1), 1),
                y=round(float(y1), 1),
                width=round(float(x2 - x1), 1),
                height=round(float(y2 - y1), 1),
                state=state,
                text=text,
                text_x=spot[0],
                text_y=spot[1],
                text_width=spot[2] - spot[0],
                text_height=spot[3] - spot[1],
                title=title,
            )
        )
    return tuple(boxes)


def _cut(text, ending):
    most = _MOST_LETTERS - len(ending)
    return (text if len(text) <= most else text[: most - 6] + "…" + text[-5:]) + ending


def _text_width(text):
    """Returns the width of a text, in pixels: Chinese letters are about twice as wide as Latin."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return round(_TEXT_HEIGHT * (0.58 * (len(text) - wide) + 1.05 * wide)) + 6
