"""The base class of all sources of annotated images, which chooses images by the name of a set."""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence

from keras_ssd.data.annotations import ImageAnnotation
from keras_ssd.data.problems import Problems
from keras_ssd.terminal import counted

# Names that tools give to the same set.
_SAME = ({"train", "training"}, {"val", "valid", "validation"}, {"test", "testing"})
SPLIT_NAMES = frozenset({"trainval"}.union(*_SAME))


class Source(ABC):
    """Annotated images as a tool wrote them.

    Attributes:
        name: the name of the source in messages.
        image_sets: the names of its sets of images; empty if it has no sets.
        class_names: the classes that it lists, in order; None if it has no list.
    """

    name: str
    image_sets: Sequence[str] = ()
    class_names: tuple[str, ...] | None = None

    @abstractmethod
    def list_ids(self, image_set: str | None, problems: Problems) -> list[str]:
        """Returns the ids of one of `image_sets`, in order, or of all images if it is None."""

    @abstractmethod
    def read(self, image_id: str, problems: Problems) -> ImageAnnotation:
        """Reads the annotation of an image.

        Objects that cannot be used go to `problems`.

        Raises:
            AnnotationError: the annotation cannot be used, or there is none.
            CorruptImageError: there is no image.
        """

    def find_set(self, image_set: str) -> str | None:
        """Returns the one of `image_sets` that has this name, or another usual name for it."""
        if image_set in self.image_sets:
            return image_set
        others = next((names for names in _SAME if image_set in names), set())
        return next((name for name in self.image_sets if name in others), None)

    def default_set(self, preferred: str) -> str:
        """Returns the set to take if the user does not name one.

        It is "all" if there are no named sets, and otherwise the preferred one. If "trainval" is
        preferred but missing, it is "train", or the only set.
        """
        if not self.image_sets:
            return "all"
        found = self.find_set(preferred)
        if found is None and preferred == "trainval":
            only_one = self.image_sets[0] if len(self.image_sets) == 1 else None
            found = self.find_set("train") or only_one
        return found or preferred

    def select(self, image_set: str, problems: Problems) -> list[str]:
        """Returns the ids of an image set, in order.

        Args:
            image_set: a name of `image_sets`; "all"; or a slice of all, such as "0:160".
            problems: the place for notes, for example on images without annotation.

        Raises:
            ValueError: there is no such set, or it is empty.
        """
        name = self.find_set(image_set)
        if name is not None:
            ids = self.list_ids(name, problems)
            if not ids:
                raise ValueError(f"{self.name}: image set {image_set!r} is empty")
            return ids
        chosen = parse_slice(image_set)
        if chosen is None:
            raise ValueError(
                f"{self.name}: no image set {image_set!r}; there are: "
                f'{", ".join([*self.image_sets, "all"])}, and slices such as "0:160"'
            )
        ids = self.list_ids(None, problems)
        if not ids[chosen]:
            raise ValueError(
                f"{self.name}: image set {image_set!r} is empty; the source has "
                f"{counted(len(ids), 'image')}"
            )
        return ids[chosen]


def parse_slice(image_set: str) -> slice | None:
    """Returns the slice of "all" or a text such as "0:160", "160:" or ":-40", or else None.

    Examples:
        >>> parse_slice("0:160")
        slice(0, 160, None)
    """
    bounds = re.fullmatch(r"(-?\d{1,18})?:(-?\d{1,18})?", ":" if image_set == "all" else image_set)
    if bounds is None:
        return None
    start, stop = (int(bound) if bound else None for bound in bounds.groups())
    return slice(start, stop)
