function onTrack(event) {
  event.properties.localTime = moment(event.timestamp).tz('Europe/Berlin').format();
  return event;
}
