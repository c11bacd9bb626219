"""What a run is told by its environment: every variable of the suite, checked before anything starts.

`settings_or_exit()` is what a locustfile calls; `load_settings()` raises instead, for everything else.
"""

import functools
import re
import secrets
import ssl
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast
from urllib.parse import SplitResult, urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from configs.lab_ports import MOST_OFFSET, addresses, offset_of
from configs.named_targets import NAMED_TARGETS
from configs.profiles import PROFILES_FILE, Profile, ProfileError, load_profiles
from configs.targets import TARGETS_FILE
from metrics.run_ids import RUN_ID

WRONG_USAGE = 3
"""The exit code of a run that was told something it cannot use."""

PLATFORM_DOMAIN = "thanotopolis.com"
TAKES_BASE_URL = "an http or https URL with a host and no path, such as http://127.0.0.1:8001"
TAKES_WS_URL = "a ws or wss URL with a host and no path, such as ws://127.0.0.1:8001"


CREDENTIALS = re.compile(r"(?<=//)[^/]*@")
"""The user's name and password in a URL; they may hold an @ themselves."""


class SettingsError(ValueError):
    """A variable holds what the suite cannot use; the text is one sentence for a person."""


def _origin(value: str, schemes: tuple[str, ...]) -> str:
    """Return `scheme://host[:port]`, or raise ValueError for anything else."""
    parts: SplitResult = urlsplit(value.strip())
    _ = parts.port  # raises ValueError when it is no port
    if parts.scheme.lower() not in schemes or not parts.hostname or re.search(r"[\s<>\"']", parts.netloc):
        raise ValueError(value)
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username is not None:
        raise ValueError(value)
    return f"{parts.scheme.lower()}://{parts.netloc}"


def _http_origin(value: str) -> str:
    return _origin(value, ("http", "https"))


def _ws_origin(value: str) -> str:
    return _origin(value, ("ws", "wss"))


