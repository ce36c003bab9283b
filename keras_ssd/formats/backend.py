"""The backend of Keras that detectors are exported from."""

import keras


def require_tensorflow() -> None:
    """Raises ValueError unless Keras's backend is TensorFlow: exports convert its graphs."""
    if keras.config.backend() != "tensorflow":
        raise ValueError(
            f"Keras's backend is {keras.config.backend()}, but exports need TensorFlow; set the "
            "environment variable KERAS_BACKEND=tensorflow before Keras is imported"
        )
