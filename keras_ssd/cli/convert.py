"""Makes a detector from a PyTorch or TensorFlow checkpoint of an SSD."""

import argparse
from pathlib import Path

from keras_ssd.checkpoints import is_checkpoint
from keras_ssd.checkpoints.torch_names import TORCH_SOURCES
from keras_ssd.cli.data_options import CLASSES_HELP, names
from keras_ssd.files import checked_output, replace_file


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the subcommand's options: the checkpoint to read and the file to write."""
    add = command.add_argument
    add(
        "checkpoint",
        type=Path,
        metavar="FILE",
        help="a state dict that PyTorch saved (.pth), or TensorFlow's ssdlite_mobilenet_v2: the "
        "model zoo's .tar.gz, its folder, or model.ckpt in it",
    )
    add("output", type=Path, metavar="OUT.keras", help="the detector to write")
    add(
        "--source",
        choices=("auto", *TORCH_SOURCES, "tensorflow"),
        default="auto",
        help="the project that trained it; auto finds it from the file and the names in it, except "
        "for caffe (the original's weights under the names of amdegroot)",
    )
    add("--classes", type=names, help=CLASSES_HELP + "default: VOC's 20, or COCO's 80 or 90")
    add(
        "--boxes",
        choices=("voc", "coco"),
        help="the data set that the sizes of the default boxes were chosen for, which a PyTorch "
        "checkpoint does not contain; default: chosen by the source and the number of classes",
    )


def run(options: argparse.Namespace) -> int:
    """Writes the detector; see `keras_ssd.Detector.from_checkpoint`."""
    checked_output(options.output, ".keras")
    if not options.checkpoint.exists() and not is_checkpoint(options.checkpoint):
        raise ValueError(f"{options.checkpoint}: no such file")

    from keras_ssd.detector import Detector

    detector = Detector.from_checkpoint(
        options.checkpoint, options.source, options.classes, options.boxes
    )
    replace_file(options.output, detector.save)
    print(f"{detector.name}: {', '.join(detector.class_names)} -> {options.output}")
    return 0
