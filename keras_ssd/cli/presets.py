"""Lists the trained detectors that --model takes by name."""


def add_options(command):
    """There are none."""


def run(options) -> int:
    """Prints a table; see `keras_ssd.list_presets`."""
    from keras_ssd.models import list_presets
    from keras_ssd.presets.presets import is_packaged

    rows = [("name", "architecture", "classes", "metric", "MB", "where", "trained by")]
    for preset in list_presets():
        where = "in the package" if is_packaged(preset) else "repository"
        where = "download" if preset.url else where
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
