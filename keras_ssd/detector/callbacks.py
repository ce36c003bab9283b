"""Shows the detector to Keras's callbacks while the SSD within it trains."""

from typing import Any

import keras


def with_detector(callbacks: Any, detector: keras.Model) -> list[keras.callbacks.Callback]:
    """Callbacks for the `fit` of an SSD that see the detector as their `model`.

    Args:
        callbacks: None, one callback or a list of callbacks.
        detector: the model for the callbacks, for example to save it.
    """
    return [_WithDetector(callbacks, detector)]


class _WithDetector(keras.callbacks.CallbackList):
    """Callbacks that keep their model when another model runs them."""

    def __init__(self, callbacks: Any, detector: Any):
        self._detector = detector
        super().__init__(callbacks, model=detector)

    def set_model(self, model: Any) -> None:
        super().set_model(self._detector)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Passes on what callbacks add to the logs, for example to the progress bar."""
        logs = {} if logs is None else logs
        found = dict(logs)
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, found)
        logs.update(found)
