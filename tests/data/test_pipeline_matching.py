"""Which default boxes of a training batch learn objects."""

from types import SimpleNamespace

import numpy as np
import pytest

from keras_ssd.config import SSD_TINY_128
from keras_ssd.data.augmentation import Augmentation, PaperAugmentation
from keras_ssd.data.loading import load
from keras_ssd.data.pipeline import training_dataset
from keras_ssd.data.tf_augmentation import TFPaperAugmentation

MODEL = SimpleNamespace(config=SSD_TINY_128, num_classes=3)


@pytest.mark.parametrize(
    "augmentation", [Augmentation(), PaperAugmentation(), TFPaperAugmentation()]
)
def test_a_default_box_learns_an_object_from_the_matching_iou_on(drawn_voc, augmentation):
    data = load(drawn_voc, "train")

    def learning(**options):
        options = {"batch_size": 16, "augmentation": augmentation, "seed": 3, **options}
        _, targets = next(iter(training_dataset(data, MODEL, **options)))
        return targets["classes"].numpy() > 0

    many, some, one = (learning(matching_iou=iou) for iou in (0.3, 0.5, 1.0))
    assert many.sum() > some.sum() > one.sum() > 0
    assert (many >= some).all()
    objects = sum(len(sample.labels) for sample in data)
    if augmentation == Augmentation():  # it keeps all objects; each has one box in any case
        assert one.sum() == objects
    np.testing.assert_array_equal(learning(), some)
