"""Writes a detector for use outside Python, and checks what it wrote."""

from pathlib import Path

import numpy as np

from keras_ssd.cli.data_options import IMAGE_SET_HELP, add_data_options, load_data
from keras_ssd.cli.model_options import add_model_options
from keras_ssd.images import resize_image

CALIBRATION_IMAGES = 100
COMPARED_IMAGES = 16


def add_options(command):
    """Adds the subcommand's options: the detector, the format, the data to check it on."""
    add = command.add_argument
    add_model_options(command, to_export=True)
    add("--format", choices=tuple(_EXPORTS), required=True, help="to write")
    add(
        "--output",
        type=Path,
        required=True,
        metavar="PATH",
        help="litert: a .tflite file; saved_model: the folder for its numbered versions; openvino: "
        "an .xml file, whose .bin is written beside it; onnx: an .onnx file",
    )
    add(
        "--quantize",
        choices=("float16", "dynamic_int8", "int8"),
        help="LiteRT, and int8 OpenVINO: of the weights; int8: of all calculation too, which "
        "needs --data",
    )
    add(
        "--nms",
        action="store_true",
        help="LiteRT: end with detections, at most 100, for programs that expect them; else at "
        "the raw outputs",
    )
    add_data_options(command, required=False)
    add("--image-set", help=f"to measure on; {IMAGE_SET_HELP.format('val')}")
    add("--calibration-set", help=f"for int8; {IMAGE_SET_HELP.format('train')}")


def run(options) -> int:
    """Exports, loads back what it wrote and prints how far that lies from the detector."""
    from keras_ssd.formats import compare, file_size
    from keras_ssd.loading import load_detector, load_keras_detector

    _check_options(options)
    to_export = load_keras_detector(options.model, dtype=options.dtype)
    detector = to_export.with_dtype("float32")
    size, names = detector.image_size, detector.class_names
    data, calibration_images = None, None
    if options.data:
        data = _data(options, names, options.image_set, "val")
    if options.quantize == "int8":
        calibration_data = _data(options, names, options.calibration_set, "train")
        calibration_images = _images(calibration_data, CALIBRATION_IMAGES)
    path = _EXPORTS[options.format](to_export, options, calibration_images)
    exported = load_detector(path)
    print(f"{path}: {file_size(path) / 1e6:.1f} MB")
    if data is None:
        print(f"on {COMPARED_IMAGES} drawn images, scores from 0.05: ", end="")
        print(compare(detector, exported, _drawn_images(size), least_score=0.05))
        return 0
    images = np.stack([resize_image(image, size) for image in _images(data, COMPARED_IMAGES)])
    print(f"on {len(images)} images of --data, scores from 0.25: ", end="")
    print(compare(detector, exported, images))
    before, after = _mean_ap(detector, data), _mean_ap(exported, data)
    if np.isnan(before):
        print(f"no mAP: the {len(data)} images have no objects to find")
    else:
        print(f"mAP on {len(data)} images: {before:.4f} before, {after:.4f} after")
    return 0


def _check_options(options):
    """Raises ValueError for what does not go together, before anything is loaded."""
    for name, formats in {
        "quantize": ("litert", "openvino"),
        "nms": ("litert",),
        "dtype": ("saved_model",),
    }.items():
        value = getattr(options, name)
        if value and value != "float32" and options.format not in formats:
            raise ValueError(f"--{name}: --format {options.format} does not take it")
    if options.format == "openvino" and options.quantize not in (None, "int8"):
        raise ValueError(f"--quantize {options.quantize}: --format openvino takes int8 alone")
    if options.quantize == "int8" and not options.data:
        raise ValueError("--quantize int8 needs --data, images to take its ranges from")


def _export_litert(detector, options, calibration_images):
    from keras_ssd.formats import export_litert

    return export_litert(
        detector,
        options.output,
        quantize=options.quantize,
        nms=options.nms,
        calibration_images=calibration_images,
    )


def _export_onnx(detector, options, _):
    from keras_ssd.formats import export_onnx

    return export_onnx(detector, options.output)


def _export_openvino(detector, options, calibration_images):
    from keras_ssd.formats import export_openvino

    return export_openvino(
        detector,
        options.output,
        quantize=options.quantize,
        calibration_images=calibration_images,
    )


def _export_saved_model(detector, options, _):
    from keras_ssd.formats import export_saved_model

    return export_saved_model(detector, options.output)


# Each returns the path of what it wrote.
_EXPORTS = {
    "litert": _export_litert,
    "onnx": _export_onnx,
    "openvino": _export_openvino,
    "saved_model": _export_saved_model,
}


def _data(options, class_names, image_set, default_set):
    return load_data(options, image_set=image_set, default_set=default_set, class_names=class_names)


def _images(data, count):
    """Up to `count` images, spread over the data."""
    chosen = np.linspace(0, len(data) - 1, min(count, len(data))).round().astype(int)
    return [data.samples[index].read_image() for index in chosen]


def _drawn_images(size):
    from keras_ssd.data.synthetic import draw_background, draw_objects

    images = []
    for number in range(COMPARED_IMAGES):
        rng = np.random.default_rng(number)
        images.append(draw_background(rng, size, size))
        draw_objects(rng, images[-1], count=3)
    return np.stack(images)


def _mean_ap(detector, data):
    from keras_ssd import evaluation

    return evaluation.evaluate_map(detector, data, coco=False).voc.map_11_point
