"""Webhooks are fetched within Twilio's limits: time, one retry of a connection, redirects, cookies, size."""

# mypy: allow-untyped-calls
# Twilio's validator has no annotations.

import asyncio
import gzip
from collections.abc import Awaitable, Callable

import pytest
from twilio.request_validator import RequestValidator

from mock_services.twilio.http import (
    Answer,
    BadUrlError,
    ConnectionFailedError,
    HttpClient,
    HttpStatusError,
    Params,
    TimedOutError,
    TooManyRedirectsError,
    WebhookError,
)
from mock_services.twilio.protocol.overrides import Limits
from mock_services.twilio.protocol.signature import sign

TOKEN = "a token"
FORM: Params = [("CallSid", "CA1"), ("ToZip", ""), ("FromCity", "MÜNCHEN")]

SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </s.css>\r\nSet-Cookie: early=1\r\n\r\n"

Requests = list[tuple[str, dict[str, str], bytes]]
Scene = Callable[[str, HttpClient, Requests], Awaitable[None]]


def play(answers: list[bytes], scene: Scene, limits: Limits | None = None) -> None:
    """Play `scene` against a server that gives `answers` in turn (b"": it hangs up) and after them none."""

    async def run() -> None:
        seen: Requests = []
        waiting = list(answers)
        held: list[asyncio.StreamWriter] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = dict(line.split(": ", 1) for line in head[1:] if line)
            body = await reader.readexactly(int(headers.get("Content-Length", 0)))
            seen.append((head[0], headers, body))
            if not waiting:
                held.append(writer)
                return
            writer.write(waiting.pop(0))
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        client = HttpClient(lambda url, params: sign(TOKEN, url, params), limits or Limits())
        try:
            async with asyncio.timeout(10):
                await scene(url, client, seen)
        finally:
            for writer in held:
                writer.close()
            server.close()
            await server.wait_closed()

    asyncio.run(run())


