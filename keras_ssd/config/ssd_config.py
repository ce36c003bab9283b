"""The numbers that define an SSD: its feature maps and their default boxes.

A config may come from a file that someone else wrote, so its values are checked when it is made.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CLIP_RULES = (None, "corners", "sizes", "centers_and_sizes")
MAX_IMAGE_SIZE = 4096
MAX_DEFAULT_BOXES = 1_000_000
# An object trains every default box that it has at least this IoU with (paper, section 2.2).
MATCHING_IOU = 0.5

# Relative lengths between these are far from what float32 rounds to zero or infinity.
_SMALLEST, _LARGEST = 1e-4, 100.0


@dataclass(frozen=True)
class FeatureMap:
    """A feature map that boxes are predicted from.

    Attributes:
        grid: the number of cells along each side of the map.
        step: the distance between the centers of neighboring cells, relative to the image's side.
        box_sizes: the relative (width, height) of each default box of a cell, in output order.
        offset: the position of the first center, in steps.

    Raises:
        ValueError: a value is of another type or out of range.
    """

    grid: int
    step: float
    box_sizes: tuple[tuple[float, float], ...]
    offset: float = 0.5

    def __post_init__(self):
        _check_count("FeatureMap: grid", self.grid, MAX_DEFAULT_BOXES)
        _check_number("FeatureMap: step", self.step, _SMALLEST, _LARGEST)
        _check_number("FeatureMap: offset", self.offset, -_LARGEST, _LARGEST)
        sizes = _as_tuple("FeatureMap: box_sizes", self.box_sizes)
        sizes = tuple(_as_tuple("FeatureMap: box_sizes", size, 2) for size in sizes)
        for side in (side for size in sizes for side in size):
            _check_number("FeatureMap: box_sizes", side, _SMALLEST, _LARGEST)
        object.__setattr__(self, "box_sizes", sizes)  # a frozen dataclass allows no other way

    @property
    def num_default_boxes(self) -> int:
        """The number of default boxes of all cells."""
        return self.grid * self.grid * len(self.box_sizes)


@dataclass(frozen=True)
class SSDConfig:
    """Everything that ties the outputs of an SSD to boxes in the image.

    Attributes:
        name: a name for people to read.
        image_size: the side of the square network input in pixels, at most MAX_IMAGE_SIZE.
        feature_maps: the feature maps, from the finest to the coarsest. Together they have at most
            MAX_DEFAULT_BOXES default boxes.
        variances: the scale of the offsets (cx, cy, w, h).
        clip: how default boxes that reach beyond the image are treated. None keeps them (the
            original), "corners" clips them to the image (Caffe's `clip: true`), "sizes" limits
            width and height to 1 (torchvision), "centers_and_sizes" limits each of
            (cx, cy, w, h) to [0, 1] (ssd.pytorch, lufficc). Weights need the rule that they
            were trained with.

    Raises:
        ValueError: a value is of another type or out of range.

    Examples:
        >>> one_map = FeatureMap(grid=4, step=0.25, box_sizes=((0.2, 0.2), (0.3, 0.15)))
        >>> config = SSDConfig("toy", image_size=64, feature_maps=(one_map,))
        >>> config.num_default_boxes
        32
        >>> SSDConfig.from_dict(config.to_dict()) == config
        True
    """

    name: str
    image_size: int
    feature_maps: tuple[FeatureMap, ...]
    variances: tuple[float, float, float, float] = (0.1, 0.1, 0.2, 0.2)
    clip: str | None = None

    def __post_init__(self):
        if not isinstance(self.name, str):
            raise ValueError(f"SSDConfig: name: expected a string, not {self.name!r}")
        _check_count("SSDConfig: image_size", self.image_size, MAX_IMAGE_SIZE)
        variances = _as_tuple("SSDConfig: variances", self.variances, 4)
        for variance in variances:
            _check_number("SSDConfig: variances", variance, _SMALLEST, _LARGEST)
        if self.clip not in CLIP_RULES:
            raise ValueError(f"SSDConfig: clip must be one of {CLIP_RULES}, not {self.clip!r}")
        feature_maps = _as_tuple("SSDConfig: feature_maps", self.feature_maps)
        if not all(isinstance(feature_map, FeatureMap) for feature_map in feature_maps):
            raise ValueError(f"SSDConfig: feature_maps: expected FeatureMaps, not {feature_maps!r}")
        object.__setattr__(self, "feature_maps", feature_maps)
        object.__setattr__(self, "variances", variances)
        _check_count("SSDConfig: default boxes", self.num_default_boxes, MAX_DEFAULT_BOXES)

    @property
    def num_default_boxes(self) -> int:
        """The number of default boxes of all feature maps."""
        return sum(feature_map.num_default_boxes for feature_map in self.feature_maps)

    def to_dict(self) -> dict[str, Any]:
        """Returns the config as plain values that JSON can hold; `from_dict` is the inverse."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "SSDConfig":
        """Makes the config that `to_dict` turned into these values.

        Raises:
            ValueError: a value is missing, unknown, of another type or out of range.
        """
        values = _checked_keys(cls, values)
        if "feature_maps" in values:
            entries = _as_tuple("SSDConfig: feature_maps", values["feature_maps"])
            feature_maps = [FeatureMap(**_checked_keys(FeatureMap, entry)) for entry in entries]
            values = {**values, "feature_maps": tuple(feature_maps)}
        return cls(**values)


def _check_count(name, value, largest):
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= largest:
        raise ValueError(f"{name}: expected a whole number from 1 to {largest}, not {value!r}")


def _check_number(name, value, smallest, largest):
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and smallest <= value <= largest):  # NaN fails this
        raise ValueError(f"{name}: expected a number from {smallest} to {largest}, not {value!r}")


def _as_tuple(name, values, length=None):
    if not isinstance(values, list | tuple) or not values or len(values) != (length or len(values)):
        expected = f"a list of {length} values" if length else "a list of one or more values"
        raise ValueError(f"{name}: expected {expected}, not {values!r}")
    return tuple(values)


def _checked_keys(kind, values):
    """Returns the values from a file, if their names are the fields of the dataclass `kind`."""
    fields = dataclasses.fields(kind)
    known = {field.name for field in fields}
    needed = {field.name for field in fields if field.default is dataclasses.MISSING}
    if not isinstance(values, Mapping) or not needed <= set(values) <= known:
        found = list(values) if isinstance(values, Mapping) else repr(values)
        raise ValueError(f"{kind.__name__}: expected the values {sorted(known)}, not {found}")
    return dict(values)
