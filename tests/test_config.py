"""The numbers that define each SSD, against the original's (docs/ssd_facts.md section 2.1)."""

import dataclasses
import json
import math

import pytest

from keras_ssd import config
from keras_ssd.config import FeatureMap, SSDConfig, paper_config

CONFIGS = [value for value in vars(config).values() if isinstance(value, SSDConfig)]
all_configs = pytest.mark.parametrize("ssd", CONFIGS, ids=lambda ssd: ssd.name)

# min sizes of the maps, then the last map's max size; a map's max size is the next one's min size
PIXEL_SIZES = {
    "SSD300_VOC": (30, 60, 111, 162, 213, 264, 315),
    "SSD300_COCO": (21, 45, 99, 153, 207, 261, 315),
    "SSD512_VOC": (35.84, 76.8, 153.6, 230.4, 307.2, 384, 460.8, 537.6),
    "SSD512_COCO": (20.48, 51.2, 133.12, 215.04, 296.96, 378.88, 460.8, 542.72),
    "SSD512_VOC_TRUNCATED": (35, 76, 153, 230, 307, 384, 460, 537),
    "SSD512_COCO_TRUNCATED": (20, 51, 133, 215, 296, 378, 460, 542),
}


@pytest.mark.parametrize("name", PIXEL_SIZES)
def test_the_squares_of_a_cell_are_the_min_size_and_the_middle_of_min_and_max(name):
    ssd, sizes = getattr(config, name), PIXEL_SIZES[name]
    for feature_map, low, high in zip(ssd.feature_maps, sizes, sizes[1:], strict=False):
        small, middle = (side * ssd.image_size for side, _ in feature_map.box_sizes[:2])
        assert small == pytest.approx(low)
        assert middle**2 == pytest.approx(low * high)
    assert len(ssd.feature_maps) == len(sizes) - 1


@pytest.mark.parametrize(
    ("names", "grids", "steps", "boxes_per_cell", "total"),
    [
        (
            ["SSD300_VOC", "SSD300_COCO"],
            (38, 19, 10, 5, 3, 1),
            (8, 16, 32, 64, 100, 300),
            (4, 6, 6, 6, 4, 4),
            8732,
        ),
        (
            ["SSD512_VOC", "SSD512_COCO", "SSD512_VOC_TRUNCATED", "SSD512_COCO_TRUNCATED"],
            (64, 32, 16, 8, 4, 2, 1),
            (8, 16, 32, 64, 128, 256, 512),
            (4, 6, 6, 6, 6, 4, 4),
            24564,
        ),
    ],
)
def test_the_maps_of_the_paper(names, grids, steps, boxes_per_cell, total):
    for name in names:
        ssd = getattr(config, name)
        assert tuple(m.grid for m in ssd.feature_maps) == grids
        assert [m.step * ssd.image_size for m in ssd.feature_maps] == pytest.approx(steps)
        assert tuple(len(m.box_sizes) for m in ssd.feature_maps) == boxes_per_cell
        assert {m.offset for m in ssd.feature_maps} == {0.5}
        assert ssd.num_default_boxes == total
        assert ssd.variances == (0.1, 0.1, 0.2, 0.2)
        assert ssd.clip is None


@pytest.mark.parametrize(
    ("index", "grid", "sizes"),
    [
        (0, 20, [(0.1, 0.1), (0.282843, 0.141421), (0.141421, 0.282843)]),
        (
            1,
            10,
            [
                (0.35, 0.35),
                (0.418330, 0.418330),
                (0.494975, 0.247487),
                (0.247487, 0.494975),
                (0.606218, 0.202073),
                (0.202073, 0.606218),
            ],
        ),
        (
            5,
            1,
            [
                (0.95, 0.95),
                (0.974679, 0.974679),
                (1.343503, 0.671751),
                (0.671751, 1.343503),
                (1.645448, 0.548483),
                (0.548483, 1.645448),
            ],
        ),
    ],
)
def test_a_cell_of_ssd_mobilenet_320(index, grid, sizes):
    feature_map = config.SSD_MOBILENET_320.feature_maps[index]
    assert feature_map.grid == grid
    assert feature_map.step == pytest.approx(1 / grid)
    assert len(feature_map.box_sizes) == len(sizes)
    for size, expected in zip(feature_map.box_sizes, sizes, strict=True):
        assert size == pytest.approx(expected, abs=1e-6)


