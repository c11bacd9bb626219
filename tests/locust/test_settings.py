"""The suite's settings: what each variable takes, and the sentence for everything else."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from configs.settings import SettingsError, is_production, load_settings

SUITE = Path(__file__).resolve().parents[2] / "locust"
PREFIXES = ("LOAD_TEST_", "LAB_", "INFLUX_", "TWILIO_", "SIMULATE_")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in list(os.environ):
        if name.startswith(PREFIXES):
            monkeypatch.delenv(name)
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


def test_the_documented_values_hold_when_nothing_is_set() -> None:
    settings = load_settings()
    assert settings.base_url == "http://127.0.0.1:8001"
    assert settings.websocket_url == "ws://127.0.0.1:8001"
    assert settings.twilio_url == "http://127.0.0.1:8010"
    assert settings.twilio_account_sid == "AC1ab00000000000000000000000000001"
    assert settings.twilio_auth_token.get_secret_value() == "1ab0000000000000000000000000abcd"
    assert settings.simulate_external_services is True
    assert settings.influx_url is None
    assert settings.influx_token is None
    assert settings.results_dir.name == "results"
    assert settings.run_id


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOAD_TEST_BASE_URL", "LOAD_TEST_USER_EMAIL", "LOAD_TEST_WS_URL", "INFLUX_URL", "INFLUX_TOKEN"):
        monkeypatch.setenv(name, "")
    assert load_settings().base_url == "http://127.0.0.1:8001"


@pytest.mark.parametrize(
    ("name", "value", "takes"),
    [
        ("LOAD_TEST_BASE_URL", "localhost:8001", "an http or https URL"),
        ("LOAD_TEST_BASE_URL", "ftp://host", "an http or https URL"),
        ("LOAD_TEST_BASE_URL", "http://", "an http or https URL"),
        ("LOAD_TEST_BASE_URL", "http://host:99999", "an http or https URL"),
        ("LOAD_TEST_BASE_URL", "http://host:port", "an http or https URL"),
        ("LOAD_TEST_BASE_URL", "http://host/api", "an http or https URL"),
        ("LOAD_TEST_BASE_URL", "http://ho st", "an http or https URL"),
        ("LOAD_TEST_WS_URL", "http://host", "a ws or wss URL"),
        ("LOAD_TEST_USER_EMAIL", "nobody", "the email address"),
        ("SIMULATE_EXTERNAL_SERVICES", "perhaps", "true (calls go through the Twilio double) or false"),
        ("INFLUX_URL", "influx", "an http or https URL"),
        ("INFLUX_TOKEN_FILE", "/nowhere/token", "the path of a readable file"),
        ("SSL_CERT_FILE", "/nowhere/ca.pem", "the path of a PEM file with a certificate"),
        ("SSL_CERT_FILE", __file__, "the path of a PEM file with a certificate"),
        ("TWILIO_ACCOUNT_SID", "SK123", "AC and 32 hexadecimal digits"),
        ("LAB_TWILIO_URL", "127.0.0.1", "the Twilio double's http or https URL"),
        ("LAB_TARGET", "prod", "lab, local or dev"),
        ("LAB_DEBUG", "loud", "true or false"),
        ("LAB_SEED", "-1", "a whole number from 0"),
        ("LAB_SEED", "one", "a whole number from 0"),
        ("LAB_PORT_OFFSET", "far", "a whole number from 0 to 50000"),
        ("LAB_PORT_OFFSET", "50001", "a whole number from 0 to 50000"),
        ("LAB_RUN_ID", "../up", "1 to 64 letters"),
        ("LAB_RUN_ID", "latest", "1 to 64 letters"),
        ("LAB_RUN_ID", "mine\n", "1 to 64 letters"),
        ("LOAD_TEST_ORG_NAME", "x" * 101, "a name of 1 to 100 characters"),
    ],
)
def test_a_bad_value_is_named_with_what_it_takes(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, takes: str
) -> None:
    monkeypatch.setenv(name, value)
    if name == "LOAD_TEST_USER_EMAIL":
        monkeypatch.setenv("LOAD_TEST_USER_PASSWORD", "secret-word")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    sentence = str(caught.value)
    assert sentence.startswith(f"{name} holds {value!r}, but takes {takes}")
    assert "\n" not in sentence


@pytest.mark.parametrize("dsn", ["mysql://u:secret@h/d", "postgresql://u:secret@h", "postgresql://u:secret@h:x/d"])
def test_a_bad_dsn_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch, dsn: str) -> None:
    monkeypatch.setenv("LAB_POSTGRES_DSN", dsn)
    with pytest.raises(SettingsError, match=r"^LAB_POSTGRES_DSN holds a value that is not shown, but takes ") as caught:
        load_settings()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("alone", ["LOAD_TEST_USER_EMAIL", "LOAD_TEST_USER_PASSWORD"])
def test_half_an_account_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch, alone: str) -> None:
    monkeypatch.setenv(alone, "someone@example.com")
    with pytest.raises(SettingsError, match=f"^{alone} is set, but ") as caught:
        load_settings()
    assert "someone" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "live"),
    [
        ("https://thanotopolis.com", True),
        ("https://www.thanotopolis.com", True),
        ("https://api.Thanotopolis.com:8443", True),
        ("https://some-tenant.thanotopolis.com", True),
        ("https://dev.thanotopolis.com", False),
        ("https://tenant.dev.thanotopolis.com", False),
        ("https://notthanotopolis.com", False),
        ("http://127.0.0.1:8001", False),
    ],
)
def test_the_live_platform_is_known_by_its_host(url: str, live: bool) -> None:
    assert is_production(url) is live


def test_the_live_platform_is_refused_unless_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOAD_TEST_BASE_URL", "https://app.thanotopolis.com")
    with pytest.raises(SettingsError, match="LAB_ALLOW_HOSTS"):
        load_settings()
    load_settings.cache_clear()
    monkeypatch.setenv("LAB_ALLOW_HOSTS", "other.example, APP.thanotopolis.com")
    assert load_settings().base_url == "https://app.thanotopolis.com"


def test_the_host_option_is_held_to_the_same_rules() -> None:
    settings = load_settings()
    assert settings.check_target("http://127.0.0.1:9/", "--host") == "http://127.0.0.1:9"
    with pytest.raises(SettingsError, match=r"^--host holds 'nonsense', but takes an http or https URL"):
        settings.check_target("nonsense", "--host")
    with pytest.raises(SettingsError, match="LAB_ALLOW_HOSTS"):
        settings.check_target("https://thanotopolis.com", "--host")


def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("from-a-file\n")
    monkeypatch.setenv("INFLUX_TOKEN_FILE", str(token))
    monkeypatch.setenv("LOAD_TEST_USER_EMAIL", "someone@example.com")
    monkeypatch.setenv("LOAD_TEST_USER_PASSWORD", "secret-word")
    settings = load_settings()
    assert settings.influx_token is not None
    assert settings.influx_token.get_secret_value() == "from-a-file"
    assert "secret-word" not in repr(settings)
    assert "1ab0000000000000000000000000abcd" not in repr(settings)


def test_a_locustfile_exits_with_3_and_one_line() -> None:
    environment = {**os.environ, "LOAD_TEST_BASE_URL": "nonsense"}
    code = "from configs.settings import settings_or_exit; settings_or_exit()"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=SUITE, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert done.stderr.splitlines() == [
        "LOAD_TEST_BASE_URL holds 'nonsense', but takes an http or https URL with a host and no path,"
        " such as http://127.0.0.1:8001."
    ]


def test_a_password_in_a_url_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOAD_TEST_BASE_URL", "LAB_TWILIO_URL"):
        load_settings.cache_clear()
        monkeypatch.setenv(name, "http://me:hush@127.0.0.1:8001")
        with pytest.raises(SettingsError) as refused:
            load_settings()
        assert str(refused.value).startswith(f"{name} holds 'http://***@127.0.0.1:8001' with a user name, which no URL")
        assert "hush" not in str(refused.value)
        monkeypatch.delenv(name)


DEV = "https://dev.thanotopolis.com"


def test_a_target_is_named_by_one_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_TARGET", "local")
    assert load_settings().base_url == "http://localhost:8001"
    assert load_settings().account_for("http://localhost:8001") is None
    load_settings.cache_clear()
    monkeypatch.setenv("LAB_TARGET", "dev")
    settings = load_settings()
    assert (settings.base_url, settings.websocket_url) == (DEV, "wss://dev.thanotopolis.com")
    assert settings.account_for(DEV) == ("loadtest@thanotopolis.com", "LoadTest2025!")
    assert settings.simulate_external_services is False
    assert "LoadTest2025!" not in repr(settings)


def test_the_labs_own_addresses_move_with_its_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_PORT_OFFSET", "1000")
    settings = load_settings()
    assert settings.base_url == "http://127.0.0.1:9001"
    assert (settings.twilio_url, settings.vendors_url) == ("http://127.0.0.1:9010", "http://127.0.0.1:9020")
    load_settings.cache_clear()
    monkeypatch.setenv("LAB_TARGET", "dev")
    monkeypatch.setenv("LAB_TWILIO_URL", "http://127.0.0.1:1")
    settings = load_settings()
    assert settings.base_url == DEV
    assert (settings.twilio_url, settings.vendors_url) == ("http://127.0.0.1:1", "http://127.0.0.1:9020")


def test_the_environment_goes_before_a_named_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_TARGET", "dev")
    monkeypatch.setenv("SIMULATE_EXTERNAL_SERVICES", "true")
    monkeypatch.setenv("LOAD_TEST_USER_EMAIL", "someone@example.com")
    monkeypatch.setenv("LOAD_TEST_USER_PASSWORD", "secret-word")
    settings = load_settings()
    assert settings.simulate_external_services is True
    assert settings.account_for(DEV) == ("someone@example.com", "secret-word")
    assert settings.account_for("http://127.0.0.1:9") == ("someone@example.com", "secret-word")


def test_a_named_targets_password_goes_to_no_other_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_TARGET", "dev")
    assert load_settings().account_for("https://elsewhere.example.com") is None
    load_settings.cache_clear()
    monkeypatch.setenv("LOAD_TEST_BASE_URL", "http://127.0.0.1:9")
    assert load_settings().base_url == "http://127.0.0.1:9"
    assert load_settings().account_for(load_settings().base_url) is None


def test_a_profile_is_named_or_refused_with_those_there_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert load_settings().load_profile() is None
    load_settings.cache_clear()
    monkeypatch.setenv("LAB_PROFILE", "peak")
    profile = load_settings().load_profile()
    assert profile is not None
    assert profile.most_users == 100
    load_settings.cache_clear()
    monkeypatch.setenv("LAB_PROFILE", "heroic")
    with pytest.raises(SettingsError, match=r"^LAB_PROFILE holds 'heroic', but takes one of .*smoke.*stress"):
        load_settings()
    load_settings.cache_clear()
    monkeypatch.setenv("LAB_PROFILES_FILE", str(tmp_path / "mine.toml"))
    with pytest.raises(SettingsError, match=r"mine\.toml: cannot be read"):
        load_settings()
