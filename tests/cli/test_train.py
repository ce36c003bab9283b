"""`keras-ssd train` up to where training would begin."""

import dataclasses
import re

import keras
import pytest

from keras_ssd import models, training
from keras_ssd.cli import main
from keras_ssd.cli.training_options import RECIPES
from keras_ssd.data.synthetic import draw_voc
from keras_ssd.detector import Detector
from keras_ssd.models import SSDMobileNet320, SSDTiny128
from keras_ssd.models.precision import dtype_of

TINY = ("--model", "ssd_tiny_128")


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Runs the command up to the training, and returns its exit status."""
    monkeypatch.setattr(training, "train", lambda *_, **__: None)
    return lambda *arguments: main(
        ["train", *map(str, arguments), "--output", str(tmp_path / "run")]
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "ssd_299"], "--model ssd_299: neither a new model (ssd300, "),
        (["--model", "ssd_mobilenet_32"], "--model ssd_mobilenet_32: neither a new model"),
        (["--model", __file__], f"{__file__}: expected a detector"),
        (["--model", "ssd_mobilenet_320_voc_int8"], "ssd_mobilenet_320_voc_int8: an exported det"),
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
    assert train("--data", tmp_path / "missing", *options) == 1
    assert capsys.readouterr().err.startswith(f"keras-ssd train: {message}")


@pytest.mark.parametrize(
    ("image_set", "validation_set", "counts"),
    [
        ("train", "train", "16 of the 16"),
        ("trainval", "val", "8 of the 8"),
        ("0:20", "16:", "4 of"),
    ],
)
def test_images_both_to_train_and_to_validate_on_are_told(
    train, drawn_voc, capsys, image_set, validation_set, counts
):
    sets = ("--image-set", image_set, "--validation-set", validation_set)
    for same in ((), ("--validation-data", drawn_voc)):
        assert train("--data", drawn_voc, *TINY, *sets, *same) == 0
        warning = f"warning: {counts} .*images to validate on are trained on as well, so"
        assert re.match(warning, capsys.readouterr().err)


def test_other_images_to_validate_on_lead_to_no_warning(train, drawn_voc, tmp_path, capsys):
    assert train("--data", drawn_voc, *TINY, "--image-set", "train", "--validation-set", "val") == 0
    of_the_same_name = draw_voc(tmp_path / "other", num_train=0, num_val=1, seed=1)
    assert train("--data", drawn_voc, *TINY, "--validation-data", of_the_same_name) == 0
    captured = capsys.readouterr()
    assert "16 images to train on, 8 to validate on" in captured.out
    assert "24 images to train on, 1 to validate on" in captured.out
    assert "warning" not in captured.err


@pytest.fixture
def detector_to_train(drawn_voc, tmp_path, monkeypatch):
    """Runs the command up to the training; returns the detector that would be trained."""
    trained = []
    monkeypatch.setattr(training, "train", lambda model, *_, **__: trained.append(model))

    def detector_to_train(*options):
        before = keras.config.dtype_policy()
        arguments = ["--data", drawn_voc, "--output", tmp_path / "run", *options]
        try:
            assert main(["train", *map(str, arguments)]) == 0
        finally:
            keras.config.set_dtype_policy(before)
        return trained.pop()

    return detector_to_train


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_a_trained_detector_goes_on_in_the_dtype_asked_for(detector_to_train, tmp_path, dtype):
    Detector(SSDTiny128(1), ("circle",)).save(tmp_path / "trained.keras")
    detector = detector_to_train("--model", tmp_path / "trained.keras", "--dtype", dtype)
    assert dtype_of(detector.ssd) == dtype
    assert detector.class_names == ("circle", "rectangle", "triangle")
    assert detector.carried_over == ("circle",)


def frozen(detector):
    return {layer.name for layer in detector.ssd.layers if not layer.trainable}


def test_layers_and_batch_norms_of_a_trained_detector_are_frozen_on_request(
    detector_to_train, tmp_path
):
    Detector(SSDTiny128(1), ("circle",)).save(tmp_path / "trained.keras")
    model = ("--model", tmp_path / "trained.keras")
    nothing = ("--freeze", "none", "--no-freeze-batch-norm")
    assert frozen(detector_to_train(*model, *nothing)) == set()
    up_to_conv2 = frozen(detector_to_train(*model, "--freeze", "conv2_1", *nothing[2:]))
    assert {"conv1_1", "conv1_1_bn"} <= up_to_conv2
    assert "conv3_1" not in up_to_conv2
    batch_norms = frozen(detector_to_train(*model, *nothing[:2], "--freeze-batch-norm"))
    assert batch_norms
    assert all(name.endswith("_bn") for name in batch_norms)


def test_of_a_new_model_only_the_batch_norms_of_the_trained_backbone_are_frozen(
    detector_to_train, tmp_path, monkeypatch
):
    # the weights do not matter here
    monkeypatch.setattr(models, "SSDMobileNet320", lambda n, backbone_weights: SSDMobileNet320(n))
    weights = tmp_path / "backbone.weights.h5"
    weights.touch()
    model = ("--model", "ssd_mobilenet_320", "--backbone-weights", weights)
    detector = detector_to_train(*model, "--freeze-batch-norm")
    batch_norms = [
        layer.name
        for layer in detector.ssd.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    learning = set(batch_norms) - frozen(detector)
    assert {"bn_Conv1", "Conv_1_bn", "block_16_project_BN"} <= frozen(detector) <= {*batch_norms}
    assert learning
    assert all(name.startswith(("extra", "head")) for name in learning)


def test_of_a_trained_detector_the_first_layers_and_all_batch_norms_stay_by_default(
    detector_to_train, tmp_path
):
    Detector(SSDTiny128(1), ("circle",)).save(tmp_path / "trained.keras")
    model = ("--model", tmp_path / "trained.keras")
    names = frozen(detector_to_train(*model))
    assert {"conv3_1", "conv3_1_bn", "conv4_1_bn"} <= names  # conv3_1 has stride 8
    assert not {"conv4_1", "head1_classes"} & names
    assert frozen(detector_to_train(*model, "--freeze", "backbone")) > names
    assert not {"conv3_1", "conv4_1_bn"} & frozen(detector_to_train(*model, "--recipe", "smoke"))


def test_the_recipes_are_those_of_the_package():
    assert set(RECIPES) == set(training.RECIPES)


@pytest.fixture
def options_of_train(drawn_voc, tmp_path, monkeypatch):
    """Runs the command up to the training; returns the keyword arguments of `train`."""
    given = []
    monkeypatch.setattr(training, "train", lambda *_, **options: given.append(options))

    def options_of_train(*options):
        arguments = ["train", "--data", drawn_voc, "--output", tmp_path / "run", *TINY, *options]
        assert main([str(argument) for argument in arguments]) == 0
        return given.pop()

    return options_of_train


def test_what_a_recipe_leaves_open_is_as_the_options_say(options_of_train):
    plain = options_of_train()
    assert plain["recipe"] == training.RECIPES["finetune"]
    assert [plain[name] for name in ("batch_size", "time_limit", "early_stop")] == [None] * 3

    changed = options_of_train(
        *("--batch-size", 4, "--accumulate", 2, "--epochs", 3, "--schedule", "step"),
        *("--average-over", 0, "--time-limit", "55m", "--matching-iou", 0.45),
    )
    recipe = changed["recipe"]
    assert (recipe.batch_size, recipe.accumulate, recipe.schedule) == (4, 2, "step")
    assert recipe.steps == 3 * 3  # 24 images are 3 steps of 2 batches of 4
    assert recipe.learning_rate == training.RECIPES["finetune"].learning_rate / 2  # 8 for 16 images
    assert (recipe.average_over, recipe.matching_iou) == (None, 0.45)
    assert changed["time_limit"] == 3300

    auto = options_of_train("--batch-size", "auto", "--recipe", "paper", "--schedule", "cosine")
    assert auto["batch_size"] == "auto"
    assert auto["recipe"] == dataclasses.replace(training.RECIPES["paper"], schedule="cosine")


def test_a_trained_detector_trains_as_long_as_the_number_of_images_says(options_of_train, tmp_path):
    Detector(SSDTiny128(1), ("circle",)).save(tmp_path / "trained.keras")

    def steps(*options):
        given = options_of_train("--model", tmp_path / "trained.keras", *options)
        recipe = given["recipe"]
        return recipe.steps, given["steps_per_epoch"], recipe.learning_rate, recipe.images_per_step

    assert steps() == (124, 13, 3e-4, 16)  # 24 images
    assert steps("--image-set", "train") == (116, 12, 3e-4, 16)
    # what is given stays as it is
    assert steps("--steps", 400, "--learning-rate", 0.1) == (400, 40, 0.1, 16)
    assert steps("--steps", 10, "--batch-size", 8) == (10, 3, 1.5e-4, 8)  # 3 steps are a pass
    assert steps("--epochs", 5, "--evaluate-every", 7) == (10, 7, 3e-4, 16)
    assert steps("--recipe", "modern") == steps()
    assert steps("--batch-size", "auto") == steps()
    assert steps("--batch-size", 8, "--accumulate", 4)[2:] == (6e-4, 32)
    # other recipes say it themselves
    assert steps("--recipe", "paper") == (120_000, None, 1e-3, 32)
    assert steps("--recipe", "smoke") == (20, None, 1e-3, 4)


def test_a_run_ends_early_only_with_images_to_validate_on(
    train, drawn_voc, options_of_train, capsys
):
    assert options_of_train("--early-stop", 3, "--validation-set", "val")["early_stop"] == 3
    assert train("--data", drawn_voc, *TINY, "--early-stop", 3) == 1
    message = "keras-ssd train: --early-stop: needs images to validate on, --validation-set"
    assert capsys.readouterr().err.splitlines()[-1] == message
