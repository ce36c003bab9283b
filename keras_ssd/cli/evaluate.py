"""Measures a detector's average precision on annotated images."""

import json
from pathlib import Path

from keras_ssd.cli.data_options import IMAGE_SET_HELP, add_data_options, load_data
from keras_ssd.cli.model_options import add_model_options, load_model
from keras_ssd.extras import require
from keras_ssd.files import write_text


def add_options(command):
    """Adds the subcommand's options: the data, the detector and what to write."""
    add = command.add_argument
    add_data_options(command)
    add("--image-set", help=IMAGE_SET_HELP.format("val"))
    add_model_options(command)
    add("--coco", action="store_true", help="COCO's AP as well (needs pycocotools)")
    add("--json", type=Path, metavar="FILE", help="write the figures")
    add("--plot", type=Path, metavar="FILE", help="draw precision over recall (PNG)")
    add("--detections", type=Path, metavar="FILE", help="write all detections (JSON)")


def run(options) -> int:
    """Prints a table per class and writes what was asked for."""
    from keras_ssd import evaluation
    from keras_ssd.results import write_json

    for package, wanted in (("pycocotools", options.coco), ("matplotlib", options.plot)):
        if wanted:
            require(package, extra="train")
    detector = load_model(options)
    given = (options.data, options.images)
    data = load_data(*given, options.image_set, "val", detector.class_names, options)
    skipped = set() if options.corrupt_images == "skip" else None
    detections = evaluation.predict_samples(detector, data.samples, skipped=skipped)
    if options.detections:
        write_json(detections, options.detections)
    result = evaluation.evaluate_voc(detections, data.samples, data.class_names)
    print(evaluation.format_voc(result))
    coco = None
    if options.coco:
        coco = evaluation.evaluate_coco(detections, data.samples, data.class_names)
        print(f"\n{evaluation.format_coco(coco)}")
    if skipped:
        print(f"\n{len(skipped)} images could not be read; their objects count as missed")
    if options.json:
        text = json.dumps(evaluation.to_json(result, coco), indent=1) + "\n"
        write_text(options.json, text)
    if options.plot:
        options.plot.parent.mkdir(parents=True, exist_ok=True)
        evaluation.plot_precision_recall(result, options.plot)
    return 0
