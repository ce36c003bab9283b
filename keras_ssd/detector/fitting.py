"""The training methods of a detector, which call those of the SSD within."""

from typing import Any

import keras
import numpy as np

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.detector.callbacks import with_detector
from keras_ssd.losses import HardNegativeCrossentropy, SmoothL1
from keras_ssd.models.ssd import SSD
from keras_ssd.optimizers import SSDAdamW


class TrainsItsSSD:
    """Keras's training methods, for a model around an SSD.

    The SSD trains; callbacks see the model around it.

    Attributes:
        ssd: the SSD to train.
    """

    ssd: SSD

    def compile(self, optimizer: Any = "auto", loss: Any = "auto", **kwargs: Any) -> None:
        """Keras's `compile`, for the SSD within.

        Args:
            optimizer: a Keras optimizer or its name. "auto" takes AdamW with a learning rate of
                5e-4 and clipped gradients.
            loss: a loss for each of the SSD's outputs, "offsets" and "classes". "auto" takes the
                losses of the paper: `SmoothL1` and `HardNegativeCrossentropy`.
            **kwargs: the other arguments of Keras's `compile`.
        """
        if optimizer == "auto":
            optimizer = SSDAdamW(5e-4, weight_decay=1e-4, global_clipnorm=10.0)
        if loss == "auto":
            loss = {"offsets": SmoothL1(), "classes": HardNegativeCrossentropy()}
        self.ssd.compile(optimizer, loss, **kwargs)

    def fit(
        self, x: Any = None, *args: Any, callbacks: Any = None, **kwargs: Any
    ) -> keras.callbacks.History:
        """Keras's `fit`, for the SSD within. The callbacks' `model` is this detector.

        Args:
            x: batches of images and targets from `keras_ssd.data.training_dataset`. They are
                endless, so give `steps_per_epoch`.
            callbacks: a list of callbacks of Keras or of `keras_ssd.callbacks`.
            *args, **kwargs: the other arguments of Keras's `fit`. For `validation_data` use
                `keras_ssd.data.validation_dataset`.

        Raises:
            CorruptImageError: an image cannot be read.
            ValueError: the data are AnnotatedImages, not batches of them.
        """
        _check_batches("x", x, "training_dataset")
        _check_batches("validation_data", kwargs.get("validation_data"), "validation_dataset")
        if not isinstance(x, np.ndarray):
            kwargs.setdefault("shuffle", False)  # a data set shuffles itself
        with _errors_of_images():
            return self.ssd.fit(x, *args, callbacks=with_detector(callbacks, self), **kwargs)

    def jax_state_sync(self) -> None:
        """Keras's callbacks call this on JAX before they use the weights in an epoch."""
        self.ssd.jax_state_sync()
        super().jax_state_sync()  # type: ignore[misc]  # of keras.Model

    def evaluate(self, x: Any = None, *args: Any, callbacks: Any = None, **kwargs: Any) -> Any:
        """Keras's `evaluate`, for the SSD within. It measures the losses, `evaluate_map` the mAP.

        Args:
            x: batches of images and targets from `keras_ssd.data.validation_dataset`.
            callbacks, *args, **kwargs: as in Keras's `evaluate`.

        Raises:
            CorruptImageError: an image cannot be read.
            ValueError: the data are AnnotatedImages, not batches of them.
        """
        _check_batches("x", x, "validation_dataset")
        with _errors_of_images():
            return self.ssd.evaluate(x, *args, callbacks=with_detector(callbacks, self), **kwargs)

    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Keras's `train_on_batch`, for the SSD within."""
        return self.ssd.train_on_batch(*args, **kwargs)

    def test_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Keras's `test_on_batch`, for the SSD within."""
        return self.ssd.test_on_batch(*args, **kwargs)

    @property
    def optimizer(self) -> keras.optimizers.Optimizer | None:
        """The optimizer of the SSD within."""
        return self.ssd.optimizer

    @property
    def stop_training(self) -> bool:
        """Whether `fit` ends after this step; callbacks set it."""
        return self.ssd.stop_training

    @stop_training.setter
    def stop_training(self, value: bool) -> None:
        self.ssd.stop_training = value


def _check_batches(argument, value, maker):
    if isinstance(value, AnnotatedImages):
        raise ValueError(
            f"{argument}: expected batches, not AnnotatedImages; "
            f"keras_ssd.data.{maker}(data, detector) makes them"
        )


def _errors_of_images():
    """Makes an image that cannot be read raise CorruptImageError in this context."""
    from keras_ssd.data.pipeline import unwrapped_errors  # this needs TensorFlow

    return unwrapped_errors()
