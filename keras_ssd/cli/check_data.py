"""Checks annotated images before training; exit status 1 when training would suffer."""

import json
from math import ceil, isnan
from pathlib import Path

import numpy as np

from keras_ssd.cli.data_options import CLASSES_HELP, names, positive
from keras_ssd.cli.new_models import NEW_MODELS
from keras_ssd.files import checked_output, write_text

_SHOWN = 10  # examples of a finding
_SHEET_CELLS, _CELL_SIDE = 16, 320


def add_options(command):
    """Adds the subcommand's options: the data, the model to match, what to write."""
    command.epilog = (
        "Errors, which lead to exit status 1: images missing, corrupt or not of the annotated "
        "size; annotations that cannot be used; unknown classes; boxes without area; the same "
        "image in two splits or sources (except in trainval and its train and val), or its name in "
        "two sources; classes "
        "without an object to train on. Warnings: boxes clipped to their image; the same image "
        "twice in a split; classes with fewer than 10 objects to train on; objects that overlap no "
        "default box of the model by 0.5. To train on are all splits, slices such as 0:160 too, "
        "but for those of --validation-set and those whose name starts with val or test."
    )
    add = command.add_argument
    add(
        "data",
        nargs="+",
        metavar="DIR",
        help="folder in the layout of VOC, or VOCdevkit with years; or COCO's .json; .csv; "
        "tfds:NAME of a prepared data set of TensorFlow Datasets",
    )
    add("--images", metavar="DIR", help="of a .json or .csv, if not beside it")
    add(
        "--image-set",
        nargs="+",
        metavar="NAME",
        help="splits to check and compare; else those of train, val, trainval and test there are",
    )
    add("--validation-set", nargs="+", metavar="NAME", help="more, to validate on")
    add("--exclude", metavar="FILE", help="ids of images to leave out, one a line")
    add("--max-images", type=positive(int), metavar="N", help="only the first N of each split")
    add("--classes", type=names, help=CLASSES_HELP + "else all that the data have")
    add(
        "--model",
        default="ssd_mobilenet_320",
        help=f"whose default boxes match: {', '.join(NEW_MODELS)}; or a trained one, see `train`",
    )
    add("--json", type=Path, metavar="FILE", help="write the report with all examples")
    add("--plot", type=Path, metavar="FILE.png", help="draw some samples with their boxes")


def run(options) -> int:
    """Prints the report and writes what was asked for; see `keras_ssd.data.check_data`."""
    from keras_ssd.data import check_data

    if options.plot:
        checked_output(options.plot, ".png", ".PNG")
    report = check_data(
        options.data,
        options.image_set,
        validation_sets=options.validation_set,
        config=_config(options.model),
        exclude=options.exclude,
        image_folder=options.images,
        class_names=options.classes,
        max_images=options.max_images,
    )
    print(_format(report))
    if options.json:
        text = json.dumps(report.to_json(), indent=1) + "\n"
        write_text(options.json, text)
    if options.plot:
        _plot(report, options.plot)
    return 1 if report.has_errors else 0


def _config(model):
    if model in NEW_MODELS:
        return NEW_MODELS[model].config
    from keras_ssd.loading import load_keras_detector

    return load_keras_detector(model).config


def _format(report) -> str:
    blocks = []
    if report.splits:
        blocks.append(_format_splits(report.splits))
    if report.classes:
        blocks.append(_format_classes(report))
    if report.image_sizes:
        sizes = (f"{width}x{height}" for width, height in report.image_sizes)
        blocks.append("image sizes: smallest {}, median {}, largest {}".format(*sizes))
    if report.box_sides:
        sides = ", ".join(f"{share} % {side:.0f}" for share, side in report.box_sides.items())
        blocks[-1] += (
            f"\nsides of boxes at {report.config.image_size} px, by percentile: {sides} px"
        )
    blocks += [_format_finding(finding) for finding in report.findings]
    errors = sum(finding.is_error for finding in report.findings)
    warnings = len(report.findings) - errors
    verdict = "Training would suffer" if errors else "Fit to train on"
    blocks.append(f"{verdict}: {errors} kinds of errors, {warnings} of warnings")
    return "\n\n".join(blocks)


def _format_splits(splits) -> str:
    header = ("split", "images", "without objects", "objects", "difficult", "unmatched", "training")
    rows = [
        (
            s.name,
            *(s.images, s.images_without_objects, s.objects, s.difficult, s.unmatched),
            "yes" if s.to_train else "no",
        )
        for s in splits
    ]
    return _table(header, rows)


def _format_classes(report) -> str:
    """Objects by class; in each split, too, where there are several."""
    splits = [split.name for split in report.splits] if len(report.splits) > 1 else []
    header = ("class", *splits, "objects", "images", "median side", "unmatched")
    rows = [
        (
            entry.name,
            *entry.objects_by_split[: len(splits)],
            entry.objects,
            entry.images,
            "-" if isnan(entry.median_side) else f"{entry.median_side:.0f} px",
            f"{entry.unmatched / entry.objects:.1%}" if entry.objects else "-",
        )
        for entry in report.classes
    ]
    return _table(header, rows)


def _table(header, rows) -> str:
    texts = [tuple(map(str, row)) for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    texts.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in texts
    )


def _format_finding(finding) -> str:
    lines = [f"{'ERROR' if finding.is_error else 'warning'}: {finding.message}"]
    lines += [f"  {example}" for example in finding.examples[:_SHOWN]]
    if len(finding.examples) > _SHOWN:
        lines.append(f"  and {len(finding.examples) - _SHOWN} more")
    return "\n".join(lines)


def _plot(report, path):
    """Writes a sheet of samples, evenly spread over those with objects."""
    from keras_ssd.images import write_image

    samples = [sample for sample in report.samples if len(sample.boxes)]
    if not samples:
        raise ValueError(f"--plot {path}: there is no image with objects to draw")
    spread = np.linspace(0, len(samples) - 1, min(_SHEET_CELLS, len(samples))).round().astype(int)
    class_names = [entry.name for entry in report.classes]
    cells = [_draw_cell(samples[index], class_names) for index in spread]
    columns = ceil(len(cells) ** 0.5)
    cells += [np.zeros_like(cells[0])] * (-len(cells) % columns)
    rows = [np.hstack(cells[start : start + columns]) for start in range(0, len(cells), columns)]
    write_image(np.vstack(rows), path)


def _draw_cell(sample, class_names) -> np.ndarray:
    """The sample with its boxes, in the middle of a black square."""
    from keras_ssd.images.opencv import cv2
    from keras_ssd.results import draw_boxes

    image = sample.read_image()
    scale = _CELL_SIDE / max(image.shape[:2])
    size = [max(1, round(scale * side)) for side in image.shape[:2]]
    height, width = size
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    boxes = sample.boxes * np.array([width, height, width, height], np.float32)
    names = [class_names[label] for label in sample.labels]
    drawn = draw_boxes(image, boxes, names, labels=sample.labels)
    cell = np.zeros((_CELL_SIDE, _CELL_SIDE, 3), np.uint8)
    top, left = (_CELL_SIDE - height) // 2, (_CELL_SIDE - width) // 2
    cell[top : top + height, left : left + width] = drawn
    return cell
