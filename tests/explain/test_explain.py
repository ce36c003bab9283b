"""A photo is followed through an SSD: the steps agree with the detector and the losses."""

from pathlib import Path

import numpy as np
import pytest

import keras_ssd
from keras_ssd.cli import main
from keras_ssd.data import load
from keras_ssd.explain import explain, follow
from keras_ssd.explain.steps import STEPS
from keras_ssd.losses import HardNegativeCrossentropy

ABOVE = 0.26
PHOTOS = Path(__file__).parents[2] / "examples" / "photos"


@pytest.fixture(scope="module")
def detector(micro_ssd):
    return keras_ssd.Detector(micro_ssd(), ("circle", "rectangle", "triangle"))


@pytest.fixture(scope="module")
def sample(drawn_voc):
    return max(load(drawn_voc, "train"), key=lambda sample: len(sample.labels))


@pytest.fixture(scope="module")
def followed(sample, detector):
    return follow(
        detector, sample.read_image(), sample.boxes, sample.labels, confidence_threshold=ABOVE
    )


def test_the_boxes_that_remain_are_those_of_the_detector(followed, sample, detector):
    (found,) = detector.detect([sample.read_image()], confidence_threshold=ABOVE)
    kept = followed.candidates[followed.dropped_by < 0]
    assert 1 < len(kept) < len(followed.candidates)
    height, width = found.size
    boxes = np.clip(followed.decoded[kept[:, 0]], 0, 1) * [width, height, width, height]
    np.testing.assert_allclose(boxes, found.boxes, atol=0.05)
    np.testing.assert_array_equal(kept[:, 1], found.labels)


def test_a_dropped_box_overlaps_a_kept_one_of_its_class(followed):
    dropped = np.flatnonzero(followed.dropped_by >= 0)
    by = followed.dropped_by[dropped]
    assert (followed.dropped_by[by] < 0).all()
    assert (by < dropped).all()
    assert (followed.candidates[by, 1] == followed.candidates[dropped, 1]).all()


def test_the_losses_add_up_to_the_loss_of_training(followed):
    objects = followed.objects
    matched = objects.matches >= 0
    classes = np.where(matched, objects.labels[objects.matches] + 1, 0)
    logits = np.log(followed.scores)
    expected = float(HardNegativeCrossentropy()(classes[None], logits[None]))
    assert objects.is_mined.sum() == 3 * matched.sum() > 0
    kept = objects.losses[matched | objects.is_mined].sum()
    assert kept / matched.sum() == pytest.approx(expected, rel=1e-5)


def test_each_object_has_one_best_box(followed):
    objects = followed.objects
    assert sorted(objects.matches[objects.is_best]) == list(range(len(objects.labels)))


def test_a_photo_without_annotations_skips_the_steps_of_training(detector, sample, tmp_path):
    page = explain(detector, sample.read_image(), tmp_path, confidence_threshold=ABOVE)
    names = sorted(path.name for path in tmp_path.iterdir())
    pictures = ["1_input.png", "2_maps.png", "3_default_boxes.png", "7_scores.png"]
    assert names == [*pictures, "index.html"]
    text = page.read_text()
    assert [picture in text for picture in pictures] == [True] * 4
    assert "Hard negatives" not in text


def test_the_command_writes_all_steps(detector, drawn_voc, sample, tmp_path, capsys):
    detector.save(tmp_path / "model.keras")
    photo = str(sample.image)
    annotations = str(drawn_voc / "Annotations" / f"{sample.id}.xml")
    options = ["--model", str(tmp_path / "model.keras"), "--confidence", "0.3"]
    output = tmp_path / "out"
    assert (
        main(["explain", photo, "--annotations", annotations, *options, "--output", str(output)])
        == 0
    )
    assert f"The steps are explained in {output / 'index.html'}" in capsys.readouterr().out
    pictures = {path.name for path in output.glob("*.png")}
    assert pictures == {f"{number}_{step.name}.png" for number, step in enumerate(STEPS, start=1)}


def test_the_lines_of_code_run_one_after_the_other(capsys):
    variables = {
        "photo": PHOTOS / "chelsea.jpg",
        "objects": np.array([[0.05, 0.02, 0.95, 1.0]], np.float32),
        "labels": np.array([7], np.int32),  # VOC's cat
    }
    exec("\n".join(step.code for step in STEPS), variables)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "(1, 2034, 4) (1, 2034, 21)"
    assert printed[-1] == "1.0 1.0"  # precision, recall


def test_an_export_is_refused(sample, tmp_path, capsys):
    options = ["--model", "ssd_mobilenet_320_voc_int8", "--output", str(tmp_path / "out")]
    assert main(["explain", str(sample.image), *options]) == 1
    assert "expected a preset or a .keras file" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
