"""Training a detector: Keras's methods, carried out by the SSD within."""

import keras

from keras_ssd.detector.callbacks import with_detector
from keras_ssd.losses import HardNegativeCrossentropy, SmoothL1
from keras_ssd.models.ssd import SSD


class TrainsItsSSD:
    """The methods of a Keras model that train it, for a model around an SSD.

    The SSD trains; the callbacks see the model around it.

    Attributes:
        ssd: the SSD.
    """

    ssd: SSD

    def compile(self, optimizer="auto", loss="auto", **kwargs) -> None:
        """Keras's `compile`, for the SSD within.

        Args:
            optimizer: "auto" is AdamW at a learning rate of 5e-4, with clipped gradients.
            loss: "auto" is the loss of SSD: `SmoothL1` and `HardNegativeCrossentropy`.
            **kwargs: what else Keras's `compile` takes.
        """
        if optimizer == "auto":
            optimizer = keras.optimizers.AdamW(5e-4, weight_decay=1e-4, global_clipnorm=10.0)
            optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        if loss == "auto":
            loss = {"offsets": SmoothL1(), "classes": HardNegativeCrossentropy()}
        self.ssd.compile(optimizer, loss, **kwargs)

    def fit(self, x=None, *args, callbacks=None, **kwargs) -> keras.callbacks.History:
        """Keras's `fit`, for the SSD within. The callbacks' `model` is this detector.

        Args:
            x: batches of images and targets, as `keras_ssd.data.training_dataset` makes them.
            callbacks: a list of Keras's callbacks.
            *args, **kwargs: what else Keras's `fit` takes. `validation_data` comes from
                `keras_ssd.data.validation_dataset`.
        """
        return self.ssd.fit(x, *args, callbacks=with_detector(callbacks, self), **kwargs)

    def jax_state_sync(self):
        """On JAX, Keras's callbacks call this before they look at the weights in an epoch."""
        self.ssd.jax_state_sync()
        super().jax_state_sync()

    def evaluate(self, x=None, *args, callbacks=None, **kwargs):
        """Keras's `evaluate`, for the SSD within: the losses; see also `evaluate_map`."""
        return self.ssd.evaluate(x, *args, callbacks=with_detector(callbacks, self), **kwargs)

    def train_on_batch(self, *args, **kwargs):
        """Keras's `train_on_batch`, for the SSD within."""
        return self.ssd.train_on_batch(*args, **kwargs)

    def test_on_batch(self, *args, **kwargs):
        """Keras's `test_on_batch`, for the SSD within."""
        return self.ssd.test_on_batch(*args, **kwargs)

    @property
    def optimizer(self):
        return self.ssd.optimizer

    @property
    def stop_training(self) -> bool:
        return self.ssd.stop_training

    @stop_training.setter
    def stop_training(self, value: bool):
        self.ssd.stop_training = value
