"""Keeps generated requests cheap, and lets half of them past the check of the model's name."""

import os

import schemathesis

MODEL = os.environ["INFERNET_MODEL"]
MAX_TOKENS = 4
# What the engine may generate, by the name that each endpoint has for it.
LIMITS = {
    "/v1/chat/completions": "max_completion_tokens",
    "/v1/completions": "max_tokens",
    "/v1/responses": "max_output_tokens",
    "/v1/messages": "max_tokens",
}


@schemathesis.hook
def map_body(context, body):
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        return body
    body = dict(body)
    if len(body["model"]) % 2 == 0:
        body["model"] = MODEL
    limit = LIMITS.get(context.operation.path)
    value = body.get(limit) if limit else None
    if limit and (value is None or (isinstance(value, int) and value > MAX_TOKENS)):
        body[limit] = MAX_TOKENS
    return body
