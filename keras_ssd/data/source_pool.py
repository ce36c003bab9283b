"""Several sources of annotated images as one, with ids that no two images share."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from keras_ssd.data.annotations import ImageAnnotation
from keras_ssd.data.problems import Problems
from keras_ssd.data.rules import check_pixels
from keras_ssd.data.sources import Source, open_source
from keras_ssd.data.text_files import read_ids
from keras_ssd.files import as_many
from keras_ssd.terminal import counted


class Key(NamedTuple):
    """An image of a pool: the number of its source, and its id in that source."""

    source: int
    id: str


class NoObjectError(ValueError):
    """Class names are to be taken from objects, but there are no objects."""


class SourcePool:
    """Opened sources, from which images are chosen and read.

    Args:
        sources: the opened sources, at least one.
        names: a name for each source that no other has, as from `distinct_names`.

    Attributes:
        sources, names: the arguments.
    """

    def __init__(self, sources: Sequence[Source], names: Sequence[str]):
        self.sources, self.names = list(sources), list(names)

    @classmethod
    def open(
        cls,
        sources: str | Path | Iterable[str | Path],
        image_folder: str | Path | None,
        problems: Problems,
    ) -> "SourcePool":
        """Opens one source or several.

        If `problems` collects, it takes the errors of sources that cannot be opened, as long as
        another source can.

        Raises:
            ValueError: there is no source, a source is given twice, or one cannot be opened.
        """
        given = [os.fspath(source) for source in as_many(sources)]
        if not given:
            raise ValueError("sources: there are none; expected at least one")
        opened = {}
        for source, name in zip(given, distinct_names(given), strict=True):
            try:
                opened[name] = open_source(source, image_folder, problems)
            except ValueError as error:
                problems.error(error)
                last_error = error
        if not opened:
            raise last_error
        return cls(list(opened.values()), list(opened))

    def choose(self, image_set: str | None, default_set: str, problems: Problems) -> list[Key]:
        """Returns a set's images as in `load`: source by source, or in the order of a file of ids.

        Raises:
            ValueError: a source has no such set, or an id in the file belongs to no image or to
                several.
        """
        if image_set is not None and is_ids_file(image_set):
            found = self._find(read_ids(image_set), image_set, problems)
            for image_id, keys in found.items():
                if len(keys) > 1:
                    other_ids = ", ".join(self._long_id(key) for key in keys)
                    raise ValueError(
                        f"{image_set}: {image_id} is in several sources; write one of: {other_ids}"
                    )
            unknown = [image_id for image_id, keys in found.items() if not keys]
            if unknown:
                raise ValueError(
                    f"{image_set}: {len(unknown)} of {len(found)} ids belong to no image, such as "
                    f"{unknown[0]!r}"
                )
            return [key for keys in found.values() for key in keys]
        return [
            Key(number, image_id)
            for number, source in enumerate(self.sources)
            for image_id in source.select(
                source.default_set(default_set) if image_set is None else image_set, problems
            )
        ]

    def without(self, keys: Sequence[Key], ids_file: str | Path, problems: Problems) -> list[Key]:
        """Returns the images that a file of ids does not name; a note tells how many are left out.

        Raises:
            ValueError: the file contains no id, or no image is left.
        """
        ids = read_ids(ids_file)
        names = {name: number for number, name in enumerate(self.names)}
        excluded = set()
        for image_id in ids:
            excluded.update(Key(number, image_id) for number in range(len(self.sources)))
            source, _, rest = image_id.partition("/")
            if source in names:
                excluded.add(Key(names[source], rest))
        left = [key for key in keys if key not in excluded]
        if not left:
            raise ValueError(f"{ids_file}: leaves none of {counted(len(keys), 'image')}")
        problems.note(
            f"{ids_file}: leaves out {counted(len(keys) - len(left), 'image')} by its "
            f"{counted(len(ids), 'id')}"
        )
        return left

    def read(self, keys: Iterable[Key], problems: Problems) -> dict[Key, ImageAnnotation]:
        """Returns the annotations of images, without those that cannot be used.

        If several sources have images of the same id, each id is prefixed by its source's name.
        """
        keys = list(keys)
        counts = Counter(key.id for key in set(keys))
        images: dict[Key, ImageAnnotation] = {}
        for key in keys:
            with problems.leaving_out():
                image = self.sources[key.source].read(key.id, problems)
                image_id = key.id if counts[key.id] == 1 else self._long_id(key)
                images[key] = replace(image, id=image_id)
        for number, source in enumerate(self.sources):
            of_source = (image for key, image in images.items() if key.source == number)
            check_pixels(of_source, source.name, problems)
        return images

    def class_names(self, images: dict[Key, ImageAnnotation]) -> tuple[str, ...]:
        """Returns the classes of the sources of these images.

        For one source they are the classes that it lists, or else those of its objects, sorted. For
        several sources they are the classes of all, sorted.

        Raises:
            NoObjectError: there is no object to take classes from.
        """
        found = [
            source.class_names
            or sorted({o.class_name for k, i in images.items() if k.source == n for o in i.objects})
            for n, source in enumerate(self.sources)
        ]
        names = found[0] if len(found) == 1 else sorted(set().union(*found))
        if not names:
            raise NoObjectError(
                "class_names: there is no object to take them from; give class_names"
            )
        return tuple(names)

    def _long_id(self, key: Key) -> str:
        return f"{self.names[key.source]}/{key.id}"

    def _find(self, ids, ids_file, problems) -> dict[str, list[Key]]:
        """Returns the images that each id names, with or without its source's name as a prefix."""
        keys_of: dict[str, list[Key]] = {image_id: [] for image_id in ids}
        for number, source in enumerate(self.sources):
            for image_id in source.list_ids(None, problems):
                key = Key(number, image_id)
                for name in (image_id, self._long_id(key)):
                    if name in keys_of:
                        keys_of[name].append(key)
        return keys_of


def is_ids_file(image_set: str) -> bool:
    """Tells whether an image set is the path of a file of ids."""
    return image_set.lower().endswith(".txt")


def distinct_names(sources: Sequence[str]) -> list[str]:
    """Returns a name for each source: the part of its path in which all of them differ.

    Raises:
        ValueError: two sources are the same.

    Examples:
        >>> distinct_names(["task 1/annotations.json", "task 2/annotations.json"])
        ['task 1', 'task 2']
    """
    paths = [Path(os.path.abspath(source)) for source in sources]
    twice = [path for path, count in Counter(paths).items() if count > 1]
    if twice:
        raise ValueError(f"sources: {twice[0]} comes twice")
    names = [[path.stem if path.is_file() else path.name, *path.parts[-2::-1]] for path in paths]
    for parts in zip(*names, strict=False):
        if len(set(parts)) == len(parts):
            return [part.strip("/") for part in parts]
    return ["/".join(path.parts[1:]) for path in paths]
