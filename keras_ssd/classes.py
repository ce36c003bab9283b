"""Class names: those of PASCAL VOC and COCO, and the check that every list of names passes."""

from collections.abc import Iterable, Set

# VOC lists its classes in alphabetical order.
VOC_CLASSES = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)

# COCO's 80 classes, in the order of their category ids.
COCO_CLASSES = (
    "person",
    "bicycle",
    "car",
    "motorcycle",
    "airplane",
    "bus",
    "train",
    "truck",
    "boat",
    "traffic light",
    "fire hydrant",
    "stop sign",
    "parking meter",
    "bench",
    "bird",
    "cat",
    "dog",
    "horse",
    "sheep",
    "cow",
    "elephant",
    "bear",
    "zebra",
    "giraffe",
    "backpack",
    "umbrella",
    "handbag",
    "tie",
    "suitcase",
    "frisbee",
    "skis",
    "snowboard",
    "sports ball",
    "kite",
    "baseball bat",
    "baseball glove",
    "skateboard",
    "surfboard",
    "tennis racket",
    "bottle",
    "wine glass",
    "cup",
    "fork",
    "knife",
    "spoon",
    "bowl",
    "banana",
    "apple",
    "sandwich",
    "orange",
    "broccoli",
    "carrot",
    "hot dog",
    "pizza",
    "donut",
    "cake",
    "chair",
    "couch",
    "potted plant",
    "bed",
    "dining table",
    "toilet",
    "tv",
    "laptop",
    "mouse",
    "remote",
    "keyboard",
    "cell phone",
    "microwave",
    "oven",
    "toaster",
    "sink",
    "refrigerator",
    "book",
    "clock",
    "vase",
    "scissors",
    "teddy bear",
    "hair drier",
    "toothbrush",
)

# COCO's name -> VOC's name of the same class, where the two differ.
VOC_NAMES = {
    "airplane": "aeroplane",
    "couch": "sofa",
    "dining table": "diningtable",
    "motorcycle": "motorbike",
    "potted plant": "pottedplant",
    "tv": "tvmonitor",
}

# COCO's category ids go from 1 to 90, but these ten have no class. Detectors that count by id
# (torchvision's and TensorFlow's) have outputs for them, which were never trained.
_UNUSED_IDS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)


def _names_by_id() -> tuple[str, ...]:
    names = iter(COCO_CLASSES)
    return tuple(f"unused {i}" if i in _UNUSED_IDS else next(names) for i in range(1, 91))


# The names for COCO's category ids 1 to 90; an id without a class is named "unused 12" and so on.
COCO_CLASSES_BY_ID = _names_by_id()


def checked_class_names(names: Iterable[str]) -> tuple[str, ...]:
    """Class names in the order of the labels, as a tuple.

    Args:
        names: distinct strings of one line each. An iterator is read once.

    Raises:
        ValueError: there is no name, or a name occurs twice, is empty, has several lines or cannot
            be written as UTF-8; or `names` is one string, which would be taken apart into letters,
            or a set, which has no order.

    Examples:
        >>> checked_class_names(["cat", "dog"])
        ('cat', 'dog')
    """
    if isinstance(names, (str, bytes)):
        raise ValueError(f"class_names: expected a list of names, not the one string {names!r}")
    if isinstance(names, Set) or not isinstance(names, Iterable):
        raise ValueError(
            f"class_names: expected a list of names in the order of the labels, not {names!r}"
        )
    checked = []
    for name in names:
        if not isinstance(name, str) or not name.strip() or "\n" in name:  # files hold one a line
            raise ValueError(f"class_names: expected names of one line each, not {name!r}")
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"class_names: {name!r} cannot be written as UTF-8") from error
        checked.append(str(name))  # a plain string, also from a NumPy array
    if not checked:
        raise ValueError("class_names: expected at least one name")
    seen = set()
    for name in checked:
        if name in seen:
            raise ValueError(f"class_names: {name!r} comes twice")
        seen.add(name)
    return tuple(checked)
