"""The result files of a run, each written from the journal when the run ends."""

from keras_ssd.outputs.result_files.table import RESULT_FILES, check_formats, write_result_files

__all__ = ["RESULT_FILES", "check_formats", "write_result_files"]
