"""`python -m model_runtime.server`."""

from model_runtime.server import process

if __name__ == "__main__":
    process.main()
