"""Writes TensorFlow's SSDLite, trained on COCO, which `ssd_mobilenet_320_voc` is trained from.

python training/coco_start.py WEIGHTS_FOLDER OUTPUT.keras

The folder contains `mobilenet_v2_coco_notop.weights.h5` and
`mobilenet_v2_coco_ssdlite_extras_heads.npz`. They have the weights of the model zoo's
ssdlite_mobilenet_v2_coco, with boxes in our order, and only the classes background and VOC's 20.
"""

import argparse
from pathlib import Path

import numpy as np

from keras_ssd import Detector, SSDMobileNet320
from keras_ssd.classes import VOC_CLASSES
from keras_ssd.files import checked_output


def coco_start(folder: str | Path) -> Detector:
    """Returns the detector with those weights, before any training on VOC."""
    folder = Path(folder)
    model = SSDMobileNet320(backbone_weights=folder / "mobilenet_v2_coco_notop.weights.h5")
    with np.load(folder / "mobilenet_v2_coco_ssdlite_extras_heads.npz") as arrays:
        for key in sorted({key.rpartition("/")[0] for key in arrays}):
            block, _, part = key.partition("/")
            name = f"{block}_{part.replace('boxes', 'offsets')}"
            if f"{key}/bias" in arrays:
                model.get_layer(name).set_weights(
                    [arrays[f"{key}/{x}"] for x in ("kernel", "bias")]
                )
                continue
            model.get_layer(name).set_weights([arrays[f"{key}/kernel"]])
            statistics = ("gamma", "beta", "mean", "variance")
            model.get_layer(f"{name}_bn").set_weights([arrays[f"{key}/{x}"] for x in statistics])
    return Detector(model, VOC_CLASSES)


def main() -> None:
    """Runs the command; wrong arguments lead to its usage."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("folder", metavar="WEIGHTS_FOLDER", help="the folder of the two files")
    add("output", type=Path, metavar="OUTPUT.keras", help="the file to write")
    options = parser.parse_args()
    try:
        checked_output(options.output, ".keras")
        coco_start(options.folder).save(options.output)
    except (ValueError, ImportError, OSError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
