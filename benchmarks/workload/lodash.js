function onTrack(event) {
  event.properties = _.mapKeys(event.properties, (_value, key) => _.snakeCase(key));
  return event;
}
