"""`keras-ssd train` up to where training would begin."""

import re
import signal

import keras
import pytest

from keras_ssd import training
from keras_ssd.cli import main
from keras_ssd.data.synthetic import draw_voc
from keras_ssd.models import SSDTiny128, build_detector

TINY = ("--model", "ssd_tiny_128")


@pytest.fixture
def train(tmp_path, monkeypatch):
    """The command, for a run in a place where there can be none."""
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    (tmp_path / "run").touch()

    def train(*arguments):
        assert main(["train", *map(str, arguments), "--output", str(tmp_path / "run")]) == 1

    return train


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "ssd_299"], "--model ssd_299: neither a new model (ssd300, "),
        (["--weights", "no.keras"], "--weights no.keras: no such file"),
        (["--weights", "imagenet"], "--weights imagenet: no such file"),
        (["--model", "ssd300", "--weights", "no.h5"], "--weights: go with a preset"),
        (["--model", __file__, "--weights", "no.h5"], "--weights: go with a preset"),
        (["--backbone-weights", "imagenet"], "--backbone-weights: a trained detector"),
        (
            ["--model", "ssd300", "--backbone-weights", "no.h5"],
            "--backbone-weights no.h5: no such file",
        ),
        (["--model", "ssd300", "--freeze", "fc7"], "--freeze, --freeze-batch-norm: a new model"),
        (
            ["--model", "ssd_tiny_128", "--backbone-weights", "imagenet"],
            "--backbone-weights: ssd_tiny_128 takes none",
        ),
    ],
)
def test_what_is_wrong_with_the_model_is_told_before_the_data_are_read(
    train, capsys, tmp_path, options, message
):
    train("--data", tmp_path / "missing", *options)
    assert capsys.readouterr().err.startswith(f"keras-ssd train: {message}")


@pytest.mark.parametrize(
    ("image_set", "validation_set", "counts"),
    [
        ("train", "train", "16 of the 16"),
        ("trainval", "val", "8 of the 8"),
        ("0:20", "16:", "4 of"),
    ],
)
def test_images_to_train_and_to_validate_on_are_told(
    train, drawn_voc, capsys, image_set, validation_set, counts
):
    sets = ("--image-set", image_set, "--validation-set", validation_set)
    for same in ((), ("--validation-data", drawn_voc)):
        train("--data", drawn_voc, *TINY, *sets, *same)
        warning = f"warning: {counts} .*images to validate on are trained on as well, so"
        assert re.match(warning, capsys.readouterr().err)


def test_other_images_to_validate_on_are_told_by_no_warning(train, drawn_voc, tmp_path, capsys):
    train("--data", drawn_voc, *TINY, "--image-set", "train", "--validation-set", "val")
    of_the_same_name = draw_voc(tmp_path / "other", num_train=0, num_val=1, seed=1)
    train("--data", drawn_voc, *TINY, "--validation-data", of_the_same_name)
    captured = capsys.readouterr()
    assert "16 images to train on, 8 to validate on" in captured.out
    assert "24 images to train on, 1 to validate on" in captured.out
    assert "warning" not in captured.err


@pytest.mark.parametrize(
    ("precision", "policy"), [("float32", "float32"), ("bfloat16", "mixed_bfloat16")]
)
def test_a_trained_detector_goes_on_in_the_precision_asked_for(
    drawn_voc, tmp_path, monkeypatch, precision, policy
):
    build_detector(SSDTiny128(1), ("cat",)).save(tmp_path / "trained.keras")
    trained = []
    monkeypatch.setattr(training, "train", lambda model, *_, **__: trained.append(model))
    model = ("--model", str(tmp_path / "trained.keras"), "--precision", precision)
    before, handler = keras.config.dtype_policy(), signal.getsignal(signal.SIGTERM)
    try:
        assert main(["train", "--data", str(drawn_voc), *model, "--output", str(tmp_path)]) == 0
    finally:
        keras.config.set_dtype_policy(before)
        signal.signal(signal.SIGTERM, handler)
    assert trained[0].get_layer("conv1_1").dtype_policy.name == policy
