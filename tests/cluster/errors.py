"""What goes wrong in the lab: one kind, whose text says what happened and what to do."""


class LabError(Exception):
    """A precondition is missing or a part of the lab failed."""
