"""Every error has its exception, and one function decides whether it is retried."""

from __future__ import annotations

import json

import pytest

from seatrial.api import kinds, reasons
from seatrial.api.reasons import Reason
from seatrial.kube import failures
from seatrial.kube.failures import Retry, Stalled
from seatrial.kube.transport import Response


def api_error(
    kind: type[failures.ApiError], status: int, message: str = "", after: float | None = None
) -> failures.ApiError:
    return kind(status, kind.__name__, message, retry_after=after)


class TestClassify:
    @pytest.mark.parametrize(
        ("error", "reason", "after"),
        [
            pytest.param(
                api_error(failures.TooManyRequests, 429, after=9),
                Reason.API_TOO_MANY_REQUESTS,
                9,
                id="overloaded",
            ),
            pytest.param(failures.Paused(7.0), Reason.API_TOO_MANY_REQUESTS, 7, id="paused"),
            pytest.param(api_error(failures.Unavailable, 503), Reason.API_UNAVAILABLE, None, id="down"),
            pytest.param(
                api_error(failures.Unavailable, 500, after=1),
                Reason.API_UNAVAILABLE,
                1,
                id="down, with retry-after",
            ),
            pytest.param(
                failures.unreachable(TimeoutError()), Reason.API_UNAVAILABLE, None, id="unreachable"
            ),
            pytest.param(
                api_error(failures.Unauthorized, 401), Reason.API_UNAUTHORIZED, 30, id="unauthorized"
            ),
            pytest.param(api_error(failures.Invalid, 422), Reason.API_REFUSED, None, id="not of the spec"),
            pytest.param(
                api_error(failures.ApiError, 405), Reason.API_REFUSED, None, id="method not allowed"
            ),
            pytest.param(api_error(failures.Gone, 410), Reason.API_REFUSED, None, id="gone"),
            pytest.param(api_error(failures.Forbidden, 403, "no right"), Reason.API_FORBIDDEN, 30, id="RBAC"),
            pytest.param(
                api_error(failures.Forbidden, 403, "exceeded quota: pods"),
                Reason.QUOTA_EXCEEDED,
                None,
                id="quota",
            ),
            pytest.param(
                api_error(failures.Forbidden, 403, "because it is being terminated"),
                Reason.NAMESPACE_TERMINATING,
                60,
                id="a terminating namespace is retried slowly",
            ),
        ],
    )
    def test_conditions_that_may_pass_are_retried(
        self, error: failures.ApiError, reason: Reason, after: float | None
    ) -> None:
        verdict = failures.classify(error)
        assert isinstance(verdict, Retry)
        assert (verdict.reason, verdict.after) == (reason, after)
        assert reasons.class_of(reason) is reasons.ReasonClass.TRANSIENT

    @pytest.mark.parametrize("status", [400, 413, 415, 422])
    def test_content_of_the_spec_that_the_server_rejects_needs_a_new_spec(self, status: int) -> None:
        error = failures.from_status({"code": status, "message": "spec.x: bad"})
        verdict = failures.classify(error, of_spec=True)
        assert isinstance(verdict, Stalled)
        assert (verdict.reason, verdict.message) == (Reason.INVALID_SPEC, "spec.x: bad")

    @pytest.mark.parametrize("status", [0, 401, 403, 404, 405, 408, 409, 410, 429, 500, 502, 503, 504])
    def test_a_temporary_error_is_not_blamed_on_the_spec(self, status: int) -> None:
        error = failures.from_status({"code": status or 500})
        assert isinstance(failures.classify(error, of_spec=True), Retry)

    def test_retry_and_stalled_stay_what_they_are(self) -> None:
        for decided in (Retry(Reason.PENDING, 5), Stalled(Reason.INVALID_SPEC, "choose a format")):
            assert failures.classify(decided) is decided

    @pytest.mark.parametrize("bug", [KeyError("x"), failures.NotLeader()])
    def test_bugs_and_a_lost_lease_are_not_classified(self, bug: Exception) -> None:
        assert failures.classify(bug) is None


class TestFromResponse:
    def test_the_causes_of_a_status_are_read(self) -> None:
        causes = [{"reason": "NamespaceTerminating", "field": "metadata.namespace"}]
        body = {"kind": "Status", "reason": "Forbidden", "message": "no", "details": {"causes": causes}}
        error = failures.from_response(Response(403, {}, json.dumps(body).encode()))
        assert isinstance(error, failures.Forbidden)
        assert error.namespace_terminating

    def test_the_html_page_of_a_proxy_is_unavailable(self) -> None:
        error = failures.from_response(Response(502, {}, b"<html>Bad Gateway</html>"))
        assert isinstance(error, failures.Unavailable)
        assert "Bad Gateway" in error.message

    def test_a_json_list_is_unavailable(self) -> None:
        assert isinstance(failures.from_response(Response(500, {}, b"[1]")), failures.Unavailable)

    @pytest.mark.parametrize(
        ("header", "seconds"),
        [
            ("7", 7.0),
            (" 7 ", 7.0),
            ("0", 0.0),
            ("soon", None),
            ("", None),
            ("-1", None),
            ("²", None),
            ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ],
    )
    def test_retry_after_is_read_in_seconds_only(self, header: str, seconds: float | None) -> None:
        error = failures.from_response(Response(429, {"retry-after": header}, b"{}"))
        assert error.retry_after == seconds

    def test_retry_after_seconds_in_the_details_are_read(self) -> None:
        body = {"kind": "Status", "code": 429, "details": {"retryAfterSeconds": 3}}
        assert failures.from_status(body).retry_after == 3

    def test_an_apply_with_the_uid_of_another_object_is_a_conflict(self) -> None:
        details = {"causes": [{"field": "metadata.uid", "message": "field is immutable"}]}
        error = failures.from_status({"code": 422, "reason": "Invalid", "details": details})
        assert isinstance(error, failures.Conflict)

    def test_timeouts_and_network_errors_have_different_reasons(self) -> None:
        assert failures.unreachable(TimeoutError()).reason == "Timeout"
        assert failures.unreachable(OSError("no route")).reason == "NetworkError"


class TestKinds:
    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            (kinds.POD.path("shop", "p"), "/api/v1/namespaces/shop/pods/p"),
            (kinds.POD.path(), "/api/v1/pods"),
            (
                kinds.DEPLOYMENT.path("shop", "d", "scale"),
                "/apis/apps/v1/namespaces/shop/deployments/d/scale",
            ),
            (kinds.NAMESPACE.path("", "shop"), "/api/v1/namespaces/shop"),
            (kinds.NAMESPACE.path("ignored", "shop"), "/api/v1/namespaces/shop"),
            (
                kinds.MODEL_DEPLOYMENT.path("shop", "churn", "status"),
                "/apis/seatrial.dev/v1alpha1/namespaces/shop/modeldeployments/churn/status",
            ),
        ],
    )
    def test_the_path_of_a_kind(self, path: str, expected: str) -> None:
        assert path == expected

    def test_a_kind_is_found_by_api_version_and_kind(self) -> None:
        assert kinds.kind_of({"apiVersion": "apps/v1", "kind": "Deployment"}) is kinds.DEPLOYMENT

    def test_an_unknown_kind_is_an_error_that_lists_the_known_ones(self) -> None:
        with pytest.raises(LookupError, match=r"unknown kind 'v1 Deployment'; known: .*apps/v1 Deployment"):
            kinds.kind_of({"apiVersion": "v1", "kind": "Deployment"})
