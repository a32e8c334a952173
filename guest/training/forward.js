// The least a function does, and the ways it refuses.
async function onTrack(event, settings) {
  if (event.properties && event.properties.skip) throw new EventNotSupported("skipped");
  if (settings.off) return;
  event.context.seen = true;
  return event;
}

async function onIdentify(event) {
  throw new RetryError("later");
}

async function onPage(event) {
  return event.missing.property;
}
