"""PUT and PATCH requests on an object and on its status and scale subresources."""

from __future__ import annotations

from typing import Any

from seatrial.api import objects
from seatrial.api.objects import Body
from seatrial.kube import failures, transport
from seatrial.kube.transport import Request
from tests.apiserver import (
    field_validation,
    object_writer,
    patches,
    scale_subresource,
    server_side_apply,
    validation,
)
from tests.apiserver.object_writer import Author, ObjectWriter
from tests.apiserver.routes import Route
from tests.apiserver.served_resources import Resource


def author_of(request: Request, subresource: str = "", operation: str = "Update") -> Author:
    """Return the author that a request names."""
    return Author(request.query.get("fieldManager", "unknown"), subresource, operation)


def replace(writer: ObjectWriter, route: Route, request: Request, body: Body) -> Body:
    """Carry out a PUT and return the object, or its Scale."""
    present = writer.present(route.resource, route.key)
    if route.subresource == "scale":
        return _rescale(writer, route, request, body)
    _check_name(route, body)
    return writer.update(route.resource, present, body, author=author_of(request, route.subresource))


def patch(writer: ObjectWriter, route: Route, request: Request, body: Any) -> Body:
    """Carry out a PATCH and return the object, or its Scale."""
    match request.content_type:
        case transport.APPLY_PATCH:
            return _apply(writer, route, request, body)
        case transport.MERGE_PATCH:
            return _merge(writer, route, request, body)
        case transport.JSON_PATCH:
            present = writer.present(route.resource, route.key)
            updated = _with_present_uid(route, present, patches.operate(present, body))
            author = author_of(request, route.subresource)
            return writer.update(route.resource, present, updated, author=author)
    message = f"the body of the request was in an unknown format: {request.content_type}"
    raise failures.Invalid(415, "UnsupportedMediaType", message)


def _rescale(writer: ObjectWriter, route: Route, request: Request, scale: Body) -> Body:
    resource = route.resource
    present = writer.present(resource, route.key)
    updated = scale_subresource.with_scale(resource, present, scale)
    return scale_subresource.scale_of(
        resource, writer.update(resource, present, updated, author=author_of(request, "scale"))
    )


def _merge(writer: ObjectWriter, route: Route, request: Request, body: Body) -> Body:
    present = writer.present(route.resource, route.key)
    if route.subresource == "scale":
        return _rescale(
            writer, route, request, patches.merge(scale_subresource.scale_of(route.resource, present), body)
        )
    updated = _with_present_uid(route, present, patches.merge(present, body))
    return writer.update(route.resource, present, updated, author=author_of(request, route.subresource))


def _with_present_uid(route: Route, present: Body, updated: Body) -> Body:
    """Set the present uid: a patch of a custom object's status compares only the resourceVersion."""
    if route.subresource != "status" or not route.resource.custom:
        return updated
    return {**updated, "metadata": {**updated["metadata"], "uid": objects.uid_of(present)}}


def _apply(writer: ObjectWriter, route: Route, request: Request, body: Body) -> Body:
    resource = route.resource
    if not request.query.get("fieldManager"):
        message = "PatchOptions.meta.k8s.io is invalid: fieldManager: Required value"
        raise failures.Invalid(422, "Invalid", message)
    _check_name(route, body)
    field_validation.check_applied(resource.kind, body, resource.schema)
    author = author_of(request, route.subresource, "Apply")
    metadata = body.get("metadata") or {}
    present = writer.store.get(resource.kind, route.key)
    if present is None:
        return _apply_new_object(writer, route, body, author)
    ignored = _not_applied(resource, route.subresource)
    result = server_side_apply.apply(
        present,
        {name: value for name, value in body.items() if name not in ignored},
        author.field_manager,
        schema=resource.schema,
        force=request.query.get("force") == "true",
        now=writer.now(),
    )
    if metadata.get("uid") not in (None, "", present["metadata"]["uid"]):
        problems = [("metadata.uid", f'Invalid value: "{metadata["uid"]}": field is immutable')]
        raise validation.invalid(resource.kind, route.name, problems)
    updated = {**result.body, "metadata": {**result.body["metadata"]}}
    for name in ("resourceVersion", "uid"):
        updated["metadata"][name] = metadata.get(name) or present["metadata"][name]
    return writer.update(resource, present, updated, author=author, claims=result.claims)


def _apply_new_object(writer: ObjectWriter, route: Route, body: Body, author: Author) -> Body:
    kind = route.resource.kind
    metadata = body.get("metadata") or {}
    if route.subresource:
        raise object_writer.not_found(kind, route.name)
    if metadata.get("uid"):
        message = f"uid mismatch: {metadata['uid']} was requested, and no existing object was found"
        raise object_writer.conflict(kind, route.name, message)
    # The server ignores the resourceVersion of an apply that creates; only a uid prevents the creation.
    sent_metadata = {name: value for name, value in metadata.items() if name != "resourceVersion"}
    return writer.create_applied(
        route.resource, route.namespace, {**body, "metadata": sent_metadata}, author=author
    )


def _check_name(route: Route, body: Body) -> None:
    key = objects.key_of(body)
    if (key.name and key.name != route.name) or (key.namespace and key.namespace != route.namespace):
        message = f"the name of the object ({key.name}) does not match the name on the URL ({route.name})"
        raise failures.Invalid(400, "BadRequest", message)


def _not_applied(resource: Resource, subresource: str) -> set[str]:
    """Return the fields that an apply to this endpoint does not write."""
    if subresource == "status":
        return {"spec", "metadata"}
    return {"status"} if resource.status else set()
