"""Whole training runs: their folder, their arguments, and what ends them."""

import csv
import dataclasses
import json
import re
import zipfile

import h5py
import keras
import numpy as np
import pytest

from keras_ssd.data.augmentation import PaperAugmentation
from keras_ssd.data.pipeline import training_dataset
from keras_ssd.detector import Detector, open_detector
from keras_ssd.training.folder import RunFolder

FILES = {
    "run.json",
    "log.csv",
    "classes.csv",
    "report.html",
    "curve.png",
    "last.keras",
    "best.keras",
    "state.weights.h5",
    ".lock",
}


def log_of(output):
    with (output / "log.csv").open() as file:
        return list(csv.DictReader(file))


def assert_same_weights(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_does_not_fit_is_an_error_and_leaves_no_run(run, data, validation, tmp_path):
    def fails(message, **options):
        with pytest.raises(ValueError, match=message):
            run(tmp_path / "run", **options)

    fails("data: there are no images", data=data[:0])
    images = keras.Input((4, 4, 3))
    other = keras.Model(images, images, name="other")
    fails("model: expected an SSD or a Detector of Keras, not <Functional name=other", model=other)
    other_names = dataclasses.replace(data, class_names=("a", "b", "c"))
    fails("data: has the classes circle.*detector has a, b, c", data=other_names)
    two = dataclasses.replace(data[:0], samples=[], class_names=("a", "b"))
    fails("2 names given, but model 'micro' has 3", data=two)
    without = [dataclasses.replace(sample, difficult=sample.labels >= 0) for sample in validation]
    difficult = dataclasses.replace(validation, samples=without)
    fails("8 images to measure mAP on there are no objects, or only", validation=difficult)
    used = keras.optimizers.SGD()
    used.build([keras.Variable([1.0])])
    fails("optimizer: it has trained a model before; expected a new one", optimizer=used)
    assert not (tmp_path / "run").exists()


def test_an_output_that_is_a_file_is_an_error(run, tmp_path):
    (tmp_path / "file").write_text("mine")
    for resume in (False, True):
        with pytest.raises(ValueError, match=r"file: expected a folder, but .*file is a file"):
            run(tmp_path / "file", resume=resume)
    assert (tmp_path / "file").read_text() == "mine"


def test_there_must_be_a_run_to_resume(run, tmp_path):
    with pytest.raises(ValueError, match="nowhere: has no run to resume"):
        run(tmp_path / "nowhere", resume=True)


def test_the_folder_of_a_run_holds_what_it_should(finished):
    output, _ = finished
    assert {path.name for path in output.iterdir()} - {"tensorboard"} == FILES
    settings = json.loads((output / "run.json").read_text())
    assert settings["class_names"] == ["circle", "rectangle", "triangle"]
    assert settings["data"].startswith("16 images, CRC ")
    assert (settings["seed"], settings["dtype"], settings["optimizer"]) == (0, "float32", None)
    assert settings["recipe"]["steps"] == 10
    rows = log_of(output)
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    assert all(0 <= float(row["val_map"]) <= 1 for row in rows)


def test_the_best_detector_is_the_best_of_the_log(finished, validation):
    output, _ = finished
    result = open_detector(output / "best.keras").evaluate_map(validation, coco=False)
    highest = max(float(row["val_map"]) for row in log_of(output))
    assert result.voc.map_11_point == pytest.approx(highest, rel=1e-6)


def test_the_returned_detector_is_the_last_one(finished):
    output, detector = finished
    assert_same_weights(detector, open_detector(output / "last.keras"))


@pytest.mark.parametrize("name", ["last.keras", "best.keras"])
def test_saved_detectors_hold_no_optimizer(finished, tmp_path, name):
    output, _ = finished
    with zipfile.ZipFile(output / name) as archive:
        archive.extract("model.weights.h5", tmp_path)
        assert not json.loads(archive.read("config.json")).get("compile_config")
    names = []
    with h5py.File(tmp_path / "model.weights.h5") as file:
        file.visit(names.append)
    assert not [name for name in names if "optimizer" in name]
    assert (output / name).stat().st_size < (output / "state.weights.h5").stat().st_size


def test_a_finished_run_is_not_overwritten(finished, run):
    output, _ = finished
    before = {path.name: path.stat().st_mtime_ns for path in output.iterdir()}
    with pytest.raises(ValueError, match="has a run already; resume it, or choose another"):
        run(output)
    assert {path.name: path.stat().st_mtime_ns for path in output.iterdir()} == before


def test_resuming_a_finished_run_returns_its_detector_and_trains_no_further(finished, run):
    output, detector = finished
    log, state = (output / "log.csv").read_bytes(), (output / "state.weights.h5").read_bytes()
    again = run(output, resume=True)
    assert again is not detector
    assert_same_weights(detector, again)
    assert (output / "log.csv").read_bytes() == log
    assert (output / "state.weights.h5").read_bytes() == state


def test_a_run_resumes_only_with_the_images_it_began_with(finished, run, data):
    moved = dataclasses.replace(data[0], boxes=data[0].boxes / 2)
    moved = dataclasses.replace(data, samples=[moved, *data.samples[1:]])
    for name, changed in (("data", moved), ("validation", None)):
        with pytest.raises(ValueError, match=rf"other settings: {name} \d+ images, CRC"):
            run(finished[0], resume=True, **{name: changed})


def test_a_run_resumes_only_with_the_settings_it_began_with(finished, run, recipe):
    output, _ = finished
    with pytest.raises(ValueError, match=r"other settings: seed 0 -> 1$"):
        run(output, resume=True, seed=1)
    faster = dataclasses.replace(recipe, learning_rate=0.5)
    with pytest.raises(ValueError, match=r"other settings: learning_rate 0.001 -> 0.5$"):
        run(output, faster, resume=True)
    with pytest.raises(ValueError, match=r"optimizer None -> .*'SGD'"):
        run(output, resume=True, optimizer=keras.optimizers.SGD())
    with pytest.raises(ValueError, match=r"other settings: cache False -> True; skip_corrupt_i"):
        run(output, resume=True, cache="memory", skip_corrupt_images=True)
    with pytest.raises(
        ValueError, match=r"augmentation Augmentation\(resize\) -> Paper.*; steps_per_epoch 4 -> 5"
    ):
        run(output, resume=True, augmentation=PaperAugmentation(), steps_per_epoch=5)


def test_a_run_matches_by_the_iou_of_its_recipe(run, recipe, tmp_path, monkeypatch):
    seen = []

    def spied(*arguments, matching_iou, **options):
        seen.append(matching_iou)
        return training_dataset(*arguments, matching_iou=matching_iou, **options)

    monkeypatch.setattr("keras_ssd.training.run.training_dataset", spied)
    run(tmp_path / "run", dataclasses.replace(recipe, steps=1, matching_iou=0.4), validation=None)
    assert set(seen) == {0.4}


def test_a_detector_keeps_its_thresholds_and_is_trained_in_place(run, recipe, data, tmp_path):
    from_ssd = run(tmp_path / "ssd", dataclasses.replace(recipe, steps=1), validation=None)
    given = Detector(from_ssd.ssd, data.class_names, confidence_threshold=0.3, max_detections=7)
    before = given.get_weights()
    recipe = dataclasses.replace(recipe, steps=1)
    trained = run(tmp_path / "run", recipe, model=given, validation=None)
    assert trained is given
    assert not np.allclose(before[0], given.get_weights()[0])
    last = open_detector(tmp_path / "run" / "last.keras")
    assert (last.confidence_threshold, last.max_detections) == (0.3, 7)
    assert_same_weights(last, given)


def test_an_optimizer_of_ones_own_takes_the_recipes_place(run, recipe, tmp_path, micro_ssd):
    model = micro_ssd()
    before = model.get_weights()
    still = keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(0.0, 10, 0.5))
    recipe = dataclasses.replace(recipe, steps=2)
    run(tmp_path / "run", recipe, model=model, optimizer=still, validation=None)
    kernels = [weight.shape for weight in model.trainable_weights]
    for a, b in zip(before, model.get_weights(), strict=True):
        if a.shape in kernels and a.ndim == 4:
            np.testing.assert_array_equal(a, b)
    settings = json.loads((tmp_path / "run" / "run.json").read_text())
    assert settings["recipe"] == {"batch_size": 4, "steps": 2, "matching_iou": 0.5}
    assert settings["optimizer"]["class_name"] == "SGD"


