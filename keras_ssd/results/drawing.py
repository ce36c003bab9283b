"""Draws boxes and their names into an image, with OpenCV."""

import colorsys
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from keras_ssd.images import checked_image
from keras_ssd.images.opencv import cv2
from keras_ssd.results import checks

if TYPE_CHECKING:
    from PIL.Image import Image

    from keras_ssd.results.detections import Detections

# Sizes relative to the side of a square image of the same area, and the smallest legible size.
_LINE_WIDTH = 1 / 250
_LETTER_HEIGHT, _MIN_LETTER_HEIGHT = 1 / 55, 8
_FONT, _FONT_LETTER_HEIGHT = cv2.FONT_HERSHEY_SIMPLEX, 21  # a capital's pixels at scale 1
_MAX_LETTERS = 100
_SHADES = ((0.85, 1.0), (0.9, 0.6), (0.45, 1.0), (1.0, 0.8), (0.6, 0.7), (0.65, 1.0))


def draw_detections(image: "np.ndarray | Image", detections: "Detections") -> np.ndarray:
    """Draws the objects that were found in an image: boxes with class names and scores.

    Tracked objects also have their numbers, as in "car #3 0.91", and each has a color of its own.

    Args:
        image: RGB uint8 (H, W, 3), or a PIL image; it does not change.
        detections: the objects that were found in this image.

    Returns:
        RGB uint8 (H, W, 3), a copy; see `draw_boxes`.

    Raises:
        ValueError: the image is not RGB uint8, or does not have the size of the detections.

    Examples:
        >>> import keras_ssd
        >>> image = np.zeros((480, 640, 3), np.uint8)
        >>> found = keras_ssd.Detections(
        ...     "a.jpg", (480, 640), [[10, 20, 110, 220]], [0], [0.98], ["cat"]
        ... )
        >>> keras_ssd.draw_detections(image, found).shape
        (480, 640, 3)
    """
    array = checked_image(image, "image")
    if array.shape[:2] != detections.size:
        raise ValueError(
            f"image: expected the (height, width) {detections.size} of the detections, "
            f"not {array.shape[:2]}"
        )
    names, labels = detections.names, detections.labels
    if detections.track_ids is not None:
        tracks = detections.track_ids.tolist()
        names = tuple(
            f"{name} #{track}" if track >= 0 else name
            for name, track in zip(names, tracks, strict=True)
        )
        labels = np.maximum(tracks, 0).astype(int)
    return draw_boxes(array, detections.boxes, names, detections.scores, labels=labels)


def draw_boxes(
    image: "np.ndarray | Image",
    boxes: ArrayLike,
    names: Sequence[str],
    scores: ArrayLike | None = None,
    *,
    labels: ArrayLike | None = None,
) -> np.ndarray:
    """Draws boxes with their names into an image; lines and letters grow with the image.

    The boxes with the lowest scores are drawn first, so that the best one is on top. The names are
    drawn over all boxes, and beside each other where there is room. OpenCV 5 writes most scripts.
    OpenCV 4 only has letters for ASCII: with it accents are dropped ("Bär" is written "Bar"), and
    other characters become "?".

    Args:
        image: RGB uint8 (H, W, 3), or a PIL image; it does not change.
        boxes: (M, 4), corners (x1, y1, x2, y2) in pixels; parts outside the image are cut off.
        names: the M texts to write at the boxes.
        scores: (M,), the scores to write after the names; None for annotations, which have no
            scores. The first box is then on top.
        labels: (M,), whole numbers from 0 on that choose the colors, so that a class has the same
            color in every image; None numbers the different names in this image.

    Returns:
        RGB uint8 (H, W, 3), a copy.

    Raises:
        ValueError: the image is not RGB uint8, or an argument has another shape or length, or
            values that are not finite.

    Examples:
        >>> image = np.zeros((480, 640, 3), np.uint8)
        >>> drawn = draw_boxes(image, [[10, 20, 110, 220], [300, 50, 640, 400]], ["cat", "dog"])
        >>> drawn.shape, image.any()
        ((480, 640, 3), np.False_)
    """
    drawn = checked_image(image, "image").copy()
    names = checks.class_names(names)
    count = len(names)
    boxes = checks.floats("boxes", boxes, (count, 4))
    if labels is None:
        labels = [list(dict.fromkeys(names)).index(name) for name in names]
    colors = [class_color(label) for label in checks.labels(labels, count)]
    texts, best_first = [_drawable(name) for name in names], np.arange(count)
    if scores is not None:
        scores = checks.floats("scores", scores, (count,))
        texts = [f"{text} {score:.2f}" for text, score in zip(texts, scores, strict=True)]
        best_first = np.argsort(-scores, kind="stable")

    height, width = drawn.shape[:2]
    line_width, letter_height = line_width_in(drawn), letter_height_in(drawn)
    corners = np.clip(np.rint(boxes), 0, [width, height] * 2).astype(int)
    for index in reversed(best_first):
        _draw_frame(drawn, corners[index], colors[index], line_width)

    plates, spots = [], []
    for index in best_first:
        plate = text_plate(texts[index], colors[index], letter_height)
        plates.append(shrink_into(plate, height, width))
        spots.append(free_spot(corners[index], plates[-1].shape[:2], (height, width), spots))
    for plate, (x1, y1, x2, y2) in zip(reversed(plates), reversed(spots), strict=True):
        drawn[y1:y2, x1:x2] = plate
    return drawn


