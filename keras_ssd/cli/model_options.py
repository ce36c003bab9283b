"""The options that name a trained detector, shared by the subcommands that use one."""


def add_model_options(command, *, or_server=False, to_export=False):
    """Adds the options that `load_model` reads, and `--server` as their alternative if wanted.

    A detector to export is one of Keras, and computes in float32 by default.
    """
    choice = command.add_mutually_exclusive_group(required=True)
    choice.add_argument(
        "--model",
        metavar="MODEL",
        help="name of a preset (`keras-ssd presets` lists them), or a detector saved as .keras"
        + ("" if to_export else " or exported"),
    )
    if or_server:
        choice.add_argument(
            "--server",
            metavar="ADDRESS",
            help="address of a model on TensorFlow Serving: grpc://HOST:PORT/NAME or "
            "http://HOST:PORT/v1/models/NAME",
        )
    command.add_argument(
        "--dtype",
        choices=("auto", "float32", "mixed_bfloat16"),
        default="float32" if to_export else "auto",
        help="dtype to compute in; auto takes bfloat16 where it was measured to be faster and as "
        "accurate",
    )


def load_model(options):
    """The detector that the options name; see `keras_ssd.load_detector`."""
    from keras_ssd.loading import load_detector

    return load_detector(options.model, dtype=options.dtype)
