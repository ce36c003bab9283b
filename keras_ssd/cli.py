"""The `keras-ssd` command: one function a subcommand, over the package's own functions."""

import argparse
import dataclasses
import json
import logging
import signal
import sys
from pathlib import Path


def main(arguments=None) -> int:
    """Runs a subcommand; returns the exit status: 0, 1 after an error, 130 after Ctrl-C."""
    logging.basicConfig(format="%(message)s")
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except (ValueError, ImportError, OSError) as error:
        print(f"keras-ssd {options.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"keras-ssd {options.command}: interrupted", file=sys.stderr)
        return 130


def train(options) -> int:
    """Trains a model on annotated images."""
    import keras

    from keras_ssd import training

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `kill` saves, as Ctrl-C does
    keras.config.set_dtype_policy(options.precision)
    data = _load_data(options.data, options.image_set, options.classes, options)
    validation_samples = []
    if options.validation_set:
        folders = options.validation_data or options.data
        loaded = _load_data(folders, options.validation_set, data.class_names, options)
        validation_samples = loaded.samples
    print(
        f"{len(data)} images to train on, {len(validation_samples)} to validate on, "
        f"{len(data.class_names)} classes: {', '.join(data.class_names)}"
    )
    training.train(
        _build_model(options, len(data.class_names)),
        data.samples,
        class_names=data.class_names,
        output=options.output,
        recipe=_recipe(options, len(data)),
        validation_samples=validation_samples,
        augmentation=None if options.augmentation == "none" else options.augmentation,
        steps_per_epoch=options.evaluate_every,
        seed=options.seed,
        skip_corrupt_images=options.corrupt_images == "skip",
        resume=options.resume,
    )
    print(f"Trained. The detectors and the log lie in {options.output}")
    return 0


def evaluate(options) -> int:
    """Measures a detector's average precision on annotated images."""
    from keras_ssd import evaluation
    from keras_ssd.models import class_names, load_detector
    from keras_ssd.results.detections import write_json

    detector = load_detector(options.model)
    data = _load_data(options.data, options.image_set, class_names(detector), options)
    skipped = set() if options.corrupt_images == "skip" else None
    detections = evaluation.predict_samples(
        detector, data.samples, skipped=skipped, verbose="auto" if sys.stdout.isatty() else 0
    )
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
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(evaluation.to_json(result, coco), indent=1) + "\n")
    if options.plot:
        evaluation.plot_precision_recall(result, options.plot)
    return 0


def detect(options) -> int:
    """Finds objects in photos and draws them."""
    from keras_ssd.inference import detect_to_folder
    from keras_ssd.models import load_detector

    detector = load_detector(options.model)
    problems = detect_to_folder(
        detector,
        options.photos,
        options.output,
        confidence_threshold=options.confidence,
        on_image=_print_detections,
    )
    for problem in problems:
        print(f"keras-ssd detect: {problem}", file=sys.stderr)
    return 1 if problems else 0


def _print_detections(found, picture):
    objects = [f"{record['label']} {record['score']:.2f}" for record in found.to_records()]
    print(f"{found.image}: {', '.join(objects) or 'nothing found'} -> {picture}")


def _load_data(folders, image_set, class_names, options):
    from keras_ssd.data import load_voc, merge

    if isinstance(class_names, str):
        class_names = [name.strip() for name in class_names.split(",")]
    rules = {"difficult": options.difficult, "unknown_classes": options.unknown_classes}
    if class_names is None and len(folders) > 1:  # the same names for all: those found anywhere
        found = [load_voc(folder, image_set, **rules).class_names for folder in folders]
        class_names = sorted(set().union(*found))
    data = merge(
        load_voc(folder, image_set, class_names=class_names, **rules) for folder in folders
    )
    data = dataclasses.replace(data, samples=data.samples[: options.max_images])
    for problem in data.problems[:10]:
        print(f"{image_set}: {problem}", file=sys.stderr)
    if len(data.problems) > 10:
        print(f"{image_set}: and {len(data.problems) - 10} more such problems", file=sys.stderr)
    return data