def _names(value: object) -> object:
    return [part.strip().lower() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def is_production(url: str) -> bool:
    """Tell whether a URL names the live platform: its domain and all below it, `dev.` alone left out."""
    host = (urlsplit(url).hostname or "").lower().rstrip(".")
    if host != PLATFORM_DOMAIN and not host.endswith("." + PLATFORM_DOMAIN):
        return False
    dev = "dev." + PLATFORM_DOMAIN
    return host != dev and not host.endswith("." + dev)


def new_run_id() -> str:
    """Name a run by the second it begins in, with two random bytes so that two runs never share a name."""
    return time.strftime("%Y%m%d-%H%M%S-", time.gmtime()) + secrets.token_hex(2)


class Settings(BaseSettings):
    """The suite's variables. Each field's description completes the sentence "NAME holds …, but takes …"."""

    model_config = SettingsConfigDict(env_ignore_empty=True, frozen=True, extra="ignore", validate_default=False)

    target: Literal["lab", "local", "dev"] = Field(
        default="lab", validation_alias="LAB_TARGET", description="lab, local or dev"
    )
    base_url: str = Field(
        default="http://127.0.0.1:8001", validation_alias="LOAD_TEST_BASE_URL", description=TAKES_BASE_URL
    )
    ws_url: str = Field(default="", validation_alias="LOAD_TEST_WS_URL", description=TAKES_WS_URL)
    user_email: str | None = Field(
        default=None,
        validation_alias="LOAD_TEST_USER_EMAIL",
        description="the email address of an account on the target",
    )
    user_password: SecretStr | None = Field(
        default=None, validation_alias="LOAD_TEST_USER_PASSWORD", description="that account's password"
    )
    org_name: str = Field(
        default="Load Test Memorial Gardens",
        validation_alias="LOAD_TEST_ORG_NAME",
        min_length=1,
        max_length=100,
        description="a name of 1 to 100 characters for the organisations that a run registers",
    )
    simulate_external_services: bool = Field(
        default=True,
        validation_alias="SIMULATE_EXTERNAL_SERVICES",
        description="true (calls go through the Twilio double) or false (no calls are made)",
    )
    influx_url: str | None = Field(
        default=None,
        validation_alias="INFLUX_URL",
        description="an http or https URL with a host, such as http://127.0.0.1:8086",
    )
    influx_token_value: SecretStr | None = Field(
        default=None, validation_alias="INFLUX_TOKEN", description="a token that may write to the bucket"
    )
    influx_token_file: Path | None = Field(
        default=None,
        validation_alias="INFLUX_TOKEN_FILE",
        description="the path of a readable file that holds the token",
    )
    influx_org: str = Field(
        default="lab", validation_alias="INFLUX_ORG", min_length=1, description="an organisation's name"
    )
    influx_bucket: str = Field(
        default="lab", validation_alias="INFLUX_BUCKET", min_length=1, description="a bucket's name"
    )
    twilio_account_sid: str = Field(
        default="AC1ab00000000000000000000000000001",
        validation_alias="TWILIO_ACCOUNT_SID",
        pattern=r"^AC[0-9a-fA-F]{32}$",
        description="AC and 32 hexadecimal digits",
    )
    twilio_auth_token: SecretStr = Field(
        default=SecretStr("1ab0000000000000000000000000abcd"),
        validation_alias="TWILIO_AUTH_TOKEN",
        description="the auth token that the double and the target share",
    )
    twilio_url: str = Field(
        default="http://127.0.0.1:8010",
        validation_alias="LAB_TWILIO_URL",
        description="the Twilio double's http or https URL with no path, such as http://127.0.0.1:8010",
    )
    caller_script: str = Field(
        default="everyday",
        validation_alias="LAB_CALLER_SCRIPT",
        min_length=1,
        description="the name of one of the Twilio double's scripts or mixes",
    )
    vendors_url: str = Field(
        default="http://127.0.0.1:8020",
        validation_alias="LAB_VENDORS_URL",
        description="the vendors' http or https URL with no path, such as http://127.0.0.1:8020",
    )
    sentinel_url: str | None = Field(
        default=None,
        validation_alias="LAB_SENTINEL_URL",
        description="the sentinel's http or https URL with no path, such as http://127.0.0.1:8053",
    )
    tolerated_names: Annotated[list[str], NoDecode, BeforeValidator(_names)] = Field(
        default=[], validation_alias="LAB_TOLERATED_NAMES", description="host names with commas between them"
    )
    postgres_dsn: SecretStr | None = Field(
        default=None,
        validation_alias="LAB_POSTGRES_DSN",
        description="the target's PostgreSQL as postgresql://user:password@host:port/database",
    )
    authorities_file: Path | None = Field(
        default=None, validation_alias="SSL_CERT_FILE", description="the path of a PEM file with a certificate"
    )
    profile_name: str = Field(
        default="", validation_alias="LAB_PROFILE", description="the name of a load profile, such as smoke"
    )
    targets_file: Path = Field(
        default=TARGETS_FILE, validation_alias="LAB_TARGETS_FILE", description="the path of a file of targets"
    )
    profiles_file: Path = Field(
        default=PROFILES_FILE, validation_alias="LAB_PROFILES_FILE", description="the path of a file of load profiles"
    )
    port_offset: Annotated[int, BeforeValidator(offset_of)] = Field(
        default=0, validation_alias="LAB_PORT_OFFSET", description=f"a whole number from 0 to {MOST_OFFSET}"
    )
    progress: Literal["auto", "table", "lines", "off"] = Field(
        default="auto", validation_alias="LAB_PROGRESS", description="auto, table, lines or off"
    )
    debug: bool = Field(default=False, validation_alias="LAB_DEBUG", description="true or false")
    seed: int = Field(default=1, validation_alias="LAB_SEED", ge=0, description="a whole number from 0")
    results_dir: Path = Field(
        default=Path(__file__).resolve().parents[2] / "results",
        validation_alias="LAB_RESULTS_DIR",
        description="the path of a directory for results",
    )
    run_id: str = Field(
        default_factory=new_run_id,
        validation_alias="LAB_RUN_ID",
        description="1 to 64 letters, digits, dots, dashes and underscores, the first a letter or a digit, but not the "
        "word latest, which names the link to the newest run",
    )
    allow_hosts: Annotated[list[str], NoDecode, BeforeValidator(_names)] = Field(
        default=[], validation_alias="LAB_ALLOW_HOSTS", description="host names with commas between them"
    )

    _base_url = field_validator("base_url", "twilio_url", "vendors_url", "influx_url", "sentinel_url")(_http_origin)
    _ws_url = field_validator("ws_url")(_ws_origin)

    @model_validator(mode="before")
    @classmethod
    def _as_the_named_target(cls, given: dict[str, Any]) -> dict[str, Any]:
        """What the environment leaves out is what the named target says, and where the lab's ports were moved to."""
        target = given.get("LAB_TARGET", "lab")
        named = NAMED_TARGETS.get(target)
        try:
            unsaid: dict[str, Any] = {**addresses(offset_of(given.get("LAB_PORT_OFFSET", "0")))}
        except ValueError:
            return given  # the field says what it takes
        if named is None:
            return given
        if target != "lab":
            unsaid["LOAD_TEST_BASE_URL"] = named.base_url
        return {**unsaid, "SIMULATE_EXTERNAL_SERVICES": named.simulated_externals, **given}

    @field_validator("user_email")
    @classmethod
    def _looks_like_email(cls, value: str) -> str:
        if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value):
            raise ValueError(value)
        return value

    @field_validator("run_id")
    @classmethod
    def _names_a_run(cls, value: str) -> str:
        if not RUN_ID.fullmatch(value):
            raise ValueError(value)
        return value

    @field_validator("postgres_dsn")
    @classmethod
    def _is_postgres(cls, value: SecretStr) -> SecretStr:
        parts = urlsplit(value.get_secret_value())
        _ = parts.port  # raises ValueError when it is no port
        if parts.scheme not in ("postgresql", "postgres") or not parts.username or not parts.path.strip("/"):
            raise ValueError("no DSN")
        return value

    @field_validator("influx_token_file")
    @classmethod
    def _readable(cls, value: Path) -> Path:
        try:
            with value.open(encoding="utf-8"):
                return value
        except OSError as error:
            raise ValueError(value) from error

    @field_validator("authorities_file")
    @classmethod
    def _holds_certificates(cls, value: Path) -> Path:
        try:
            ssl.create_default_context(cafile=value)
        except OSError as error:  # an SSLError is one as well
            raise ValueError(value) from error
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.user_email is None) != (self.user_password is None):
            alone, missing = "LOAD_TEST_USER_EMAIL", "LOAD_TEST_USER_PASSWORD"
            if self.user_email is None:
                alone, missing = missing, alone
            raise PydanticCustomError("lab", f"{alone} is set, but {missing} is not: set both, or neither.")
        try:
            self.check_target(self.base_url)
            self.load_profile()
        except (SettingsError, ProfileError) as error:
            raise PydanticCustomError("lab", "{said}", {"said": str(error)}) from None
        return self

    @property
    def websocket_url(self) -> str:
        """`ws(s)://host[:port]` of the target: as told, or derived from the base URL."""
        return self.ws_url or websocket_url(self.base_url)

    @property
    def influx_token(self) -> SecretStr | None:
        """The InfluxDB token, from INFLUX_TOKEN or else from the file that INFLUX_TOKEN_FILE names."""
        if self.influx_token_value is None and self.influx_token_file is not None:
            return SecretStr(self.influx_token_file.read_text(encoding="utf-8").strip())
        return self.influx_token_value

    def account_for(self, base_url: str) -> tuple[str, str] | None:
        """Email and password to use on a target instead of new accounts: the environment's, or the named target's own.

        The latter goes to that target alone: with another URL or --host it is as if none were named.
        """
        if self.user_email is not None and self.user_password is not None:
            return self.user_email, self.user_password.get_secret_value()
        named = NAMED_TARGETS[self.target]
        if named.email is not None and named.password is not None and base_url == named.base_url:
            return named.email, named.password
        return None

    @property
    def known_doubles(self) -> dict[str, str]:
        """The doubles that take part in a run, by the name of their process."""
        return {"twilio": self.twilio_url, "vendors": self.vendors_url} if self.simulate_external_services else {}

    @staticmethod
    def secret_of(value: SecretStr | None) -> str | None:
        """What a secret holds, if there is one."""
        return None if value is None else value.get_secret_value()

    def secrets(self) -> list[str]:
        """Every value that no log may hold."""
        held = [self.user_password, self.influx_token, self.twilio_auth_token, self.postgres_dsn]
        named = [target.password for target in NAMED_TARGETS.values() if target.password]
        return [value.get_secret_value() for value in held if value is not None] + named

    def load_profile(self) -> Profile | None:
        """The load profile that LAB_PROFILE names, if it names one; raise ProfileError when there is none like it."""
        if not self.profile_name:
            return None
        profiles = load_profiles(self.profiles_file)
        if self.profile_name not in profiles:
            raise ProfileError(
                f"LAB_PROFILE holds {self.profile_name!r}, but takes one of {', '.join(sorted(profiles))}."
            )
        return profiles[self.profile_name]

    def check_target(self, url: str, source: str = "LOAD_TEST_BASE_URL") -> str:
        """Return the origin of a target that a run may load; raise SettingsError for one that it may not."""
        try:
            origin = _http_origin(url)
        except ValueError:
            raise SettingsError(f"{source} holds {without_credentials(url)}, but takes {TAKES_BASE_URL}.") from None
        host = urlsplit(origin).hostname
        if is_production(origin) and host not in self.allow_hosts:
            raise SettingsError(
                f"{source} holds {url!r}, which is the live platform:"
                f" name {host} in LAB_ALLOW_HOSTS if it really is to be loaded."
            )
        return origin


