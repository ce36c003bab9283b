"""Whole training runs: their folder, interruption and resumption, and what ends them."""

import csv
import dataclasses
import json
import shutil
import zipfile

import h5py
import keras
import numpy as np
import pytest

from keras_ssd.data.augmentation import PaperAugmentation
from keras_ssd.evaluation.predictions import predict_samples
from keras_ssd.evaluation.voc import evaluate_voc
from keras_ssd.models import class_names, load_detector
from keras_ssd.training import callbacks
from keras_ssd.training.callbacks import SaveTrainingState

FILES = {"run.json", "log.csv", "curve.png", "last.keras", "best.keras", "state.weights.h5"}


def interrupt_at(step, patch):
    """Ctrl-C after this many steps."""

    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.optimizer.iterations) == step:
            raise KeyboardInterrupt

    patch.setattr(SaveTrainingState, "on_train_batch_end", on_train_batch_end)


def weights_of(path):
    return load_detector(path).get_weights()


def log_of(output):
    with (output / "log.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def finished(run, tmp_path_factory):
    """The folder of a run, and what `train` returned."""
    output = tmp_path_factory.mktemp("finished") / "run"
    return output, run(output)


@pytest.fixture(scope="module", params=[None, 0.3], ids=["plain", "averaged"])
def runs(request, run, recipe, finished, tmp_path_factory):
    """Folders of an uninterrupted run, an interrupted one, and the latter after resuming."""
    recipe = dataclasses.replace(recipe, average_over=request.param)
    folder = tmp_path_factory.mktemp("runs")
    whole, interrupted, resumed = (folder / n for n in ("whole", "interrupted", "resumed"))
    if recipe.average_over is None:
        whole = finished[0]
    else:
        run(whole, recipe)
    with pytest.MonkeyPatch.context() as patch:
        interrupt_at(6, patch)  # in the middle of the second epoch
        with pytest.raises(KeyboardInterrupt):
            run(interrupted, recipe)
    shutil.copytree(interrupted, resumed)
    run(resumed, recipe, resume=True)
    return whole, interrupted, resumed


def test_no_samples_are_an_error_and_leave_no_run(run, tmp_path):
    with pytest.raises(ValueError, match="samples: there are none"):
        run(tmp_path / "run", samples=[])
    assert not (tmp_path / "run").exists()


def test_class_names_must_fit_model_and_samples(run, data, tmp_path):
    empty = [sample for sample in data.samples if not len(sample.labels)]
    with pytest.raises(ValueError, match="2 names given, but model 'micro' has 3"):
        run(tmp_path / "run", samples=empty, class_names=("a", "b"))
    bad = dataclasses.replace(data.samples[0], labels=data.samples[0].labels + 3)
    with pytest.raises(ValueError, match=f"{bad.id} has label {bad.labels.max()}, but there are 3"):
        run(tmp_path / "run", samples=[data.samples[1], bad])
    assert not (tmp_path / "run").exists()


def test_an_output_that_is_a_file_is_an_error(run, tmp_path):
    (tmp_path / "file").write_text("mine")
    for resume in (False, True):
        with pytest.raises(ValueError, match="file: is a file; expected the folder of a run"):
            run(tmp_path / "file", resume=resume)
    assert (tmp_path / "file").read_text() == "mine"


def test_there_must_be_a_run_to_resume(run, tmp_path):
    with pytest.raises(ValueError, match="nowhere: holds no run to resume"):
        run(tmp_path / "nowhere", resume=True)


def test_an_interruption_saves_the_step_it_came_at(runs):
    _, interrupted, _ = runs
    with h5py.File(interrupted / "state.weights.h5") as state:
        assert int(state["optimizer/vars/0"][()]) == 6
    assert len(log_of(interrupted)) == 1


def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(runs):
    whole, interrupted, resumed = runs
    expected = weights_of(whole / "last.keras")
    for one, other in zip(expected, weights_of(resumed / "last.keras"), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    before = weights_of(interrupted / "last.keras")
    assert not any(np.allclose(one, other) for one, other in zip(expected, before, strict=True))


def test_an_epoch_whose_scoring_was_interrupted_is_scored_after_resuming(run, finished, tmp_path):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(callbacks, "predict_samples", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "run")
    run(tmp_path / "run", resume=True)
    for row, expected in zip(log_of(tmp_path / "run"), log_of(finished[0]), strict=True):
        assert float(row["val_map"]) == pytest.approx(float(expected["val_map"]), rel=1e-4)


def test_a_resumed_run_continues_the_log(runs):
    whole, interrupted, resumed = map(log_of, runs)
    assert [row["epoch"] for row in whole] == [row["epoch"] for row in resumed] == ["0", "1", "2"]
    assert resumed[:1] == interrupted
    # The second epoch's row of the resumed run is of its second half alone.
    for name in ("loss", "offsets_loss", "classes_loss", "val_map"):
        assert float(resumed[2][name]) == pytest.approx(float(whole[2][name]), rel=1e-4)
    assert float(resumed[1]["val_map"]) == pytest.approx(float(whole[1]["val_map"]), rel=1e-4)


def test_the_folder_of_a_run_holds_what_it_should(finished):
    output, _ = finished
    assert {path.name for path in output.iterdir()} - {"tensorboard"} == FILES
    settings = json.loads((output / "run.json").read_text())
    assert settings["class_names"] == ["circle", "rectangle", "triangle"]
    assert settings["samples"].startswith("16 images, CRC ")
    assert settings["seed"] == 0
    assert settings["recipe"]["steps"] == 10
    assert all(0 <= float(row["val_map"]) <= 1 for row in log_of(output))


def test_the_best_detector_is_the_best_of_the_log(finished, validation_samples):
    output, _ = finished
    best = load_detector(output / "best.keras")
    result = evaluate_voc(
        predict_samples(best, validation_samples), validation_samples, class_names(best)
    )
    highest = max(float(row["val_map"]) for row in log_of(output))
    assert result.map_11_point == pytest.approx(highest, rel=1e-6)


def test_the_returned_detector_is_the_last_one(finished):
    output, detector = finished
    for one, other in zip(detector.get_weights(), weights_of(output / "last.keras"), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ["last.keras", "best.keras"])
def test_saved_detectors_hold_no_optimizer(finished, tmp_path, name):
    output, _ = finished
    with zipfile.ZipFile(output / name) as archive:
        archive.extract("model.weights.h5", tmp_path)
        assert not json.loads(archive.read("config.json")).get("compile_config")
    with h5py.File(tmp_path / "model.weights.h5") as file:
        assert "optimizer" not in file
    assert (output / name).stat().st_size < (output / "state.weights.h5").stat().st_size


def test_a_finished_run_is_not_overwritten(finished, run):
    output, _ = finished
    before = {path.name: path.stat().st_mtime_ns for path in output.iterdir()}
    with pytest.raises(ValueError, match="holds a run already; resume it, or choose another"):
        run(output)
    assert {path.name: path.stat().st_mtime_ns for path in output.iterdir()} == before


def test_an_unfinished_run_is_not_overwritten(runs, run):
    _, interrupted, _ = runs
    before = (interrupted / "state.weights.h5").read_bytes()
    with pytest.raises(ValueError, match="holds a run already; resume it, or choose another"):
        run(interrupted)
    assert (interrupted / "state.weights.h5").read_bytes() == before


def test_resuming_a_finished_run_returns_its_detector_and_trains_no_further(finished, run):
    output, detector = finished
    log, state = (output / "log.csv").read_bytes(), (output / "state.weights.h5").read_bytes()
    again = run(output, resume=True)
    for one, other in zip(detector.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (output / "log.csv").read_bytes() == log
    assert (output / "state.weights.h5").read_bytes() == state


def test_a_run_resumes_only_with_the_images_it_began_with(finished, run, data):
    moved = dataclasses.replace(data.samples[0], boxes=data.samples[0].boxes / 2)
    for changed in ({"samples": [moved, *data.samples[1:]]}, {"validation_samples": []}):
        (name,) = changed
        with pytest.raises(ValueError, match=rf"other settings: {name} \d+ images, CRC"):
            run(finished[0], resume=True, **changed)


def test_a_run_resumes_only_with_the_settings_it_began_with(finished, run, recipe):
    output, _ = finished
    with pytest.raises(ValueError, match=r"other settings: seed 0 -> 1$"):
        run(output, resume=True, seed=1)
    faster = dataclasses.replace(recipe, learning_rate=0.5)
    with pytest.raises(ValueError, match=r"recipe .*0.001.* -> .*0.5"):
        run(output, faster, resume=True)
    with pytest.raises(
        ValueError, match=r"augmentation Augmentation\(resize\) -> Paper.*; steps_per_epoch 4 -> 5"
    ):
        run(output, resume=True, augmentation=PaperAugmentation(), steps_per_epoch=5)


def test_an_interruption_before_anything_has_begun_leaves_the_state_alone(
    runs, run, recipe, monkeypatch
):
    _, interrupted, _ = runs
    settings = json.loads((interrupted / "run.json").read_text())["recipe"]
    recipe = dataclasses.replace(recipe, average_over=settings["average_over"])
    before = (interrupted / "state.weights.h5").read_bytes()

    def load_half(model, path):
        raise KeyboardInterrupt

    monkeypatch.setattr(keras.Model, "load_weights", load_half)
    with pytest.raises(KeyboardInterrupt):
        run(interrupted, recipe, resume=True)
    assert (interrupted / "state.weights.h5").read_bytes() == before
