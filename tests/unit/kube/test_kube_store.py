"""A store never goes back in time: neither to an older version nor to an object that was deleted."""

from __future__ import annotations

from seatrial.api import objects
from seatrial.api.objects import Body, ObjectKey
from seatrial.kube import store as stores
from seatrial.kube.store import ObjectStore

KEY = ObjectKey("shop", "churn")


def body(version: int, uid: str = "u", name: str = "churn", **labels: str) -> Body:
    metadata = {"namespace": "shop", "name": name, "uid": uid, "resourceVersion": str(version)}
    return {"metadata": {**metadata, "labels": labels, "managedFields": [{"manager": "kubectl"}]}}


def version_in(store: ObjectStore, key: ObjectKey = KEY) -> str:
    return objects.version_of(store.get(key) or {})


def events(changes: list[stores.Change]) -> list[tuple[str, str]]:
    """The event and the version of every change."""
    return [(change.event, objects.version_of(change.body)) for change in changes]


class TestUpsert:
    def test_a_new_object_is_added_without_managed_fields(self) -> None:
        store = ObjectStore()
        assert events(store.upsert(body(1))) == [("ADDED", "1")]
        assert store.get(KEY) == objects.without_managed_fields(body(1))

    def test_a_newer_version_replaces_an_older_one(self) -> None:
        store = ObjectStore()
        store.upsert(body(9))
        assert events(store.upsert(body(10))) == [("MODIFIED", "10")], "versions are numbers, not texts"

    def test_the_same_or_an_older_version_changes_nothing(self) -> None:
        store = ObjectStore()
        store.upsert(body(9))
        assert store.upsert(body(9)) == store.upsert(body(8)) == []
        assert version_in(store) == "9"

    def test_a_new_object_of_the_same_name_replaces_the_old_one(self) -> None:
        store = ObjectStore()
        store.upsert(body(5, "old"))
        assert events(store.upsert(body(9, "new"))) == [("DELETED", "5"), ("ADDED", "9")]

    def test_an_object_whose_index_key_changes_is_deleted_for_its_former_owner(self) -> None:
        store = ObjectStore(index_by=lambda each: objects.labels_of(each).get("owner"))
        store.upsert(body(1, owner="a"))
        assert events(store.upsert(body(2, owner="b"))) == [("DELETED", "1"), ("MODIFIED", "2")]
        assert (store.indexed("a"), len(store.indexed("b"))) == ([], 1)


class TestDelete:
    def test_a_deleted_object_is_gone(self) -> None:
        store = ObjectStore()
        store.upsert(body(5))
        assert events(store.delete(body(6))) == [("DELETED", "6")]
        assert (store.get(KEY), len(store)) == (None, 0)

    def test_the_deletion_of_a_predecessor_spares_the_object_that_has_its_name_now(self) -> None:
        store = ObjectStore()
        store.upsert(body(5, "old"))
        store.upsert(body(9, "new"))
        assert store.delete(body(6, "old")) == []
        assert objects.uid_of(store.get(KEY) or {}) == "new"

    def test_a_late_answer_to_an_own_write_does_not_bring_a_deleted_object_back(self) -> None:
        store = ObjectStore()
        store.upsert(body(4))
        store.delete(body(6))
        assert store.upsert(body(5)) == []
        assert store.get(KEY) is None

    def test_a_late_answer_does_not_bring_back_an_object_that_was_never_stored(self) -> None:
        store = ObjectStore()
        store.delete(body(6))
        assert store.upsert(body(5)) == []

    def test_a_late_answer_does_not_bring_back_a_predecessor(self) -> None:
        store = ObjectStore()
        store.upsert(body(5, "old"))
        store.upsert(body(8, "new"))
        store.delete(body(9, "new"))
        assert store.upsert(body(6, "old")) == []

    def test_an_object_made_again_under_the_name_is_a_new_one(self) -> None:
        store = ObjectStore()
        store.upsert(body(5))
        store.delete(body(6))
        assert events(store.upsert(body(7, "again"))) == [("ADDED", "7")]

    def test_an_object_that_left_the_selection_may_come_back(self) -> None:
        store = ObjectStore()
        store.upsert(body(5))
        store.delete(body(6))  # a watch reports the loss of a selected label as DELETED
        assert events(store.upsert(body(7))) == [("ADDED", "7")]

    def test_the_number_of_tombstones_is_limited(self) -> None:
        store = ObjectStore()
        for number in range(stores.TOMBSTONES + 10):
            store.delete(body(6, f"u{number}", f"n{number}"))
        assert len(store._tombstones) == stores.TOMBSTONES
        assert store.upsert(body(5, f"u{stores.TOMBSTONES}", "late")) == []


class TestReplace:
    def test_an_object_that_the_list_lacks_was_deleted(self) -> None:
        store = ObjectStore()
        store.upsert(body(5))
        assert events(store.replace([], "8")) == [("DELETED", "5")]
        assert store.upsert(body(6)) == [], "a late answer"

    def test_an_object_that_was_written_after_the_list_stays(self) -> None:
        store = ObjectStore()
        store.upsert(body(9))
        assert store.replace([], "8") == []
        assert version_in(store) == "9"


class TestHasSeen:
    def test_a_version_is_seen_once_it_or_a_newer_one_is_stored(self) -> None:
        store = ObjectStore()
        store.upsert(body(9))
        assert [store.has_seen(body(version)) for version in (8, 9, 10)] == [True, True, False]

    def test_a_deletion_is_seen_once_the_object_is_gone(self) -> None:
        store = ObjectStore()
        store.upsert(body(5))
        assert not store.has_seen(body(6))
        store.delete(body(6))
        assert store.has_seen(body(6))
