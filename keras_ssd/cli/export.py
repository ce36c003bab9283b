"""`keras-ssd export` writes a detector for use outside Python, and checks the written file."""

import argparse
from pathlib import Path

from keras_ssd.cli.data_options import IMAGE_SET_HELP, add_data_options, check_sources, load_data
from keras_ssd.cli.model_options import add_model_options
from keras_ssd.cli.option_values import positive, share
from keras_ssd.files import checked_folder, checked_output
from keras_ssd.formats.table import FORMATS, format_to_write
from keras_ssd.terminal import counted


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the subcommand's options: the detector, the format, the data to check it on."""
    add = command.add_argument
    add_model_options(command, to_export=True)
    suffixes = ", ".join(f"{one.suffix} ({one.name})" for one in FORMATS if one.suffix)
    quantizations = "; ".join(
        f"{one.suffix} takes {', '.join(one.quantizations)}" for one in FORMATS if one.quantizations
    )
    add(
        "--output",
        type=Path,
        required=True,
        metavar="PATH",
        help=f"the file to write, which ends in {suffixes}; or the folder for the versions of a "
        "SavedModel",
    )
    add(
        "--format",
        choices=[one.name for one in FORMATS],
        help="the format to write, if the suffix of --output does not tell it",
    )
    add(
        "--quantize",
        choices=sorted({kind for one in FORMATS for kind in one.quantizations}),
        help="how to store the weights; int8 also computes in int8, and needs --data. "
        + quantizations,
    )
    add(
        "--nms",
        action=argparse.BooleanOptionalAction,
        help="end the file with detections, or with --no-nms at the raw outputs of the network. A "
        ".tflite file ends at the raw outputs by default, and with --nms finds at most 100 objects "
        "in an image; an .onnx file ends with detections by default; the others always do",
    )
    add("--confidence", type=share, metavar="X", help="the confidence threshold to export, 0 to 1")
    add("--iou", type=share, metavar="X", help="the IoU threshold of NMS to export, 0 to 1")
    add(
        "--max-detections",
        type=positive(int),
        metavar="N",
        help="the most objects in an image to export",
    )
    add_data_options(command, required=False)
    add("--image-set", help=f"images to measure mAP on: {IMAGE_SET_HELP.format('val')}")
    add("--calibration-set", help=f"images for int8: {IMAGE_SET_HELP.format('train')}")


def run(options: argparse.Namespace) -> int:
    """Exports the detector, prints its size, and if there are data the mAP before and after."""
    from keras_ssd.formats.exporting import checked_options, export, file_size
    from keras_ssd.loading import check_keras_detector, load_detector, load_keras_detector

    chosen = format_to_write(options.output, options.format)
    given = {"quantize": options.quantize, "nms": options.nms}
    checked_options(chosen, options.output, **given)  # before anything is loaded
    if options.dtype != "float32" and not chosen.keeps_dtype:
        raise ValueError(f"--dtype: {options.output} is {chosen.title}, which computes in float32")
    if options.quantize == "int8" and not options.data:
        raise ValueError("--quantize int8 needs --data, images to take the ranges from")
    if chosen.suffix:
        checked_output(options.output, chosen.suffix)
    else:
        checked_folder(options.output)
    check_sources(options.data)
    check_keras_detector(options.model)

    detector = load_keras_detector(options.model, dtype=options.dtype)
    _set_thresholds(detector, options)
    data, calibration_data = None, None
    if options.data:
        data = _data(options, detector, options.image_set, "val")
    if options.quantize == "int8":
        calibration_data = _data(options, detector, options.calibration_set, "train")
    path = export(detector, options.output, options.format, data=calibration_data or data, **given)
    print(f"{path}: {file_size(path) / 1e6:.1f} MB", flush=True)
    if data is not None:
        reference = detector if chosen.keeps_dtype else detector.with_dtype("float32")
        before, after = (_mean_ap(one, data, options) for one in (reference, load_detector(path)))
        print(f"mAP on {counted(len(data), 'image')}: {before} before, {after} after")
    return 0


def _set_thresholds(detector, options):
    thresholds = {
        "confidence_threshold": options.confidence,
        "iou_threshold": options.iou,
        "max_detections": options.max_detections,
    }
    for name, value in thresholds.items():
        if value is not None:
            setattr(detector, name, value)


def _data(options, detector, image_set, default_set):
    return load_data(
        options, image_set=image_set, default_set=default_set, class_names=detector.class_names
    )


def _mean_ap(detector, data, options):
    from keras_ssd.evaluation import evaluate_map

    skipped = set() if options.corrupt_images == "skip" else None
    value = evaluate_map(detector, data, skipped=skipped, coco=False).voc.map_11_point
    return f"{value:.4f}" if value == value else "none (there are no objects to find)"
