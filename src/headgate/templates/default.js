// A handler for every type of event, each of which forwards the event as it came.
//
// The object a handler returns is what goes on to the destination. A handler that returns nothing drops the event.
// `settings` holds the values of settings.json. To say why an event cannot be used, throw one of
//   ValidationError, InvalidEventPayload   the event is discarded: it will never be right
//   EventNotSupported                      the event is discarded: its type is not wanted
//   DropEvent                              the event is dropped: nothing is wrong
//   RetryError                             the event is tried again later

async function onIdentify(event, settings) {
  return event;
}

async function onTrack(event, settings) {
  return event;
}

async function onPage(event, settings) {
  return event;
}

async function onScreen(event, settings) {
  return event;
}

async function onGroup(event, settings) {
  return event;
}

async function onAlias(event, settings) {
  return event;
}

async function onDelete(event, settings) {
  return event;
}
