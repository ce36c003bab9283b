"""Annotated images and their class names, which `load` returns and training and evaluation take."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import overload

import numpy as np

from keras_ssd.data.sample import Sample
from keras_ssd.terminal import counted

_NAMES_SHOWN = 5


@dataclass(frozen=True, repr=False)
class AnnotatedImages:
    """A data set for object detection.

    It is used like a list: `len(data)` is the number of images, `data[0]` is a Sample, and
    `for sample in data` goes through all. A slice such as `data[:100]`, or `data[[3, 1]]`, is an
    AnnotatedImages again.

    Attributes:
        samples: one Sample for each image.
        class_names: the names of the foreground classes; `Sample.labels` are indices into them.
        problems: a line of text for everything that was repaired or left out while loading.

    Raises:
        ValueError: a sample has a label without a class name, or two samples have the same id.
    """

    samples: Sequence[Sample]
    class_names: tuple[str, ...]
    problems: Sequence[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        object.__setattr__(self, "class_names", tuple(self.class_names))
        for sample in self.samples:
            labels = sample.labels
            if labels.size and not 0 <= labels.min() <= labels.max() < len(self.class_names):
                raise ValueError(
                    f"samples: {sample.id} has label {labels.max()}, but "
                    f"{counted(len(self.class_names), 'class name')} given; labels count from 0"
                )
        ids = Counter(sample.id for sample in self.samples)
        for sample_id, count in ids.most_common(1):
            if count > 1:
                raise ValueError(f"samples: {count} samples have the id {sample_id!r}")

    def __repr__(self) -> str:
        names = ", ".join(self.class_names[:_NAMES_SHOWN])
        return (
            f"<AnnotatedImages: {counted(len(self), 'image')}, "
            f"{counted(self.num_objects, 'object')}, "
            f"{counted(len(self.class_names), 'class', 'classes')}: {names}"
            f"{', ...' if len(self.class_names) > _NAMES_SHOWN else ''}>"
        )

    def __len__(self) -> int:
        return len(self.samples)

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.samples)

    @overload
    def __getitem__(self, index: int) -> Sample: ...

    @overload
    def __getitem__(self, index: slice | Sequence[int] | np.ndarray) -> "AnnotatedImages": ...

    def __getitem__(self, index):
        if isinstance(index, slice):
            return replace(self, samples=self.samples[index])
        if np.ndim(index) == 0:
            return self.samples[index]
        return replace(self, samples=[self.samples[i] for i in index])

    @property
    def num_objects(self) -> int:
        return sum(len(sample.labels) for sample in self.samples)

    def with_ids(self, ids: Iterable[str]) -> "AnnotatedImages":
        """Returns the samples with these ids, in the order of the ids.

        Raises:
            ValueError: an id belongs to no sample.
        """
        sample_of = {sample.id: sample for sample in self.samples}
        ids = list(ids)
        unknown = [image_id for image_id in ids if image_id not in sample_of]
        if unknown:
            raise ValueError(
                f"{len(unknown)} of {len(ids)} ids belong to no image, such as {unknown[0]!r}"
            )
        return replace(self, samples=[sample_of[image_id] for image_id in ids])

    def without_ids(self, ids: Iterable[str]) -> "AnnotatedImages":
        """Returns the samples that have other ids. Ids that belong to no sample do not matter."""
        ids = set(ids)
        return replace(self, samples=[sample for sample in self.samples if sample.id not in ids])

    def with_class_names(self, class_names: Iterable[str]) -> "AnnotatedImages":
        """Returns the same images with labels that are indices into other class names.

        Raises:
            ValueError: one of the present class names is not among the new ones.
        """
        class_names = tuple(class_names)
        missing = [name for name in self.class_names if name not in class_names]
        if missing:
            raise ValueError(f"class_names: {missing[0]!r} is not among them: {class_names}")
        new_labels = np.array([class_names.index(name) for name in self.class_names], np.int32)
        samples = [replace(sample, labels=new_labels[sample.labels]) for sample in self.samples]
        return AnnotatedImages(samples, class_names, self.problems)