def line_width_in(image: np.ndarray) -> int:
    """Returns the width of lines in an image, in pixels."""
    return max(1, round(_LINE_WIDTH * _mean_side(image)))


def letter_height_in(image: np.ndarray) -> float:
    """Returns the height of capitals in an image, in pixels."""
    return max(_MIN_LETTER_HEIGHT, _LETTER_HEIGHT * _mean_side(image))


def _mean_side(image):
    return (image.shape[0] * image.shape[1]) ** 0.5


def class_color(label: int) -> tuple[int, int, int]:
    """Returns the RGB color of a class, which is the same in every image.

    The hues advance by the golden ratio, so that successive classes have hues far apart. The
    shades take turns, so that classes with similar hues differ in shade.
    """
    hue = (0.12 + label * 0.618034) % 1
    saturation, value = _SHADES[label % len(_SHADES)]
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def _draw_frame(image, corners, color, line_width):
    """Paints the border of a box inside the box; an empty box becomes one pixel wide or high."""
    x1, y1, x2, y2 = corners
    x1, y1 = min(x1, image.shape[1] - 1), min(y1, image.shape[0] - 1)
    box = image[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)]
    box[:line_width] = box[-line_width:] = color
    box[:, :line_width] = box[:, -line_width:] = color


def text_plate(text: str, color: tuple[int, int, int], letter_height: float) -> np.ndarray:
    """Returns text in black or white on a rectangle in the color of the class, RGB uint8."""
    scale = letter_height / _FONT_LETTER_HEIGHT
    thickness = max(1, round(letter_height / 9))
    (text_width, _), _ = cv2.getTextSize(text, _FONT, scale, thickness)
    margin = round(0.4 * letter_height)  # a little more than letters reach below their line
    baseline = margin + round(letter_height)
    plate = np.full((baseline + margin, text_width + 2 * margin, 3), color, np.uint8)
    ink = (0, 0, 0) if _luminance(color) > 0.25 else (255, 255, 255)
    return cv2.putText(plate, text, (margin, baseline), _FONT, scale, ink, thickness, cv2.LINE_AA)


def _luminance(color):
    """Returns the relative luminance of an RGB color, 0 to 1 (Rec. 709)."""
    return np.dot((np.array(color) / 255) ** 2.2, (0.2126, 0.7152, 0.0722))


def shrink_into(plate: np.ndarray, height: int, width: int) -> np.ndarray:
    """Returns the plate, made smaller if it is larger than an image of this height and width."""
    scale = min(1, height / plate.shape[0], width / plate.shape[1])
    if scale == 1:
        return plate
    size = [max(1, int(scale * side)) for side in plate.shape[1::-1]]
    return cv2.resize(plate, size, interpolation=cv2.INTER_AREA)


def free_spot(
    corners: Sequence[int],
    plate_size: tuple[int, int],
    image_size: tuple[int, int],
    taken: Sequence[tuple[int, int, int, int]],
) -> tuple[int, int, int, int]:
    """Returns the corners of the first spot where the plate covers no other plate.

    If there is no free spot, it is the first one. The spots are above the box, inside its upper
    edge, inside its lower edge and below it, each at the left and at the right.

    Args:
        corners: (x1, y1, x2, y2) of the box, in pixels.
        plate_size, image_size: (height, width) of the plate and of the image.
        taken: the corners of the plates that are there already.
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
    """Returns the name, cut to `_MAX_LETTERS`, in characters that this OpenCV can write."""
    name = name[:_MAX_LETTERS]
    if hasattr(cv2, "FontFace"):  # version 5, which crashes on half a surrogate pair
        return name.encode(errors="replace").decode()
    letters = unicodedata.normalize("NFKD", name)
    letters = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return letters.encode("ascii", errors="replace").decode()
