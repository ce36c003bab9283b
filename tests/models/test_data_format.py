"""A keras.json with "image_data_format": "channels_first" does not change the models."""

import keras
import numpy as np
import pytest

import keras_ssd
from keras_ssd.models import SSDMobileNet320, SSDResNet300, SSDTiny128
from keras_ssd.models.data_format import channels_last


@pytest.fixture
def channels_first():
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format(before)


def detector():
    return keras_ssd.Detector(SSDTiny128(2), ["cat", "dog"])


def test_the_users_setting_is_put_back_even_after_an_error(channels_first):
    @channels_last
    def build(fails):
        assert keras.config.image_data_format() == "channels_last"
        assert not fails, "the build fails"

    build(fails=False)
    assert keras.config.image_data_format() == "channels_first"
    with pytest.raises(AssertionError, match="the build fails"):
        build(fails=True)
    assert keras.config.image_data_format() == "channels_first"


@pytest.mark.parametrize("build", [SSDTiny128, SSDMobileNet320, SSDResNet300])
def test_models_have_the_same_weights_and_outputs(channels_first, build):
    model = build(2)
    keras.config.set_image_data_format("channels_last")
    expected = build(2)
    assert model.output_shape == expected.output_shape
    assert [weight.shape for weight in model.weights] == [
        weight.shape for weight in expected.weights
    ]


def test_a_detector_loads_and_detects_the_same(channels_first, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (2, 90, 150, 3), np.uint8)
    keras.config.set_image_data_format("channels_last")
    before = detector()
    expected = before.predict_on_batch(images)
    before.save(tmp_path / "d.keras")
    keras.config.set_image_data_format("channels_first")
    loaded = keras_ssd.load_detector(tmp_path / "d.keras")
    for one in (loaded, loaded.with_dtype("mixed_bfloat16").with_dtype("float32")):
        found = one.predict_on_batch(images)
        for name in expected:
            np.testing.assert_array_equal(found[name], expected[name])


def test_a_detector_of_other_classes_trains(channels_first, drawn_voc):
    data = keras_ssd.data.load(drawn_voc, "train")
    trainee = detector().with_classes(data.class_names)
    trainee.compile()
    batches = keras_ssd.data.training_dataset(data, trainee, batch_size=4)
    history = trainee.fit(batches, steps_per_epoch=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
