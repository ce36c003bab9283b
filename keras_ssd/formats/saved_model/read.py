"""Opens and runs detectors in a SavedModel."""

import json
from pathlib import Path

import numpy as np

from keras_ssd.formats.saved_model.outputs import checked_description, description_output
from keras_ssd.inference.exported import ExportedDetector
from keras_ssd.inference.thresholds import ThresholdSettings

_OUTPUTS = {"boxes": "float32", "labels": "int32", "scores": "float32", "num_detections": "int32"}


class SavedModelDetector(ExportedDetector):
    """Runs a SavedModel that `export` wrote, on TensorFlow.

    Several threads may share a detector and compute at the same time. A SavedModel is a program,
    which may do anything when it runs. Load only a SavedModel that you trust.

    Args:
        path: the folder with `saved_model.pb`; or a folder with numbered versions, where the
            highest number is loaded.

    Raises:
        ValueError: there is no such folder or it is not a detector, as in `ExportedDetector`; or
            `metadata.json` in the folder contradicts the SavedModel.
    """

    kind = "exported as a SavedModel"

    def __init__(self, path: str | Path):
        super().__init__(_version_folder(Path(path)))

    def _open(self):
        import tensorflow as tf

        stated = _read_metadata(self.path)
        self._model = tf.saved_model.load(str(self.path))  # it keeps the variables alive
        self._signatures = _checked_signatures(self._model.signatures)
        outputs = self._signatures["describe"](anything=tf.constant([b""]))
        found = description_output({name: v.numpy() for name, v in outputs.items()})
        _check_raw_input(self._signatures["raw"], found.image_size)
        for name, value in vars(found).items():
            if getattr(stated, name) != value:
                raise ValueError(
                    f"assets.extra/metadata.json says {name} {getattr(stated, name)!r}, but the "
                    f"SavedModel has {value!r}"
                )
        self.class_names = found.class_names
        self.image_size = found.image_size
        self._fixed_thresholds = ThresholdSettings(
            found.confidence_threshold, found.iou_threshold, found.max_detections
        )

    def raw_outputs(self, images: np.ndarray) -> dict[str, np.ndarray]:
        import tensorflow as tf

        outputs = self._signatures["raw"](images=tf.cast(images, tf.float32))
        return {name: values.numpy() for name, values in outputs.items()}

    def _predict_on_batch(self, images: np.ndarray) -> dict[str, np.ndarray]:
        import tensorflow as tf

        found = self._signatures["predict_images"](images=tf.constant(images))
        return {name: found[name].numpy() for name in _OUTPUTS}

    def _reason(self, error):
        return str(error).partition("\n")[0]  # the next lines are advice on devices


def _version_folder(path):
    if (path / "saved_model.pb").is_file():
        return path
    folders = [
        file.parent for file in path.glob("*/saved_model.pb") if file.parent.name.isdecimal()
    ]
    if not folders:
        raise ValueError(f"{path}: expected a folder with saved_model.pb, or one of its versions")
    return max(folders, key=lambda folder: int(folder.name))


def _read_metadata(folder):
    file = folder / "assets.extra" / "metadata.json"
    if not file.is_file():
        raise ValueError("it is a SavedModel without assets.extra/metadata.json")
    metadata = json.loads(file.read_bytes())
    if not isinstance(metadata, dict):
        raise ValueError("metadata.json: expected a JSON object")
    try:
        return checked_description(metadata)
    except ValueError as error:
        raise ValueError(f"metadata.json: {error}") from error


def _check_raw_input(raw, size):
    shape = tuple(raw.structured_input_signature[1]["images"].shape)
    if shape != (None, size, size, 3):
        raise ValueError(f"raw: expected images of {size} x {size} pixels")


def _checked_signatures(signatures):
    for name in ("predict_images", "raw", "describe"):
        if name not in signatures:
            raise ValueError(f"there is no signature {name}")
    outputs = signatures["predict_images"].structured_outputs
    for name, dtype in _OUTPUTS.items():
        if name not in outputs or outputs[name].dtype != dtype:
            raise ValueError(f"predict_images: expected the output {name} of {dtype}")
    return signatures
