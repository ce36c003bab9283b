"""How Keras's callbacks see a detector while the SSD within it trains."""

import keras


def with_detector(callbacks, detector) -> list[keras.callbacks.Callback]:
    """Callbacks for a call of the SSD's `fit` whose `model` is the detector.

    Args:
        callbacks: None, one callback or a list of them.
        detector: the model that they shall see, for example to save it.
    """
    return [_WithDetector(callbacks, detector)]


class _WithDetector(keras.callbacks.CallbackList):
    """Callbacks that keep their model, whatever model runs them."""

    def __init__(self, callbacks, detector):
        self._detector = detector
        super().__init__(callbacks, model=detector)

    def set_model(self, model):
        super().set_model(self._detector)

    def on_epoch_end(self, epoch, logs=None):
        """Shows what a callback adds to the logs to those outside, such as the progress bar."""
        logs = {} if logs is None else logs
        found = dict(logs)
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, found)
        logs.update(found)