def test_ssd_mobilenet_320_has_2034_boxes():
    ssd = config.SSD_MOBILENET_320
    assert [m.num_default_boxes for m in ssd.feature_maps] == [1200, 600, 150, 54, 24, 6]
    assert ssd.num_default_boxes == 2034
    assert ssd.image_size == 320
    squares = [m.box_sizes[:2] for m in ssd.feature_maps[1:]]
    assert [small for (small, _), _ in squares] == [0.35, 0.5, 0.65, 0.8, 0.95]
    middles = [0.418330, 0.570088, 0.721110, 0.871780, 0.974679]
    assert [middle for _, (middle, _) in squares] == pytest.approx(middles, abs=1e-6)


def test_a_cell_of_ssd_mobilenet_fpn_320_has_tensorflows_anchors_of_4_and_5_7_strides():
    ssd = config.SSD_MOBILENET_FPN_320
    assert [m.num_default_boxes for m in ssd.feature_maps] == [9600, 2400, 600, 150]
    for feature_map, stride in zip(ssd.feature_maps, (8, 16, 32, 64), strict=True):
        assert feature_map.step * 320 == pytest.approx(stride)
        pixels = [
            (width * 320 / stride, height * 320 / stride) for width, height in feature_map.box_sizes
        ]
        assert [value for size in pixels for value in size] == pytest.approx(
            [4, 4, 5.656854, 5.656854, 5.656854, 2.828427, 8, 4, 2.828427, 5.656854, 4, 8]
        )


@all_configs
def test_a_config_survives_json(ssd):
    assert SSDConfig.from_dict(json.loads(json.dumps(ssd.to_dict()))) == ssd


def test_the_clip_rule_and_the_offset_survive_json():
    feature_map = FeatureMap(grid=2, step=0.4, box_sizes=((0.5, 0.25),), offset=0.25)
    ssd = SSDConfig("other", 10, (feature_map,), variances=(1.0, 2.0, 3.0, 4.0), clip="sizes")
    assert SSDConfig.from_dict(json.loads(json.dumps(ssd.to_dict()))) == ssd


@all_configs
def test_a_config_can_be_a_key_and_cannot_change(ssd):
    assert {ssd: 1}[dataclasses.replace(ssd)] == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        ssd.clip = "corners"


@pytest.mark.parametrize("clip", ["corner", True, ""])
def test_an_unknown_clip_rule_is_an_error_that_names_the_rules(clip):
    with pytest.raises(ValueError, match=r"clip must be one of .*'corners'.* not ") as error:
        dataclasses.replace(config.SSD300_VOC, clip=clip)
    assert repr(clip) in str(error.value)


def test_lists_of_unequal_length_are_an_error():
    with pytest.raises(ValueError, match="shorter"):
        paper_config("short", 300, (38, 19), (8, 16), (30, 60, 111), ((2,),))


# Values of foreign files --------------------------------------------------------------------------

