"""The detector, a Keras model from uint8 images to detections."""

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from keras_ssd.classes import checked_class_names
from keras_ssd.config import SSDConfig
from keras_ssd.default_boxes import default_boxes
from keras_ssd.detector import checks
from keras_ssd.detector.fitting import TrainsItsSSD
from keras_ssd.detector.predicting import PredictsSafely
from keras_ssd.inference.protocol import ObjectDetector
from keras_ssd.models import precision, transfer
from keras_ssd.models.layers import DecodeDetections
from keras_ssd.models.ssd import SSD

if TYPE_CHECKING:
    from keras_ssd.data import AnnotatedImages
    from keras_ssd.evaluation.mean_ap import MeanAP


@keras.saving.register_keras_serializable("keras_ssd")
class Detector(TrainsItsSSD, PredictsSafely, keras.Model, ObjectDetector):
    """Detects objects in images of any size: resizing, SSD, decoding and NMS in one model.

    A call, `predict` and every export return the dictionary that `ObjectDetector.predict_on_batch`
    describes. `fit` trains the SSD within the detector, on batches of
    `keras_ssd.data.training_dataset`.

    Examples:
        >>> import keras_ssd, numpy as np
        >>> detector = keras_ssd.Detector(keras_ssd.SSDTiny128(2), ["cat", "dog"])
        >>> detector.class_names, detector.image_size
        (('cat', 'dog'), 128)
        >>> found = detector.predict(np.zeros((1, 90, 120, 3), "uint8"), verbose=0)
        >>> found["boxes"].shape
        (1, 200, 4)

    Args:
        ssd: the SSD, as `SSD300` returns it.
        class_names: the names of its K classes, in the order of the labels.
        confidence_threshold: the score that a detection must exceed, in [0, 1].
        iou_threshold: the largest IoU of two kept boxes of a class, in [0, 1]. NMS drops a box if
            its IoU with a kept box of a higher score exceeds this.
        max_detections: D, the largest number of detections in an image.
        top_k: the number of boxes of a class that enter NMS.

    Attributes:
        ssd: the SSD, which trains.
        config: the SSDConfig of the SSD.
        class_names: the K class names, a tuple.
        image_size: the side, in pixels, of the square images that the SSD works on.
        confidence_threshold, iou_threshold, max_detections: the thresholds, which may be changed at
            any time. They are saved and exported with the detector.
        top_k: the argument.

    Raises:
        ValueError: the names do not fit the SSD, or a threshold is out of range.
    """

    def __init__(
        self,
        ssd: SSD,
        class_names: Sequence[str],
        *,
        confidence_threshold: float = 0.01,
        iou_threshold: float = 0.45,
        max_detections: int = 200,
        top_k: int = 400,
        name: str | None = None,
        **kwargs: Any,
    ):
        names = checks.class_names(class_names, ssd)

        # === Layers ===
        top_k = checks.count("top_k", top_k)
        decode = DecodeDetections(ssd.config.variances, top_k=top_k, name="decode_detections")

        # === Functional model ===
        images = keras.Input((None, None, 3), dtype="uint8", name="images")
        size = ssd.config.image_size
        # The Resizing layer is not used: it would round only outside `predict`, and in a plain call
        # of the detector its `training=True` would also switch the following layers to training.
        pixels = ops.cast(images, "float32")
        raw = ssd(ops.image.resize(pixels, (size, size), data_format="channels_last"))
        detections = decode(raw["offsets"], raw["classes"], default_boxes(ssd.config))
        super().__init__(images, detections, name=name or f"{ssd.name}_detector", **kwargs)

        # === Config ===
        self.ssd = ssd
        self.class_names = names
        self.decode = decode
        self.predicting = threading.RLock()
        self.confidence_threshold = confidence_threshold
        self.iou_threshold = iou_threshold
        self.max_detections = max_detections

    @property
    def config(self) -> SSDConfig:
        return self.ssd.config

    @property
    def image_size(self) -> int:  # type: ignore[override]  # other kinds assign it
        return self.config.image_size

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def confidence_threshold(self) -> float:
        return self.decode.confidence_threshold

    @confidence_threshold.setter
    def confidence_threshold(self, value: float) -> None:
        self._change_decoding("confidence_threshold", checks.share("confidence_threshold", value))

    @property
    def iou_threshold(self) -> float:
        return self.decode.iou_threshold

    @iou_threshold.setter
    def iou_threshold(self, value: float) -> None:
        self._change_decoding("iou_threshold", checks.share("iou_threshold", value))

    @property
    def max_detections(self) -> int:
        return self.decode.max_detections

    @max_detections.setter
    def max_detections(self, value: int) -> None:
        self._change_decoding("max_detections", checks.count("max_detections", value))

    @property
    def top_k(self) -> int:
        return self.decode.top_k

    def _change_decoding(self, name, value):
        setattr(self.decode, name, value)
        self.predict_function = None  # the compiled function has the old value

    # === Other detectors from this one ===

    def with_classes(self, class_names: Sequence[str]) -> "Detector":
        """Makes a detector for other classes with the weights of this one.

        The weights of classes with the same name in both are copied; COCO's and VOC's names of a
        class are taken as the same. The weights of other classes start at random.

        Args:
            class_names: the names for the new detector, in any order.

        Returns:
            A Detector. Its attribute `carried_over` lists the names with copied weights.
        """
        class_names = checked_class_names(class_names)
        ssd, carried_over = transfer.with_classes(self.ssd, self.class_names, class_names)
        detector = self._around(ssd, class_names)
        detector.carried_over = tuple(carried_over)
        return detector

    def with_dtype(self, dtype: str) -> "Detector":
        """This detector, or a copy of it that computes in another dtype.

        The weights, the normalization of the pixels, the L2 normalization and the decoding always
        stay float32.

        Args:
            dtype: the dtype to compute in: "float32", "mixed_bfloat16" or "mixed_float16".
        """
        ssd = precision.with_dtype(self.ssd, dtype)
        return self if ssd is self.ssd else self._around(ssd, self.class_names)

    def _around(self, ssd, class_names):
        return Detector(ssd, class_names, **self.thresholds)

    @property
    def thresholds(self) -> dict[str, float | int]:
        """The thresholds and `top_k` by name, as the constructor takes them."""
        names = ("confidence_threshold", "iou_threshold", "max_detections", "top_k")
        return {name: getattr(self, name) for name in names}

    # === Files ===

    @classmethod
    def from_preset(
        cls, name: str, class_names: Sequence[str] | None = None, *, dtype: str | None = None
    ) -> "Detector":
        """Loads a trained detector by its name; `keras_ssd.list_presets` lists the names.

        A preset that does not come with the package is downloaded once.

        Args:
            name: the name of the preset.
            class_names: the names of other classes, as in `with_classes`. None keeps the preset's
                classes.
            dtype: the dtype to compute in. None takes Keras's dtype policy
                (`keras.config.dtype_policy`). "auto" takes mixed_bfloat16 if measurements say that
                it is faster here and as accurate, and float32 otherwise.

        Raises:
            ValueError: there is no such preset, or it cannot be downloaded.
        """
        from keras_ssd.detector.opening import open_preset

        detector = open_preset(name, dtype)
        return detector if class_names is None else detector.with_classes(class_names)

    @classmethod
    def from_checkpoint(
        cls,
        path: str | Path,
        source: str = "auto",
        class_names: Iterable[str] | None = None,
        boxes: str | None = None,
    ) -> "Detector":
        """Makes a detector from a checkpoint of PyTorch or TensorFlow, for example of torchvision.

        Args:
            path: the path of the checkpoint.
            source, class_names, boxes: as in `keras_ssd.convert.convert_checkpoint`. "auto"
                recognizes the original's weights by the name of the file, `ssd_300_VOC0712.pth`.

        Raises:
            ValueError: the checkpoint cannot be read, or does not contain an SSD of the source.
        """
        from keras_ssd.detector.opening import open_checkpoint

        return open_checkpoint(path, source, class_names, boxes)

    def evaluate_map(self, data: "AnnotatedImages", **options: Any) -> "MeanAP":
        """Measures mAP by the rules of VOC and COCO; see `keras_ssd.evaluation.evaluate_map`."""
        from keras_ssd.evaluation import evaluate_map

        return evaluate_map(self, data, **options)

    def export(self, path: str | Path, format: str | None = None, **options: Any) -> Path:
        """Writes the detector in a format for other programs; see `keras_ssd.formats.export`."""
        from keras_ssd.formats import export

        return export(self, path, format, **options)

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "ssd": keras.saving.serialize_keras_object(self.ssd),
            "class_names": list(self.class_names),
            **self.thresholds,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "Detector":
        ssd = keras.saving.deserialize_keras_object(config["ssd"], custom_objects)
        return cls(**{**config, "ssd": ssd})
