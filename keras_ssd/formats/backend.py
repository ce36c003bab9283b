"""The Keras backend that exports need."""

import keras


def require_tensorflow() -> None:
    """Raises ValueError if the backend is not TensorFlow, because exports convert its graphs."""
    if keras.config.backend() != "tensorflow":
        raise ValueError(
            f"Keras's backend is {keras.config.backend()}, but exports need TensorFlow; set the "
            "environment variable KERAS_BACKEND=tensorflow before Keras is imported"
        )
