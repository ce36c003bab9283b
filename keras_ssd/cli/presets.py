"""Lists the trained detectors that --model takes by name."""


def add_options(command):
    """There are none."""


def run(options) -> int:
    """Prints a table; see `keras_ssd.list_presets`."""
    from keras_ssd.presets import list_presets

    rows = [("name", "architecture", "classes", "metric", "MB", "where", "trained by")]
    for preset in list_presets():
        where = "download" if preset.url else "in the package"
        rows.append(
            (
                preset.name,
                preset.architecture,
                preset.classes,
                preset.metric,
                f"{preset.megabytes:g}",
                where,
                preset.trained_by,
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
    return 0
