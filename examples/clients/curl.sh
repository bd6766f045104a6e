#!/bin/sh
# With curl: a whole answer with its headers, the same word by word, and an error.
set -e
url="${MESH_URL:-http://127.0.0.1:8700/v1}"
key="${MESH_KEY:-none}"
message="Classify this as order, complaint or praise: I must complain, the lamp is broken."

ask() {
  curl --silent --show-error "$url/chat/completions" "$@" \
    -H "Authorization: Bearer $key" -H "Content-Type: application/json"
}

echo "== whole"
ask -D - -H "x-mesh-task: classify" -H "x-mesh-tags: example" -d "{
  \"model\": \"auto\",
  \"messages\": [{\"role\": \"user\", \"content\": \"$message\"}]
}"

printf '\n\n== as a stream\n'
ask -N -d "{
  \"model\": \"auto\",
  \"messages\": [{\"role\": \"user\", \"content\": \"$message\"}],
  \"stream\": true,
  \"mesh\": {\"task\": \"classify\", \"max_cost_usd\": 0.01}
}"

echo "== what is wrong"
ask -d '{"model": "atuo", "messages": [{"role": "user", "content": "Hello."}]}'
echo
