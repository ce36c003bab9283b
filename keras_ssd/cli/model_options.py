"""The options that name a trained detector, shared by the subcommands that use one."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keras_ssd.inference.protocol import ObjectDetector

# Those of `keras_ssd.runtime`, which takes a while to import.
RUNTIMES = ("auto", "keras", "litert", "onnx", "openvino")

# The preset that commands take where the user names no model.
DEFAULT_MODEL = "ssd_mobilenet_320_voc"


def add_model_options(
    command: argparse.ArgumentParser, *, or_server: bool = False, to_export: bool = False
) -> None:
    """Adds the options that `load_model` reads.

    Args:
        command: the subcommand's parser.
        or_server: whether `--server` may be given in place of `--model`, and neither need be.
        to_export: whether the model must be a Keras detector, in float32 unless the user names
            another dtype.
    """
    choice = command.add_mutually_exclusive_group(required=not or_server)
    choice.add_argument(
        "--model",
        metavar="MODEL",
        help="the name of a preset (`keras-ssd presets` lists them), or the path of a detector: a "
        ".keras file, a checkpoint of PyTorch or TensorFlow"
        + ("" if to_export else ", or an exported .tflite, .onnx or .xml file or SavedModel")
        + (f"; default: {DEFAULT_MODEL}" if or_server else ""),
    )
    if or_server:
        choice.add_argument(
            "--server",
            metavar="ADDRESS",
            help="the address of a model on TensorFlow Serving: grpc://HOST:PORT/NAME or "
            "http://HOST:PORT/v1/models/NAME",
        )
    command.add_argument(
        "--dtype",
        choices=("auto", "float32", "mixed_bfloat16"),
        default="float32" if to_export else "auto",
        help="the dtype to compute in; auto takes bfloat16 if it was measured to be faster and as "
        "accurate, and says what it took",
    )


def check_model(options: argparse.Namespace) -> None:
    """Raises ValueError if the options name no preset and no detector's file; quick."""
    from keras_ssd.loading import check_detector

    check_detector(options.model)


def load_model(options: argparse.Namespace) -> "ObjectDetector":
    """Returns the detector that the options name; see `keras_ssd.load_detector`."""
    from keras_ssd.loading import load_detector

    return load_detector(options.model, dtype=options.dtype)


def add_runtime_options(command: argparse.ArgumentParser) -> None:
    """Adds the options that `load_for_runtime` reads, besides those of `add_model_options`."""
    command.add_argument(
        "--runtime",
        choices=RUNTIMES,
        default="auto",
        help="the program that runs the detector. auto takes for a preset its packaged int8 file, "
        "which LiteRT runs without Keras; for other detectors Keras, or for a video or 100 images "
        "and more a float32 LiteRT export, which is made once and kept. It says what it took",
    )
    command.add_argument(
        "--calibrate",
        metavar="DIR",
        help="run the detector in int8, calibrated on up to 100 images of this folder (needs "
        "keras-ssd[edge], or keras-ssd[openvino] with --runtime openvino)",
    )


def load_for_runtime(
    options: argparse.Namespace, *, many: bool, changes_nms: bool = False
) -> "ObjectDetector":
    """Returns the detector that the options name; see `keras_ssd.runtime.load_for`.

    Args:
        options: the options of `add_model_options` and `add_runtime_options`.
        many, changes_nms: as in `load_for`.
    """
    from keras_ssd.runtime import load_for

    return load_for(
        options.model,
        runtime=options.runtime,
        many=many,
        changes_nms=changes_nms,
        dtype=options.dtype,
        calibrate=options.calibrate,
    )
