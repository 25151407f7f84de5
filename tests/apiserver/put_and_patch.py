"""What PUT and PATCH on an object, its status and its scale mean."""

from __future__ import annotations

from typing import Any

from seatrial.api import objects
from seatrial.api.objects import Body
from seatrial.kube import failures, transport
from seatrial.kube.transport import Request
from tests.apiserver import object_writer, patches, scale_subresource, server_side_apply, validation
from tests.apiserver.object_writer import Author, Writer
from tests.apiserver.routes import Route
from tests.apiserver.served_resources import Resource


def author_of(request: Request, subresource: str = "", operation: str = "Update") -> Author:
    """Who the request says writes."""
    return Author(request.query.get("fieldManager", "unknown"), subresource, operation)


def replace(writer: Writer, route: Route, request: Request, body: Body) -> Body:
    """The object, or its Scale, after the PUT."""
    present = writer.present(route.resource, route.key)
    if route.subresource == "scale":
        return _rescale(writer, route, request, body)
    _check_name(route, body)
    return writer.update(route.resource, present, body, author=author_of(request, route.subresource))


def patch(writer: Writer, route: Route, request: Request, body: Any) -> Body:
    """The object, or its Scale, after the PATCH."""
    match request.content_type:
        case transport.APPLY_PATCH:
            return _apply(writer, route, request, body)
        case transport.MERGE_PATCH:
            return _merge(writer, route, request, body)
        case transport.JSON_PATCH:
            present = writer.present(route.resource, route.key)
            wanted = _identified(route, present, patches.operate(present, body))
            author = author_of(request, route.subresource)
            return writer.update(route.resource, present, wanted, author=author)
    told = f"the body of the request was in an unknown format: {request.content_type}"
    raise failures.Invalid(415, "UnsupportedMediaType", told)


def _rescale(writer: Writer, route: Route, request: Request, scale: Body) -> Body:
    resource = route.resource
    present = writer.present(resource, route.key)
    wanted = scale_subresource.changed(resource, present, scale)
    return scale_subresource.shown(
        resource, writer.update(resource, present, wanted, author=author_of(request, "scale"))
    )


def _merge(writer: Writer, route: Route, request: Request, body: Body) -> Body:
    present = writer.present(route.resource, route.key)
    if route.subresource == "scale":
        return _rescale(
            writer, route, request, patches.merge(scale_subresource.shown(route.resource, present), body)
        )
    wanted = _identified(route, present, patches.merge(present, body))
    return writer.update(route.resource, present, wanted, author=author_of(request, route.subresource))


def _identified(route: Route, present: Body, wanted: Body) -> Body:
    """A patch of a custom object's status takes nothing from the metadata but the version: no uid is compared."""
    if route.subresource != "status" or not route.resource.custom:
        return wanted
    return {**wanted, "metadata": {**wanted["metadata"], "uid": objects.uid_of(present)}}


def _apply(writer: Writer, route: Route, request: Request, body: Body) -> Body:
    resource = route.resource
    if not request.query.get("fieldManager"):
        message = "PatchOptions.meta.k8s.io is invalid: fieldManager: Required value"
        raise failures.Invalid(422, "Invalid", message)
    _check_name(route, body)
    author = author_of(request, route.subresource, "Apply")
    metadata = body.get("metadata") or {}
    present = writer.store.get(resource.kind, route.key)
    if present is None:
        return _apply_to_nothing(writer, route, body, author)
    left_out = _not_applied(resource, route.subresource)
    applied = server_side_apply.apply(
        present,
        {name: value for name, value in body.items() if name not in left_out},
        author.owner,
        shapes=resource.shapes,
        force=request.query.get("force") == "true",
        now=writer.now(),
    )
    if metadata.get("uid") not in (None, "", present["metadata"]["uid"]):
        wrong = [("metadata.uid", f'Invalid value: "{metadata["uid"]}": field is immutable')]
        raise validation.invalid(resource.kind, route.name, wrong)
    wanted = {**applied.body, "metadata": {**applied.body["metadata"]}}
    for name in ("resourceVersion", "uid"):
        wanted["metadata"][name] = metadata.get(name) or present["metadata"][name]
    return writer.update(resource, present, wanted, author=author, claims=applied.claims)


def _apply_to_nothing(writer: Writer, route: Route, body: Body, author: Author) -> Body:
    kind = route.resource.kind
    metadata = body.get("metadata") or {}
    if route.subresource:
        raise object_writer.not_found(kind, route.name)
    if metadata.get("uid"):
        told = f"uid mismatch: {metadata['uid']} was asked for, and no existing object was found"
        raise object_writer.conflict(kind, route.name, told)
    # A version alone does not keep an apply from creating: the server ignores it here.
    said = {name: value for name, value in metadata.items() if name != "resourceVersion"}
    return writer.create_applied(route.resource, route.namespace, {**body, "metadata": said}, author=author)


def _check_name(route: Route, body: Body) -> None:
    said = objects.key_of(body)
    if (said.name and said.name != route.name) or (said.namespace and said.namespace != route.namespace):
        told = f"the name of the object ({said.name}) does not match the name on the URL ({route.name})"
        raise failures.Invalid(400, "BadRequest", told)


def _not_applied(resource: Resource, subresource: str) -> set[str]:
    """What an apply to this endpoint does not write."""
    if subresource == "status":
        return {"spec", "metadata"}
    return {"status"} if resource.status else set()
