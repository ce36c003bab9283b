import math

import numpy as np
import pytest

from keras_ssd.evaluation.voc import average_precision_11_point, average_precision_area


def flags(letters):
    return np.array([letter == "T" for letter in letters], bool)


class TestAveragePrecision:
    def test_the_fact_sheet_example(self):
        ranked = flags("TFTTFTF")
        assert average_precision_11_point(ranked, 6) == pytest.approx(0.515152, abs=1e-6)
        assert average_precision_area(ranked, 6) == pytest.approx(0.527778, abs=1e-6)

    def test_recall_of_three_fifths_reaches_the_point_at_six_tenths(self):
        assert average_precision_11_point(flags("TFTTFTF"), 5) == pytest.approx(2 / 3)

    @pytest.mark.parametrize("tenths", range(1, 11))
    def test_a_recall_of_whole_tenths_reaches_its_own_point(self, tenths):
        ranked = np.ones(tenths, bool)
        assert average_precision_11_point(ranked, 10) == pytest.approx((tenths + 1) / 11)

    def test_all_found_first_is_perfect(self):
        assert average_precision_11_point(flags("TTTFF"), 3) == pytest.approx(1.0)
        assert average_precision_area(flags("TTTFF"), 3) == 1.0

    def test_only_false_positives_score_zero(self):
        assert average_precision_11_point(flags("FF"), 3) == 0.0
        assert average_precision_area(flags("FF"), 3) == 0.0

    def test_no_detections_score_zero(self):
        assert average_precision_11_point(flags(""), 3) == 0.0
        assert average_precision_area(flags(""), 3) == 0.0

    def test_no_objects_give_nan(self):
        assert math.isnan(average_precision_11_point(flags("FF"), 0))
        assert math.isnan(average_precision_area(flags("FF"), 0))
