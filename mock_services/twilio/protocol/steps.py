"""What a caller can do in a call, as data: the steps that a script lists, one after another."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from mock_services.core.latency import DelayField

LineId = Annotated[str, Field(max_length=64)]


class _Step(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Hear(_Step):
    """Wait until the agent is heard: its greeting. After `max_wait_ms` (the script's, when unset) go on without."""

    do: Literal["hear"]
    max_wait_ms: int | None = Field(default=None, ge=100, le=120_000)


class Listen(_Step):
    """Wait until the agent has finished, and `pause_ms` more (the script's `reply_pause_ms`, when unset).

    It may go on during the pause; then it is waited for again, up to the script's `max_listen_ms`.
    """

    do: Literal["listen"]
    pause_ms: DelayField | None = None


class Speak(_Step):
    """Speak a turn, and wait for the answer to begin unless `answer` is false.

    `line` names the recording, when unset the script's next one. `talk_ms` is how long to speak, going on with the
    script's next lines or stopping amid one; when unset the script's `talk_ms`, and without that one whole line.
    """

    do: Literal["speak"]
    line: LineId | None = None
    talk_ms: DelayField | None = None
    answer: bool = True


class Interrupt(_Step):
    """Let the agent speak for `after_ms`, then speak over it, and wait for the answer to that.

    An agent that has finished by then is simply spoken to. The rest is as in `Speak`.
    """

    do: Literal["interrupt"]
    after_ms: DelayField
    line: LineId | None = None
    talk_ms: DelayField | None = None


class Press(_Step):
    """Press keys, 100 ms each and `gap_ms` apart."""

    do: Literal["press"]
    digits: str = Field(pattern=r"^[0-9A-D*#]{1,32}$")
    gap_ms: DelayField | None = None


class FallSilent(_Step):
    """Say nothing for `ms`, whatever the agent does."""

    do: Literal["fall_silent"]
    ms: DelayField


class HangUp(_Step):
    """Hang up at once, as is done at the end of the steps anyway."""

    do: Literal["hang_up"]


Step = Annotated[Hear | Listen | Speak | Interrupt | Press | FallSilent | HangUp, Field(discriminator="do")]
