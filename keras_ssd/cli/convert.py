"""Makes a detector of a PyTorch or TensorFlow checkpoint of an SSD."""

from pathlib import Path

from keras_ssd.cli.data_options import CLASSES_HELP, names
from keras_ssd.files import checked_output, replace_file

SOURCES = ("auto", "amdegroot", "lufficc", "torchvision", "caffe", "tensorflow")


def add_options(command):
    """Adds the subcommand's options: what to read and what to write."""
    add = command.add_argument
    add(
        "checkpoint",
        type=Path,
        metavar="FILE",
        help="a state dict that PyTorch saved (.pth), or TensorFlow's ssdlite_mobilenet_v2: the "
        "model zoo's .tar.gz, its folder, or model.ckpt in it",
    )
    add("output", type=Path, metavar="OUT.keras")
    add("--source", choices=SOURCES, default="auto", help="whose; auto goes by the file and names")
    add("--classes", type=names, help=CLASSES_HELP + "else VOC's 20 or COCO's 80 or 90")


def run(options) -> int:
    """Writes the detector; see `keras_ssd.models`, `convert_torch_checkpoint` and its like."""
    from keras_ssd.convert import convert_checkpoint
    from keras_ssd.detector import Detector

    checked_output(options.output, ".keras")
    detector = Detector(*convert_checkpoint(options.checkpoint, options.source, options.classes))
    replace_file(options.output, detector.save)
    print(f"{detector.name}: {', '.join(detector.class_names)} -> {options.output}")
    return 0
