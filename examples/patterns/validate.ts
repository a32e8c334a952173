// Validate and reject: what the destination could not use is discarded here, with the reasons, all of them at once.

type Check = (value: unknown) => string | undefined;

const text: Check = (value) => (typeof value === 'string' && value !== '' ? undefined : 'is no text');
const amount: Check = (value) => (typeof value === 'number' && value >= 0 ? undefined : 'is no amount');
const currency: Check = (value) => (/^[A-Z]{3}$/.test(String(value)) ? undefined : 'is no ISO 4217 code');

const PLAN: Record<string, Record<string, Check>> = {
  'Order Completed': { orderId: text, total: amount, currency },
  'Order Refunded': { orderId: text, total: amount, currency },
};

async function onTrack(event: TrackEvent): Promise<TrackEvent> {
  const checks = PLAN[event.event];
  if (!checks) {
    throw new EventNotSupported(`${event.event} is not in the tracking plan`);
  }
  const faults: string[] = [];
  for (const [name, check] of Object.entries(checks)) {
    const fault = check(event.properties[name]);
    if (fault) faults.push(`${name} ${fault}`);
  }
  if (faults.length > 0) throw new ValidationError(faults.join('; '));
  return event;
}

async function onIdentify(event: IdentifyEvent): Promise<IdentifyEvent> {
  if (!event.userId) throw new ValidationError('userId is missing');
  return event;
}

async function onPage(event: PageEvent): Promise<PageEvent> {
  return event;
}

async function onGroup(event: GroupEvent): Promise<GroupEvent> {
  return event;
}
