"""`keras-ssd export`: writes a detector for use outside Python, and checks what it wrote."""

import argparse
from pathlib import Path

from keras_ssd.cli.data_options import IMAGE_SET_HELP, add_data_options, load_data
from keras_ssd.cli.model_options import add_model_options
from keras_ssd.formats.table import FORMATS, format_to_write


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the subcommand's options: the detector, the format, the data to check it on."""
    add = command.add_argument
    add_model_options(command, to_export=True)
    add(
        "--output",
        type=Path,
        required=True,
        metavar="PATH",
        help="file to write: "
        + ", ".join(f"{one.suffix} for {one.name}" for one in FORMATS if one.suffix)
        + "; or a folder for the versions of a SavedModel",
    )
    add(
        "--format",
        choices=[one.name for one in FORMATS],
        help="format to write, if the suffix of --output does not say it",
    )
    takes = "; ".join(
        f"{one.name} takes {', '.join(one.quantizations)}" for one in FORMATS if one.quantizations
    )
    add(
        "--quantize",
        choices=sorted({kind for one in FORMATS for kind in one.quantizations}),
        help=f"number format of the weights, and with int8 of the activations too, which needs "
        f"--data; {takes}",
    )
    add(
        "--nms",
        action=argparse.BooleanOptionalAction,
        help="end with detections, or (--no-nms) at the raw outputs of the network; only litert, "
        "by default without, and at most 100 detections with it, and onnx, by default with it",
    )
    add("--confidence", type=float, help="export this confidence threshold, 0 to 1")
    add("--iou", type=float, help="export this IoU threshold of NMS, 0 to 1")
    add("--max-detections", type=int, metavar="N", help="export this limit for an image")
    add_data_options(command, required=False)
    add("--image-set", help=f"images to measure mAP on: {IMAGE_SET_HELP.format('val')}")
    add("--calibration-set", help=f"images for int8: {IMAGE_SET_HELP.format('train')}")


def run(options: argparse.Namespace) -> int:
    """Exports, prints the size, and with data the mAP before and after."""
    from keras_ssd.formats.exporting import checked_options, export, file_size
    from keras_ssd.loading import load_detector, load_keras_detector

    chosen = format_to_write(options.output, options.format)
    given = {"quantize": options.quantize, "nms": options.nms}
    checked_options(chosen, options.output, **given)  # before anything is loaded
    if options.dtype != "float32" and not chosen.keeps_dtype:
        raise ValueError(f"--dtype: {options.output} is {chosen.title}, which computes in float32")
    if options.quantize == "int8" and not options.data:
        raise ValueError("--quantize int8 needs --data, images to take the ranges from")

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
        print(f"mAP on {len(data)} images: {before} before, {after} after")
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
