"""What concerns every request: keys, versions, idempotency, limits, wrong URLs and wrong bodies."""

import base64
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from stripe import AuthenticationError, IdempotencyError, InvalidRequestError, RateLimitError

from mock_services.stripe.settings import LAB_KEY
from tests.mock_services.stripe.support import ACACIA, AT_ONCE, BEARER, client, error_of, post
from tests.support.doubles import serving


def error(answer: httpx.Response) -> dict[str, Any]:
    content: dict[str, Any] = answer.json()["error"]
    return content


def test_the_labs_key_has_the_shape_that_the_platform_checks() -> None:
    prefix, alphanumerics = LAB_KEY[:8], LAB_KEY[8:]
    assert (prefix, len(alphanumerics), alphanumerics.isalnum()) == ("sk_test_", 99, True)


def test_only_the_key_opens_the_account(stub: str) -> None:
    wrong = f"sk_test_{'x' * 95}abcd"
    with pytest.raises(AuthenticationError, match=r"Invalid API Key provided: sk_test_\*{91,}abcd") as refused:
        client(stub, wrong).v1.customers.list()
    assert refused.value.http_status == 401
    assert "x" * 10 not in str(refused.value)
    none = httpx.get(f"http://{stub}/v1/customers")
    assert none.status_code == 401
    assert none.headers["www-authenticate"] == 'Basic realm="Stripe"'
    assert error(none)["message"].startswith("You did not provide an API key.")
    assert error(httpx.get(f"http://{stub}/v1/customers", headers={"Authorization": "Basic %%%"}))["type"]


def test_the_key_may_come_as_a_user_name(stub: str) -> None:
    credentials = base64.b64encode(f"{LAB_KEY}:".encode()).decode()
    answer = httpx.get(f"http://{stub}/v1/balance", headers={"Authorization": f"Basic {credentials}"})
    assert answer.json()["object"] == "balance"


def test_every_answer_names_its_request_and_version(stub: str) -> None:
    answer = httpx.get(f"http://{stub}/v1/prices", headers=BEARER)
    assert answer.headers["stripe-version"] == ACACIA
    later = httpx.get(f"http://{stub}/v1/prices", headers=BEARER | {"Stripe-Version": "2026-10-28.endive"})
    assert later.headers["stripe-version"] == "2026-10-28.endive"
    assert answer.headers["request-id"] != later.headers["request-id"]
    wrong = httpx.get(f"http://{stub}/v1/prices", headers=BEARER | {"Stripe-Version": "latest"})
    assert (wrong.status_code, error(wrong)["message"]) == (400, "Invalid Stripe API version: latest")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/customer"), ("PUT", "/v1/customers"), ("GET", "/v1/customers/"), ("GET", "/")]
)
def test_unknown_urls_are_named(stub: str, method: str, path: str) -> None:
    answer = httpx.request(method, f"http://{stub}{path}", headers=BEARER)
    assert answer.status_code == 404
    assert error(answer)["message"].startswith(f"Unrecognized request URL ({method}: {path}).")
    assert ("remove the trailing slash" in error(answer)["message"]) == path.endswith("/")


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ("name=a&name[b]=c", "name"),
        (f"name{'[a]' * 9}=1", "name"),
        ("email[x]=1", "email"),
        ("expand=customer", "expand"),
    ],
)
def test_forms_that_do_not_fit(stub: str, form: str, param: str) -> None:
    answer = post(stub, "/v1/customers", form)
    assert (answer.status_code, error(answer)["param"]) == (400, param)


def test_an_empty_value_is_no_value(stub: str) -> None:
    refused = error(post(stub, "/v1/billing_portal/sessions", "customer="))
    assert refused["code"] == "parameter_invalid_empty"
    assert refused["message"].startswith("You passed an empty string for 'customer'.")


def test_a_key_is_carried_out_once(stub: str, sdk: Any) -> None:
    first = sdk.v1.customers.create({"name": "Once"}, {"idempotency_key": "once"})
    again = sdk.v1.customers.create({"name": "Once"}, {"idempotency_key": "once"})
    assert again.id == first.id
    headers = again.last_response.headers
    assert headers["Idempotent-Replayed"] == "true"
    assert headers["Original-Request"] == first.last_response.headers["Request-Id"] != headers["Request-Id"]
    assert "Idempotent-Replayed" not in first.last_response.headers
    with pytest.raises(IdempotencyError, match="same parameters they were first used with") as other:
        sdk.v1.customers.create({"name": "Another"}, {"idempotency_key": "once"})
    assert other.value.http_status == 400
    with pytest.raises(
        IdempotencyError, match=r"same endpoint they were first used for \('/v1/products' vs '/v1/customers'\)"
    ):
        sdk.v1.products.create({"name": "Once"}, {"idempotency_key": "once"})


