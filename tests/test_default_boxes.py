"""Default boxes against the original's numbers: golden values of docs/ssd_facts.md section 2.2."""

from dataclasses import replace

import numpy as np
import pytest

from keras_ssd import config, geometry
from keras_ssd.config import FeatureMap, SSDConfig
from keras_ssd.default_boxes import default_boxes

# Each block: configuration and clip rules; cx of the first three cells, then (w h) of the boxes of
# the first cell; the first box of each map: its cx = cy, then its w = h.
FIRST = """
SSD300_VOC None sizes centers_and_sizes
0.013333 0.04 0.066667 0.1 0.1 0.141421 0.141421 0.141421 0.070711 0.070711 0.141421
0.013333 0.026667 0.053333 0.106667 0.166667 0.5
0.1 0.2 0.37 0.54 0.71 0.88
SSD300_COCO None sizes centers_and_sizes
0.013333 0.04 0.066667 0.07 0.07 0.10247 0.10247 0.098995 0.049497 0.049497 0.098995
0.013333 0.026667 0.053333 0.106667 0.166667 0.5
0.07 0.15 0.33 0.51 0.69 0.87
SSD512_VOC None sizes centers_and_sizes
0.007812 0.023438 0.039062 0.07 0.07 0.10247 0.10247 0.098995 0.049497 0.049497 0.098995
0.007812 0.015625 0.03125 0.0625 0.125 0.25 0.5
0.07 0.15 0.3 0.45 0.6 0.75 0.9
SSD512_VOC_TRUNCATED None sizes centers_and_sizes
0.007812 0.023438 0.039062 0.068359 0.068359 0.100733 0.100733 0.096675 0.048337 0.048337 0.096675
0.007812 0.015625 0.03125 0.0625 0.125 0.25 0.5
0.068359 0.148438 0.298828 0.449219 0.599609 0.75 0.898438
SSD512_COCO None sizes centers_and_sizes
0.007812 0.023438 0.039062 0.04 0.04 0.063246 0.063246 0.056569 0.028284 0.028284 0.056569
0.007812 0.015625 0.03125 0.0625 0.125 0.25 0.5
0.04 0.1 0.26 0.42 0.58 0.74 0.9
SSD512_COCO_TRUNCATED None sizes centers_and_sizes
0.007812 0.023438 0.039062 0.039062 0.039062 0.062378 0.062378 0.055243 0.027621 0.027621 0.055243
0.007812 0.015625 0.03125 0.0625 0.125 0.25 0.5
0.039062 0.099609 0.259766 0.419922 0.578125 0.738281 0.898438
"""

