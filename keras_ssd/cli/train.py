"""Trains a model on annotated images."""

import dataclasses
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from keras_ssd.cli.data_options import (
    CLASSES_HELP,
    IMAGE_SET_HELP,
    add_data_options,
    load_data,
    names,
    positive,
)
from keras_ssd.cli.new_models import NEW_MODELS

_DOWNLOADED = ("imagenet", "reducedfc")  # names of backbone weights that are no files


def add_options(command):
    """Adds the subcommand's options: data, model, recipe and folder."""
    add = command.add_argument
    add_data_options(command)
    add("--image-set", help="to train on: " + IMAGE_SET_HELP.format("trainval"))
    add("--exclude", metavar="FILE", help="ids of images never to train on, one a line")
    add("--validation-set", metavar="IMAGE_SET", help="to measure mAP on after each epoch")
    add("--validation-data", nargs="+", metavar="SOURCE", help="of it, if not that of --data")
    add("--validation-images", metavar="DIR", help="of a .json or .csv in --validation-data")
    add(
        "--difficult",
        choices=("keep", "drop"),
        default="keep",
        help="objects marked so, and COCO's crowds; validation keeps them and ignores hits",
    )
    add("--classes", type=names, help=CLASSES_HELP + "default: all that the data have")
    add(
        "--model",
        default="ssd_mobilenet_320_voc",
        help="a trained detector, whose classes keep what they have learned where names match: a "
        "preset, see `keras-ssd presets`, or one saved as .keras; or a new model: "
        + ", ".join(NEW_MODELS),
    )
    add("--freeze", metavar="LAYER", help="keep this layer and all before it as they are")
    add("--freeze-batch-norm", action="store_true", help="keep them as they are")
    add("--backbone-weights", metavar="FILE", help='or "imagenet", which downloads')
    add("--output", type=Path, required=True, metavar="DIR", help="folder of the run")
    add("--resume", action="store_true", help="go on with the run in --output")
    recipes = ("paper-300", "paper-512", "finetune", "smoke")
    add("--recipe", choices=recipes, default="finetune", help="sets what follows where not given")
    add("--batch-size", type=positive(int))
    length = command.add_mutually_exclusive_group()
    length.add_argument("--steps", type=positive(int))
    length.add_argument("--epochs", type=positive(int), help="passes over the images")
    add("--learning-rate", type=positive(float), help="else the recipe's, by batch size")
    add("--augmentation", choices=("paper", "none"), default="paper")
    add("--evaluate-every", type=positive(int), metavar="STEPS", help="else each pass")
    add(
        "--dtype",
        choices=("float32", "mixed_bfloat16"),
        default="float32",
        help="dtype to compute in; the weights are float32 in any case",
    )
    add("--seed", type=int, default=0)


def run(options) -> int:
    """Loads the data, builds the model, trains; see `keras_ssd.training.train`."""
    import keras

    from keras_ssd import training
    from keras_ssd.data import Augmentation, PaperAugmentation
    from keras_ssd.models import transfer

    _check_model_options(options)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `kill` saves, as Ctrl-C does
    keras.config.set_dtype_policy(options.dtype)
    keras.utils.set_random_seed(options.seed)
    data = load_data(
        options,
        image_set=options.image_set,
        default_set="trainval",
        class_names=options.classes,
        difficult=options.difficult,
        exclude=options.exclude,
    )
    validation_samples: Sequence = ()
    if options.validation_set or options.validation_data:
        validation_samples = load_data(
            options,
            image_set=options.validation_set,
            default_set="val",
            class_names=data.class_names,
            sources=options.validation_data,
            image_folder=options.validation_images,
        ).samples
    print(
        f"{len(data)} images to train on, {len(validation_samples)} to validate on, "
        f"{len(data.class_names)} classes: {', '.join(data.class_names)}"
    )
    _warn_of_shared_images(data.samples, validation_samples)
    model = _model(options, data.class_names)
    if options.freeze:
        transfer.freeze_up_to(model, options.freeze)
    if options.freeze_batch_norm:
        transfer.freeze_batch_norm(model)
    training.train(
        model,
        data.samples,
        class_names=data.class_names,
        output=options.output,
        recipe=_recipe(options, len(data)),
        validation_samples=validation_samples,
        augmentation=Augmentation() if options.augmentation == "none" else PaperAugmentation(),
        steps_per_epoch=options.evaluate_every,
        seed=options.seed,
        skip_corrupt_images=options.corrupt_images == "skip",
        resume=options.resume,
    )
    print(f"Trained. The detectors and the log lie in {options.output}")
    return 0


def _check_model_options(options):
    """Raises ValueError where they do not go together or name what is not there."""
    from keras_ssd.presets import list_presets

    presets = [preset.name for preset in list_presets()]
    is_new = options.model in NEW_MODELS
    if not is_new and options.model not in presets and not Path(options.model).exists():
        raise ValueError(
            f"--model {options.model}: neither a new model ({', '.join(NEW_MODELS)}), nor a preset "
            f"({', '.join(presets)}), nor a file"
        )
    if is_new:
        if options.freeze_batch_norm or (options.freeze and options.backbone_weights is None):
            raise ValueError(
                "--freeze, --freeze-batch-norm: a new model has nothing trained to keep; start "
                "from a trained detector (--model), or, for --freeze, from --backbone-weights"
            )
        if options.backbone_weights is not None and options.model == "ssd_tiny_128":
            raise ValueError("--backbone-weights: ssd_tiny_128 takes none")
    elif options.backbone_weights is not None:
        raise ValueError(f"--backbone-weights: a trained detector, {options.model}, has its own")
    file = options.backbone_weights
    if file is not None and file not in _DOWNLOADED and not Path(file).exists():
        raise ValueError(f"--backbone-weights {file}: no such file")


def _warn_of_shared_images(samples, validation_samples):
    """Tells them by their files, since two sources may have an id in common."""
    to_train = {sample.image for sample in samples}
    shared = sum(sample.image in to_train for sample in validation_samples)
    if shared:
        print(
            f"warning: {shared} of the {len(validation_samples)} images to validate on are trained "
            "on as well, so that mAP will overrate the detector",
            file=sys.stderr,
        )


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


def _model(options, class_names):
    from keras_ssd.loading import load_keras_detector

    if options.model in NEW_MODELS:
        return _new_model(options, len(class_names))
    detector = load_keras_detector(options.model, dtype=options.dtype).with_classes(class_names)
    new = [name for name in class_names if name not in detector.carried_over]
    print(f"Classes that {options.model} knows: {', '.join(detector.carried_over) or 'none'}")
    print(f"Classes that are new: {', '.join(new) or 'none'}")
    return detector.ssd


def _new_model(options, num_classes):
    build = NEW_MODELS[options.model].build
    if options.backbone_weights is None:
        return build(num_classes)
    try:
        return build(num_classes, backbone_weights=options.backbone_weights)
    except (ValueError, OSError) as error:
        raise ValueError(f"--backbone-weights {options.backbone_weights}: {error}") from error