def test_callbacks_see_the_detector_its_score_and_its_averaged_weights(run, recipe, tmp_path):
    recipe = dataclasses.replace(recipe, average_over=0.5, steps=8)
    epochs = []

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.save_weights(tmp_path / f"{epoch}.weights.h5")
            averages = self.model.optimizer._model_variables_moving_average
            weights = self.model.ssd.trainable_variables
            for weight, average in zip(weights, averages, strict=True):
                np.testing.assert_array_equal(np.array(weight), np.array(average))
            epochs.append((self.model.class_names, logs["val_map"]))
            logs["mine"] = 5.0

        def on_train_batch_end(self, batch, logs=None):
            if batch == 0 and epochs:
                self.model.stop_training = True

    run(tmp_path / "run", recipe, callbacks=[Watch()])
    rows = log_of(tmp_path / "run")
    assert [str(score) for _, score in epochs] == [row["val_map"] for row in rows]
    assert [row["mine"] for row in rows] == ["5.0", "5.0"]
    with h5py.File(tmp_path / "run" / "state.weights.h5") as state:
        assert int(state["optimizer/vars/0"][()]) == 5  # the callback stopped it there


@pytest.mark.parametrize(
    ("rows", "best"),
    [
        ([], -1.0),
        (["0,1.5,"], -1.0),
        (["0,1.5,nan", "1,1.2,0.5", "2,1.1,nan"], 0.5),  # nan is never the best
        (["0,1.5,0.2", "1,1.2,0.5", "2,1.1,0.4", "3,1"], 0.5),  # a kill cut the last row
    ],
)
def test_the_best_map_of_a_log(tmp_path, rows, best):
    folder = RunFolder(tmp_path)
    assert folder.best_map() == -1.0
    folder.log.write_text("\n".join(["epoch,loss,val_map", *rows, ""]))
    assert folder.best_map() == best


def test_damaged_settings_are_named(finished, run, tmp_path):
    (tmp_path / "run.json").write_text('{"model": ')
    message = re.escape(f"{tmp_path / 'run.json'}: is damaged; expected JSON")
    with pytest.raises(ValueError, match=message):
        run(tmp_path, resume=True)
