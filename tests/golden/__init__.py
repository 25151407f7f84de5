"""Golden folders: a situation, and everything that is planned in it. `pytest --update-golden` writes them anew."""
