"""A run ends after some evaluations without a better mAP, and keeps the best detector."""

import csv
import dataclasses
import math
from types import SimpleNamespace

import pytest

from keras_ssd import callbacks
from keras_ssd.detector import open_detector
from keras_ssd.training.folder import RunFolder

SCORES = [0.3, 0.5, 0.5, math.nan, 0.2, 0.9]


@pytest.mark.parametrize(
    ("scores", "since"),
    [
        ([], 0),
        ([0.3], 0),
        ([0.3, 0.2], 1),
        ([0.3, 0.3], 1),  # an equal one is not better
        ([0.3, 0.4, math.nan, 0.1], 2),
        ([math.nan, math.nan], 2),
        ([math.nan, 0.0], 0),
    ],
)
def test_evaluations_since_the_best_by_hand(tmp_path, scores, since):
    folder = RunFolder(tmp_path)
    for epoch, score in enumerate(scores):
        folder.add_epoch(epoch, {"val_map": score})
    assert folder.evaluations_since_best() == since
    assert folder.last_epoch() == len(scores) - 1


def test_a_run_ends_early_keeps_its_best_detector_and_does_not_go_on(
    run, recipe, tmp_path, monkeypatch, caplog
):
    caplog.set_level("INFO", logger="keras_ssd")
    output = tmp_path / "run"
    recipe = dataclasses.replace(recipe, steps=6)
    saved = []  # a weight of the detector at each evaluation

    def measure(detector, *_, **__):
        saved.append(detector.ssd.get_weights()[0].copy())
        voc = SimpleNamespace(map_11_point=SCORES[len(saved) - 1])
        return SimpleNamespace(voc=voc, coco=None)

    monkeypatch.setattr(callbacks, "evaluate_map", measure)
    run(output, recipe, steps_per_epoch=1, early_stop=3)
    assert caplog.messages.count("the run ends here: no better mAP in 3 evaluations") == 1
    with (output / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["val_map"] for row in rows] == ["0.3", "0.5", "0.5", "nan", "0.2"]
    assert (open_detector(output / "best.keras").ssd.get_weights()[0] == saved[1]).all()
    assert not (saved[1] == saved[2]).all()
    run(output, recipe, steps_per_epoch=1, early_stop=3, resume=True)
    assert len(saved) == 5


def test_without_images_to_validate_on_no_run_can_end_early(run, tmp_path):
    with pytest.raises(ValueError, match=r"^early_stop: there are no images to validate on"):
        run(tmp_path / "run", validation=None, early_stop=2)
