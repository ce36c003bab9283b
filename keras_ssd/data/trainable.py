"""Checks that images and a model fit, before the first batch."""

from typing import Protocol

from keras_ssd.config import SSDConfig
from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.images import CorruptImageError
from keras_ssd.terminal import counted


class TrainableModel(Protocol):
    """The attributes of a model that the data sets need; SSD and Detector have them.

    Attributes:
        config: the SSDConfig, which defines the input size and the default boxes.
        num_classes: the number of foreground classes. If the model has `class_names`, these are
            compared instead.
    """

    config: SSDConfig
    num_classes: int


def check_readable(data: AnnotatedImages, skipped: set[str] | None) -> None:
    """Raises ValueError if the data have no image, or if all images would be skipped."""
    if not len(data):
        raise ValueError("data: there are no images; expected at least one")
    if skipped is None:
        return
    for sample in data:
        try:
            sample.read_image()
        except CorruptImageError as error:
            last_error = error
        else:
            return
    images = counted(len(data), "image")
    raise ValueError(f"data: none of {images} can be read; the last one: {last_error}")


def check_classes(data: AnnotatedImages, model: TrainableModel) -> None:
    """Raises ValueError if the labels mean other classes in the model than in the data."""
    advice = (
        "`with_classes(detector, data.class_names)` or "
        "`Detector.from_preset(name, class_names=data.class_names)` make a model for the data's "
        "classes; `load(..., class_names=...)` loads the data for the model's"
    )
    class_names = getattr(model, "class_names", None)
    if class_names is None:
        if model.num_classes != len(data.class_names):
            raise ValueError(
                f"model: it has {counted(model.num_classes, 'class', 'classes')}, but the data "
                f"have {len(data.class_names)}: {', '.join(data.class_names)}. {advice}"
            )
    elif tuple(class_names) != data.class_names:
        raise ValueError(
            f"model: its classes are {', '.join(class_names)}, but those of the data are "
            f"{', '.join(data.class_names)}. {advice}"
        )
