"""Trains a model on annotated images."""

import argparse
import dataclasses
import difflib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from keras_ssd.cli.data_options import (
    CLASSES_HELP,
    IMAGE_SET_HELP,
    add_data_options,
    check_sources,
    load_data,
    names,
)
from keras_ssd.cli.new_models import NEW_MODELS
from keras_ssd.cli.option_values import positive, seed
from keras_ssd.terminal import counted
from keras_ssd.training.folder import RunFolder

if TYPE_CHECKING:
    from keras_ssd.data import AnnotatedImages
    from keras_ssd.detector import Detector
    from keras_ssd.training.recipes import Recipe

RECIPES = ("finetune", "paper", "smoke")  # of `keras_ssd.training`, which takes seconds to import
_DOWNLOADED = ("imagenet", "reducedfc")  # backbone weights that are downloaded by name


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the subcommand's options: data, model, recipe and folder."""
    add = command.add_argument
    add_data_options(command)
    add("--image-set", help="images to train on: " + IMAGE_SET_HELP.format("trainval"))
    add(
        "--exclude",
        metavar="FILE",
        help="file of ids of images not to train on",
    )
    add(
        "--validation-set",
        metavar="IMAGE_SET",
        help="images to measure mAP on after each epoch; default: none",
    )
    add(
        "--validation-data",
        nargs="+",
        metavar="SOURCE",
        help="sources of the validation set; default: --data",
    )
    add("--validation-images", metavar="DIR", help="the same as --images, for --validation-data")
    add(
        "--difficult",
        choices=("keep", "drop"),
        default="keep",
        help="whether to train on objects marked difficult and on COCO's crowds; validation never "
        "counts them",
    )
    add("--classes", type=names, help=CLASSES_HELP + "default: all that the data have")
    add(
        "--model",
        default="ssd_mobilenet_320_voc",
        help="detector to start from: a preset (`keras-ssd presets` lists them) or a .keras file, "
        "which keeps what it has learned of the classes that have the same name in the data; or a "
        f"new model: {', '.join(NEW_MODELS)}",
    )
    add("--freeze", metavar="LAYER", help="do not train this layer and the layers before it")
    add(
        "--freeze-batch-norm",
        action="store_true",
        help="do not train batch norms; with --backbone-weights, freeze only those of the backbone",
    )
    add(
        "--backbone-weights",
        metavar="FILE",
        help='file of weights for the backbone of a new model, or "imagenet", which downloads them',
    )
    add("--output", type=Path, required=True, metavar="DIR", help="folder of the run")
    add("--resume", action="store_true", help="continue the run in --output")
    add("--recipe", choices=RECIPES, default="finetune", help="recipe of the training")
    add(
        "--batch-size", type=positive(int), help="number of images in a step; default: the recipe's"
    )
    length = command.add_mutually_exclusive_group()
    length.add_argument(
        "--steps", type=positive(int), help="length of the run; default: the recipe's"
    )
    length.add_argument("--epochs", type=positive(int), help="number of passes over the images")
    add(
        "--learning-rate",
        type=positive(float),
        help="highest learning rate; default: the recipe's, in proportion to the batch size",
    )
    add(
        "--augmentation",
        choices=("paper", "none"),
        default="paper",
        help="the paper's random changes of the images, or none",
    )
    add(
        "--evaluate-every",
        type=positive(int),
        metavar="STEPS",
        help="number of steps between two evaluations; default: one pass over the images",
    )
    add(
        "--dtype",
        choices=("float32", "mixed_bfloat16"),
        default="float32",
        help="dtype to compute in; the weights are float32 in any case",
    )
    add("--seed", type=seed, default=0, help="seed of all random numbers")


def run(options: argparse.Namespace) -> int:
    """Loads the data, builds the model and trains it; see `keras_ssd.training.train`."""
    # Errors are raised before the import of Keras, which takes seconds.
    _check_model_options(options)
    RunFolder(options.output).check(resume=options.resume)
    check_sources([*options.data, *(options.validation_data or ())])
    data, validation = _load_sets(options)

    import keras

    from keras_ssd import training
    from keras_ssd.data import Augmentation, PaperAugmentation

    keras.config.set_dtype_policy(options.dtype)
    keras.utils.set_random_seed(options.seed)
    training.train(
        _model(options, _trained_detector(options), data.class_names),
        data,
        output=options.output,
        recipe=_recipe(options, len(data)),
        validation=validation,
        augmentation=Augmentation() if options.augmentation == "none" else PaperAugmentation(),
        steps_per_epoch=options.evaluate_every,
        seed=options.seed,
        skip_corrupt_images=options.corrupt_images == "skip",
        resume=options.resume,
    )
    print(f"Trained. The detectors and the log are in {options.output}")
    return 0


