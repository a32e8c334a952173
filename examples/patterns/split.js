// Take a batch apart by type, do each part at once, and put it together in the order in which it came.

async function onBatch(events, settings) {
  const parts = Map.groupBy(events, (event) => event.type);
  const done = await Promise.all([...parts].map(([type, part]) => (WORK[type] ?? drop)(part, settings)));
  const byId = new Map(done.flat().map((event) => [event.messageId, event]));
  // One place for every event of the batch; a hole is an event that was dropped.
  return events.map((event) => byId.get(event.messageId));
}

const WORK = {
  async track(events) {
    const orders = events.filter((event) => event.event.startsWith('Order '));
    const revenue = orders.reduce((sum, event) => sum + event.properties.total, 0);
    for (const event of orders) event.properties.share = Math.round((100 * event.properties.total) / revenue);
    return orders;
  },
  async identify(events) {
    for (const event of events) event.traits.seen = events.length;
    return events;
  },
  async group(events) {
    return events;
  },
};

async function drop() {
  return [];
}

// With few events there is no batch: each is one of its own.
async function single(event, settings) {
  return (await onBatch([event], settings))[0];
}
const onIdentify = single;
const onTrack = single;
const onPage = single;
const onScreen = single;
const onGroup = single;
const onAlias = single;
const onDelete = single;
