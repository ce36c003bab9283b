"""The options that name a trained detector, shared by the subcommands that use one."""


def add_model_options(command):
    """Adds what `load_model` goes by."""
    command.add_argument(
        "--model",
        required=True,
        metavar="MODEL",
        help="name of a preset, see `keras-ssd presets`; or a detector saved as .keras",
    )
    command.add_argument("--weights", metavar="FILE", help="the preset's file, not to download it")


def load_model(options):
    """The detector that the options name; see `keras_ssd.load_detector`."""
    from keras_ssd.models import load_detector

    return load_detector(options.model, weights=options.weights)
