"""The rules of the project, which every change must keep."""
