"""The report of a run, the table of its classes, and what TensorBoard gets."""

import csv
import logging
import shutil
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import tensorflow as tf

from keras_ssd.report.pictures import Picture
from keras_ssd.training import reporting, tensorboard
from keras_ssd.training.class_log import add_to_class_log, read_class_log
from keras_ssd.training.folder import RunFolder
from keras_ssd.training.tensorboard import truth_beside_detections

CLASSES = ["circle", "rectangle", "triangle"]


def test_the_report_of_a_run_shows_its_epochs_and_its_evaluation(finished):
    output, _ = finished
    page = (output / "report.html").read_text("utf-8")
    assert "10 of 10 steps are done, after 3 epochs." in page
    assert "The evaluation is that of epoch 3 on the validation images." in page
    for title in (
        "Loss by part",
        "Learning rate",
        "Images per second",
        "Share of time spent waiting for data",
        "mAP on the validation images (VOC, 11-point)",
        "Confusion matrix",
        "Kinds of errors",
        "Worst images",
        "recipe.learning_rate",
    ):
        assert title in page
    assert "16 images, CRC " in page


def test_the_log_has_learning_rate_and_speed(finished):
    rows = RunFolder(finished[0]).rows()
    assert [float(row["learning_rate"]) > 0 for row in rows] == [True, True, False]  # cosine: 0
    for row in rows:
        assert float(row["images_per_second"]) > 0
        assert 0 <= float(row["data_wait_share"]) <= 1


def test_the_table_of_classes_has_the_ap_of_each_epoch(finished):
    output, _ = finished
    with (output / "classes.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["epoch", *CLASSES]
    for row, logged in zip(rows, RunFolder(output).rows(), strict=True):
        precisions = [float(row[name]) for name in CLASSES]
        assert np.nanmean(precisions) == pytest.approx(float(logged["val_map"]))


def test_tensorboard_gets_the_same_scalars_and_pictures(finished):
    event_accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )
    output, _ = finished
    events = event_accumulator.EventAccumulator(
        str(output / "tensorboard" / "validation"), {"tensors": 0}
    )
    events.Reload()
    tags = events.Tags()["tensors"]
    rows = read_class_log(output / "classes.csv")
    for number, name in enumerate(CLASSES):
        tensors = events.Tensors(f"evaluation/ap/{number} {name}")
        values = [(event.step, float(tf.make_ndarray(event.tensor_proto))) for event in tensors]
        assert values == [(epoch, pytest.approx(float(row[name]))) for epoch, row in rows]
    for tag in ("map_area", "f1", "error_cost/missed", "errors/missed", "map_by_size/large"):
        assert f"evaluation/{tag}" in tags
    (*_, last) = events.Tensors("worst/1")
    width, height, data = tf.make_ndarray(last.tensor_proto)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (int(height), int(width), 3)
    assert last.step == 2
    events = event_accumulator.EventAccumulator(str(output / "tensorboard" / "train"))
    events.Reload()
    tags = events.Tags()["tensors"]
    names = ("loss", "classes_loss", "learning_rate", "images_per_second", "data_wait_share")
    assert {f"epoch_{name}" for name in names} <= {*tags}


def test_tensorboard_reads_quick_epochs_in_their_order(tmp_path, monkeypatch):
    event_accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )
    monkeypatch.setattr(tensorboard, "scalars", lambda part: {"f1": part.mean_f1})
    log = tensorboard.TensorBoardLog(tmp_path)
    epochs = range(12)  # more than ten within a second
    for epoch in epochs:
        log.write(SimpleNamespace(mean_f1=epoch / 16, worst=[], best=[]), epoch)
    (_,) = (tmp_path / "validation").iterdir()
    events = event_accumulator.EventAccumulator(str(tmp_path / "validation"), {"tensors": 0})
    events.Reload()
    values = [(event.step, tf.make_ndarray(event.tensor_proto)) for event in events.Tensors("f1")]
    assert values == [(epoch, epoch / 16) for epoch in epochs]


def test_an_interrupted_run_has_a_report_too(finished, tmp_path):
    for name in ("run.json", "log.csv", "classes.csv"):
        shutil.copy(finished[0] / name, tmp_path / name)
    folder = RunFolder(tmp_path)
    measuring = SimpleNamespace(result=None)
    report = reporting.WriteReport(folder, measuring, accumulate=2)
    report.interrupted()  # before the training has begun
    assert not folder.report.exists()
    report.set_model(SimpleNamespace(optimizer=SimpleNamespace(variables=[17])))
    report.interrupted()
    page = folder.report.read_text("utf-8")
    assert "The run was interrupted: 8 of 10 steps are done." in page
    assert "Loss by part" in page
    assert "Confusion matrix" not in page
    # A page with an evaluation stays if this process has made none.
    folder.report.write_text("with an evaluation")
    report.interrupted()
    assert folder.report.read_text() == "with an evaluation"


def test_the_best_epoch_is_named_if_it_is_not_the_last():
    rows = [{"epoch": "0", "val_map": "0.5"}, {"epoch": "1", "val_map": "0.25"}]
    last = "The evaluation is that of epoch 2 on the validation images."
    assert reporting._measured(rows) == (
        f"{last} The best so far is epoch 1 with mAP 0.500, in best.keras."
    )
    rows[1]["val_map"] = "nan"
    assert "The best so far is epoch 1" in reporting._measured(rows)
    rows[0]["val_map"] = "nan"
    assert reporting._measured(rows) == last


def test_trouble_with_the_report_is_only_logged(tmp_path, caplog):
    folder = RunFolder(tmp_path)  # without settings
    callback = reporting.WriteReport(folder, None)
    with caplog.at_level(logging.WARNING, "keras_ssd"):
        callback.on_epoch_end(0, {})
    (record,) = caplog.records
    assert record.getMessage().startswith("the report of the run was not written: ")


def test_a_run_without_jinja2_has_no_report_but_its_table(finished, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(reporting.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(reporting, "evaluation_part", lambda *_, **__: None)
    monkeypatch.setattr(reporting.TensorBoardLog, "write", lambda *_: None)
    classes = [SimpleNamespace(name="cat", ap_11_point=0.5)]
    result = SimpleNamespace(voc=SimpleNamespace(classes=classes))
    measuring = SimpleNamespace(result=result, data=None, skipped=None)
    report = reporting.WriteReport(RunFolder(tmp_path), measuring)
    report.set_model(SimpleNamespace(stop_training=False))
    report.on_epoch_end(4, {})
    assert [path.name for path in tmp_path.iterdir()] == ["classes.csv"]
    assert (tmp_path / "classes.csv").read_text() == "epoch,cat\n4,0.5\n"
    assert not caplog.records


def test_an_epoch_that_is_trained_again_replaces_its_row_and_those_after_it(tmp_path):
    path = tmp_path / "classes.csv"
    assert read_class_log(path) == []
    names = ['a "b", c', "猫", "epoch"]
    for epoch in (0, 1, 2):
        add_to_class_log(path, epoch, dict.fromkeys(names, float(epoch)))
    rows = add_to_class_log(path, 1, dict.fromkeys(names, float("nan")))
    assert rows == read_class_log(path)
    assert rows == [(0, dict.fromkeys(names, "0.0")), (1, dict.fromkeys(names, "nan"))]


def test_a_picture_without_boxes_or_image_is_drawn_twice():
    drawn = truth_beside_detections(Picture("a", 8, 6, "", 1.0, (), ()))
    assert drawn.shape == (6, 16, 3)
    assert np.ptp(drawn) == 0