# Each block: configuration and clip rule; the first ten boxes (cx cy w h), two a line; the first
# box of each map as above.
FIRST_CLIPPED = """
SSD300_VOC corners
0.031667 0.031667 0.063333 0.063333  0.042022 0.042022 0.084044 0.084044
0.042022 0.024344 0.084044 0.048689  0.024344 0.042022 0.048689 0.084044
0.045 0.031667 0.09 0.063333  0.055355 0.042022 0.110711 0.084044
0.055355 0.024344 0.110711 0.048689  0.04 0.042022 0.070711 0.084044
0.066667 0.031667 0.1 0.063333  0.068689 0.042022 0.137377 0.084044
0.031667 0.063333 0.119167 0.188333 0.260833 0.5
0.063333 0.126667 0.238333 0.376667 0.521667 0.88
SSD300_COCO corners
0.024167 0.024167 0.048333 0.048333  0.032284 0.032284 0.064568 0.064568
0.031415 0.019041 0.062831 0.038082  0.019041 0.031415 0.038082 0.062831
0.04 0.024167 0.07 0.048333  0.045617 0.032284 0.091235 0.064568
0.044749 0.019041 0.089497 0.038082  0.04 0.031415 0.049497 0.062831
0.066667 0.024167 0.07 0.048333  0.066667 0.032284 0.10247 0.064568
0.024167 0.050833 0.109167 0.180833 0.255833 0.5
0.048333 0.101667 0.218333 0.361667 0.511667 0.87
SSD512_VOC corners
0.021406 0.021406 0.042812 0.042812  0.029524 0.029524 0.059047 0.059047
0.028655 0.016281 0.05731 0.032561  0.016281 0.028655 0.032561 0.05731
0.029219 0.021406 0.058438 0.042812  0.037336 0.029524 0.074672 0.059047
0.036467 0.016281 0.072935 0.032561  0.024093 0.028655 0.048186 0.05731
0.039062 0.021406 0.07 0.042812  0.045149 0.029524 0.090297 0.059047
0.021406 0.045312 0.090625 0.14375 0.2125 0.3125 0.5
0.042812 0.090625 0.18125 0.2875 0.425 0.625 0.9
SSD512_VOC_TRUNCATED corners
0.020996 0.020996 0.041992 0.041992  0.029089 0.029089 0.058179 0.058179
0.028075 0.015991 0.05615 0.031981  0.015991 0.028075 0.031981 0.05615
0.028809 0.020996 0.057617 0.041992  0.036902 0.029089 0.073804 0.058179
0.035887 0.015991 0.071775 0.031981  0.023803 0.028075 0.047606 0.05615
0.039062 0.020996 0.068359 0.041992  0.044714 0.029089 0.089429 0.058179
0.020996 0.044922 0.090332 0.143555 0.212402 0.3125 0.5
0.041992 0.089844 0.180664 0.287109 0.424805 0.625 0.898438
SSD512_COCO corners
0.013906 0.013906 0.027812 0.027812  0.019718 0.019718 0.039435 0.039435
0.018048 0.010977 0.036097 0.021955  0.010977 0.018048 0.021955 0.036097
0.023438 0.013906 0.04 0.027812  0.02753 0.019718 0.05506 0.039435
0.025861 0.010977 0.051722 0.021955  0.023438 0.018048 0.028284 0.036097
0.039062 0.013906 0.04 0.027812  0.039062 0.019718 0.063246 0.039435
0.013906 0.032812 0.080625 0.13625 0.2075 0.31 0.5
0.027812 0.065625 0.16125 0.2725 0.415 0.62 0.9
SSD512_COCO_TRUNCATED corners
0.013672 0.013672 0.027344 0.027344  0.019501 0.019501 0.039001 0.039001
0.017717 0.010812 0.035434 0.021623  0.010812 0.017717 0.021623 0.035434
0.023438 0.013672 0.039062 0.027344  0.027313 0.019501 0.054626 0.039001
0.025529 0.010812 0.051059 0.021623  0.023438 0.017717 0.027621 0.035434
0.039062 0.013672 0.039062 0.027344  0.039062 0.019501 0.062378 0.039001
0.013672 0.032715 0.080566 0.13623 0.207031 0.30957 0.5
0.027344 0.06543 0.161133 0.272461 0.414062 0.619141 0.898438
"""

# (w h) of the last four boxes, unclipped; their centre is the image's. Every rule stops them at 1.
LAST_FOUR = """
SSD300_VOC 0.88 0.88 0.961249 0.961249 1.244508 0.622254 0.622254 1.244508
SSD300_COCO 0.87 0.87 0.955772 0.955772 1.230366 0.615183 0.615183 1.230366
SSD512_VOC 0.9 0.9 0.972111 0.972111 1.272792 0.636396 0.636396 1.272792
SSD512_VOC_TRUNCATED 0.898438 0.898438 0.970725 0.970725 1.270582 0.635291 0.635291 1.270582
SSD512_COCO 0.9 0.9 0.976729 0.976729 1.272792 0.636396 0.636396 1.272792
SSD512_COCO_TRUNCATED 0.898438 0.898438 0.975233 0.975233 1.270582 0.635291 0.635291 1.270582
"""

