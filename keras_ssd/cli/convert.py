"""Makes a detector of a PyTorch checkpoint of SSD300 or SSD512 on VGG16."""

from pathlib import Path

from keras_ssd.cli.data_options import CLASSES_HELP, names
from keras_ssd.files import replace_file


def add_options(command):
    """Adds the subcommand's options: what to read and what to write."""
    add = command.add_argument
    add("checkpoint", type=Path, metavar="FILE.pth", help="a state dict that PyTorch saved")
    add("output", type=Path, metavar="OUT.keras")
    add("--source", default="auto", help="amdegroot, lufficc, torchvision, caffe, or by the names")
    add("--classes", type=names, help=CLASSES_HELP + "else VOC's 20 or COCO's 80 or 90")


def run(options) -> int:
    """Writes the detector; see `keras_ssd.models.convert_torch_checkpoint`."""
    from keras_ssd.models import class_names, convert_torch_checkpoint

    if options.output.suffix != ".keras":
        raise ValueError(f"{options.output}: the name of the detector must end in .keras")
    detector = convert_torch_checkpoint(options.checkpoint, options.source, options.classes)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    replace_file(options.output, detector.save)
    print(f"{detector.name}: {', '.join(class_names(detector))} -> {options.output}")
    return 0