def _load_sets(options) -> "tuple[AnnotatedImages, AnnotatedImages | None]":
    """Returns the images to train on, and those to validate on if there are any."""
    data = load_data(
        options,
        image_set=options.image_set,
        default_set="trainval",
        class_names=options.classes,
        difficult=options.difficult,
        exclude=options.exclude,
    )
    validation = None
    if options.validation_set or options.validation_data:
        validation = load_data(
            options,
            image_set=options.validation_set,
            default_set="val",
            class_names=data.class_names,
            sources=options.validation_data,
            image_folder=options.validation_images,
        )
    print(
        f"{counted(len(data), 'image')} to train on, {len(validation or ())} to validate on, "
        f"{counted(len(data.class_names), 'class', 'classes')}: {', '.join(data.class_names)}"
    )
    _warn_of_shared_images(data, validation)
    return data, validation


def _check_model_options(options):
    """Raises ValueError if the options conflict or name a model or file that does not exist."""
    from keras_ssd.loading import check_keras_detector
    from keras_ssd.presets import list_presets

    presets = [preset.name for preset in list_presets()]
    is_new = options.model in NEW_MODELS
    if not is_new and options.model not in presets and not Path(options.model).exists():
        similar = difflib.get_close_matches(options.model, [*NEW_MODELS, *presets], 1, cutoff=0.7)
        hint = f"; did you mean {similar[0]}?" if similar else ""
        raise ValueError(
            f"--model {options.model}: neither a new model ({', '.join(NEW_MODELS)}), nor a preset "
            f"({', '.join(presets)}), nor a file{hint}"
        )
    if not is_new:
        check_keras_detector(options.model)
    file = options.backbone_weights
    if not is_new and file is not None:
        raise ValueError(f"--backbone-weights: a trained detector, {options.model}, has its own")
    if is_new and file is None and (options.freeze or options.freeze_batch_norm):
        raise ValueError(
            "--freeze, --freeze-batch-norm: a new model has no trained layers to freeze; start "
            "from a trained detector (--model) or from --backbone-weights"
        )
    if is_new and file is not None and NEW_MODELS[options.model].backbone_end is None:
        raise ValueError(f"--backbone-weights: {options.model} takes none")
    if file is not None and file not in _DOWNLOADED and not Path(file).exists():
        raise ValueError(f"--backbone-weights {file}: no such file")


def _warn_of_shared_images(data: "AnnotatedImages", validation: "AnnotatedImages | None"):
    """Compares images by their files, since two sources may have an id in common."""
    to_train = {sample.image for sample in data}
    shared = sum(sample.image in to_train for sample in validation or ())
    if validation is not None and shared:
        print(
            f"warning: {shared} of the {counted(len(validation), 'image')} to validate on "
            f"{'is' if shared == 1 else 'are'} trained on as well, so mAP will overrate the "
            "detector",
            file=sys.stderr,
        )


def _recipe(options, num_images) -> "Recipe":
    from keras_ssd.training import RECIPES as recipes

    recipe = recipes[options.recipe]
    batch_size = options.batch_size or recipe.batch_size
    steps = options.steps or recipe.steps
    if options.epochs:
        steps = options.epochs * -(-num_images // batch_size)
    # A larger batch averages more gradients, so the step may be larger in proportion.
    learning_rate = options.learning_rate or recipe.learning_rate * batch_size / recipe.batch_size
    return dataclasses.replace(
        recipe, batch_size=batch_size, steps=steps, learning_rate=learning_rate
    )


def _trained_detector(options) -> "Detector | None":
    from keras_ssd.loading import load_keras_detector

    if options.model in NEW_MODELS:
        return None
    return load_keras_detector(options.model, dtype=options.dtype)


def _model(options, trained, class_names) -> "Detector":
    """Returns the detector to train, with frozen layers."""
    from keras_ssd.models import transfer

    if trained is None:
        detector = _new_detector(options, class_names)
        up_to = NEW_MODELS[options.model].backbone_end
    else:
        detector = trained.with_classes(class_names)
        up_to = None
        new = [name for name in class_names if name not in detector.carried_over]
        print(f"Classes that {options.model} knows: {', '.join(detector.carried_over) or 'none'}")
        print(f"Classes that are new: {', '.join(new) or 'none'}")
    if options.freeze:
        transfer.freeze_up_to(detector.ssd, options.freeze)
    if options.freeze_batch_norm:
        transfer.freeze_batch_norm(detector.ssd, up_to)
    return detector


def _new_detector(options, class_names):
    from keras_ssd.detector import Detector

    build = NEW_MODELS[options.model].build
    if options.backbone_weights is None:
        return Detector(build(len(class_names)), class_names)
    try:
        ssd = build(len(class_names), backbone_weights=options.backbone_weights)
    except (ValueError, OSError) as error:
        raise ValueError(f"--backbone-weights {options.backbone_weights}: {error}") from error
    return Detector(ssd, class_names)
