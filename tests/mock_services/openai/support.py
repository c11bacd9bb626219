"""What the tests of the OpenAI stub share: its key, its settings without delays, rules that fail on demand."""

KEY = "sk-1ab0000000000000000000000000000000000000000penai"
AT_ONCE = {
    "OPENAI_FIRST_TOKEN_MS": "0",
    "OPENAI_TOKENS_PER_SECOND": "0",
    "OPENAI_EMBEDDINGS_MS": "0",
    "OPENAI_LOOKUP_MS": "0",
}
FAILURES = """
[[rule]]
name = "no-credit"
said = "^fail: no credit"
error = "insufficient_quota"
[[rule]]
name = "broken"
said = "^fail: broken"
error = "server_error"
[[rule]]
name = "overloaded"
said = "^fail: overloaded"
error = "overloaded"
[[rule]]
name = "forbidden"
said = "^fail: forbidden"
error = "forbidden"
[[rule]]
name = "unprocessable"
said = "^fail: unprocessable"
error = "unprocessable"
[[rule]]
name = "breaks-off"
said = "^fail: midway"
replies = ["This reply is never finished, whatever happens."]
error = "server_error"
error_after = 3
[[rule]]
name = "filtered"
said = "^filtered"
replies = ["Something that"]
finish = "content_filter"
"""
