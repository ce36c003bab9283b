"""Opens and checks exported files; the base class of all exported detectors."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from keras_ssd.classes import checked_class_names
from keras_ssd.config import MAX_IMAGE_SIZE
from keras_ssd.images import resize_image
from keras_ssd.inference.batches import BatchDetector, checked_images
from keras_ssd.inference.decoding import Decoder
from keras_ssd.inference.thresholds import ThresholdSettings
from keras_ssd.terminal import counted

_EXPECTED = {
    "boxes": (np.float32, 3),
    "labels": (np.int32, 2),
    "scores": (np.float32, 2),
    "num_detections": (np.int32, 1),
}


class ExportedDetector(BatchDetector):
    """A detector from an exported file, used like the Keras detector that it was exported from.

    Several threads may use one at once. When a file is opened, its settings are checked and the
    network runs once, on a black image, so that damage is noticed at once.

    A subclass defines `kind`, `_open` and `_predict_on_batch`. The thresholds can be changed if the
    file gives raw outputs, which are decoded here.

    Args:
        path: the path of the file or folder.
        num_threads: the number of threads that the runtime computes with, 1 or more. None leaves
            the choice to the runtime.

    Raises:
        ValueError: there is no such file, keras-ssd did not write it, it is damaged, or
            `num_threads` is below 1. The message names the file.
        ImportError: the runtime is not installed.
    """

    kind = "exported"  # messages say "a detector" and this
    _decoder: Decoder | None = None  # of a file that gives raw outputs
    _fixed_thresholds: ThresholdSettings | None = None  # of a file that gives detections

    def __init__(self, path: str | Path, *, num_threads: int | None = None):
        self.path = Path(path)
        self._num_threads = _checked_num_threads(num_threads)
        if not self.path.exists():
            raise ValueError(f"{path}: no such file; expected a detector {self.kind}")
        try:
            self._open()
            self.class_names = checked_class_names(self.class_names)
            self.image_size = _checked_image_size(self.image_size)
            black = np.zeros((1, self.image_size, self.image_size, 3), np.uint8)
            found = self._predict_on_batch(black)
            self._check_found(found, batch=1)
            if self.max_detections not in (None, found["scores"].shape[1]):
                raise ValueError(
                    f"max_detections: it says {self.max_detections}, but gives "
                    f"{found['scores'].shape[1]}"
                )
        except ImportError:
            raise
        except Exception as error:  # damaged files make the runtimes raise errors of many kinds
            raise ValueError(
                f"{path}: not a detector {self.kind} by keras-ssd ({self._reason(error)})"
            ) from error

    def __repr__(self) -> str:
        return self._described(str(self.path))

    def predict_on_batch(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Detects objects in one batch; see `ObjectDetector.predict_on_batch`.

        Raises:
            ValueError: the batch is empty, or not uint8 (B, H, W, 3); or the file turns out to be
                damaged.
        """
        images = checked_images(images)
        try:
            found = self._predict_on_batch(images)
            self._check_found(found, batch=len(images))
        except MemoryError:
            raise
        except Exception as error:
            raise ValueError(f"{self.path}: cannot be run ({self._reason(error)})") from error
        return found

    def raw_outputs(self, images: np.ndarray) -> dict[str, np.ndarray] | None:
        """Returns the raw outputs of the network, or None if the file only gives detections.

        Args:
            images: uint8 (B, S, S, 3), at the network's size.

        Returns:
            "offsets", float32 (B, N, 4), and "classes", the logits, float32 (B, N, K + 1).
        """
        return None

    def _open(self) -> None:
        """Opens `self.path`; sets `class_names`, `image_size` and the runtime's network."""
        raise NotImplementedError

    def _thresholds(self) -> ThresholdSettings | None:
        return self._fixed_thresholds if self._decoder is None else self._decoder.settings

    def _change_threshold(self, name: str, value: Any) -> None:
        if self._decoder is None:
            super()._change_threshold(name, value)
        else:
            self._decoder.settings = replace(self._decoder.settings, **{name: value})

    def _reason(self, error: Exception) -> str:
        """Returns the line of a runtime's error that says what is wrong."""
        return last_line(error)

    def _warped(self, images):
        """Returns the images at the network's size, uint8 (B, S, S, 3)."""
        return np.stack([resize_image(image, self.image_size) for image in images])

    def _check_found(self, found, batch):
        """Raises ValueError unless `found` is the detections of a batch, with known classes."""
        if set(found) != set(_EXPECTED):
            raise ValueError(f"expected the outputs {', '.join(_EXPECTED)}, not {', '.join(found)}")
        limit = found["scores"].shape[-1]
        for name, (dtype, rank) in _EXPECTED.items():
            value, shape = found[name], (batch, limit, 4)[:rank]
            if value.dtype != dtype or value.shape != shape:
                raise ValueError(
                    f"{name}: expected {np.dtype(dtype)} {shape}, not {value.dtype} {value.shape}"
                )
        counts, labels = found["num_detections"], found["labels"]
        if counts.min() < 0 or counts.max() > limit:
            raise ValueError(f"num_detections: expected 0 to {limit}, not {counts.tolist()}")
        used = labels[np.arange(limit) < counts[:, None]]
        if used.size and not 0 <= used.min() <= used.max() < len(self.class_names):
            raise ValueError(
                f"it finds the classes {used.min()} to {used.max()}, but names "
                f"{counted(len(self.class_names), 'class', 'classes')}"
            )
        if not np.isfinite(found["boxes"]).all() or not np.isfinite(found["scores"]).all():
            raise ValueError("boxes and scores: expected finite numbers")


def read_labels(text: str) -> tuple[str, ...]:
    r"""Returns the class names in a text that has one name in each line, as in exported files.

    Only "\n" ends a line: a name may contain the other characters that `str.splitlines` splits at.
    """
    return tuple(text.removesuffix("\n").split("\n"))


def last_line(error: Exception) -> str:
    """Returns the last line of a runtime's error; those before are usually source locations."""
    return str(error).strip().rpartition("\n")[2] or type(error).__name__


def _checked_num_threads(num_threads):
    if num_threads is not None and (num_threads != int(num_threads) or num_threads < 1):
        raise ValueError(f"num_threads: expected None or 1 and more, not {num_threads!r}")
    return num_threads


def _checked_image_size(size):
    if not isinstance(size, int) or not 1 <= size <= MAX_IMAGE_SIZE:
        raise ValueError(f"image size: expected 1 to {MAX_IMAGE_SIZE} pixels, not {size!r:.40}")
    return size
