"""Which program runs a detector: Keras, or a runtime without Keras that starts and runs faster."""

from keras_ssd.runtime.amount import are_many
from keras_ssd.runtime.choosing import RUNTIMES, load_for

__all__ = ["RUNTIMES", "are_many", "load_for"]
