"""A small data set of drawn shapes in VOC's layout, for demonstrations and tests."""

from pathlib import Path

import numpy as np

from keras_ssd.images.opencv import cv2

DRAWN_CLASSES = ("circle", "rectangle", "triangle")
_OBJECT_TO_IMAGE = (0.12, 0.6)  # the ratio of a shape's longer side to the image's shorter side
_MAX_SHARED = 0.25  # the share of a shape's pixels that other shapes may cover


def draw_voc(
    folder: str | Path,
    num_train: int,
    num_val: int,
    *,
    image_size: tuple[int, int] = (160, 256),
    seed: int = 0,
) -> Path:
    """Writes JPEGImages, Annotations and ImageSets/Main (train, val, trainval) of drawn shapes.

    An image has 1 to 4 objects of `DRAWN_CLASSES`; every twelfth image has none. A box encloses
    the pixels of an object that can be seen, from outer edge to outer edge.

    Args:
        folder: the folder to write to; it is made if it does not exist.
        num_train, num_val: the number of images in each set. No image is in both.
        image_size: the shortest and the longest side of an image in pixels.
        seed: the seed of the random numbers; the same seed draws the same images.

    Returns:
        The folder.

    Raises:
        ValueError: a number is negative, or the image size is not two sides of 32 pixels or more.
    """
    shortest, longest = image_size
    if min(num_train, num_val) < 0 or not 32 <= shortest <= longest:
        raise ValueError(
            f"num_train and num_val must not be negative, not {num_train} and {num_val}; "
            f"image_size must be (shortest, longest) from 32 on, not {image_size}"
        )
    folder = Path(folder)
    for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    ids = [f"{index:06d}" for index in range(num_train + num_val)]
    for index, image_id in enumerate(ids):
        rng = np.random.default_rng((seed, index))
        height, width = rng.integers(shortest, longest, size=2, endpoint=True)
        image = draw_background(rng, height, width)
        count = 0 if index % 12 == 11 else int(rng.integers(1, 5))
        objects = draw_objects(rng, image, count)
        _, jpeg = cv2.imencode(".jpg", image[..., ::-1])  # OpenCV wants BGR
        (folder / "JPEGImages" / f"{image_id}.jpg").write_bytes(jpeg.tobytes())
        (folder / "Annotations" / f"{image_id}.xml").write_text(_xml(image_id, image, objects))
    for name, members in (("train", ids[:num_train]), ("val", ids[num_train:]), ("trainval", ids)):
        lines = "".join(f"{image_id}\n" for image_id in members)
        (folder / "ImageSets" / "Main" / f"{name}.txt").write_text(lines)
    return folder


def draw_background(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Blends two muted colors by a gradient, noise, stripes or blobs: RGB uint8 (H, W, 3)."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    across = x * np.cos(angle) + y * np.sin(angle)
    pattern = rng.choice(("gradient", "noise", "stripes", "blobs"))
    if pattern == "gradient":
        wave = across
    elif pattern == "stripes":
        wave = 3 * np.sin(rng.uniform(8, 30) * across)
    else:
        cells = rng.integers(3, 6) if pattern == "blobs" else rng.integers(16, 48)
        coarse = rng.normal(0, 2, (cells, cells)).astype(np.float32)
        wave = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    blend = 0.5 + 0.5 * np.tanh(wave)[..., None]
    gray = rng.uniform(50, 205)
    first, second = gray + rng.uniform(-1, 1, (2, 3)) * 18 + rng.uniform(-28, 28, (2, 1))
    grain = rng.integers(-6, 7, (height, width, 1), dtype=np.int8)
    return np.clip(first + (second - first) * blend + grain, 0, 255).astype(np.uint8)


def draw_objects(rng: np.random.Generator, image: np.ndarray, count: int) -> list[tuple]:
    """Draws shapes that hardly overlap onto an RGB image (H, W, 3), in place.

    Returns:
        For each shape its class name and the mask of its visible pixels, bool (H, W). There are
        fewer than `count` shapes if there is no room for more.
    """
    height, width = image.shape[:2]
    shown = np.zeros((height, width), np.uint8)  # the number of the shape at a pixel, from 1
    names: list[str] = []
    areas = np.zeros(0)
    first_hue = rng.integers(180)
    for _ in range(8 * count):
        if len(names) == count:
            break
        name = str(rng.choice(DRAWN_CLASSES))
        coverage = _shape_coverage(rng, name, height, width)
        mask = coverage >= 128
        after = np.where(mask, len(names) + 1, shown)
        visible = np.bincount(after.ravel())[1:]
        all_areas = np.append(areas, mask.sum())
        covered = np.count_nonzero(shown[mask])
        if covered <= _MAX_SHARED * mask.sum() and all(visible >= (1 - _MAX_SHARED) * all_areas):
            _paint(rng, image, coverage, hue=(first_hue + 47 * len(names)) % 180)
            shown, names, areas = after, [*names, name], all_areas
    return [(name, shown == number) for number, name in enumerate(names, start=1)]


def _shape_coverage(rng, name, height, width) -> np.ndarray:
    """Draws a shape of random size and place: uint8 (H, W), how much of each pixel it covers."""
    if name == "circle":
        angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    elif name == "rectangle":
        corner = np.arctan(np.exp(rng.uniform(-0.7, 0.7)))  # of height over width
        angles = np.array([corner, np.pi - corner, np.pi + corner, -corner])
    else:
        angles = np.radians(90 + rng.uniform(-20, 20) + np.array([0, 120, 240]))
    points = np.stack([np.cos(angles), -np.sin(angles)], axis=-1)  # (P, 2), x and y
    points -= points.min(axis=0)
    points *= min(height, width) * rng.uniform(*_OBJECT_TO_IMAGE) / points.max()
    points += rng.uniform(0, (width, height) - points.max(axis=0)) - 0.5  # centers are whole
    coverage = np.zeros((height, width), np.uint8)
    sixteenths = np.round(16 * points).astype(np.int32)
    return cv2.fillPoly(coverage, [sixteenths], 255, cv2.LINE_AA, shift=4)


def _paint(rng, image, coverage, hue):
    """Blends a vivid color, lit from the top left, into the covered pixels."""
    left, top, width, height = cv2.boundingRect(coverage)
    window = np.s_[top : top + height, left : left + width]
    hsv = np.uint8([[[hue, rng.integers(160, 256), rng.integers(120, 256)]]])
    color = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0]
    light = 1.1 - 0.4 * np.add.outer(np.linspace(0, 0.5, height), np.linspace(0, 0.5, width))
    opacity = coverage[window][..., None] / 255
    painted = opacity * np.minimum(color * light[..., None], 255) + (1 - opacity) * image[window]
    image[window] = np.round(painted)


def _xml(image_id, image, objects) -> str:
    height, width, depth = image.shape
    size = f"<width>{width}</width><height>{height}</height><depth>{depth}</depth>"
    lines = [f"<filename>{image_id}.jpg</filename>", f"<size>{size}</size>"]
    for name, mask in objects:
        x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
        box = f"<xmin>{x}</xmin><ymin>{y}</ymin><xmax>{x + w}</xmax><ymax>{y + h}</ymax>"
        lines.append(f"<object><name>{name}</name><bndbox>{box}</bndbox></object>")
    return "\n".join(["<annotation>", *lines, "</annotation>", ""])
