"""Weights carried over to other classes."""

import numpy as np
import pytest

from keras_ssd.models.detector import build_detector, ssd_config, ssd_model
from keras_ssd.models.ssd import SSDTiny128
from keras_ssd.models.transfer import with_classes

IMAGES = np.random.default_rng(0).uniform(0, 255, (2, 128, 128, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def detector():
    return build_detector(SSDTiny128(3), ["cat", "dog", "horse"])


@pytest.fixture(scope="module")
def outputs(detector):
    return ssd_model(detector).predict(IMAGES, verbose=0)


@pytest.mark.parametrize(
    ("class_names", "kept", "old_columns", "new_columns"),
    [
        (["zebra", "horse", "cat", "cow"], ["horse", "cat"], [0, 3, 1], [0, 2, 3]),
        (["cat", "dog", "horse"], ["cat", "dog", "horse"], [0, 1, 2, 3], [0, 1, 2, 3]),
        (["raccoon"], [], [0], [0]),
    ],
)
def test_background_and_classes_of_the_same_name_predict_what_they_did(
    detector, outputs, class_names, kept, old_columns, new_columns
):
    model, carried_over = with_classes(detector, class_names)
    new = model.predict(IMAGES, verbose=0)
    assert carried_over == kept
    assert new["classes"].shape[-1] == len(class_names) + 1
    np.testing.assert_allclose(new["offsets"], outputs["offsets"], atol=1e-5)
    np.testing.assert_allclose(
        new["classes"][..., new_columns], outputs["classes"][..., old_columns], atol=1e-5
    )


def test_the_detector_stays_as_it_is(detector, outputs):
    model, _ = with_classes(detector, ["raccoon"])
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    again = ssd_model(detector).predict(IMAGES, verbose=0)
    np.testing.assert_array_equal(again["classes"], outputs["classes"])


def test_a_detector_can_be_built_on_the_new_model(detector):
    model, _ = with_classes(detector, ["raccoon", "cat"])
    assert ssd_config(build_detector(model, ["raccoon", "cat"])) == ssd_config(detector)


def test_no_class_twice_and_at_least_one(detector):
    for class_names in ([], ["cat", "cat"]):
        with pytest.raises(ValueError, match="class_names"):
            with_classes(detector, class_names)
