"""The query of `/v1/listen`: what is understood, and what is refused in which words."""

from __future__ import annotations

import pytest

from mock_services.deepgram.listen.audio import AudioFormat
from mock_services.deepgram.listen.options import UnfitOptions, read_options


def test_what_the_official_sdks_and_the_platform_send_is_read() -> None:
    options = read_options(
        {"model": "nova-2-phonecall", "endpointing": "true", "interim_results": "True", "utterance_end_ms": "1500"}
        | {"encoding": "linear16", "sample_rate": "16000", "channels": "2", "keyterm": "urn", "no_delay": "true"}
    )
    assert (options.endpointing, options.interim_results, options.utterance_end_ms) == (10, True, 1500)
    assert options.raw_format() == AudioFormat("linear16", 16_000, 2)
    assert read_options({"endpointing": "false"}).endpointing is None
    assert read_options({"endpointing": "300"}).endpointing == 300
    assert read_options({"encoding": "mulaw"}).raw_format() == AudioFormat("mulaw", 8_000, 1)
    assert read_options({}).raw_format() is None


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({"model": "gpt-4"}, r"^No such model/language/version combination found\.$"),
        ({"model": "flux-general-en"}, "No such model"),
        ({"punctuate": "perhaps"}, "^punctuate: "),
        ({"endpointing": "soon"}, "^endpointing: "),
        ({"endpointing": "-1"}, "^endpointing: "),
        ({"channels": "0"}, "^channels: "),
        ({"utterance_end_ms": "1500"}, "needs interim_results=true"),
        ({"utterance_end_ms": "500", "interim_results": "true"}, "takes 1000 or more"),
        ({"encoding": "opus", "sample_rate": "48000"}, "encoding is opus; this stub takes linear16, mulaw"),
        ({"encoding": "linear16"}, "needs a sample_rate"),
        ({"encoding": "linear16", "sample_rate": "11025"}, "multiples of 50 Hz"),
        ({"encoding": "linear16", "sample_rate": "0"}, "multiples of 50 Hz"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(query: dict[str, str], why: str) -> None:
    with pytest.raises(UnfitOptions, match=why):
        read_options(query).raw_format()
