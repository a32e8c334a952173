#!/bin/sh
# A tour of the management API. HEADGATE_URL: where `headgate serve` listens; HEADGATE_TOKEN: what its first start printed.
set -eu

api() { # api METHOD PATH [JSON]
  if [ $# -gt 2 ]; then
    curl --silent --show-error --fail-with-body --write-out '\n' --request "$1" "$HEADGATE_URL$2" \
      --header "Authorization: Bearer $HEADGATE_TOKEN" --header 'Content-Type: application/json' --data "$3"
  else
    curl --silent --show-error --fail-with-body --write-out '\n' --request "$1" "$HEADGATE_URL$2" \
      --header "Authorization: Bearer $HEADGATE_TOKEN"
  fi
}

first() { # the first "NAME":"..." of an answer
  tr ',{[' '\n\n\n' | sed -n "s/^\"$1\":\"\([^\"]*\)\".*/\1/p" | head -n 1
}

say() { printf '\n== %s\n' "$1"; }

say 'Who am I? A token belongs to one workspace.'
api GET /

say 'A source: where events come from. Its write key goes into the SDK.'
source=$(api POST /sources '{"slug": "shop", "enabled": true, "metadataId": "http-api"}')
echo "$source"
source_id=$(echo "$source" | first id)
write_key=$(echo "$source" | tr -d ' \n' | sed 's/.*"writeKeys":\["\([^"]*\)".*/\1/')

say 'A destination: a file on the server, for trials. A webhook has the metadataId "webhook" and a "url".'
destination=$(api POST /destinations "{
  \"sourceId\": \"$source_id\", \"metadataId\": \"sink\", \"name\": \"Orders\", \"settings\": {\"path\": \"orders.jsonl\"}
}")
echo "$destination"
destination_id=$(echo "$destination" | first id)

say 'Try some code before it is saved: what becomes of an event, what is logged, how long it takes.'
api POST /functions/preview '{
  "code": "function onTrack(event, settings) { console.log(event.event); event.properties.total *= 1 + settings.tax; return event }",
  "settings": [
    {"name": "tax", "label": "Tax", "description": "As a share", "type": "STRING", "required": true, "sensitive": false}
  ],
  "settingValues": {"tax": "0.2"},
  "payload": {"type": "track", "event": "Order", "userId": "ada", "properties": {"total": 10}}
}'

say 'Save a function. Its settings are filled in where it is used.'
function=$(api POST /functions '{
  "displayName": "Gross",
  "resourceType": "INSERT_DESTINATION",
  "code": "function onTrack(event, settings) { event.properties.total *= 1 + Number(settings.tax); return event }",
  "settings": [
    {"name": "tax", "label": "Tax", "description": "As a share", "type": "STRING", "required": true, "sensitive": false}
  ]
}')
echo "$function"
function_id=$(echo "$function" | first id)

say 'Connect it to the destination, and switch it on.'
instance=$(api POST /insert-function-instances "{
  \"functionId\": \"$function_id\", \"integrationId\": \"$destination_id\", \"name\": \"Gross orders\",
  \"settings\": {\"tax\": \"0.2\"}, \"enabled\": true
}")
echo "$instance"
instance_id=$(echo "$instance" | first id)

say 'A filter: tests stay out.'
api POST "/destination/$destination_id/filters" "{
  \"sourceId\": \"$source_id\", \"title\": \"No tests\", \"enabled\": true,
  \"if\": \"userId = \\\"test\\\"\", \"actions\": [{\"type\": \"DROP\"}]
}"

track() { # track USER TOTAL
  curl --silent --show-error --fail-with-body --write-out '\n' "$HEADGATE_URL/v1/track" --user "$write_key:" \
    --header 'Content-Type: application/json' \
    --data "{\"userId\": \"$1\", \"event\": \"Order\", \"properties\": {\"total\": $2}}"
}

since=$(date -u '+%Y-%m-%dT%H:00:00Z')

arrived() { # waits until COUNT events have left for the destination
  tries=0
  until [ "$(curl --silent --show-error "$HEADGATE_URL/metrics" |
    sed -n "s/^headgate_events_total{destination=\"$destination_id\".*step=\"successful-delivery\".* \([0-9]*\)\.0$/\1/p" |
    head -n 1)" = "$1" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || { echo 'they did not arrive' >&2; exit 1; }
    sleep 0.1
  done
}

say 'Events come in, as any SDK sends them. Two of three arrive, with tax.'
track ada 10
track bob 20
track test 30
arrived 2

say 'Save better code: what runs stays as it is ...'
api PATCH "/functions/$function_id" '{
  "code": "function onTrack(event, settings) { event.properties.gross = event.properties.total * (1 + Number(settings.tax)); return event }"
}'
track ada 40
arrived 3

say '... until it is deployed: that holds for the next event.'
api POST "/functions/$function_id/deploy"
track ada 50
arrived 4

say 'Its versions, the newest first.'
api GET "/functions/$function_id/versions?pagination.count=10"

say 'What became of the events of this hour.'
until=$(date -u '+%Y-%m-%dT23:59:59Z')
api GET "/delivery-overview/successful-delivery?sourceId=$source_id&destinationConfigId=$destination_id&startTime=$since&endTime=$until&granularity=HOUR"
api GET "/delivery-overview/filtered-at-destination?sourceId=$source_id&destinationConfigId=$destination_id&startTime=$since&endTime=$until&granularity=HOUR&groupBy.0=discardReason"

say 'Who did all this.'
api GET '/audit-events?pagination.count=20'

say 'Clean up: a function goes when nothing uses it any more.'
api DELETE "/insert-function-instances/$instance_id"
api DELETE "/functions/$function_id"
api DELETE "/destinations/$destination_id"
api DELETE "/sources/$source_id"
