"""A change of a ConfigMap or Secret enqueues whoever refers to it, and nobody else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seatrial.api.metadata import Key
from seatrial.core.references import Reference, ReferenceKind
from seatrial.observer import Referrers
from tests.unit.shell.shell_objects import NAMESPACE

ONE = Reference(holder=ReferenceKind.CONFIG_MAP, name="one")
TWO = Reference(holder=ReferenceKind.CONFIG_MAP, name="two")
SECRET = Reference(holder=ReferenceKind.SECRET, name="one")
A, B, ELSEWHERE = Key(NAMESPACE, "a"), Key(NAMESPACE, "b"), Key("elsewhere", "a")


class TestReferrers:
    def test_new_references_replace_the_old_ones(self) -> None:
        referrers = Referrers()
        referrers.set_references(A, [ONE, TWO])
        referrers.set_references(B, [ONE])
        assert referrers.keys_of("ConfigMap", NAMESPACE, "one") == {A, B}
        referrers.set_references(A, [TWO])
        assert referrers.keys_of("ConfigMap", NAMESPACE, "one") == {B}
        assert referrers.keys_of("ConfigMap", NAMESPACE, "two") == {A}

    def test_references_differ_by_kind_and_namespace(self) -> None:
        referrers = Referrers()
        referrers.set_references(A, [ONE])
        referrers.set_references(B, [SECRET])
        referrers.set_references(ELSEWHERE, [ONE])
        assert referrers.keys_of("ConfigMap", NAMESPACE, "one") == {A}
        assert referrers.keys_of("Secret", NAMESPACE, "one") == {B}
        assert referrers.keys_of("ConfigMap", "elsewhere", "one") == {ELSEWHERE}

    def test_an_object_without_referrers_is_returned_once(self) -> None:
        referrers = Referrers()
        for key in (A, B):
            assert referrers.set_references(key, [ONE]) == frozenset()
        assert referrers.set_references(A, []) == frozenset()
        assert referrers.set_references(B, [TWO]) == {("ConfigMap", NAMESPACE, "one")}
        assert referrers.set_references(B, [TWO]) == frozenset(), "returned only once"

    @given(
        st.lists(
            st.tuples(st.sampled_from([A, B, ELSEWHERE]), st.sets(st.sampled_from([ONE, TWO, SECRET]))),
            max_size=12,
        )
    )
    def test_every_object_has_a_referrer_or_was_returned_as_unreferenced(
        self, steps: list[tuple[Key, set[Reference]]]
    ) -> None:
        referrers = Referrers()
        current: dict[Key, set[Reference]] = {}
        referenced: set[tuple[str, str, str]] = set()
        for key, references in steps:
            unreferenced = referrers.set_references(key, references)
            current[key] = references
            referenced |= {(str(r.holder), key.namespace, r.name) for r in references}
            referenced -= unreferenced
            expected = {(str(r.holder), k.namespace, r.name) for k, refs in current.items() for r in refs}
            assert referenced == expected
            for kind, namespace, name in referenced:
                referrers_of_object = {
                    k
                    for k, refs in current.items()
                    if k.namespace == namespace and Reference(holder=ReferenceKind(kind), name=name) in refs
                }
                assert referrers.keys_of(kind, namespace, name) == referrers_of_object
