"""Threads that share one Keras detector, on every backend."""

import sys
import threading

import keras
import numpy as np
import pytest

import keras_ssd

THREADS, CALLS = 4, 10


@pytest.fixture
def switching_often():
    """Threads take turns a hundred times as often as usual."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("switching_often")
@pytest.mark.parametrize("method", ["predict_on_batch", "predict"])
def test_each_thread_gets_the_result_of_its_own_image(method):
    detector = keras_ssd.Detector(keras_ssd.SSDTiny128(2), ["cat", "dog"], max_detections=9)
    noise = np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3), np.uint8)
    images = [noise, noise // 4, 255 - noise // 4, np.roll(noise, 64, axis=1)]
    expected = [keras.ops.convert_to_numpy(detector(image)["scores"]) for image in images]
    problems, start = [], threading.Barrier(THREADS)
    options = {"verbose": 0} if method == "predict" else {}

    def work(thread):
        start.wait()
        for call in range(CALLS):
            index = (thread + call) % len(images)
            try:
                found = getattr(detector, method)(images[index], **options)
                np.testing.assert_allclose(found["scores"], expected[index], atol=1e-5)
            except Exception as error:  # whatever a backend raises
                problems.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


def test_a_detector_with_its_lock_is_copied_and_pickled():
    import copy
    import pickle

    detector = keras_ssd.Detector(keras_ssd.SSDTiny128(2), ["cat", "dog"])
    for other in (copy.deepcopy(detector), pickle.loads(pickle.dumps(detector))):
        assert other.class_names == ("cat", "dog")
        assert other.predicting is not detector.predicting
