// A handler for every type of event, each of which forwards the event as it came.
//
// The object a handler returns is what goes on to the destination. A handler that returns nothing drops the event.
// `settings` holds the values of settings.json. To say why an event cannot be used, throw one of
//   ValidationError, InvalidEventPayload   the event is discarded: it will never be right
//   EventNotSupported                      the event is discarded: its type is not wanted
//   DropEvent                              the event is dropped: nothing is wrong
//   RetryError                             the event is tried again later
//
// Types are for you and your editor: they are taken out, not checked, when the function is loaded. What there is
// besides JavaScript itself is declared in types/; with the TypeScript compiler, `tsc -p .` checks this file against it.

async function onIdentify(event: IdentifyEvent, settings: Settings): Promise<Returned> {
  return event;
}

async function onTrack(event: TrackEvent, settings: Settings): Promise<Returned> {
  return event;
}

async function onPage(event: PageEvent, settings: Settings): Promise<Returned> {
  return event;
}

async function onScreen(event: ScreenEvent, settings: Settings): Promise<Returned> {
  return event;
}

async function onGroup(event: GroupEvent, settings: Settings): Promise<Returned> {
  return event;
}

async function onAlias(event: AliasEvent, settings: Settings): Promise<Returned> {
  return event;
}

async function onDelete(event: DeleteEvent, settings: Settings): Promise<Returned> {
  return event;
}
