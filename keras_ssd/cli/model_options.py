"""The options that name a trained detector, shared by the subcommands that use one."""


def add_model_options(command, *, or_server=False, to_export=False):
    """Adds what `load_model` goes by, and if wanted `--server` in its place.

    A detector to export is one of Keras, and computes in float32 unless told.
    """
    choice = command.add_mutually_exclusive_group(required=True)
    choice.add_argument(
        "--model",
        metavar="MODEL",
        help="name of a preset, see `keras-ssd presets`; or a detector saved as .keras"
        + ("" if to_export else " or exported"),
    )
    if or_server:
        choice.add_argument(
            "--server",
            metavar="ADDRESS",
            help="of a model on TensorFlow Serving: grpc://HOST:PORT/NAME or "
            "http://HOST:PORT/v1/models/NAME",
        )
    command.add_argument("--weights", metavar="FILE", help="the preset's file, not to download it")
    command.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16"),
        default="float32" if to_export else "auto",
        help="to compute in; auto: bfloat16 where measured to be faster on such a processor and "
        "as good; "
        + ("--format saved_model alone keeps it" if to_export else "of exports, OpenVINO's has it"),
    )


def load_model(options):
    """The detector that the options name; see `keras_ssd.load_detector`."""
    from keras_ssd.inference import load_detector

    return load_detector(options.model, weights=options.weights, precision=options.precision)
