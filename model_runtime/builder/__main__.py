"""Run the build: `python -m model_runtime.builder`."""

import sys

from model_runtime.builder.run import main

if __name__ == "__main__":
    sys.exit(main())
