"""Reads one photo and its XML file."""

from collections.abc import Sequence
from pathlib import Path

from keras_ssd.data.annotations import ImageAnnotation
from keras_ssd.data.problems import Problems
from keras_ssd.data.rules import Rules, apply_rules
from keras_ssd.data.sample import Sample
from keras_ssd.data.sources.voc_xml import read_voc_xml


def read_annotated_image(photo: Path, annotations: Path, class_names: Sequence[str]) -> Sample:
    """Returns a photo with the objects in an XML file of PASCAL VOC's format.

    Objects of other classes are left out.

    Args:
        photo: the path of the photo.
        annotations: the path of the XML file.
        class_names: the names in the order of the labels.

    Raises:
        CorruptImageError: there is no such photo, or it cannot be read.
        ValueError: the annotations are in another format, or all objects are of other classes.
    """
    problems = Problems()
    size, objects = read_voc_xml(annotations, problems)
    image = ImageAnnotation(photo.stem, photo, size, objects, annotations)
    rules = Rules(tuple(class_names), unknown_classes="skip")
    return apply_rules([image], rules, problems)[0]
