"""The architectures from end to end: they train, change dtype and classes, and are saved.

The big ones take minutes on some backends, so these tests are slow:
`KERAS_BACKEND=jax python -m pytest -m slow tests/models/test_architectures.py`.
"""

import numpy as np
import pytest

import keras_ssd
from keras_ssd.losses import HardNegativeCrossentropy, SmoothL1

BUILDERS = [
    keras_ssd.SSDMobileNetFPN320,
    keras_ssd.SSDMobileNetV3Large320,
    keras_ssd.SSDResNet300,
]
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("build", BUILDERS, ids=lambda build: build.__name__)
def test_it_trains_is_saved_and_takes_other_classes(build, dtype, tmp_path):
    detector = keras_ssd.Detector(build(2), ("cat", "dog"), max_detections=5).with_dtype(dtype)
    ssd = detector.ssd
    rng = np.random.default_rng(0)
    size, boxes = ssd.config.image_size, ssd.config.num_default_boxes
    images = rng.integers(0, 256, (2, size, size, 3), np.uint8)
    matched = rng.random((2, boxes)) < 0.01
    offsets = np.where(matched[..., None], rng.normal(size=(2, boxes, 4)), 0)
    targets = {
        "offsets": np.concatenate([offsets, matched[..., None]], axis=-1).astype(np.float32),
        "classes": matched.astype(np.int32),
    }
    before = ssd.get_weights()
    ssd.compile("sgd", loss={"offsets": SmoothL1(), "classes": HardNegativeCrossentropy()})
    losses = [ssd.train_on_batch(images, targets) for _ in range(2)]
    assert np.isfinite(losses).all()
    moved = [
        not np.array_equal(old, new) for old, new in zip(before, ssd.get_weights(), strict=True)
    ]
    assert np.mean(moved) > 0.9

    found = detector.predict(images, verbose=0)
    assert np.isfinite(found["scores"]).all()
    detector.save(tmp_path / "d.keras")
    again = keras_ssd.load_detector(tmp_path / "d.keras").with_dtype(dtype)
    for name, value in again.predict(images, verbose=0).items():
        np.testing.assert_allclose(value, found[name], atol=1e-5)
    other = detector.with_classes(["dog", "cow"])
    assert other.carried_over == ("dog",)
    assert np.isfinite(other.predict(images, verbose=0)["scores"]).all()
