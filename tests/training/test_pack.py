import importlib.util
from pathlib import Path

import numpy as np
import pytest

from keras_ssd.detector import Detector, open_detector
from keras_ssd.models import SSDTiny128
from keras_ssd.models.transfer import freeze_batch_norm


@pytest.fixture(scope="module")
def pack():
    path = Path(__file__).parents[2] / "training" / "pack.py"
    spec = importlib.util.spec_from_file_location("pack", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.pack


def test_a_packed_detector_is_half_as_large_and_predicts_nearly_the_same(pack, tmp_path):
    model = SSDTiny128(2)
    freeze_batch_norm(model)
    detector = Detector(model, ("cat", "dog"))
    trained, packed = tmp_path / "trained.keras", tmp_path / "packed.keras"
    detector.save(trained)
    pack([trained], packed)
    assert packed.stat().st_size < 0.6 * trained.stat().st_size
    loaded = open_detector(packed)
    assert {str(weight.dtype) for weight in loaded.weights} == {"float32"}
    assert all(layer.trainable for layer in loaded.ssd.layers)
    for before, after in zip(detector.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_allclose(after, before, rtol=5e-4, atol=1e-7)


def test_a_share_of_the_way_from_the_start(pack, tmp_path):
    start, trained = (Detector(SSDTiny128(2), ("cat", "dog")) for _ in range(2))
    start.save(tmp_path / "start.keras")
    trained.save(tmp_path / "trained.keras")
    pack([tmp_path / "trained.keras"], tmp_path / "packed.keras", tmp_path / "start.keras", 0.25)
    weights = (d.get_weights() for d in (start, trained, open_detector(tmp_path / "packed.keras")))
    for before, after, packed in zip(*weights, strict=True):
        np.testing.assert_allclose(packed, 0.75 * before + 0.25 * after, rtol=1e-3, atol=1e-4)


def test_several_detectors_are_averaged_before_they_move_from_the_start(pack, tmp_path):
    detectors = {
        name: Detector(SSDTiny128(2), ("cat", "dog")) for name in ("start", "a", "b", "packed")
    }
    for name, detector in detectors.items():
        detector.save(tmp_path / f"{name}.keras")
    start, a, b, packed = (tmp_path / f"{name}.keras" for name in detectors)
    pack([a, b], packed, start, 0.5)
    weights = (d.get_weights() for d in [*list(detectors.values())[:3], open_detector(packed)])
    for before, one, other, found in zip(*weights, strict=True):
        expected = 0.5 * before + 0.25 * one + 0.25 * other
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_detectors_with_other_weights_are_not_averaged(pack, tmp_path):
    for classes in (("cat", "dog"), ("cat",)):
        Detector(SSDTiny128(len(classes)), classes).save(tmp_path / f"{len(classes)}.keras")
    with pytest.raises(ValueError, match=r"1\.keras: has other weights than the first detector"):
        pack([tmp_path / "2.keras", tmp_path / "1.keras"], tmp_path / "packed.keras")
    assert not (tmp_path / "packed.keras").exists()


def test_weights_beyond_float16_are_refused_and_nothing_is_written(pack, tmp_path):
    model = SSDTiny128(2)
    model.get_layer("conv1_1_bn").beta.assign(np.full(16, 1e5))
    Detector(model, ("cat", "dog")).save(tmp_path / "trained.keras")
    with pytest.raises(ValueError, match="has a value that is too large for float16"):
        pack([tmp_path / "trained.keras"], tmp_path / "packed.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["trained.keras"]