BAD_MAPS = [
    ("grid", 0),
    ("grid", -3),
    ("grid", 2.0),
    ("grid", True),
    ("grid", "3"),
    ("grid", 10**400),
    ("step", 0),
    ("step", -0.1),
    ("step", math.nan),
    ("step", math.inf),
    ("step", 1e-30),
    ("step", "0.1"),
    ("step", None),
    ("offset", math.nan),
    ("offset", 1e30),
    ("box_sizes", ()),
    ("box_sizes", 0.5),
    ("box_sizes", (0.5, 0.5)),
    ("box_sizes", ((0.5,),)),
    ("box_sizes", ((0.5, 0.5, 0.5),)),
    ("box_sizes", ((0.5, 0),)),
    ("box_sizes", ((0.5, -0.5),)),
    ("box_sizes", ((0.5, math.nan),)),
    ("box_sizes", ((0.5, 1e30),)),
    ("box_sizes", (("a", "b"),)),
    ("box_sizes", "ab"),
]
BAD_CONFIGS = [
    ("name", 7),
    ("image_size", 0),
    ("image_size", -300),
    ("image_size", 300.0),
    ("image_size", 10**9),
    ("feature_maps", ()),
    ("feature_maps", None),
    ("feature_maps", ("map",)),
    ("variances", (0.1, 0.1, 0.2)),
    ("variances", (0.1, 0.1, 0.2, 0)),
    ("variances", (0.1, 0.1, 0.2, math.inf)),
    ("variances", 0.1),
]


@pytest.mark.parametrize(("name", "value"), BAD_MAPS)
def test_a_value_of_a_feature_map_that_cannot_be_is_named(name, value):
    with pytest.raises(ValueError, match=f"^FeatureMap: {name}: expected "):
        dataclasses.replace(FeatureMap(2, 0.5, ((0.5, 0.5),)), **{name: value})


@pytest.mark.parametrize(("name", "value"), BAD_CONFIGS)
def test_a_value_of_a_config_that_cannot_be_is_named(name, value):
    with pytest.raises(ValueError, match=f"^SSDConfig: {name}: expected "):
        dataclasses.replace(config.SSD300_VOC, **{name: value})


def test_a_config_has_at_most_a_million_default_boxes():
    def with_grid(grid):
        return SSDConfig("many", 300, (FeatureMap(grid, 0.001, ((0.5, 0.5),)),))

    assert with_grid(1000).num_default_boxes == 1_000_000
    with pytest.raises(ValueError, match=r"default boxes: expected .* 1000000, not 1002001"):
        with_grid(1001)


def test_lists_become_tuples_so_that_a_config_can_be_a_key():
    feature_map = FeatureMap(2, 0.5, [[0.5, 0.5]])
    ssd = SSDConfig("lists", 10, [feature_map], variances=[0.1, 0.1, 0.2, 0.2])
    assert {ssd: 1}[SSDConfig("lists", 10, (FeatureMap(2, 0.5, ((0.5, 0.5),)),))] == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda values: values.pop("image_size"), "SSDConfig: expected the values"),
        (lambda values: values.update(extra=1), "SSDConfig: expected the values"),
        (lambda values: values.update(feature_maps={}), "SSDConfig: feature_maps: expected a list"),
        (lambda values: values.update(feature_maps=[7]), "FeatureMap: expected the values"),
        (lambda values: values["feature_maps"][0].pop("grid"), "FeatureMap: expected the values"),
        (
            lambda values: values["feature_maps"][0].update(box_sizes=None),
            "FeatureMap: box_sizes: expected a list",
        ),
        (lambda values: values.update(clip=[]), "SSDConfig: clip must be one of"),
    ],
)
def test_a_dictionary_that_is_not_of_a_config_is_an_error(change, message):
    values = json.loads(json.dumps(config.SSD300_VOC.to_dict()))
    change(values)
    with pytest.raises(ValueError, match=f"^{message}"):
        SSDConfig.from_dict(values)


@pytest.mark.parametrize("values", [None, [], "SSD300", 7])
def test_what_is_not_a_dictionary_is_not_a_config(values):
    with pytest.raises(ValueError, match=r"^SSDConfig: expected the values"):
        SSDConfig.from_dict(values)


def test_a_dictionary_may_leave_out_what_has_a_default():
    values = config.SSD300_VOC.to_dict()
    del values["variances"], values["clip"], values["feature_maps"][0]["offset"]
    assert SSDConfig.from_dict(values) == config.SSD300_VOC