def http(body: bytes = b"", status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: text/xml", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def post(client: HttpClient, url: str, cookies: dict[str, str] | None = None) -> Answer:
    return await client.fetch("POST", url, FORM, {"X-Home-Region": "us1"}, {} if cookies is None else cookies)


def test_a_form_is_posted_as_twilio_posts_it() -> None:
    async def scene(url: str, client: HttpClient, seen: Requests) -> None:
        answer = await post(client, f"{url}/voice?tenant=7#rc=2")
        assert (answer.status, answer.content_type, answer.body) == (200, "text/xml", b"<Response/>")
        line, headers, body = seen[0]
        assert line == "POST /voice?tenant=7 HTTP/1.1"
        assert headers["User-Agent"] == "TwilioProxy/1.1"
        assert headers["Content-Type"] == "application/x-www-form-urlencoded; charset=UTF-8"
        assert body == b"CallSid=CA1&ToZip=&FromCity=M%C3%9CNCHEN"
        signature = headers["X-Twilio-Signature"]
        assert RequestValidator(TOKEN).validate(f"{url}/voice?tenant=7", dict(FORM), signature)

    play([http(b"<Response/>")], scene)


def test_a_get_carries_its_fields_in_the_query_and_is_signed_over_it() -> None:
    async def scene(url: str, client: HttpClient, seen: Requests) -> None:
        await client.fetch("GET", f"{url}/voice?tenant=7", FORM, {}, {})
        line, headers, body = seen[0]
        assert line == "GET /voice?tenant=7&CallSid=CA1&ToZip=&FromCity=M%C3%9CNCHEN HTTP/1.1"
        assert body == b""
        path = line.split()[1]
        assert RequestValidator(TOKEN).validate(f"{url}{path}", {}, headers["X-Twilio-Signature"])

    play([http()], scene)


def test_redirects_are_followed_and_signed_anew() -> None:
    async def scene(url: str, client: HttpClient, seen: Requests) -> None:
        answer = await post(client, f"{url}/a")
        assert answer.url == f"{url}/c"
        assert [line for line, _, _ in seen] == ["POST /a HTTP/1.1", "POST /b HTTP/1.1", "GET /c HTTP/1.1"]
        assert RequestValidator(TOKEN).validate(f"{url}/b", dict(FORM), seen[1][1]["X-Twilio-Signature"])
        assert RequestValidator(TOKEN).validate(f"{url}/c", {}, seen[2][1]["X-Twilio-Signature"])

    redirects = [http(b"", "307 Moved", "Location: /b"), http(b"", "302 Found", "Location: c"), http()]
    play(redirects, scene)


def test_cookies_are_kept_and_returned() -> None:
    async def scene(url: str, client: HttpClient, seen: Requests) -> None:
        cookies: dict[str, str] = {}
        await post(client, url, cookies)
        await post(client, url, cookies)
        assert cookies == {"session": "abc", "lang": "en"}
        assert "Cookie" not in seen[0][1]
        assert seen[1][1]["Cookie"] == "session=abc; lang=en"

    play([http(b"", "200 OK", "Set-Cookie: session=abc; Path=/", "Set-Cookie: lang=en"), http()], scene)


@pytest.mark.parametrize(
    "answer",
    [
        http(gzip.compress(b"<Response/>"), "200 OK", "Content-Encoding: gzip"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<Resp\r\n6\r\nonse/>\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<Response/>",
    ],
    ids=["gzip", "chunked", "until the connection ends"],
)
def test_bodies_come_in_any_framing(answer: bytes) -> None:
    async def scene(url: str, client: HttpClient, seen: Requests) -> None:
        assert (await post(client, url)).body == b"<Response/>"

    play([answer], scene)


@pytest.mark.parametrize(
    ("answer", "error", "code", "why"),
    [
        (http(b"", "404 Not Found"), HttpStatusError, 11200, "answered 404"),
        (http(b"", "500 Oops"), HttpStatusError, 11200, "answered 500"),
        (SWITCHING, HttpStatusError, 11200, "answered 101"),
        (SWITCHING + b"\x81\x00", HttpStatusError, 11200, "answered 101"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", HttpStatusError, 11200, "answered 101"),
        (EARLY_HINTS + http(b"", "404 Not Found"), HttpStatusError, 11200, "answered 404"),
        (EARLY_HINTS, ConnectionFailedError, 11205, "closed the connection before"),
        (http() + http(), HttpStatusError, 11200, "followed by another"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", HttpStatusError, 11200, "did not answer in HTTP"),
        (http(b"x" * 70_000), HttpStatusError, 11200, "more than 65536 bytes"),
        (http(gzip.compress(b"x" * 10**7), "200 OK", "Content-Encoding: gzip"), HttpStatusError, 11200, "more than"),
        (http(b"no gzip", "200 OK", "Content-Encoding: gzip"), HttpStatusError, 11200, "gzip"),
        (http(b"", "200 OK", *[f"X-{n}: 1" for n in range(200)]), HttpStatusError, 11200, "more than 100 headers"),
        (b"", ConnectionFailedError, 11205, "closed the connection before"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", ConnectionFailedError, 11205, "closed the connection before"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", ConnectionFailedError, 11205, "closed the connection"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", ConnectionFailedError, 11205, "closed"),
    ],
)
def test_a_bad_answer_fails_with_twilios_code_and_is_not_asked_for_again(
    answer: bytes, error: type[WebhookError], code: int, why: str
) -> None:
    async def scene(url: str, client: HttpClient, seen: Requests) -> None:
        with pytest.raises(error, match=why) as failed:
            await post(client, url)
        assert failed.value.code == code
        assert len(seen) == 1

    play([answer], scene)


@pytest.mark.parametrize(
    "interim", [EARLY_HINTS, b"HTTP/1.1 100 Continue\r\n\r\n" * 3, EARLY_HINTS * 200], ids=["103", "100", "many"]
)
def test_interim_answers_are_passed_over_and_the_final_one_counts(interim: bytes) -> None:
    async def scene(url: str, client: HttpClient, seen: Requests) -> None:
        cookies: dict[str, str] = {}
        answer = await post(client, url, cookies)
        assert (answer.status, answer.content_type, answer.body) == (200, "text/xml", b"<Response/>")
        assert cookies == {}
        answer = await post(client, url)
        assert (answer.status, answer.body) == (200, b"to the end")

    play([interim + http(b"<Response/>"), interim + b"HTTP/1.1 200 OK\r\n\r\nto the end"], scene)


def test_endless_redirects_end() -> None:
    async def scene(url: str, client: HttpClient, seen: Requests) -> None:
        with pytest.raises(TooManyRedirectsError) as failed:
            await post(client, url)
        assert failed.value.code == 11215
        assert len(seen) == 11

    play([http(b"", "302 Found", "Location: /")] * 20, scene)


def test_an_answer_that_does_not_come_is_given_up() -> None:
    async def scene(url: str, client: HttpClient, seen: Requests) -> None:
        with pytest.raises(TimedOutError, match=r"did not answer within 0\.2 s") as failed:
            await post(client, url)
        assert failed.value.code == 11205

    play([], scene, Limits(total=0.2))


def test_a_connection_that_is_refused_is_tried_once_more() -> None:
    async def scene(url: str, client: HttpClient, seen: Requests) -> None:
        attempts = 0
        loop = asyncio.get_running_loop()
        create = loop.create_connection

        async def counted(*arguments: object, **options: object) -> object:
            nonlocal attempts
            attempts += 1
            return await create(*arguments, **options)  # type: ignore[call-overload]

        loop.create_connection = counted  # type: ignore[method-assign, assignment]
        with pytest.raises(ConnectionFailedError, match="no connection") as failed:
            await post(client, "http://127.0.0.1:1/voice")
        assert (attempts, failed.value.code) == (2, 11205)

    play([], scene)


@pytest.mark.parametrize(
    ("fragment", "answers", "asked"),
    [
        ("#rc=2&rp=5xx", [b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"] * 2, 3),
        ("#rc=1&rp=all", [b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"], 2),
    ],
)
def test_a_urls_fragment_says_what_is_asked_for_again(fragment: str, answers: list[bytes], asked: int) -> None:
    async def scene(url: str, client: HttpClient, seen: Requests) -> None:
        answer = await post(client, f"{url}/voice{fragment}")
        assert answer.body == b"<Response/>"
        assert len(seen) == asked
        assert {line for line, _, _ in seen} == {"POST /voice HTTP/1.1"}
        tokens = {headers["I-Twilio-Idempotency-Token"] for _, headers, _ in seen}
        assert len(tokens) == 1
        signatures = {headers["X-Twilio-Signature"] for _, headers, _ in seen}
        assert signatures == {sign(TOKEN, f"{url}/voice", FORM)}

    play([*answers, http(b"<Response/>")], scene)


def test_a_urls_fragment_says_how_long_an_answer_may_take_and_how_often() -> None:
    async def scene(url: str, client: HttpClient, seen: Requests) -> None:
        with pytest.raises(TimedOutError, match=r"within 0\.1 s"):
            await post(client, f"{url}#rt=100&rc=2&rp=rt")
        assert len(seen) == 3
        with pytest.raises(TimedOutError, match=r"within 0\.25 s"):
            await post(client, f"{url}#tt=250&rt=200&rc=5&rp=rt")
        assert len(seen) == 5

    play([], scene)


@pytest.mark.parametrize(
    ("fragment", "limits"),
    [
        ("", Limits()),
        ("#", Limits()),
        ("#ct=2000&rt=3000&tt=9000", Limits(connect=2, read=3, total=9)),
        ("#rc=5&rp=4xx,rt", Limits(retries=5, policies=frozenset({"4xx", "rt"}))),
        ("#rc=0&rp=all", Limits(retries=0, policies=frozenset({"4xx", "5xx", "ct", "rt"}))),
        ("#rp=", Limits()),
        ("#rp=never", Limits(policies=frozenset())),
        ("#ct=99&rt=15001&tt=x&rc=6&sni=y&e=ashburn", Limits()),
        ("#section", Limits()),
    ],
)
def test_overrides_that_do_not_fit_are_passed_over(fragment: str, limits: Limits) -> None:
    assert Limits().overridden(f"https://lab.example/voice{fragment}") == limits


@pytest.mark.parametrize(
    "url",
    [
        "ftp://lab.example/",
        "/voice",
        "http://",
        "http://a b/",
        "http://[::1/",
        "http://ü/",
        "http://a:b@c/",
        "http://a..b/",
        f"http://{'a' * 64}.example/",
    ],
)
def test_a_url_that_cannot_be_fetched_is_11210(url: str) -> None:
    async def scene(_: str, client: HttpClient, seen: Requests) -> None:
        with pytest.raises(BadUrlError) as failed:
            await post(client, url)
        assert failed.value.code == 11210

    play([], scene)


def test_a_redirect_to_a_malformed_url_is_11210() -> None:
    async def scene(url: str, client: HttpClient, seen: Requests) -> None:
        with pytest.raises(BadUrlError, match="malformed"):
            await post(client, url)

    play([http(b"", "302 Found", "Location: http://[::1/")], scene)