def test_a_failure_is_kept_but_not_what_was_never_tried(stub: str, sdk: Any) -> None:
    for _ in range(2):
        with pytest.raises(InvalidRequestError, match="No such customer"):
            sdk.v1.subscriptions.create(
                {"customer": "cus_none", "items": [{"price": "price_lab_basic"}]}, {"idempotency_key": "missing"}
            )
    repeated = post(stub, "/v1/customers", "email=nobody", Idempotency_Key="invalid")
    assert (repeated.status_code, error(repeated)["code"]) == (400, "email_invalid")
    assert post(stub, "/v1/customers", "email=a@example.com", Idempotency_Key="invalid").status_code == 200
    assert post(stub, "/v1/customers", "", Idempotency_Key="k" * 256).status_code == 400


def test_keys_mean_nothing_to_other_methods(stub: str) -> None:
    key = BEARER | {"Idempotency-Key": "read"}
    for _ in range(2):
        answer = httpx.get(f"http://{stub}/v1/balance", headers=key)
        assert "idempotent-replayed" not in answer.headers
    assert post(stub, "/v1/customers", "", Idempotency_Key="read").status_code == 200


def test_two_at_once_are_carried_out_once() -> None:
    with serving("stripe", STRIPE_LATENCY_MS="300", STRIPE_REQUESTS_PER_SECOND="0") as address:
        ready = threading.Barrier(2)

        def send() -> httpx.Response:
            ready.wait()
            return post(address, "/v1/customers", "name=Twin", Idempotency_Key="twin")

        with ThreadPoolExecutor(2) as pool:
            answers = [each.result() for each in [pool.submit(send) for _ in range(2)]]
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        (conflict,) = (answer for answer in answers if answer.status_code == 409)
        assert (error(conflict)["code"], error(conflict)["type"]) == ("idempotency_key_in_use", "idempotency_error")
        after = post(address, "/v1/customers", "name=Twin", Idempotency_Key="twin")
        assert (after.status_code, after.headers["idempotent-replayed"]) == (200, "true")
        # Stripe's own client repeats a conflict by itself, with the same key.
        with ThreadPoolExecutor(2) as pool:
            patient = client(address, max_network_retries=3)
            options: Any = {"idempotency_key": "patient"}
            both = [pool.submit(patient.v1.customers.create, {"name": "Two"}, options) for _ in range(2)]
            assert len({each.result().id for each in both}) == 1


def test_answers_take_their_time() -> None:
    with serving("stripe", STRIPE_LATENCY_MS="uniform:150,160", STRIPE_REQUESTS_PER_SECOND="0") as address:
        took = [httpx.get(f"http://{address}/v1/balance", headers=BEARER).elapsed.total_seconds() for _ in range(3)]
        metrics = httpx.get(f"http://{address}/__lab/metrics").json()["stripe"]
    assert min(took) >= 0.150
    assert metrics["latency_ms"] == "uniform:150,160"
    assert metrics["lateness_ms"]["count"] == 3


def test_limits() -> None:
    limits = {"STRIPE_MAX_OBJECTS": "5", "STRIPE_MAX_BODY_BYTES": "200", "STRIPE_MAX_EVENTS": "2"}
    with serving("stripe", **{**AT_ONCE, **limits}) as address:
        sdk = client(address)
        for _ in range(2):
            sdk.v1.customers.create()
        full = post(address, "/v1/customers")
        assert (full.status_code, error(full)["type"]) == (500, "api_error")
        assert "STRIPE_MAX_OBJECTS" in error(full)["message"]
        assert len(sdk.v1.events.list().data) == 2
        large = post(address, "/v1/customers", f"name={'x' * 200}")
        assert (large.status_code, error(large)["type"]) == (413, "invalid_request_error")
        kind = {"content-type": "application/x-www-form-urlencoded"}
        chunks = (b"x" * 50 for _ in range(5))
        chunked = httpx.post(f"http://{address}/v1/customers", content=chunks, headers=BEARER | kind)
        assert chunked.status_code == 413
        assert httpx.post(f"http://{address}/__lab/reset").status_code == 200
        assert sdk.v1.customers.list().data == []
        assert sdk.v1.prices.retrieve("price_lab_basic").active
        assert httpx.get(f"http://{address}/__lab/metrics").json()["stripe"]["objects"]["customers"] == 0


def test_too_many_requests_a_second() -> None:
    with serving("stripe", STRIPE_LATENCY_MS="0", STRIPE_REQUESTS_PER_SECOND="3") as address:
        sdk = client(address)
        with pytest.raises(RateLimitError) as refused:
            for _ in range(20):
                sdk.v1.balance.retrieve()
        assert (refused.value.http_status, error_of(refused.value)["code"]) == (429, "rate_limit")


def test_what_is_ignored_is_counted(stub: str, sdk: Any) -> None:
    sdk.v1.customers.create({"tax": {"validate_location": "deferred"}})
    ignored = httpx.get(f"http://{stub}/__lab/metrics").json()["stripe"]["ignored_parameters"]
    assert ignored["tax"] >= 1


def test_requests_are_journalled_by_run(stub: str, sdk: Any) -> None:
    httpx.get(f"http://{stub}/v1/balance", headers=BEARER | {"X-Lab-Run-Id": "run-of-the-journal"})
    (entry,) = httpx.get(f"http://{stub}/__lab/journal", params={"run_id": "run-of-the-journal"}).json()["entries"]
    assert (entry["name"], entry["status"]) == ("GET /v1/balance", 200)
