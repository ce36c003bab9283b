"""Exports that are made once and kept."""

import multiprocessing
import shutil
from pathlib import Path

import numpy as np
import pytest

import keras_ssd
from keras_ssd.formats import format_to_write
from keras_ssd.images import write_image
from keras_ssd.loading import load_keras_detector
from keras_ssd.runtime import cache
from keras_ssd.runtime.cache import CachedExport, calibration_images

LITERT = format_to_write("d.tflite")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, micro_ssd):
    path = tmp_path_factory.mktemp("cache") / "best.keras"
    keras_ssd.Detector(micro_ssd(), ["cat", "dog", "car"], max_detections=5).save(path)
    return path


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "models" / "keras_ssd" / "exports"


@pytest.fixture
def load(tiny):
    """A function that loads the detector and counts how often."""

    def function():
        function.calls += 1
        return load_keras_detector(tiny, dtype="float32")

    function.calls = 0
    return function


def no_load():
    raise AssertionError("the export was there")


def test_an_export_is_made_once_and_finds_what_the_detector_finds(tiny, load, folder):
    export = CachedExport(tiny, LITERT)
    assert not export.exists()
    first = export.open(load)
    assert load.calls == 1
    assert export.exists()
    assert list(folder.iterdir()) == [export.path]
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
    expected = load().predict_on_batch(images)
    for detector in (first, CachedExport(tiny, LITERT).open(no_load)):
        found = detector.predict_on_batch(images)
        assert found["labels"].tolist() == expected["labels"].tolist()
        for name in ("boxes", "scores"):
            np.testing.assert_allclose(found[name], expected[name], atol=1e-4)


def test_another_file_another_version_and_other_images_have_another_export(
    tiny, tmp_path, monkeypatch
):
    def path(source, images=()):
        return CachedExport(source, LITERT, tuple(images)).path

    copied = shutil.copy(tiny, tmp_path / "best.keras")
    assert path(Path(copied)) == path(tiny)
    with Path(copied).open("ab") as file:
        file.write(b"!")
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(name.encode())
    first, second = tmp_path / "a.jpg", tmp_path / "b.jpg"
    paths = [path(tiny), path(Path(copied)), path(tiny, [first]), path(tiny, [first, second])]
    monkeypatch.setattr(cache, "__version__", "9.9")
    paths += [path(tiny)]
    assert len(set(paths)) == 5
    assert {one.parent for one in paths} == {paths[0].parent}


def test_a_folder_is_known_by_the_files_in_it(tmp_path):
    for name in ("model.ckpt.index", "model.ckpt.data"):
        (tmp_path / "checkpoint" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "checkpoint" / name).write_bytes(b"1")
    before = CachedExport(tmp_path / "checkpoint", LITERT).path
    of_prefix = CachedExport(tmp_path / "checkpoint" / "model.ckpt", LITERT).path
    assert before.name.split("-")[1] == of_prefix.name.split("-")[1]
    (tmp_path / "checkpoint" / "model.ckpt.data").write_bytes(b"2")
    assert CachedExport(tmp_path / "checkpoint", LITERT).path != before


def test_a_damaged_export_is_made_again(tiny, load, folder, caplog):
    export = CachedExport(tiny, LITERT)
    folder.mkdir(parents=True)
    export.path.write_bytes(b"cut off")
    assert export.open(load).class_names == ("cat", "dog", "car")
    assert load.calls == 1
    assert any("it is made again" in message for message in caplog.messages)


def make(tiny, queue):
    def load():
        return load_keras_detector(tiny, dtype="float32")

    queue.put(CachedExport(tiny, LITERT).open(load).class_names)


@pytest.mark.slow
def test_two_processes_may_make_the_same_export_at_once(tiny, folder):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    processes = [context.Process(target=make, args=(tiny, queue)) for _ in range(2)]
    for process in processes:
        process.start()
    assert [queue.get(timeout=300) for _ in processes] == [("cat", "dog", "car")] * 2
    for process in processes:
        process.join()
    assert len(list(folder.iterdir())) == 1


def test_an_int8_export_is_calibrated_on_the_images(tiny, load, tmp_path):
    pytest.importorskip("ai_edge_quantizer", reason='needs pip install "keras-ssd[edge]"')
    rng = np.random.default_rng(0)
    for number in range(4):
        image = rng.integers(0, 256, (40, 50, 3), np.uint8)
        write_image(image, tmp_path / "images" / f"{number}.png")
    export = CachedExport(tiny, LITERT, calibration_images(tmp_path / "images"))
    detector = export.open(load)
    assert "-int8-" in export.path.name
    assert detector.predict_on_batch(image[None])["scores"].shape == (1, 5)
    assert CachedExport(tiny, LITERT, export.calibration).open(no_load).image_size == 32


def test_up_to_100_images_of_a_folder_are_taken_spread_evenly(tmp_path):
    for number in range(298):
        (tmp_path / f"{number}.jpg").touch()
    (tmp_path / "film.mp4").touch()
    chosen = [int(path.stem) for path in calibration_images(tmp_path)]
    assert chosen == list(range(0, 298, 3))
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.jpg").touch()
    assert len(calibration_images(tmp_path)) == 100


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected a folder with images to calibrate int8 on"):
        calibration_images(tmp_path)
    with pytest.raises(ValueError, match="absent: "):
        calibration_images(tmp_path / "absent")
