"""The image sets that `check_data` looks at."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from keras_ssd.data.problems import Problems
from keras_ssd.data.source_pool import Key, SourcePool, is_ids_file

_GENERAL_SETS = ("train", "val", "valid", "validation", "trainval", "test")


@dataclass
class Split:
    """An image set of one source, or a file of ids of any source.

    Attributes:
        name: its name in the report.
        image_set: the name, slice or file that was asked for.
        source: the number of the source, or None for a file of ids.
        to_train: whether a model is to be trained on its images.
        keys: its images.
        images: the indices of those that can be read; filled in later.
    """

    name: str
    image_set: str
    source: int | None
    to_train: bool
    keys: list[Key]
    images: list[int] = field(default_factory=list)

    def overlaps_by_design(self, other: "Split") -> bool:
        """Tells whether images in common are intended, as with trainval and train."""
        if self.source is None or self.source != other.source:
            return False
        names = {self.image_set, other.image_set}
        subsets = {"trainval", "train", "val", "valid", "validation"}
        return "all" in names or ("trainval" in names and names <= subsets)


def choose_splits(
    pool: SourcePool,
    image_sets: Sequence[str],
    validation_sets: Sequence[str],
    exclude: str | Path | None,
    max_images: int | None,
    problems: Problems,
) -> list[Split]:
    """Returns the splits that `check_data` checks; `problems` takes the errors of loading them."""
    splits: list[tuple[int | None, str]] = []
    for index, source in enumerate(pool.sources):
        there = [name for name in _GENERAL_SETS if name in source.image_sets] or ["all"]
        named = [name for name in (*image_sets, *validation_sets) if not is_ids_file(name)]
        wanted = named if image_sets else [*there, *named]
        splits += [(index, image_set) for image_set in dict.fromkeys(wanted)]
    splits += [(None, name) for name in (*image_sets, *validation_sets) if is_ids_file(name)]
    chosen = []
    for number, image_set in splits:
        name = image_set
        if number is not None and len(pool.sources) > 1:
            name = f"{pool.sources[number].name}:{image_set}"
        begin = Path(image_set).name.lower()
        to_train = image_set not in validation_sets and not begin.startswith(("val", "test"))
        try:
            if number is None:
                keys = pool.choose(image_set, image_set, problems)
            else:
                ids = pool.sources[number].select(image_set, problems)
                keys = [Key(number, image_id) for image_id in ids]
            if exclude is not None and to_train:
                keys = pool.without(keys, exclude, problems)
        except ValueError as error:
            problems.error(ValueError(f"{name!r}: {error}"))
            continue
        chosen.append(Split(name, image_set, number, to_train, keys[:max_images]))
    return chosen
