"""One voice-agent session as a state machine without input, output or a clock of its own.

`receive_text` and `receive_audio` take what the client sends; `due` says when something is to be sent next, and `poll`
gives what is due by then. Times are seconds on any monotonic clock. The order of messages follows Deepgram's voice
agent, `/v1/agent/converse` (https://developers.deepgram.com/docs/voice-agent).
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from enum import Enum, auto
from itertools import chain
from random import Random
from typing import Final
from uuid import UUID

from mock_services.core.conversation import Close, Output
from mock_services.core.latency import jittered
from mock_services.core.speech import FRAME_BYTES, FRAME_MS, SAMPLE_RATE
from mock_services.deepgram import messages as m
from mock_services.deepgram import voice
from mock_services.deepgram.hearing import Heard, Hearing
from mock_services.deepgram.script import RESULT, Rule, Script
from mock_services.deepgram.tally import AgentTally
from mock_services.deepgram.timing import Timing

QUEUED_INJECTIONS: Final = 16
NEVER: Final = float("inf")
NO_SCRIPT: Final = Script()
SETTINGS_APPLIED: Final = m.server_message("SettingsApplied")


class State(Enum):
    """Where a session stands."""

    AWAITING_SETTINGS = auto()
    APPLYING = auto()
    CONVERSING = auto()
    FAILED = auto()


class AgentSession:
    """A conversation of one client with the agent.

    What the agent is saying is a plan: an iterator of (time, output) in the order of time, drawn on only as far as it
    is due. To interrupt the agent is to drop the plan.
    """

    def __init__(
        self,
        request_id: str,
        timing: Timing,
        random: Random,
        tally: AgentTally,
        now: float,
        *,
        lenient: bool = True,
        script: Script = NO_SCRIPT,
    ) -> None:
        self.state = State.AWAITING_SETTINGS
        self._timing = timing
        self._random = random
        self._tally = tally
        self._lenient = lenient
        self._script = script
        self._hearing = Hearing(timing.onset_ms, timing.endpointing_ms)
        self._settings: m.Settings | None = None
        self._functions: frozenset[str] = frozenset()
        self._listen_version = "v1"
        self._called: tuple[m.FunctionCall, Rule] | None = None
        self._heard_from_client_at = now
        self._answers: list[tuple[float, int, Output]] = []
        self._answered = 0
        self._plan: Iterator[tuple[float, Output]] = iter(())
        self._next: tuple[float, Output] | None = None
        self._audible = False
        self._injections: deque[str] = deque()
        self._answer(now, m.server_message("Welcome", request_id=request_id))

    @property
    def due(self) -> float:
        """When `poll` next has something to give, if nothing arrives before."""
        if self.state is State.FAILED:
            return self._answers[0][0] if self._answers else NEVER
        due = self._heard_from_client_at + self._timing.idle_timeout_ms / 1000
        if self._answers:
            due = min(due, self._answers[0][0])
        if self._next is not None:
            due = min(due, self._next[0])
        return due

    def receive_audio(self, payload: bytes, now: float) -> None:
        """Take a binary message: μ-law of any length. Audio before `SettingsApplied` is ignored."""
        self._heard_from_client_at = now
        self._tally.audio_messages_heard += 1
        if self.state is not State.CONVERSING:
            return
        for heard in self._hearing.hear(payload):
            if heard is Heard.STARTED:
                self._interrupt()
                self._answer(now, m.server_message("UserStartedSpeaking"))
            else:
                self._respond(voice.transcript(self._hearing.lines, self._random), now, self._timing.endpointing_ms)

    def receive_text(self, text: str, now: float) -> None:
        """Take a text message; one that is wrong ends the session with an `Error`."""
        self._heard_from_client_at = now
        if self.state is State.FAILED:
            return
        try:
            self._obey(m.parse(text, lenient=self._lenient), now)
        except m.ClientError as error:
            self._fail(error.code, str(error), 1008, now)

    def poll(self, now: float) -> list[Output]:
        """Give what is to be sent by `now`, in order. After a `Close` there is nothing more."""
        outputs: list[Output] = []
        if self.state is not State.FAILED and now >= self._heard_from_client_at + self._timing.idle_timeout_ms / 1000:
            self._fail(
                "CLIENT_MESSAGE_TIMEOUT",
                "We waited too long for a websocket message from the client. Send audio or KeepAlive messages.",
                1011,
                now,
            )
        while True:
            answer_due = self._answers[0][0] if self._answers else NEVER
            plan_due = self._next[0] if self._next is not None else NEVER
            if min(answer_due, plan_due) > now:
                return outputs
            if answer_due <= plan_due:
                due, _, output = heapq.heappop(self._answers)
                if output == SETTINGS_APPLIED:
                    self._begin(due)
            else:
                output = self._advance()
            outputs.append(output)

    def _obey(self, message: m.ClientMessage, now: float) -> None:
        if isinstance(message, m.Settings):
            self._apply(message, now)
            return
        if self.state is State.AWAITING_SETTINGS:
            raise m.ClientError(
                "NON_SETTINGS_MESSAGE_BEFORE_SETTINGS", "The first message of a session has to be Settings."
            )
        self._follow(message, now)

    def _follow(self, message: m.ClientMessage, now: float) -> None:
        """Do what a message says that comes after Settings."""
        match message:
            case m.InjectAgentMessage():
                self._inject(message, now)
            case m.InjectUserMessage():
                self._inject_user(message, now)
            case m.UpdatePrompt():
                self._check_prompt(message.prompt, now)
                self._confirm("PromptUpdated", now)
            case m.UpdateInstructions():
                self._confirm("PromptUpdated", now)
            case m.UpdateSpeak():
                self._confirm("SpeakUpdated", now)
            case m.UpdateThink():
                self._functions = m.client_side(message.think)
                self._confirm("ThinkUpdated", now)
            case m.UpdateListen():
                self._listen_version = message.listen.provider.version
                self._confirm("ListenUpdated", now)
            case m.ForceEndTurn():
                self._force_end(now)
            case m.FunctionCallResponse():
                self._take_result(message, now)
            case m.KeepAlive():
                pass
            case _:
                raise AssertionError(f"no rule for {type(message).__name__}")

    def _apply(self, settings: m.Settings, now: float) -> None:
        if self._settings is not None:
            raise m.ClientError("SETTINGS_ALREADY_APPLIED", "A session takes Settings once, and these came before.")
        self._settings = settings
        self._functions = m.client_side(settings.agent.think)
        self._listen_version = settings.agent.listen.provider.version
        self.state = State.APPLYING
        self._check_prompt(settings.agent.think[0].prompt, now)
        self._answer(now + self._timing.draw_s(self._timing.settings_ms, self._random), SETTINGS_APPLIED)

    def _begin(self, at: float) -> None:
        self.state = State.CONVERSING
        if self._settings is not None and self._settings.agent.greeting:
            self._injections.appendleft(self._settings.agent.greeting)
        self._say_next(at)

    def _check_prompt(self, prompt: str, now: float) -> None:
        if len(prompt) > m.PROMPT_LIMIT:
            self._warn("PROMPT_TOO_LONG", f"The prompt was cut to {m.PROMPT_LIMIT} characters.", now)

    def _inject(self, message: m.InjectAgentMessage, now: float) -> None:
        # An injection that comes before SettingsApplied, as the platform's greeting does, waits for it.
        waits = self.state is State.APPLYING or message.behavior == "queue"
        interrupts = message.behavior == "interrupt"
        if self._hearing.speaking and not (waits or interrupts):
            self._refuse_injection("user", now)
            return
        if interrupts:
            self._interrupt()
            self._hearing.end()  # a caller who speaks on begins anew, and so interrupts in turn
        if (self._next is not None and not waits) or len(self._injections) >= QUEUED_INJECTIONS:
            self._refuse_injection("agent", now)
            return
        if interrupts:
            self._injections.appendleft(message.message)
        else:
            self._injections.append(message.message)
        if self.state is State.CONVERSING and self._next is None and not self._hearing.speaking:
            self._say_next(now)

    def _refuse_injection(self, speaker: str, now: float) -> None:
        """Refuse as both of Deepgram's pages say: by a warning, and by `InjectionRefused`."""
        description = f"Ignored InjectAgentMessage because the {speaker} is currently speaking."
        self._warn(f"INJECT_AGENT_MESSAGE_DURING_{speaker.upper()}_SPEECH", description, now)
        self._answer(now, m.server_message("InjectionRefused", message=description))

    def _inject_user(self, message: m.InjectUserMessage, now: float) -> None:
        if self.state is not State.CONVERSING or self._hearing.speaking or self._next is not None:
            refusal = "InjectUserMessage was refused: it is taken when neither the user nor the agent is speaking."
            self._answer(now, m.server_message("InjectionRefused", message=refusal))
            return
        self._respond(message.content, now, 0)

    def _respond(self, said: str, now: float, endpointing_ms: int) -> None:
        """Plan the agent's turn, `endpointing_ms` after the caller's last voice."""
        self._tally.user_turns += 1
        think = self._timing.draw_s(self._timing.think_ms, self._random)
        rule = self._script.find(said, self._functions)
        if rule is not None and rule.call is not None:
            self._start(chain(self._heard(said, now), self._call(rule, rule.call, now + think)))
            return
        speak = self._timing.draw_s(self._timing.speak_ms, self._random)
        delay_ms = endpointing_ms + (think + speak) * 1000
        self._tally.turn_delay_ms.add(delay_ms)
        answer = voice.reply(said, self._random)
        text, audio = (answer.text, answer.ulaw) if rule is None else (rule.reply, voice.synthesise(rule.reply))
        self._start(chain(self._heard(said, now), self._reply(text, audio, now, think, speak, delay_ms / 1000)))

    def _force_end(self, now: float) -> None:
        """End the caller's turn, where the listener is one that can be told; without a turn there is nothing to end."""
        if not self._hearing.speaking:
            return
        if self._listen_version != "v2":
            self._warn("FORCE_END_TURN_UNSUPPORTED", "ForceEndTurn needs a listen provider of version v2.", now)
            return
        self._hearing.end()
        self._respond(voice.transcript(self._hearing.lines, self._random), now, 0)

    def _call(self, rule: Rule, function: str, at: float) -> Iterator[tuple[float, Output]]:
        """Have the client run a function; the turn goes on when its result comes."""
        call = m.FunctionCall(str(UUID(int=self._random.getrandbits(128), version=4)), function, rule.arguments)
        self._called = call, rule
        self._tally.function_calls += 1
        yield at, m.server_message("FunctionCallRequest", functions=[call.shown()])

    def _take_result(self, result: m.FunctionCallResponse, now: float) -> None:
        """Answer with what a function gave back; a result that nobody waits for (any more) changes nothing."""
        if self._called is None:
            return
        call, rule = self._called
        if result.name != call.name or result.id not in (None, call.id):
            return
        self._called = None
        if self._settings is not None and self._settings.flags.history:
            done = {**call.shown(), "response": result.content}
            self._answer(now, m.server_message("History", function_calls=[done]))
        text = rule.reply.replace(RESULT, result.content)
        if self._next is not None:  # the agent says something meanwhile: one thing after the other
            self._injections.appendleft(text)
            return
        think = self._timing.draw_s(self._timing.think_ms, self._random)
        speak = self._timing.draw_s(self._timing.speak_ms, self._random)
        self._start(self._reply(text, voice.synthesise(text), now, think, speak, think + speak))

    def _heard(self, said: str, at: float) -> Iterator[tuple[float, Output]]:
        yield from self._spoken_text("user", said, at)
        yield at, m.server_message("AgentThinking", content=f"The user said: {said}")

    def _reply(
        self, text: str, audio: bytes, at: float, think: float, speak: float, total: float
    ) -> Iterator[tuple[float, Output]]:
        for sentence in voice.sentences(text):
            yield from self._spoken_text("assistant", sentence, at + think)
        if self._settings is not None and self._settings.experimental:
            latencies = {"total_latency": total, "tts_latency": speak, "ttt_latency": think}
            yield at + think + speak, m.server_message("AgentStartedSpeaking", **latencies)
        yield from self._spoken_audio(audio, at + think + speak)

    def _say_next(self, now: float) -> None:
        if not self._injections:
            return
        text = self._injections.popleft()
        self._tally.greetings += 1
        at = now + self._timing.draw_s(self._timing.greeting_ms, self._random)
        speak = self._timing.draw_s(self._timing.speak_ms, self._random)
        self._start(self._statement(text, at, speak))

    def _statement(self, text: str, at: float, speak: float) -> Iterator[tuple[float, Output]]:
        yield from self._spoken_text("assistant", text, at)
        yield from self._spoken_audio(voice.synthesise(text), at + speak)

    def _spoken_text(self, role: str, content: str, at: float) -> Iterator[tuple[float, Output]]:
        yield at, m.server_message("ConversationText", role=role, content=content)
        if self._settings is not None and self._settings.flags.history:
            yield at, m.server_message("History", role=role, content=content)

    def _spoken_audio(self, audio: bytes, at: float) -> Iterator[tuple[float, Output]]:
        size = self._timing.chunk_ms // FRAME_MS * FRAME_BYTES
        step = size / SAMPLE_RATE / self._timing.speed
        for start in range(0, len(audio), size):
            if start:
                at += jittered(step, self._timing.jitter, self._random)
            yield at, audio[start : start + size]
        yield at, m.server_message("AgentAudioDone")

    def _start(self, plan: Iterator[tuple[float, Output]]) -> None:
        self._plan = plan
        self._next = next(plan)
        self._audible = False

    def _advance(self) -> Output:
        """Take the next output of the plan; when it was the last, begin what waits."""
        assert self._next is not None
        due, output = self._next
        if isinstance(output, bytes):
            self._audible = True
            self._tally.audio_bytes_sent += len(output)
        self._next = next(self._plan, None)
        if self._next is None:
            self._say_next(due)
        return output

    def _interrupt(self) -> None:
        """Drop what the agent says or was going to say."""
        if self._next is not None and self._audible:
            self._tally.barge_ins += 1
        self._plan, self._next, self._called = iter(()), None, None

    def _answer(self, at: float, output: Output) -> None:
        self._answered += 1
        heapq.heappush(self._answers, (at, self._answered, output))

    def _confirm(self, kind: str, now: float) -> None:
        self._answer(now + self._timing.draw_s(self._timing.update_ms, self._random), m.server_message(kind))

    def _warn(self, code: str, description: str, now: float) -> None:
        self._tally.warnings[code] += 1
        self._answer(now, m.server_message("Warning", description=description, code=code))

    def _fail(self, code: str, description: str, close_code: int, now: float) -> None:
        self._tally.errors[code] += 1
        self._interrupt()
        self._injections.clear()
        self._answers = [answer for answer in self._answers if answer[0] <= now]
        heapq.heapify(self._answers)
        self.state = State.FAILED
        self._answer(now, m.server_message("Error", description=description, code=code))
        self._answer(now, Close(close_code, code))
