"""Exports of detectors that are made once and kept in the cache folder."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from keras_ssd import __version__
from keras_ssd.checkpoints.download import cache_folder, sha256_of
from keras_ssd.formats.exporting import CALIBRATION_IMAGES, spread
from keras_ssd.formats.table import Format
from keras_ssd.images import read_image
from keras_ssd.inference.exported import ExportedDetector
from keras_ssd.inputs.folders import files_in_folder
from keras_ssd.inputs.kinds import IMAGE_SUFFIXES

if TYPE_CHECKING:
    from keras_ssd.detector import Detector

logger = logging.getLogger("keras_ssd")


@dataclass(frozen=True)
class CachedExport:
    """The place in the cache of a detector's export.

    Its name contains the SHA-256 of the detector's file and of the images for the calibration, and
    the version of keras-ssd. So another file, other images or another version have another export.

    Attributes:
        source: the file, or the folder, of the detector.
        format: the format of the export.
        calibration: the paths of the images for int8; none for float32.
    """

    source: Path
    format: Format
    calibration: tuple[Path, ...] = ()

    @cached_property
    def path(self) -> Path:
        """The path of the export, which may not exist yet."""
        digests = [_digest(self.source)]
        if self.calibration:
            digests.append("int8")
            digests.append(_digest_of_all(self.calibration))
        name = "-".join([self.source.stem[:40], *digests, __version__])
        return cache_folder() / "exports" / f"{name}{self.format.suffix}"

    def exists(self) -> bool:
        """Tells whether the export was made."""
        return self.path.is_file()

    def open(self, load: Callable[[], "Detector"], **options) -> ExportedDetector:
        """Opens the export, and makes it before that if it does not exist or is damaged.

        The export appears when it is whole and was compared with the detector (see
        `keras_ssd.formats.export`). Processes may make the same one at once.

        Args:
            load: a function that returns the detector to export.
            **options: the options of the format's reader.

        Raises:
            ExportError: the export differs from the detector.
            ImportError: a package of the format is missing.
            OSError: the cache folder cannot be written to.
        """
        path = self.path
        if path.is_file():
            try:
                return self.format.read(path, **options)
            except ValueError as error:
                logger.warning("%s; it is made again", error)
        detector = load()
        logger.info("exporting %s once to %s, which takes about a minute", self.source, path)
        quantize, data = None, None
        if self.calibration:
            quantize, data = "int8", [read_image(image) for image in self.calibration]
        detector.export(path, self.format.name, quantize=quantize, data=data)
        return self.format.read(path, **options)


def calibration_images(folder: str | Path) -> tuple[Path, ...]:
    """Returns the paths of up to 100 images in a folder, spread evenly over all of them.

    Raises:
        ValueError: the folder cannot be read, or holds no images.
    """
    images = []
    for path in files_in_folder(str(folder), recursive=True):
        if isinstance(path, ValueError):
            raise path
        if Path(path).suffix.lower() in IMAGE_SUFFIXES:
            images.append(Path(path))
    if not images:
        raise ValueError(f"{folder}: expected a folder with images to calibrate int8 on")
    return tuple(spread(images, CALIBRATION_IMAGES))


def _digest(path: Path) -> str:
    path = path if path.exists() else path.parent  # a checkpoint of TensorFlow is several files
    if path.is_dir():
        return _digest_of_all(sorted(file for file in path.rglob("*") if file.is_file()))
    return sha256_of(path)[:16]


def _digest_of_all(paths) -> str:
    return hashlib.sha256("".join(map(sha256_of, paths)).encode()).hexdigest()[:16]
