"""Names for the image files of a converted data set that every format and system accepts."""

import re
from collections.abc import Iterable

from keras_ssd.data.annotations import composed
from keras_ssd.data.sample import Sample
from keras_ssd.data.sources.voc_folders import IMAGE_SUFFIXES

# Characters that a system does not allow in names, or that have a meaning in a format's lists.
_UNUSABLE = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\\ud800-\udfff]')
# Names of folders that have a meaning in a format.
_FORMAT_FOLDERS = {"images", "labels", "jpegimages", "annotations"}
_STARTS = {
    b"\xff\xd8\xff": ".jpg",
    b"\x89PNG": ".png",
    b"RIFF": ".webp",
    b"GIF8": ".gif",
    b"BM": ".bmp",
    b"II*\0": ".tif",
    b"MM\0*": ".tif",
}


def image_names(samples: Iterable[Sample]) -> list[str]:
    """Returns a path for each image, relative to a folder of images, such as "camera 1/0001.jpg".

    It is the sample's id, without characters that names cannot contain. The paths differ also
    without their suffixes and in lower case, because some formats ignore the suffix and some
    systems ignore the case.
    """
    names, taken = [], set()
    for sample in samples:
        suffix = _suffix(sample)
        stem = _usable(_without_suffix(sample.id, suffix))
        unique, number = stem, 1
        while unique.lower() in taken:
            number += 1
            unique = f"{stem}_{number}"
        taken.add(unique.lower())
        names.append(unique + suffix)
    return names


def _suffix(sample: Sample) -> str:
    if not isinstance(sample.image, bytes):
        return sample.image.suffix
    return next((s for start, s in _STARTS.items() if sample.image.startswith(start)), ".jpg")


def _without_suffix(sample_id: str, suffix: str) -> str:
    for ending in (suffix, *IMAGE_SUFFIXES):
        if ending and sample_id.lower().endswith(ending.lower()):
            return sample_id[: -len(ending)]
    return sample_id


def _usable(stem: str) -> str:
    parts = []
    for part in composed(stem).replace("\\", "/").split("/"):
        part = _UNUSABLE.sub("_", part).strip().rstrip(".")
        if part and part.lower() not in _FORMAT_FOLDERS:
            parts.append(f"_{part[1:].lstrip('.@')}" if part[0] in ".@" else part)
    return "/".join(parts) or "image"
