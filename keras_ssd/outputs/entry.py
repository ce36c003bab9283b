"""What a run finishes, one by one: images, frames and the ends of videos."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keras_ssd.results.detections import Detections

# What the objects of an image do not share.
_OBJECT_KEYS = ("label", "score", "box", "track")


@dataclass(frozen=True)
class Entry:
    """What was found in one image or frame.

    Attributes:
        name: the name, without suffix, of the image's picture or of the frame's film.
        found: the detections.
    """

    name: str
    found: Detections

    @property
    def stem(self) -> str:
        """The name, without suffix, of files about this image or frame, such as "film_000123"."""
        frame = self.found.frame
        return self.name if frame is None else f"{self.name}_{frame:06d}"

    def to_values(self) -> dict[str, Any]:
        """Returns the values of its line in the journal."""
        found = self.found
        moment = {} if found.frame is None else {"frame": found.frame, "time": found.time}
        objects = [
            {key: record[key] for key in _OBJECT_KEYS if key in record}
            for record in found.to_records()
        ]
        about = {"name": self.name, "image": found.image, "size": found.size}
        return {**about, **moment, "detections": objects}

    @classmethod
    def from_values(cls, values: Mapping[str, Any], class_names: Sequence[str]) -> "Entry":
        """Makes an entry from the values of its line.

        Args:
            values: the values, as `to_values` returns them.
            class_names: the names of all classes, in the order of the labels.

        Raises:
            KeyError, TypeError, ValueError: the values have been changed into something else.
        """
        image, frame, time = values["image"], values.get("frame"), values.get("time")
        found = Detections.from_records(
            [{**record, "image": image, "frame": frame} for record in values["detections"]],
            image=image,
            size=values["size"],
            class_names=class_names,
            frame=frame,
            time=time,
        )
        return cls(values["name"], found)


@dataclass(frozen=True)
class FilmEnd:
    """The end of a video, after all its entries.

    Attributes:
        name: the name, without suffix, of the film.
        image: the name of the video, as it was given.
        frames: the number of frames that were read.
        frames_with: the number of frames in which each class was found.
        problem: the message of the error at which the video broke, or None.
    """

    name: str
    image: str
    frames: int
    frames_with: Mapping[str, int]
    problem: str | None = None

    def to_values(self) -> dict[str, Any]:
        """Returns the values of its line in the journal."""
        return vars(self)
