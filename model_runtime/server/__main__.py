"""Run the model server: `python -m model_runtime.server`."""

from model_runtime.server import environment

if __name__ == "__main__":
    environment.prepare()
    from model_runtime.server import process

    process.main()
