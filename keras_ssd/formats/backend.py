"""Which of Keras's backends detectors are exported from."""

import keras


def require_tensorflow():
    """Raises ValueError on a backend other than TensorFlow's, whose graphs the exports convert."""
    if keras.config.backend() != "tensorflow":
        raise ValueError(
            f"Keras's backend is {keras.config.backend()}, but exports need TensorFlow's; set the "
            "environment variable KERAS_BACKEND=tensorflow before Keras is imported"
        )
