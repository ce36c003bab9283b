"""Four threads share one detector of each kind, and each gets the result of its own image."""

import itertools
import sys
import threading

import numpy as np
import pytest

import keras_ssd

LIBRARIES = {".onnx": ("tf2onnx", "onnxruntime"), ".xml": ("openvino",)}
THREADS, CALLS, TOLERANCE = 4, 25, 1e-5


@pytest.fixture(
    scope="module",
    params=[
        ("a.tflite", {}),
        ("a.tflite", {"nms": True}),
        ("a.onnx", {}),
        ("a.onnx", {"nms": False}),
        ("a.xml", {}),
        ("a", {}),
    ],
    ids=lambda case: case[0] + "".join(f" {name} {value}" for name, value in case[1].items()),
)
def shared(request, detector, tmp_path_factory):
    name, options = request.param
    for library in LIBRARIES.get(name[1:], ()):
        pytest.importorskip(library)
    folder = tmp_path_factory.mktemp("threads")
    return keras_ssd.load_detector(detector.export(folder / name, check=False, **options))


def test_each_thread_gets_the_result_of_its_own_image(shared):
    noise = np.random.default_rng(1).integers(0, 256, (1, 90, 120, 3), np.uint8)
    images = [noise, noise // 4, 255 - noise // 4, noise[:, :40]]
    expected = [shared.predict_on_batch(image) for image in images]
    for first, second in itertools.combinations(expected, 2):
        assert np.abs(first["scores"] - second["scores"]).max() > 10 * TOLERANCE
    problems, start = [], threading.Barrier(THREADS)

    def work(thread):
        start.wait()
        for call in range(CALLS):
            index = (thread + call) % len(images)
            try:
                found = shared.predict_on_batch(images[index])
                for name, value in expected[index].items():
                    np.testing.assert_allclose(found[name], value, atol=TOLERANCE)
            except (ValueError, RuntimeError, AssertionError) as error:
                problems.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # threads take turns a hundred times as often
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert problems == []
