"""Evaluation results for people and for files: tables and JSON values."""

from collections.abc import Sequence
from math import isnan

from keras_ssd.evaluation.coco import COCO_NUMBERS
from keras_ssd.evaluation.voc import VOCResult

Table = tuple[Sequence[str], Sequence[Sequence[str]], str]


def voc_table(result: VOCResult) -> Table:
    """Makes a table with a row for each class and one for their mean; "-" means no objects.

    Returns:
        Header, rows and alignment, for `keras_ssd.terminal.print_table`.
    """
    rows = [
        (
            entry.name,
            str(entry.num_objects),
            str(entry.num_detections),
            decimals(entry.ap_11_point),
            decimals(entry.ap_area),
        )
        for entry in result.classes
    ]
    mean = ("mean", "", "", decimals(result.map_11_point), decimals(result.map_area))
    header = ("class", "objects", "detections", "AP 11-point", "AP area")
    return header, [*rows, mean], "<>>>>"


def coco_table(numbers: dict[str, float]) -> Table:
    """Makes a table with a row for each of COCO's figures; "-" means no objects.

    Returns:
        Header, rows and alignment, for `keras_ssd.terminal.print_table`.
    """
    rows = [(name, decimals(numbers[name]), text) for name, text in COCO_NUMBERS.items()]
    return ("COCO", "figure", "meaning"), rows, "<><"


def to_json(voc_result: VOCResult, coco_numbers: dict[str, float] | None = None) -> dict:
    """Returns the figures as plain values that JSON can hold: None for nan, without the curves."""
    return {
        "voc": {
            "map_11_point": _none_for_nan(voc_result.map_11_point),
            "map_area": _none_for_nan(voc_result.map_area),
            "classes": [
                {
                    "name": entry.name,
                    "num_objects": entry.num_objects,
                    "num_detections": entry.num_detections,
                    "ap_11_point": _none_for_nan(entry.ap_11_point),
                    "ap_area": _none_for_nan(entry.ap_area),
                }
                for entry in voc_result.classes
            ],
        },
        "coco": None
        if coco_numbers is None
        else {name: _none_for_nan(value) for name, value in coco_numbers.items()},
    }


def decimals(value: float) -> str:
    """Returns a figure as text, with "-" for nan."""
    return "-" if isnan(value) else f"{value:.4f}"


def _none_for_nan(value):
    return None if isnan(value) else float(value)
