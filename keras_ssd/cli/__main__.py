"""`python -m keras_ssd.cli` runs the command `keras-ssd`."""

import sys

from keras_ssd.cli import main

if __name__ == "__main__":
    sys.exit(main())
