"""Chooses the class names of a checkpoint."""

import logging
from collections.abc import Iterable
from pathlib import Path

from keras_ssd.classes import COCO_CLASSES, COCO_CLASSES_BY_ID, VOC_CLASSES, checked_class_names
from keras_ssd.terminal import counted

_KNOWN = {
    len(VOC_CLASSES): ("VOC's", VOC_CLASSES),
    len(COCO_CLASSES): ("COCO's", COCO_CLASSES),
    len(COCO_CLASSES_BY_ID): ("COCO's, one for each category id", COCO_CLASSES_BY_ID),
}

logger = logging.getLogger("keras_ssd")


def names_for(
    class_names: Iterable[str] | None, num_classes: int, path: str | Path
) -> tuple[str, ...]:
    """Returns the given class names, or the names of the data set with this number of classes.

    Args:
        class_names: the names, or None.
        num_classes: K, the number of foreground classes in the checkpoint.
        path: the path of the checkpoint, for messages.

    Raises:
        ValueError: there are not K names, or they are None and K is not 20, 80 or 90.
    """
    if class_names is not None:
        class_names = checked_class_names(class_names)
        if len(class_names) != num_classes:
            raise ValueError(
                f"class_names: {counted(len(class_names), 'name')} given, but {path} has "
                f"{counted(num_classes, 'foreground class', 'foreground classes')}"
            )
        return class_names
    if num_classes not in _KNOWN:
        raise ValueError(
            f"{path}: has {counted(num_classes, 'foreground class', 'foreground classes')}, "
            "neither VOC's 20 nor COCO's 80 or 90; give their names"
        )
    origin, names = _KNOWN[num_classes]
    logger.info("%s: the names of its %d classes are taken to be %s", path, num_classes, origin)
    return names
