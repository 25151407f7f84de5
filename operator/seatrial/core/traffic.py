"""Who receives traffic: the split that the rollout asks for."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.core.state import RolloutState
from seatrial.core.transitions import Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Who answers: `stable` has what `canary` does not; weight in whole percent."""

    stable: str
    canary: str = ""
    weight: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 100 or (self.weight and not self.canary):
            raise ValueError(f"{self.weight} % for {self.canary or 'nobody'} is no split")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """Ready pods of both tracks."""

    stable: int
    canary: int


WITH_USERS = frozenset({Phase.SHIFTING, Phase.PAUSED, Phase.PROMOTING, Phase.ROLLING_BACK})


def has_users(state: RolloutState) -> bool:
    """The canary answers users now."""
    rollout = state.rollout
    return (
        rollout is not None
        and rollout.phase in WITH_USERS
        and rollout.users_since is not None
        and rollout.weight > 0
    )


def split_of(state: RolloutState) -> Split | None:
    """Who should answer; None while nobody can."""
    stable, canary, rollout = state.stable, state.canary, state.rollout
    if stable is None:
        started = canary is not None and rollout is not None and rollout.phase is not Phase.BUILDING
        return Split(stable=canary.revision) if canary is not None and started else None
    if not has_users(state) or canary is None or rollout is None:
        return Split(stable=stable.revision)
    return Split(stable=stable.revision, canary=canary.revision, weight=rollout.weight)
