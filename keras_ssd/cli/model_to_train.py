"""The model that `keras-ssd train` trains: its options, their check, and the detector."""

import argparse
import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from keras_ssd.cli.model_options import DEFAULT_MODEL
from keras_ssd.cli.new_models import NEW_MODELS

if TYPE_CHECKING:
    from keras_ssd.detector import Detector

NOTHING = "none"  # what --freeze names to train all layers
_DOWNLOADED = ("imagenet", "reducedfc")  # backbone weights that are downloaded by name


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the options that `check` and `detector_to_train` read."""
    add = command.add_argument
    add(
        "--model",
        default=DEFAULT_MODEL,
        help="detector to start from: a preset (`keras-ssd presets` lists them) or a .keras file, "
        "which keeps what it has learned of the classes that have the same name in the data; or a "
        f"new model: {', '.join(NEW_MODELS)}",
    )
    add(
        "--backbone-weights",
        metavar="FILE",
        help='file of weights for the backbone of a new model, or "imagenet", which downloads them',
    )
    add(
        "--freeze",
        metavar="backbone|stride8|LAYER|none",
        help="do not train the backbone, or its layers up to stride 8, or a layer and those before "
        "it; default: stride8 for a trained detector, else none",
    )
    add(
        "--freeze-batch-norm",
        action=argparse.BooleanOptionalAction,
        help="do not train batch norms; with --backbone-weights, freeze only those of the "
        "backbone; default: only for a trained detector",
    )
    add(
        "--dtype",
        choices=("float32", "mixed_bfloat16"),
        default="float32",
        help="dtype to compute in; the weights are float32 in any case",
    )


def check(options: argparse.Namespace) -> None:
    """Checks the options of the model before Keras is imported, which takes seconds.

    Raises:
        ValueError: the options conflict, or name a model or a file that does not exist.
    """
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
    is_frozen = options.freeze not in (None, NOTHING) or options.freeze_batch_norm
    if is_new and file is None and is_frozen:
        raise ValueError(
            "--freeze, --freeze-batch-norm: a new model has no trained layers to freeze; start "
            "from a trained detector (--model) or from --backbone-weights"
        )
    if is_new and file is not None and NEW_MODELS[options.model].backbone_end is None:
        raise ValueError(f"--backbone-weights: {options.model} takes none")
    if file is not None and file not in _DOWNLOADED and not Path(file).exists():
        raise ValueError(f"--backbone-weights {file}: no such file")


def detector_to_train(options: argparse.Namespace, class_names: Sequence[str]) -> "Detector":
    """Returns the detector that the options name, for the classes of the data.

    Its layers are frozen as the options say. It prints which classes a trained detector knows.
    """
    from keras_ssd.models import transfer

    if options.model in NEW_MODELS:
        detector = _new_detector(options, class_names)
        up_to = NEW_MODELS[options.model].backbone_end
    else:
        detector = _trained_detector(options, class_names)
        up_to = None
    if options.freeze not in (None, NOTHING):
        transfer.freeze_up_to(detector.ssd, options.freeze)
    if options.freeze_batch_norm:
        transfer.freeze_batch_norm(detector.ssd, up_to)
    return detector


def _trained_detector(options, class_names):
    from keras_ssd.loading import load_keras_detector

    trained = load_keras_detector(options.model, dtype=options.dtype)
    detector = trained.with_classes(class_names)
    new = [name for name in class_names if name not in detector.carried_over]
    print(f"Classes that {options.model} knows: {', '.join(detector.carried_over) or 'none'}")
    print(f"Classes that are new: {', '.join(new) or 'none'}")
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
