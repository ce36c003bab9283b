"""Callbacks for `Detector.fit`."""

from typing import Any

import keras

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.evaluation.mean_ap import MeanAP, check_measurable, evaluate_map


class MeanAveragePrecision(keras.callbacks.Callback):
    """Measures mAP on validation data at the end of each epoch, for the logs.

    It adds "val_map", VOC's 11-point mAP, and on request "val_coco_ap", COCO's AP. Callbacks after
    it in the list, such as `keras.callbacks.ModelCheckpoint`, can use these numbers.

    Args:
        data: annotated images that the detector does not train on, with the detector's class
            names. At least one object must not be difficult.
        coco: whether to measure COCO's AP as well, which needs pycocotools or hotcoco.
        batch_size: the number of images that the network sees at once.
        skipped: a set that collects the ids of images that cannot be read; their objects count as
            missed. If it is None, an image that cannot be read is an error.

    Attributes:
        result: the result of the last epoch, a `keras_ssd.evaluation.MeanAP`; None before that.

    Raises:
        ValueError: the data have no objects to find. `fit` raises it at its start if the model is
            not a detector or has other classes.

    Examples:
        >>> import keras
        >>> import keras_ssd
        >>> def train(detector, data, validation):
        ...     best = keras.callbacks.ModelCheckpoint("best.keras", monitor="val_map", mode="max")
        ...     return detector.fit(
        ...         keras_ssd.data.training_dataset(data, detector),
        ...         steps_per_epoch=50,
        ...         callbacks=[keras_ssd.callbacks.MeanAveragePrecision(validation), best],
        ...     )
    """

    def __init__(
        self,
        data: AnnotatedImages,
        *,
        coco: bool = False,
        batch_size: int = 8,
        skipped: set[str] | None = None,
    ):
        super().__init__()
        check_measurable(data)
        self.data = data
        self.coco = coco
        self.batch_size = batch_size
        self.skipped = skipped
        self.result: MeanAP | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Checks the model and its classes, before any time is spent on training."""
        if getattr(self.model, "class_names", None) is None:
            raise ValueError(
                f"MeanAveragePrecision: expected to be a callback of Detector.fit, but {self.model}"
                " trains; put the SSD into keras_ssd.Detector(ssd, class_names) and train that"
            )
        check_measurable(self.data, self.model)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Adds "val_map" to the logs, and "val_coco_ap" if it was asked for."""
        result = self.result = evaluate_map(
            self.model,
            self.data,
            coco=self.coco,
            batch_size=self.batch_size,
            skipped=self.skipped,
        )
        if logs is not None:
            logs["val_map"] = result.voc.map_11_point
            if result.coco is not None:
                logs["val_coco_ap"] = result.coco["AP"]
