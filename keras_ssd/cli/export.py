"""Writes a detector for use outside Python, and checks what it wrote."""

from pathlib import Path

import numpy as np

from keras_ssd.cli.data_options import IMAGE_SET_HELP, add_data_options, load_data
from keras_ssd.cli.model_options import add_model_options, load_model
from keras_ssd.images import resize_image

CALIBRATION_IMAGES = 100
COMPARED_IMAGES = 16


def add_options(command):
    """Adds the subcommand's options: the detector, the format, the data to check it on."""
    add = command.add_argument
    add_model_options(command, precision="float32")
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
    from keras_ssd.export import compare, file_size
    from keras_ssd.inference import load_detector
    from keras_ssd.models import image_size

    to_export = load_model(options)
    detector = to_export
    if options.precision != "float32":
        detector = load_detector(options.model, weights=options.weights, precision="float32")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    path = _EXPORTS[options.format](to_export, options)
    exported = load_detector(path)
    print(f"{path}: {file_size(path) / 1e6:.1f} MB")
    size = image_size(detector)
    if not options.data:
        print(f"on {COMPARED_IMAGES} drawn images, scores from 0.05: ", end="")
        print(compare(detector, exported, _drawn_images(size), least_score=0.05))
        return 0
    data = _data(options, detector, options.image_set, "val")
    images = np.stack([resize_image(image, size) for image in _images(data, COMPARED_IMAGES)])
    print(f"on {len(images)} images of --data, scores from 0.25: ", end="")
    print(compare(detector, exported, images))
    before, after = _mean_ap(detector, data), _mean_ap(exported, data)
    print(f"mAP on {len(data.samples)} images: {before:.4f} before, {after:.4f} after")
    return 0


def _export_litert(detector, options):
    from keras_ssd.export import export_litert

    _refuse(options)
    return export_litert(
        detector,
        options.output,
        quantize=options.quantize,
        nms=options.nms,
        calibration_images=_calibration_images(detector, options),
    )


def _export_onnx(detector, options):
    from keras_ssd.export import export_onnx

    _refuse(options, "quantize", "nms")
    return export_onnx(detector, options.output)


def _export_openvino(detector, options):
    from keras_ssd.export import export_openvino

    _refuse(options, "nms")
    return export_openvino(
        detector,
        options.output,
        quantize=options.quantize,
        calibration_images=_calibration_images(detector, options),
    )


def _export_saved_model(detector, options):
    from keras_ssd.export import export_saved_model

    _refuse(options, "quantize", "nms")
    return export_saved_model(detector, options.output)


# Each returns the path of what it wrote.
_EXPORTS = {
    "litert": _export_litert,
    "onnx": _export_onnx,
    "openvino": _export_openvino,
    "saved_model": _export_saved_model,
}


def _refuse(options, *names):
    """Raises ValueError if one of these options is given, or a precision but for a SavedModel."""
    if options.precision != "float32" and options.format != "saved_model":
        raise ValueError(
            f"--precision {options.precision}: --format {options.format} does not take it; "
            "OpenVINO computes as `load_detector` is told"
        )
    for name in names:
        if getattr(options, name):
            raise ValueError(f"--{name}: --format {options.format} does not take it")


def _calibration_images(detector, options):
    """Images for int8, else None."""
    if options.quantize != "int8":
        return None
    if not options.data:
        raise ValueError("--quantize int8 needs --data, images to take its ranges from")
    data = _data(options, detector, options.calibration_set, "train")
    return _images(data, CALIBRATION_IMAGES)


def _data(options, detector, image_set, default_set):
    from keras_ssd.models import class_names

    given = (options.data, options.images, image_set, default_set)
    return load_data(*given, class_names(detector), options)


def _images(data, count):
    """Up to `count` images, spread over the data."""
    return [sample.read_image() for sample in data.samples[:: -(-len(data.samples) // count)]]


def _drawn_images(size):
    from keras_ssd.data.drawn import draw_background, draw_objects

    images = []
    for number in range(COMPARED_IMAGES):
        rng = np.random.default_rng(number)
        images.append(draw_background(rng, size, size))
        draw_objects(rng, images[-1], count=3)
    return np.stack(images)


def _mean_ap(detector, data):
    from keras_ssd import evaluation

    detections = evaluation.predict_samples(detector, data.samples)
    return evaluation.evaluate_voc(detections, data.samples, data.class_names).map_11_point