# Each block: configuration and clip rules; sum of cx = cy and of w = h, mean of cx = cy and of
# w = h, then the sum of cx = cy of each map; the sum of w = h of each map.
SUMS = """
SSD300_VOC None
4443.946667 1510.429285 0.508927 0.172976  2926.506667 1097.44 320 80 18 2
654.931096 490.300704 245.635686 88.794565 27.059223 3.708011
SSD300_VOC corners
4433.882479 1395.682223 0.507774 0.159835  2924.061582 1095.754915 315.584108 78.481874 18 2
630.816518 456.516507 210.554001 72.304487 22.027207 3.463503
SSD300_VOC sizes
4443.946667 1510.147952 0.508927 0.172944  2926.506667 1097.44 320 80 18 2
654.931096 490.300704 245.635686 88.794565 27.022399 3.463503
SSD300_VOC centers_and_sizes
4443.146667 1510.147952 0.508835 0.172944  2926.506667 1097.44 319.2 80 18 2
654.931096 490.300704 245.635686 88.794565 27.022399 3.463503
SSD300_COCO None
4443.946667 1172.198034 0.508927 0.134242  2926.506667 1097.44 320 80 18 2
463.469029 374.390995 220.23819 84.071988 26.356512 3.671321
SSD300_COCO corners
4435.524053 1089.890457 0.507962 0.124816  2924.828333 1096.126747 316.014654 78.554319 18 2
450.393493 354.065613 191.276133 69.143254 21.571008 3.440955
SSD300_COCO sizes
4443.946667 1171.967669 0.508927 0.134215  2926.506667 1097.44 320 80 18 2
463.469029 374.390995 220.23819 84.071988 26.356512 3.440955
SSD300_COCO centers_and_sizes
4443.146667 1171.967669 0.508835 0.134215  2926.506667 1097.44 319.2 80 18 2
463.469029 374.390995 220.23819 84.071988 26.356512 3.440955
SSD512_VOC None
12282 3146.141697 0.5 0.128079  8192 3072 768 192 48 8 2
1314.660072 1051.382013 511.139811 189.660152 62.868052 12.650296 3.781299
SSD512_VOC corners
12282 2980.621196 0.5 0.121341  8192 3072 768 192 48 8 2
1286.68322 1001.237781 463.723928 163.542608 51.600004 10.325148 3.508507
SSD512_VOC sizes centers_and_sizes
12282 3144.998576 0.5 0.128033  8192 3072 768 192 48 8 2
1314.660072 1051.382013 511.139811 189.660152 62.240364 12.407656 3.508507
SSD512_VOC_TRUNCATED None
12282 3105.554454 0.5 0.126427  8192 3072 768 192 48 8 2
1286.571199 1041.136065 509.245178 189.348919 62.830615 12.647442 3.775036
SSD512_VOC_TRUNCATED corners
12282 2942.51686 0.5 0.11979  8192 3072 768 192 48 8 2
1259.731766 991.895902 462.163355 163.320819 51.576843 10.323721 3.504453
SSD512_VOC_TRUNCATED sizes centers_and_sizes
12282 3104.424369 0.5 0.126381  8192 3072 768 192 48 8 2
1286.571199 1041.136065 509.245178 189.348919 62.213753 12.404802 3.504453
SSD512_COCO None
12282 2192.471071 0.5 0.089255  8192 3072 768 192 48 8 2
770.450911 721.220912 446.065101 177.565536 60.879232 12.503461 3.785918
SSD512_COCO corners
12282 2087.161403 0.5 0.084968  8192 3072 768 192 48 8 2
760.744513 697.55246 410.069246 154.670237 50.360091 10.251731 3.513125
SSD512_COCO sizes centers_and_sizes
12282 2191.938776 0.5 0.089234  8192 3072 768 192 48 8 2
770.450911 721.220912 446.065101 177.565536 60.8058 12.317389 3.513125
SSD512_COCO_TRUNCATED None
12282 2173.682012 0.5 0.088491  8192 3072 768 192 48 8 2
754.910766 718.651526 445.693255 177.48435 60.687193 12.475377 3.779545
SSD512_COCO_TRUNCATED corners
12282 2069.105406 0.5 0.084233  8192 3072 768 192 48 8 2
745.587571 695.161665 409.760233 154.609627 50.239658 10.237689 3.508962
SSD512_COCO_TRUNCATED sizes centers_and_sizes
12282 2173.21361 0.5 0.088471  8192 3072 768 192 48 8 2
754.910766 718.651526 445.693255 177.48435 60.665723 12.299028 3.508962
"""

OFFSETS = {
    300: [0, 5776, 7942, 8542, 8692, 8728, 8732],
    512: [0, 16384, 22528, 24064, 24448, 24544, 24560, 24564],
}


def blocks(table: str) -> list:
    """One (configuration, clip rule, rows of numbers) per configuration and rule of a table."""
    found = []
    for line in table.strip().splitlines():
        if line[0].isalpha():
            rows = []
            name, *rules = line.split()
            found += [
                pytest.param(
                    replace(getattr(config, name), clip=None if rule == "None" else rule),
                    rows,
                    id=f"{name} {rule}",
                )
                for rule in rules
            ]
        else:
            rows.append([float(number) for number in line.split()])
    return found


def both(values):
    """cx = cy and w = h: (M,), (M,) -> (M, 4)."""
    centers, sizes = values
    return np.stack([centers, centers, sizes, sizes], axis=-1)


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("ssd", "rows"), blocks(FIRST))
def test_the_first_boxes(ssd, rows):
    columns, sizes = rows[0][:3], np.reshape(rows[0][3:], (4, 2))
    found = default_boxes(ssd)
    assert found.dtype == np.float32
    assert found.shape == (ssd.num_default_boxes, 4)
    first_cells = [(cx, columns[0], *size) for cx in columns for size in sizes]
    close(found[:10], first_cells[:10])
    close(found[OFFSETS[ssd.image_size][:-1]], both(rows[1:]))


