"""`MeanAveragePrecision`, which measures mAP at the end of an epoch, for the logs."""

import dataclasses

import keras
import numpy as np
import pytest

from keras_ssd.callbacks import MeanAveragePrecision
from keras_ssd.data.loading import load
from keras_ssd.evaluation import mean_ap
from keras_ssd.inference.protocol import ObjectDetector


@pytest.fixture(scope="module")
def val(drawn_voc):
    return load(drawn_voc, "val")


class FindsTheObjects(ObjectDetector):
    """Finds all annotated objects in the images, which it sees in order, except for `missed`."""

    def __init__(self, data, missed=()):
        self.class_names = data.class_names
        self.image_size = 8
        self.samples = iter(data)
        self.missed = missed

    def predict_on_batch(self, images):
        samples = [next(self.samples) for _ in images]
        found = {"boxes": [], "labels": [], "scores": [], "num_detections": []}
        for sample in samples:
            keep = ~np.isin(sample.labels, self.missed)
            count = keep.sum()
            found["boxes"].append(np.pad(sample.boxes[keep], ((0, 9 - count), (0, 0))))
            found["labels"].append(np.pad(sample.labels[keep], (0, 9 - count)))
            found["scores"].append(np.linspace(0.9, 0.1, 9))
            found["num_detections"].append(count)
        return {name: np.array(value) for name, value in found.items()}


def end_of_epoch(callback, detector):
    callback.set_model(detector)
    callback.on_train_begin()
    logs = {"loss": 1.0}
    callback.on_epoch_end(0, logs)
    return logs


def test_the_logs_gain_the_map_of_voc(val):
    assert end_of_epoch(MeanAveragePrecision(val), FindsTheObjects(val)) == {
        "loss": 1.0,
        "val_map": pytest.approx(1.0),
    }
    # one of three classes is never found
    logs = end_of_epoch(MeanAveragePrecision(val, batch_size=3), FindsTheObjects(val, missed=[1]))
    assert logs["val_map"] == pytest.approx(2 / 3)


def test_the_ap_of_coco_is_measured_on_request(val):
    logs = end_of_epoch(MeanAveragePrecision(val, coco=True), FindsTheObjects(val, missed=[2]))
    assert logs["val_coco_ap"] == pytest.approx(2 / 3)


def test_without_objects_to_find_there_is_nothing_to_measure(val):
    def with_objects(difficult):
        return dataclasses.replace(
            val,
            samples=[
                dataclasses.replace(
                    sample,
                    boxes=sample.boxes[:difficult],
                    labels=sample.labels[:difficult],
                    difficult=np.ones(len(sample.labels[:difficult]), bool),
                )
                for sample in val
            ],
        )

    for data in (with_objects(0), with_objects(2), val[:0]):
        message = (
            rf"data: in the {len(data)} images to measure mAP on there are no objects, or only di"
        )
        with pytest.raises(ValueError, match=message):
            MeanAveragePrecision(data)


def test_other_classes_and_other_models_are_refused_before_the_training(val):
    callback = MeanAveragePrecision(val)
    others = dataclasses.replace(val, class_names=("a", "b", "c"))
    callback.set_model(FindsTheObjects(others))
    with pytest.raises(ValueError, match=r"has the classes circle.*but the detector has a, b, c"):
        callback.on_train_begin()
    images = keras.Input((8, 8, 3))
    callback.set_model(keras.Model(images, images, name="plain"))
    with pytest.raises(ValueError, match=r"a callback of Detector\.fit, but .*plain.* trains"):
        callback.on_train_begin()


def test_images_that_cannot_be_read_count_as_missed(val, tmp_path):
    file = tmp_path / "broken.jpg"
    file.write_bytes(b"not an image")
    broken = dataclasses.replace(
        val, samples=[*val.samples[:-1], dataclasses.replace(val[-1], image=file)]
    )
    skipped = set()
    logs = end_of_epoch(MeanAveragePrecision(broken, skipped=skipped), FindsTheObjects(broken))
    assert skipped == {val[-1].id}
    assert logs["val_map"] == pytest.approx(1.0)  # this detector finds them even so


def test_a_detector_of_any_kind_is_measured(val):
    result = mean_ap.evaluate_map(FindsTheObjects(val, missed=[0]), val, coco=False)
    assert result.voc.map_area == pytest.approx(2 / 3)
    assert result.coco is None
    assert [found.image for found in result.detections] == [sample.id for sample in val]
    assert result.to_json()["voc"]["map_area"] == pytest.approx(2 / 3)
    assert str(result).splitlines()[0].split()[:2] == ["class", "objects"]
    assert "AP50" in str(mean_ap.evaluate_map(FindsTheObjects(val), val, coco=True))