def _recipe(options, num_images):
    from keras_ssd.training import RECIPES

    recipe = RECIPES[options.recipe]
    batch_size = options.batch_size or recipe.batch_size
    steps = options.steps or recipe.steps
    if options.epochs:
        steps = options.epochs * -(-num_images // batch_size)
    # A larger batch averages more gradients and bears a larger step, in proportion.
    learning_rate = options.learning_rate or recipe.learning_rate * batch_size / recipe.batch_size
    return dataclasses.replace(
        recipe, batch_size=batch_size, steps=steps, learning_rate=learning_rate
    )


def _build_model(options, num_classes):
    from keras_ssd import models

    build = {
        "ssd300": models.SSD300,
        "ssd512": models.SSD512,
        "ssd_mobilenet_320": models.SSDMobileNet320,
        "ssd_resnet_300": models.SSDResNet300,
        "ssd_tiny_128": models.SSDTiny128,
    }[options.model]
    if options.backbone_weights is None:
        return build(num_classes)
    if build is models.SSDTiny128:
        raise ValueError("--backbone-weights: ssd_tiny_128 takes none")
    try:
        return build(num_classes, backbone_weights=options.backbone_weights)
    except (ValueError, OSError) as error:
        raise ValueError(f"--backbone-weights {options.backbone_weights}: {error}") from error


def _positive(convert):
    def parse(text):
        value = convert(text)
        if value <= 0:
            raise argparse.ArgumentTypeError(f"expected more than 0, not {text}")
        return value

    return parse


def _parser():
    parser = argparse.ArgumentParser(
        prog="keras-ssd", description="SSD object detection: train, evaluate, detect."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_train(commands)
    _add_evaluate(commands)
    _add_detect(commands)
    return parser


def _add_command(commands, function):
    command = commands.add_parser(
        function.__name__,
        help=function.__doc__,
        description=function.__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    command.set_defaults(run=function)
    return command


def _add_data_options(command, folders):
    command.add_argument("--data", nargs=folders, required=True, metavar="DIR", help=_DATA_HELP)
    command.add_argument(
        "--max-images", type=_positive(int), metavar="N", help="only the first N of each image set"
    )
    command.add_argument("--difficult", choices=("keep", "drop"), default="keep")
    command.add_argument("--unknown-classes", choices=("error", "skip"), default="error")
    command.add_argument("--corrupt-images", choices=("error", "skip"), default="error")


_DATA_HELP = "holds JPEGImages, Annotations and ImageSets/Main, or is a VOCdevkit with years"


def _add_train(commands):
    add = (command := _add_command(commands, train)).add_argument
    _add_data_options(command, folders="+")
    add("--image-set", default="trainval", help="to train on")
    add("--validation-set", metavar="IMAGE_SET", help="to measure mAP on after each epoch")
    add("--validation-data", nargs="+", metavar="DIR", help="of it, if not that of --data")
    add("--classes", help="names, separated by commas; else all that the annotations have")
    models = ("ssd300", "ssd512", "ssd_mobilenet_320", "ssd_resnet_300", "ssd_tiny_128")
    add("--model", choices=models, default="ssd_mobilenet_320")
    add("--backbone-weights", metavar="FILE", help='or "imagenet", which downloads')
    add("--output", type=Path, required=True, metavar="DIR", help="folder of the run")
    add("--resume", action="store_true", help="go on with the run in --output")
    recipes = ("paper-300", "paper-512", "finetune", "smoke")
    add("--recipe", choices=recipes, default="finetune", help="sets what follows where not given")
    add("--batch-size", type=_positive(int))
    length = command.add_mutually_exclusive_group()
    length.add_argument("--steps", type=_positive(int))
    length.add_argument("--epochs", type=_positive(int), help="passes over the images")
    add("--learning-rate", type=_positive(float), help="else the recipe's, by batch size")
    add("--augmentation", choices=("paper", "none"), default="paper")
    add("--evaluate-every", type=_positive(int), metavar="STEPS", help="else each pass")
    add("--precision", choices=("float32", "mixed_bfloat16"), default="float32")
    add("--seed", type=int, default=0)


def _add_evaluate(commands):
    add = (command := _add_command(commands, evaluate)).add_argument
    _add_data_options(command, folders="+")
    add("--image-set", default="val")
    add("--model", required=True, metavar="FILE", help="a detector saved as .keras")
    add("--coco", action="store_true", help="COCO's AP as well (needs pycocotools)")
    add("--json", type=Path, metavar="FILE", help="write the figures")
    add("--plot", type=Path, metavar="FILE", help="draw precision over recall (PNG)")
    add("--detections", type=Path, metavar="FILE", help="write all detections (JSON)")


def _add_detect(commands):
    add = _add_command(commands, detect).add_argument
    add("photos", nargs="+", metavar="PHOTO")
    add("--model", required=True, metavar="FILE", help="a detector saved as .keras")
    add("--output", type=Path, required=True, metavar="DIR", help="for pictures and JSON")
    add("--confidence", type=float, default=0.25, help="least score of a detection")


if __name__ == "__main__":
    sys.exit(main())