@pytest.mark.parametrize(("ssd", "rows"), blocks(FIRST_CLIPPED))
def test_the_first_boxes_clipped_to_the_image(ssd, rows):
    found = default_boxes(ssd)
    close(found[:10], np.reshape(rows[:5], (10, 4)))
    close(found[OFFSETS[ssd.image_size][:-1]], both(rows[5:]))


@pytest.mark.parametrize("line", LAST_FOUR.strip().splitlines(), ids=lambda line: line.split()[0])
def test_the_last_boxes(line):
    name, *numbers = line.split()
    sizes = np.array(numbers, float).reshape(4, 2)
    for clip in config.CLIP_RULES:
        found = default_boxes(replace(getattr(config, name), clip=clip))[-4:]
        close(found[:, :2], np.full((4, 2), 0.5))
        close(found[:, 2:], sizes if clip is None else np.minimum(sizes, 1))


@pytest.mark.parametrize(("ssd", "rows"), blocks(SUMS))
def test_sums_and_means(ssd, rows):
    (center_sum, size_sum, center_mean, size_mean, *map_centers), map_sizes = rows
    offsets = OFFSETS[ssd.image_size]
    found = default_boxes(ssd).astype(np.float64)
    assert len(found) == offsets[-1]
    sums_by_map = np.add.reduceat(found, offsets[:-1])
    # float32 sizes are off by up to 3e-8 each, all boxes of a map in the same direction
    np.testing.assert_allclose(sums_by_map, both((map_centers, map_sizes)), rtol=1e-7, atol=1e-6)
    np.testing.assert_allclose(found.sum(0), both((center_sum, size_sum)), rtol=1e-7)
    close(found.mean(0), both((center_mean, size_mean)))


def test_the_golden_tables_cover_every_configuration_and_rule():
    names = [name for name in vars(config) if name.startswith(("SSD300_", "SSD512_"))]
    every = {f"{name} {rule}" for name in names for rule in config.CLIP_RULES}
    assert len(every) == 24
    assert {block.id for block in blocks(FIRST) + blocks(FIRST_CLIPPED)} == every
    assert {block.id for block in blocks(SUMS)} == every


@pytest.mark.parametrize(
    ("ssd", "count"),
    [
        (config.SSD300_VOC, 2869),
        (config.SSD300_COCO, 2223),
        (config.SSD512_VOC_TRUNCATED, 5486),
        (config.SSD512_COCO_TRUNCATED, 4118),
    ],
)
def test_how_many_boxes_stick_out_of_the_image(ssd, count):
    corners = geometry.centers_to_corners(default_boxes(ssd))
    assert ((corners < -1e-6) | (corners > 1 + 1e-6)).any(axis=-1).sum() == count


def test_the_third_map_of_ssd300_reaches_past_the_image():
    found = default_boxes(config.SSD300_VOC)
    close(found[7942 + 9 * 6, 0], 1.013333)  # last column of the first row
    close(found[8541, :2], [1.013333, 1.013333])
    close(default_boxes(replace(config.SSD300_VOC, clip="centers_and_sizes"))[8541, :2], [1, 1])


def test_boxes_are_ordered_by_map_row_column_and_box():
    found = default_boxes(config.SSD300_VOC)
    close(found[6856], [0.506667, 0.506667, 0.2, 0.2])  # map 2, row 9, column 9, box 0
    close(found[5776 + (2 * 19 + 5) * 6, :2], [5.5 * 16 / 300, 2.5 * 16 / 300])


def test_ssd_mobilenet_320_divides_the_image_into_equal_cells():
    found = default_boxes(config.SSD_MOBILENET_320)
    assert found.shape == (2034, 4)
    close(found[0], [0.025, 0.025, 0.1, 0.1])
    close(found[1199], [0.975, 0.975, 0.141421, 0.282843])
    close(found[1200], [0.05, 0.05, 0.35, 0.35])
    close(found[1800 + (4 * 5 + 1) * 6, :2], [0.3, 0.9])
    close(found[2033], [0.5, 0.5, 0.548483, 1.645448])


def test_one_cell_by_hand_under_every_rule():
    one = SSDConfig("one", 10, (FeatureMap(1, 1.0, ((0.5, 1.5),), offset=0.9),))
    close(default_boxes(one), [[0.9, 0.9, 0.5, 1.5]])
    close(default_boxes(replace(one, clip="sizes")), [[0.9, 0.9, 0.5, 1]])
    close(default_boxes(replace(one, clip="centers_and_sizes")), [[0.9, 0.9, 0.5, 1]])
    # corners (0.65, 0.15, 1.15, 1.65) -> (0.65, 0.15, 1, 1)
    close(default_boxes(replace(one, clip="corners")), [[0.825, 0.575, 0.35, 0.85]])
