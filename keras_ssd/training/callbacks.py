"""The callbacks of a run that check the loss, average the weights, write the log and stop early."""

import logging
import math
from collections.abc import Callable
from typing import Any

import keras

from keras_ssd.terminal import counted
from keras_ssd.training.folder import RunFolder

logger = logging.getLogger("keras_ssd")


def batches_of(model: keras.Model) -> int:
    """Returns the number of batches that a model's optimizer has seen."""
    # `iterations` counts changes of the weights, which are fewer if gradients are accumulated.
    return int(keras.ops.convert_to_numpy(model.optimizer.variables[0]))


class NonFiniteLossError(ValueError):
    """The loss became infinite or not a number; the message names the step and its images."""


class StopOnNonFiniteLoss(keras.callbacks.Callback):
    """Raises NonFiniteLossError after a step with a loss that is not finite.

    Args:
        ids_of_batch: a function from a batch's number to the ids of its images.
        accumulate: the number of batches in a step.
    """

    def __init__(self, ids_of_batch: Callable[[int], list[str]], accumulate: int = 1):
        super().__init__()
        self.ids_of_batch = ids_of_batch
        self.accumulate = accumulate

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Checks the mean loss of the epoch, which includes the loss of the last step."""
        if not math.isfinite(logs["loss"]):
            number = batches_of(self.model) - 1
            raise NonFiniteLossError(
                f"the loss is {logs['loss']} at step {number // self.accumulate} (counted from 0); "
                f"images of that batch: {', '.join(self.ids_of_batch(number))}. A lower learning "
                "rate or a longer warm-up may help; the last checkpoint is from before this step."
            )


class UseAverages(keras.callbacks.Callback):
    """Replaces the weights by the optimizer's running averages of them between two epochs.

    The callbacks after it measure and save the averages. The next epoch continues with exactly the
    weights of before. (Keras's `SwapEMAWeights` swaps by adding and subtracting, which rounds.)
    The weights stay as they are if the optimizer has no averages.
    """

    def __init__(self) -> None:
        super().__init__()
        self._trained: list = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Sets the weights aside and replaces them by the averages."""
        weights = self.model.ssd.trainable_variables
        self._trained = [keras.ops.copy(weight) for weight in weights]
        self.model.optimizer.finalize_variable_values(weights)
        for weight in weights:  # on JAX it now shares its buffer with the average
            weight.assign(keras.ops.copy(weight))

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Restores the weights."""
        if self._trained:
            weights = self.model.ssd.trainable_variables
            for weight, trained in zip(weights, self._trained, strict=True):
                weight.assign(trained)
            self._trained = []


class WriteLog(keras.callbacks.Callback):
    """Adds a row with the logs of each epoch to the run's log.

    (Keras's `CSVLogger` appends to the file, so that a kill can leave half a row.)

    Args:
        folder: the run's folder.
    """

    def __init__(self, folder: RunFolder):
        super().__init__()
        self.folder = folder

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Writes the log with one more row."""
        self.folder.add_epoch(epoch, logs or {})


class StopEarly(keras.callbacks.Callback):
    """Ends the run after some evaluations without a better "val_map". It comes after `WriteLog`.

    It looks into the log, so that a resumed run counts on.

    Args:
        folder: the run's folder.
        evaluations: the number of evaluations without a better mAP after which the run ends.
    """

    def __init__(self, folder: RunFolder, evaluations: int):
        super().__init__()
        self.folder = folder
        self.evaluations = evaluations

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stops the training if none of the last evaluations was better than those before."""
        if self.is_over():
            self.model.stop_training = True
            evaluations = counted(self.evaluations, "evaluation")
            logger.info("the run ends here: no better mAP in %s", evaluations)

    def is_over(self) -> bool:
        """Tells whether the run in the folder has ended early."""
        return self.folder.evaluations_since_best() >= self.evaluations
