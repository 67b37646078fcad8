#!/bin/sh
# Usage: INFERNET_API_KEY=sk-… sh examples/curl.sh
set -eu
url="${INFERNET_URL:-http://127.0.0.1:8787}"
model="${INFERNET_MODEL:-infernet-demo}"

curl -sS "$url/v1/chat/completions" \
  -H "Authorization: Bearer $INFERNET_API_KEY" \
  -H 'Content-Type: application/json' \
  -d "{\"model\": \"$model\", \"temperature\": 0,
       \"messages\": [{\"role\": \"user\", \"content\": \"Count from 3 to 7\"}]}"
echo