def without_credentials(text: str) -> str:
    """What was given for a URL, in quotes for a sentence; a user name and a password in it are not shown."""
    hidden = CREDENTIALS.sub("***@", text)
    return repr(text) if hidden == text else f"{hidden!r} with a user name, which no URL here may have"


def websocket_url(base_url: str) -> str:
    """The WebSocket origin beside an HTTP one: `http` becomes `ws`, `https` becomes `wss`."""
    return "ws" + base_url.removeprefix("http")


def _sentence(error: ValidationError) -> str:
    """Say the first thing that is wrong: the variable's name, what it holds, and what it takes."""
    problem = error.errors(include_url=False)[0]
    if problem["type"] == "lab" or not problem["loc"]:
        return str(problem["msg"])
    variable = str(problem["loc"][0])
    field = next(f for f in Settings.model_fields.values() if f.validation_alias == variable)
    held = problem["input"]
    if isinstance(held, SecretStr) or "Secret" in str(field.annotation):
        held = "a value that is not shown"
    else:
        held = without_credentials(str(held))
    return f"{variable} holds {held}, but takes {field.description}."


@functools.cache
def load_settings() -> Settings:
    """Read the environment once a process; raise SettingsError with one clear sentence when it cannot be used."""
    return settings_with({})


def settings_with(environment: Mapping[str, str]) -> Settings:
    """The settings of a process that gets these variables beside this one's own; raises SettingsError as above."""
    try:
        return Settings(**cast("dict[str, Any]", environment))
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from None


def settings_or_exit() -> Settings:
    """Read the environment, or say what is wrong with it on standard error and exit with 3."""
    try:
        return load_settings()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(WRONG_USAGE)
