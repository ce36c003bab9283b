"""Detections drawn into their image, with OpenCV."""

import colorsys
import unicodedata

import numpy as np

from keras_ssd.images.opencv import cv2
from keras_ssd.results.detections import Detections

# Sizes relative to the image's side (the root of its area), and the least that is legible.
_LINE_WIDTH = 1 / 250
_LETTER_HEIGHT, _MIN_LETTER_HEIGHT = 1 / 55, 8
_FONT, _FONT_LETTER_HEIGHT = cv2.FONT_HERSHEY_SIMPLEX, 21  # a capital's pixels at scale 1
_SHADES = ((0.85, 1.0), (0.9, 0.6), (0.45, 1.0), (1.0, 0.8), (0.6, 0.7), (0.65, 1.0))


def draw_detections(image: np.ndarray, detections: Detections) -> np.ndarray:
    """Draws boxes with class names and scores; line width and letters grow with the image.

    The least confident boxes are drawn first, so that the best lies on top, and the labels over
    all boxes, where possible beside each other. OpenCV 4 has letters for ASCII alone: there
    accents are dropped ("Bär" is written "Bar") and what is left over becomes "?". OpenCV 5
    writes most scripts.

    Args:
        image: RGB uint8 (H, W, 3); it stays as it is.
        detections: found in this image; or annotated in it, with NaN for scores.

    Returns:
        RGB uint8 (H, W, 3), a copy.

    Raises:
        ValueError: the image is not RGB uint8, or not of the size that `detections` name.
    """
    expected = (*detections.size, 3)
    if image.dtype != np.uint8 or image.shape != expected:
        raise ValueError(
            f"image: expected RGB uint8 {expected}, as the detections' size says, "
            f"not {image.dtype} {image.shape}"
        )
    drawn = image.copy()
    height, width = detections.size
    side = (height * width) ** 0.5
    line_width = max(1, round(_LINE_WIDTH * side))
    letter_height = max(_MIN_LETTER_HEIGHT, _LETTER_HEIGHT * side)

    corners = np.clip(np.rint(detections.boxes), 0, [width, height] * 2).astype(int)
    colors = [class_color(label) for label in detections.labels]
    best_first = np.argsort(-detections.scores, kind="stable")
    for index in reversed(best_first):
        _draw_frame(drawn, corners[index], colors[index], line_width)

    plates, spots = [], []
    for index in best_first:
        name = _drawable(detections.class_names[detections.labels[index]])
        score = detections.scores[index]
        text = name if np.isnan(score) else f"{name} {score:.2f}"
        plate = _plate(text, colors[index], letter_height)
        plates.append(_shrink_into(plate, height, width))
        spots.append(_free_spot(corners[index], plates[-1].shape[:2], (height, width), spots))
    for plate, (x1, y1, x2, y2) in zip(reversed(plates), reversed(spots), strict=True):
        drawn[y1:y2, x1:x2] = plate
    return drawn


def class_color(label: int) -> tuple[int, int, int]:
    """The RGB color of a class, the same in every image.

    Hues advance by the golden ratio, which keeps those of neighbors far apart; the shades take
    turns, so that classes whose hues come close differ in shade.
    """
    hue = (0.12 + label * 0.618034) % 1
    saturation, value = _SHADES[label % len(_SHADES)]
    return tuple(round(255 * channel) for channel in colorsys.hsv_to_rgb(hue, saturation, value))


def _draw_frame(image, corners, color, line_width):
    """Paints the border of a box from within; of an empty box, one pixel."""
    x1, y1, x2, y2 = corners
    x1, y1 = min(x1, image.shape[1] - 1), min(y1, image.shape[0] - 1)
    box = image[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)]
    box[:line_width] = box[-line_width:] = color
    box[:, :line_width] = box[:, -line_width:] = color


def _plate(text, color, letter_height):
    """A label: text in black or white on a rectangle in the class's color, RGB uint8."""
    scale = letter_height / _FONT_LETTER_HEIGHT
    thickness = max(1, round(letter_height / 9))
    (text_width, _), _ = cv2.getTextSize(text, _FONT, scale, thickness)
    margin = round(0.4 * letter_height)  # a little more than letters reach below their line
    baseline = margin + round(letter_height)
    plate = np.full((baseline + margin, text_width + 2 * margin, 3), color, np.uint8)
    ink = (0, 0, 0) if _luminance(color) > 0.25 else (255, 255, 255)
    return cv2.putText(plate, text, (margin, baseline), _FONT, scale, ink, thickness, cv2.LINE_AA)


def _luminance(color):
    """Relative luminance of an RGB color, 0 to 1 (Rec. 709)."""
    return np.dot((np.array(color) / 255) ** 2.2, (0.2126, 0.7152, 0.0722))


def _shrink_into(plate, height, width):
    scale = min(1, height / plate.shape[0], width / plate.shape[1])
    if scale == 1:
        return plate
    size = [max(1, int(scale * side)) for side in plate.shape[1::-1]]
    return cv2.resize(plate, size, interpolation=cv2.INTER_AREA)


def _free_spot(corners, plate_size, image_size, taken):
    """Corners of the first spot at the box where a plate covers no other; else of the first.

    Spots lie above the box, within its upper and lower edge, and below it, left or right.
    """
    x1, y1, x2, y2 = corners
    plate_height, plate_width = plate_size
    spots = []
    for y in (y1 - plate_height, y1, y2 - plate_height, y2):
        for x in (x1, x2 - plate_width):
            left = min(max(x, 0), image_size[1] - plate_width)
            top = min(max(y, 0), image_size[0] - plate_height)
            spots.append((left, top, left + plate_width, top + plate_height))
    free = (spot for spot in spots if not any(_overlap(spot, other) for other in taken))
    return next(free, spots[0])


def _overlap(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _drawable(name):
    """The name in characters that this OpenCV can write."""
    if hasattr(cv2, "FontFace"):  # version 5, which crashes on half a surrogate pair
        return name.encode(errors="replace").decode()
    letters = unicodedata.normalize("NFKD", name)
    letters = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return letters.encode("ascii", errors="replace").decode()
