"""What `/v1/listen` says: the JSON of its messages, and of the answer to a file."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from mock_services.deepgram.listen.options import ListenOptions
from mock_services.deepgram.listen.transcriber import Event, Segment, SpeechStarted, UtteranceEnded
from mock_services.deepgram.listen.words import Word

VERSION: Final = "2025-01-01.0"
SENTENCE_ENDS: Final = (".", "!", "?")
SENTENCES_A_PARAGRAPH: Final = 3
Json = dict[str, Any]


class Scribe:
    """Writes the messages of one request, as its options want them."""

    def __init__(self, request_id: str, options: ListenOptions) -> None:
        self.request_id = request_id
        self.options = options
        self.model_uuid = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{options.model}.deepgram.lab"))
        self._model: Json = {"name": f"general-{options.model}", "version": VERSION, "arch": options.model}
        self._result_metadata: Json = {
            "request_id": request_id,
            "model_info": self._model,
            "model_uuid": self.model_uuid,
        }

    def event(self, event: Event, channel: int, channels: int) -> str | None:
        """Write what a transcriber gives; None for what the options do not ask for."""
        index = [channel, channels]
        match event:
            case SpeechStarted(at_ms):
                if not self.options.vad_events:
                    return None
                message: Json = {"type": "SpeechStarted", "channel": index, "timestamp": seconds(at_ms)}
            case UtteranceEnded(last_word_end_ms):
                message = {"type": "UtteranceEnd", "channel": index, "last_word_end": seconds(last_word_end_ms)}
            case Segment():
                message = {
                    "type": "Results",
                    "channel_index": index,
                    "duration": seconds(event.end_ms - event.start_ms),
                    "start": seconds(event.start_ms),
                    "is_final": event.is_final,
                    "speech_final": event.speech_final,
                    "channel": {"alternatives": [self.alternative(event.words)]},
                    "metadata": self._result_metadata,
                    "from_finalize": event.from_finalize,
                }
        return orjson.dumps(message).decode()

    def alternative(self, words: Sequence[Word]) -> Json:
        """Write what was said in one place."""
        confidence = sum(word.confidence for word in words) / len(words) if words else 0.0
        return {
            "transcript": self.transcript(words),
            "confidence": round(confidence, 6),
            "words": [self.word(word) for word in words],
        }

    def transcript(self, words: Iterable[Word]) -> str:
        """Join words, with their capitals and punctuation if the options ask for them."""
        return " ".join(word.text if self.options.formatted else bare(word.text) for word in words)

    def word(self, word: Word) -> Json:
        """Write one word."""
        written: Json = {
            "word": bare(word.text),
            "start": seconds(word.start_ms),
            "end": seconds(word.end_ms),
            "confidence": round(word.confidence, 6),
        }
        if self.options.diarize:
            written["speaker"] = 0
        if self.options.formatted:
            written["punctuated_word"] = word.text
        return written

    def metadata(self, sha256: str, duration_s: float, channels: int) -> Json:
        """Write what is told of a request at its end."""
        return {
            "transaction_key": "deprecated",
            "request_id": self.request_id,
            "sha256": sha256,
            "created": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "duration": round(duration_s, 6),
            "channels": channels,
            "models": [self.model_uuid],
            "model_info": {self.model_uuid: self._model},
        }

    def results(self, channels: Sequence[Sequence[Word]], new_id: Callable[[], uuid.UUID]) -> Json:
        """Write the results of a file, of each channel its words."""
        results: Json = {"channels": [self._channel(words) for words in channels]}
        if self.options.utterances:
            spoken = [
                self._utterance(words, channel)
                for channel, said in enumerate(channels)
                for words in self._split_by_gaps(said)
            ]
            spoken.sort(key=lambda utterance: utterance["start"])
            results["utterances"] = [{**utterance, "id": str(new_id())} for utterance in spoken]
        return results

    def _channel(self, words: Sequence[Word]) -> Json:
        alternative = self.alternative(words)
        if self.options.paragraphs:
            alternative["paragraphs"] = self._paragraphs(words)
        channel: Json = {"alternatives": [alternative]}
        if self.options.detect_language:
            channel |= {"detected_language": "en", "language_confidence": 0.99}
        return channel

    def _utterance(self, words: Sequence[Word], channel: int) -> Json:
        utterance = {
            "start": seconds(words[0].start_ms),
            "end": seconds(words[-1].end_ms),
            "channel": channel,
            **self.alternative(words),
        }
        return utterance | ({"speaker": 0} if self.options.diarize else {})

    def _split_by_gaps(self, words: Sequence[Word]) -> list[list[Word]]:
        utterances: list[list[Word]] = []
        for word in words:
            if utterances and word.start_ms - utterances[-1][-1].end_ms < self.options.utt_split * 1000:
                utterances[-1].append(word)
            else:
                utterances.append([word])
        return utterances

    def _paragraphs(self, words: Sequence[Word]) -> Json:
        sentences = _sentences(words)
        paragraphs: list[Json] = []
        for start in range(0, len(sentences), SENTENCES_A_PARAGRAPH):
            chosen = sentences[start : start + SENTENCES_A_PARAGRAPH]
            paragraph: Json = {
                "sentences": [
                    {
                        "text": self.transcript(sentence),
                        "start": seconds(sentence[0].start_ms),
                        "end": seconds(sentence[-1].end_ms),
                    }
                    for sentence in chosen
                ],
                "num_words": sum(len(sentence) for sentence in chosen),
                "start": seconds(chosen[0][0].start_ms),
                "end": seconds(chosen[-1][-1].end_ms),
            }
            paragraphs.append(paragraph | ({"speaker": 0} if self.options.diarize else {}))
        texts = [" ".join(sentence["text"] for sentence in paragraph["sentences"]) for paragraph in paragraphs]
        return {"transcript": "\n" + "\n\n".join(texts), "paragraphs": paragraphs}


def bare(word: str) -> str:
    """Give a word in small letters without its punctuation."""
    return word.strip(".,!?;:").lower()


def seconds(milliseconds: int) -> float:
    """Give milliseconds in seconds."""
    return milliseconds / 1000


def _sentences(words: Iterable[Word]) -> list[list[Word]]:
    sentences: list[list[Word]] = []
    ended = True
    for word in words:
        if ended:
            sentences.append([])
        sentences[-1].append(word)
        ended = word.text.endswith(SENTENCE_ENDS)
    return sentences
