"""`python -m keras_ssd.cli`, the same as `keras-ssd`."""

import sys

from keras_ssd.cli import main

if __name__ == "__main__":
    sys.exit(main())
