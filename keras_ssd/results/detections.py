"""The objects that a detector found in one image."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np

from keras_ssd.images import read_image, write_image
from keras_ssd.results import checks, conversions
from keras_ssd.results.drawing import draw_detections

if TYPE_CHECKING:
    import pandas
    import supervision
    from PIL.Image import Image

_NAMED = 5  # objects that `repr` names


class Detection(NamedTuple):
    """One object that a detector found.

    Attributes:
        box: float32 (4,), corners (x1, y1, x2, y2) in pixels.
        label: the index of the class.
        name: the name of the class.
        score: the score, from 0 to 1.
    """

    box: np.ndarray
    label: int
    name: str
    score: float


@dataclass(frozen=True, eq=False, repr=False)  # == of arrays has more than one truth value
class Detections:
    """The objects that a detector found in one image, the best first.

    Attributes:
        image: the path or id of the image.
        size: (height, width) of the image in pixels.
        boxes: float32 (D, 4), corners (x1, y1, x2, y2) in pixels of the image.
        labels: int32 (D,), indices into `class_names`.
        scores: float32 (D,), from 0 to 1.
        class_names: the names of all classes that the detector knows.
        frame: the number of the frame in its video, from 0; None for a still image.
        time: the time of the frame in its video, in seconds; None for a still image.
        track_ids: int32 (D,), a number for each object that it keeps over the frames of a video,
            or -1 while it has none; None if the objects are not tracked.

    Raises:
        ValueError: an array has another shape or type, or values that are not finite; or a label
            has no class name.

    Examples:
        >>> import keras_ssd
        >>> found = keras_ssd.Detections(
        ...     image="a.jpg",
        ...     size=(480, 640),
        ...     boxes=[[10, 20, 110, 220], [300, 50, 640, 400]],
        ...     labels=[0, 1],
        ...     scores=[0.98, 0.91],
        ...     class_names=["cat", "dog", "person"],
        ... )
        >>> found
        2 detections in a.jpg: cat 0.98, dog 0.91
        >>> found["dog"]
        1 detection in a.jpg: dog 0.91
        >>> found[found.scores > 0.95]
        1 detection in a.jpg: cat 0.98
        >>> "dog" in found, len(found["person"])
        (True, 0)
        >>> for box, label, name, score in found:
        ...     print(name, box.tolist())
        cat [10.0, 20.0, 110.0, 220.0]
        dog [300.0, 50.0, 640.0, 400.0]
    """

    image: str
    size: tuple[int, int]
    boxes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    class_names: tuple[str, ...]
    frame: int | None = None
    time: float | None = None
    track_ids: np.ndarray | None = None

    def __post_init__(self):
        count = len(self.scores)
        names = checks.class_names(self.class_names)
        values = {
            "image": str(self.image),
            "size": checks.size(self.size),
            "boxes": checks.floats("boxes", self.boxes, (count, 4)),
            "labels": checks.labels(self.labels, count, len(names)),
            "scores": checks.floats("scores", self.scores, (count,)),
            "class_names": names,
            **checks.moment(self.frame, self.time),
            "track_ids": checks.track_ids(self.track_ids, count),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)  # a frozen dataclass allows no other way

    @classmethod
    def from_prediction(
        cls,
        prediction: Mapping[str, np.ndarray],
        index: int,
        image: str | Path,
        size: tuple[int, int],
        class_names: Sequence[str],
        *,
        frame: int | None = None,
        time: float | None = None,
    ) -> "Detections":
        """Makes the detections of one image from a detector's prediction for a batch.

        Args:
            prediction: "boxes" (B, D, 4) relative corners, "labels" (B, D), "scores" (B, D),
                "num_detections" (B,), as `detector.predict` returns them.
            index: the position of the image in the batch.
            image: the path or id of the image.
            size: (height, width) of the image in pixels.
            class_names: the names of all classes that the detector knows.
            frame, time: the number and the time of the frame, if the image is one of a video.
        """
        count = int(prediction["num_detections"][index])
        height, width = size
        scale = np.array([width, height, width, height], np.float32)
        return cls(
            image=str(image),
            size=size,
            boxes=np.asarray(prediction["boxes"][index][:count], np.float32) * scale,
            labels=prediction["labels"][index][:count],
            scores=prediction["scores"][index][:count],
            class_names=tuple(class_names),
            frame=frame,
            time=time,
        )

    @classmethod
    def from_records(
        cls,
        records: Sequence[Mapping[str, Any]],
        *,
        image: str,
        size: tuple[int, int],
        class_names: Sequence[str],
        frame: int | None = None,
        time: float | None = None,
    ) -> "Detections":
        """Makes the detections of one image from records; the exact inverse of `to_records`.

        Args:
            records: the records of one image; an empty list if nothing was found in it.
            image: the path or id of the image.
            size: (height, width) of the image in pixels, which records do not contain.
            class_names: the names of all classes, in the order of the labels.
            frame, time: the number and the time of the frame, if the image is one of a video.

        Raises:
            ValueError: a record lacks a key, or is of another image, frame or class.
        """
        names = checks.class_names(class_names)
        values = conversions.arrays(records, image, frame, names)
        return cls(image=image, size=size, class_names=names, frame=frame, time=time, **values)

    def __repr__(self) -> str:
        count = len(self)
        # A file name that is not UTF-8 is read as characters that no console prints.
        image = self.image.encode(errors="backslashreplace").decode()
        if self.frame is not None:
            image += f", frame {self.frame}"
        text = f"{count or 'no'} detection{'' if count == 1 else 's'} in {image}"
        objects = [f"{entry.name} {entry.score:.2f}" for entry in self[:_NAMED]]
        if count > _NAMED:
            objects.append(f"and {count - _NAMED} more")
        return f"{text}: {', '.join(objects)}" if objects else text

    def __len__(self) -> int:
        return len(self.scores)

    def __iter__(self) -> Iterator[Detection]:
        return (self[index] for index in range(len(self)))

    def __contains__(self, name: object) -> bool:
        """Tells whether an object of the class of this name was found."""
        return name in self.names

    @overload
    def __getitem__(self, index: int) -> Detection: ...
    @overload
    def __getitem__(self, index: str | slice | Sequence | np.ndarray) -> "Detections": ...
    def __getitem__(self, index):
        """Returns the `Detection` at a position, or the Detections that an index selects.

        Args:
            index: a position; or a class name, a slice, a mask (D,) or an array of positions.

        Raises:
            ValueError: the index is a name that is not in `class_names`.
            IndexError: the index is out of range, or of another type or shape.
        """
        if isinstance(index, int | np.integer) and not isinstance(index, bool):
            label = int(self.labels[index])
            return Detection(
                self.boxes[index], label, self.class_names[label], float(self.scores[index])
            )
        selected = checks.selection(index, self.labels, self.class_names)
        return replace(
            self,
            boxes=self.boxes[selected],
            labels=self.labels[selected],
            scores=self.scores[selected],
            track_ids=None if self.track_ids is None else self.track_ids[selected],
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The class name of each object, D in all."""
        return tuple(self.class_names[label] for label in self.labels)

    def above(self, score: float) -> "Detections":
        """Returns the detections without the objects that have a score below `score`."""
        return self[self.scores >= score]

    def plot(
        self,
        image: "str | Path | np.ndarray | Image | None" = None,
        path: str | Path | None = None,
    ) -> np.ndarray:
        """Draws the objects into their image; see `draw_detections`.

        Args:
            image: the image, or its path; None reads the file that `self.image` names.
            path: the .png or .jpg file to write the drawn image to; None writes nothing.

        Returns:
            RGB uint8 (H, W, 3), the drawn image; the image that is passed does not change.

        Raises:
            CorruptImageError: the image cannot be read.
            ValueError: `image` is None and `self.image` is not a file; the image does not have the
                size `self.size`; or `path` has another suffix.
        """
        if image is None and not Path(self.image).is_file():
            raise ValueError(f"plot: {self.image!r} is not a file; pass the image that it names")
        image = self.image if image is None else image
        image = read_image(image) if isinstance(image, str | Path) else image
        drawn = draw_detections(image, self)
        if path is not None:
            write_image(drawn, path)
        return drawn

    def to_records(self) -> list[dict[str, Any]]:
        """Returns one dictionary of plain values for each object, which JSON can hold.

        Returns:
            Dictionaries of "image" (the path or id), "label" (the class name), "score", and "box"
            (corners x1, y1, x2, y2 in pixels). Frames of a video also have "frame" and "time", and
            tracked objects have "track". Numbers have as many digits as tell a float32 apart from
            all others, so that `from_records` gives the same values.

        Examples:
            >>> found = Detections("a.jpg", (4, 4), [[0, 1, 2, 3]], [0], [0.9], ("cat",))
            >>> found.to_records()
            [{'image': 'a.jpg', 'label': 'cat', 'score': 0.9, 'box': [0.0, 1.0, 2.0, 3.0]}]
        """
        return conversions.records(self)

    def to_pandas(self) -> "pandas.DataFrame":
        """Returns a table with the columns image, label (the class name), score, x1, y1, x2, y2.

        For frames of a video it also has the columns frame and time, for tracked objects track.

        Raises:
            ImportError: pandas is not installed.
        """
        return conversions.data_frame(self)

    def to_supervision(self) -> "supervision.Detections":
        """Returns the objects as `supervision.Detections`, with the names in data["class_name"].

        Raises:
            ImportError: supervision is not installed.
        """
        return conversions.supervision_detections(self)
