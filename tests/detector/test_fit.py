"""A detector is trained, measured and saved like any Keras model."""

import dataclasses

import keras
import numpy as np
import pytest
from PIL import Image

import keras_ssd
from keras_ssd.images import CorruptImageError
from keras_ssd.losses import HardNegativeCrossentropy, SmoothL1
from keras_ssd.optimizers import SSDAdamW


def fit(detector, data, *callbacks, epochs=2, **options):
    return detector.fit(
        keras_ssd.data.training_dataset(data, detector, batch_size=4),
        steps_per_epoch=2,
        epochs=epochs,
        callbacks=list(callbacks),
        verbose=0,
        **options,
    ).history


def images_of(data):
    size = 32
    return np.stack([keras_ssd.images.resize_image(s.read_image(), size) for s in data])


def assert_same_weights(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("model", ["micro", pytest.param("preset", marks=pytest.mark.slow)])
def test_the_whole_way_from_training_to_a_reloaded_detector(
    model, detector, data, val, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    if model == "preset":
        detector = keras_ssd.Detector.from_preset(
            "ssd_mobilenet_320_voc", class_names=data.class_names
        )
    before = detector.get_weights()
    detector.compile()
    history = detector.fit(
        keras_ssd.data.training_dataset(data, detector, batch_size=4),
        steps_per_epoch=2,
        epochs=2,
        validation_data=keras_ssd.data.validation_dataset(val, detector),
        callbacks=[
            keras_ssd.callbacks.MeanAveragePrecision(val),
            keras.callbacks.ModelCheckpoint("best.keras", monitor="val_map", mode="max"),
        ],
        verbose=0,
    ).history
    assert set(history) == {
        *("loss", "offsets_loss", "classes_loss"),
        *("val_loss", "val_offsets_loss", "val_classes_loss", "val_map"),
    }
    assert all(len(values) == 2 and np.isfinite(values).all() for values in history.values())
    assert not np.allclose(before[0], detector.get_weights()[0])

    losses = detector.evaluate(
        keras_ssd.data.validation_dataset(val, detector), verbose=0, return_dict=True
    )
    assert losses["loss"] == pytest.approx(history["val_loss"][-1], rel=1e-4)
    assert detector.evaluate_map(val).voc.map_11_point == pytest.approx(history["val_map"][-1])

    detector.save("d.keras")
    found = detector.predict(images_of(val), verbose=0)
    for path in ("d.keras", "best.keras"):
        loaded = keras.saving.load_model(path)
        assert loaded.class_names == data.class_names
        assert_same_weights(loaded, detector)  # the mAP of the last epoch was not lower
        again = loaded.predict(images_of(val), verbose=0)
        for name, value in found.items():
            np.testing.assert_allclose(again[name], value, atol=1e-5, err_msg=name)

    photo = str(val[0].image)
    sources = [photo, val[0].read_image(), Image.open(photo)]
    results = list(detector.detect(sources, confidence_threshold=0.0))
    assert [result.image for result in results] == [photo, "1", "2"]
    for result in results:
        assert result.size == val[0].size
        assert len(result) > 0
        np.testing.assert_allclose(result.boxes, results[0].boxes, atol=0.01)


def test_callbacks_see_the_detector_and_its_present_weights_after_every_step(
    detector, data, tmp_path
):
    losses = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            losses.append(logs["loss"])
            assert self.model is detector
            self.model.save(tmp_path / f"{len(losses)}.keras")

    detector.compile()
    fit(detector, data, Watch())
    assert len(losses) == 4
    assert_same_weights(keras.saving.load_model(tmp_path / "4.keras"), detector)
    third = keras.saving.load_model(tmp_path / "3.keras")
    assert int(third.optimizer.iterations) == 3
    assert not np.allclose(third.ssd.get_weights()[0], detector.ssd.get_weights()[0])


def test_a_callback_can_stop_the_training(detector, data):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = True

    detector.compile()
    assert len(fit(detector, data, Stop(), epochs=5)["loss"]) == 1


def test_what_one_callback_adds_to_the_logs_the_others_see(detector, data):
    seen = []

    class Add(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["score"] = 10.0 + epoch

    class See(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(logs["score"])

    detector.compile()
    assert fit(detector, data, Add(), See())["score"] == seen == [10.0, 11.0]


def test_a_reloaded_detector_trains_on_with_its_optimizer(detector, data, tmp_path):
    detector.compile()
    fit(detector, data)
    detector.save(tmp_path / "d.keras")
    loaded = keras.saving.load_model(tmp_path / "d.keras")
    assert int(loaded.optimizer.iterations) == 4
    batches = [*keras_ssd.data.training_dataset(data, detector, batch_size=4).take(2)]
    for images, targets in batches:
        targets = {name: np.array(value) for name, value in targets.items()}
        for model in (detector, loaded):
            model.train_on_batch(np.array(images), targets)
    for a, b in zip(detector.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_losses_and_optimizer_can_be_given(detector, data):
    offsets, classes = SmoothL1(), HardNegativeCrossentropy(negative_ratio=0.0)
    detector.compile("sgd", {"offsets": offsets, "classes": classes})
    assert isinstance(detector.optimizer, keras.optimizers.SGD)
    without_negatives = fit(detector, data, epochs=1)["classes_loss"]
    detector.compile(loss={"offsets": offsets, "classes": HardNegativeCrossentropy()})
    assert isinstance(detector.optimizer, SSDAdamW)
    assert fit(detector, data, epochs=1)["classes_loss"] > without_negatives


def test_a_weight_for_each_image_is_a_third_part_of_the_batches(detector, data):
    detector.compile(keras.optimizers.SGD(0.0))
    batches = keras_ssd.data.validation_dataset(data, detector, batch_size=16)
    plain = detector.evaluate(batches, verbose=0)
    images, targets = next(iter(batches.as_numpy_iterator()))
    weights = np.full(16, 0.5, np.float32)
    half = detector.test_on_batch(images, targets, sample_weight=weights, return_dict=True)
    assert half["loss"] == pytest.approx(plain[0] / 2, rel=1e-4)


def test_an_image_that_cannot_be_read_is_named(detector, data, tmp_path):
    file = tmp_path / "broken.jpg"
    file.write_bytes(b"not an image")
    broken = dataclasses.replace(data[:1], samples=[dataclasses.replace(data[0], image=file)])
    detector.compile()
    with pytest.raises(CorruptImageError, match=f"^{file}: "):
        fit(detector, broken)
    with pytest.raises(CorruptImageError, match=f"^{file}: "):
        detector.evaluate(keras_ssd.data.validation_dataset(broken, detector), verbose=0)


def test_annotated_images_in_place_of_batches_are_refused_with_what_makes_batches(
    detector, data, val
):
    detector.compile()
    with pytest.raises(ValueError, match=r"x: expected batches.*training_dataset\(data, detector"):
        detector.fit(data)
    batches = keras_ssd.data.training_dataset(data, detector, batch_size=4)
    with pytest.raises(ValueError, match=r"validation_data: expected batches.*validation_dataset"):
        detector.fit(batches, validation_data=val)
    with pytest.raises(ValueError, match=r"x: expected batches.*validation_dataset"):
        detector.evaluate(val)
