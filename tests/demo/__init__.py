"""The story that `make demo` tells: four models, one of them good enough to stay."""
